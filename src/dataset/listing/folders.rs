//! A folder per emotion.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::{Entry, Listed, ListingError};
use crate::fs::{self, FsError};

/// Every file below every class folder, sorted; the name of the class folder is the label.
///
/// Files beside the class folders (a licence, a readme) are no images. Inside, every file is listed, so that one
/// that is no image is reported and not lost; only what file managers strew is passed over.
pub(super) fn list(root: &Path) -> Result<Listed, ListingError> {
    let mut walk = Walk { root, label: String::new(), above: vec![real(root)?], entries: Vec::new() };
    let mut classes = 0;
    for folder in fs::children(root)? {
        if folder.is_dir() && !is_litter(&folder) {
            walk.label = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
            walk.folder(&folder)?;
            classes += 1;
        }
    }
    let root = root.to_owned();
    match (classes, walk.entries) {
        (0, _) => Err(ListingError::NoClassFolders { root }),
        (_, entries) if entries.is_empty() => Err(ListingError::NoImages { root }),
        (_, entries) => Ok(Listed { folder: root.clone(), source: root, entries }),
    }
}

struct Walk<'a> {
    root: &'a Path,
    label: String,
    /// The folders that the walk is in, without symbolic links.
    above: Vec<PathBuf>,
    entries: Vec<Entry>,
}

impl Walk<'_> {
    /// Follows symbolic links, but not back into a folder that the walk is in.
    fn folder(&mut self, folder: &Path) -> Result<(), ListingError> {
        let here = real(folder)?;
        if self.above.contains(&here) {
            return Ok(());
        }
        self.above.push(here);
        for path in fs::children(folder)? {
            if is_litter(&path) {
                continue;
            }
            if path.is_dir() {
                self.folder(&path)?;
            } else {
                // A dangling link or a pipe is listed, too, so that it is reported.
                self.file(&path);
            }
        }
        self.above.pop();
        Ok(())
    }

    /// A name that is not UTF-8 is listed as nearly as text can show it; whoever reads the image finds no such file.
    fn file(&mut self, path: &Path) {
        let parts = path.strip_prefix(self.root).unwrap_or(path).iter();
        let path = parts.map(OsStr::to_string_lossy).collect::<Vec<_>>().join("/");
        let row = self.entries.len();
        self.entries.push(Entry { group: path.clone(), path, label: self.label.clone(), source: None, row });
    }
}

fn real(folder: &Path) -> Result<PathBuf, FsError> {
    folder.canonicalize().map_err(FsError::at("resolve", folder))
}

/// Hidden files and what Windows and macOS leave behind.
fn is_litter(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    name.as_encoded_bytes().starts_with(b".")
        || ["thumbs.db", "desktop.ini", "__macosx"].iter().any(|litter| name.eq_ignore_ascii_case(litter))
}
