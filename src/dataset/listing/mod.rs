//! Which images a data set has and how each is labelled. No image is opened.
//!
//! Two layouts are read. A manifest is a table, CSV or Parquet, with the columns `path` (relative to the manifest's
//! folder, or absolute), `label`, if images belong together `group`, and if they come from several places `source`;
//! other columns are ignored and the order of rows is kept:
//!
//! ```text
//! path,label,group,source
//! images/0001.jpg,awe,series-a,Flickr
//! ```
//!
//! A folder per emotion (`awe/0001.jpg`, `fear/deeper/0002.png`) needs no manifest: the first folder's name is the
//! label, and entries come sorted by path. Whether a label is one of the eight is not asked here.

mod error;
mod folders;
mod manifest;
mod parquet;
mod records;

use std::path::{Path, PathBuf};

pub use error::{ListingError, Place};
pub use manifest::is_manifest;
pub(super) use parquet::Parquet;
pub(super) use records::{Malformed, table};

/// One labelled image, unopened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// With `/` between its parts; relative to [`Listed::folder`], or as it stands in the manifest. Bytes of a file's
    /// name that are not UTF-8 are U+FFFD, so that no such file is there.
    pub path: String,
    /// As it stands there, unchecked.
    pub label: String,
    /// What must not be torn apart by a split: the manifest's `group` where it has one that is not blank, else the path.
    pub group: String,
    /// Where the image comes from, where the manifest says so.
    pub source: Option<String>,
    /// Position in the manifest or the listing, from 0.
    pub row: usize,
}

/// A data set's images in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Joined with [`Entry::path`] this is the image's file.
    pub folder: PathBuf,
    /// The manifest, or the folder of folders.
    pub source: PathBuf,
    /// At least one.
    pub entries: Vec<Entry>,
}

const MANIFESTS: [&str; 2] = ["manifest.csv", "manifest.parquet"];

/// Lists the data set at `root`: a manifest, a folder that holds `manifest.csv` or `manifest.parquet`, or a folder
/// of class folders.
pub fn open(root: &Path) -> Result<Listed, ListingError> {
    if !root.is_dir() {
        return match root.try_exists() {
            Ok(true) => manifest::read(root),
            Ok(false) => Err(ListingError::Missing { root: root.to_owned() }),
            Err(source) => Err(crate::fs::FsError::at("look at", root)(source).into()),
        };
    }
    let found: Vec<_> =
        MANIFESTS.map(|name| root.join(name)).into_iter().filter(|path| path.is_file()).collect();
    match found.as_slice() {
        [] => folders::list(root),
        [manifest] => manifest::read(manifest),
        _ => Err(ListingError::TwoManifests { folder: root.to_owned() }),
    }
}

#[cfg(test)]
mod tests;
