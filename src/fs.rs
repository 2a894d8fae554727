//! The only module that touches the file system's writing side: atomic files, atomic folders, locks. And the only one
//! that maps files.
//!
//! A file is written beside its destination, synced and renamed, so that a reader sees the old bytes or the
//! new ones and a killed process leaves at most a file that [`is_temporary`] recognises.

mod beneath;
mod folder;
mod journal;
mod lock;
mod sync;

use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io::{self, Write as _};
use std::ops::Deref;
use std::path::{Path, PathBuf};

use memmap2::MmapOptions;
use tempfile::NamedTempFile;

pub use beneath::Beneath;
pub use folder::{check_replaceable, remove_leftovers, replace_folder};
pub use journal::{Journal, read_journal};
pub use lock::{Lock, Sharing, try_lock};
pub use sync::{sync_all, write_unsynced};

const TEMPORARY: &str = ".emolab-tmp-";

/// What the file system refused, and where.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} `{}`", path.display())]
pub struct FsError {
    /// A verb phrase: `read`, `write`, `create folder`.
    pub action: &'static str,
    /// The file or folder.
    pub path: PathBuf,
    /// What the operating system said.
    pub source: io::Error,
}

impl FsError {
    /// For `map_err`: names the action and the path.
    pub fn at(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self { action, path, source }
    }

    /// Whether the file is simply not there.
    pub fn is_missing(&self) -> bool {
        matches!(self.source.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
    }
}

/// The whole file. What is no file (a pipe, a device) is refused and not waited for.
pub fn read(path: &Path) -> Result<Vec<u8>, FsError> {
    let read = || {
        require_file(&fs::metadata(path)?)?;
        fs::read(path)
    };
    read().map_err(FsError::at("read", path))
}

/// Refuses what is no file: a folder, a pipe, a device.
pub fn require_file(metadata: &Metadata) -> io::Result<()> {
    if metadata.is_file() { Ok(()) } else { Err(io::Error::other("it is not a file")) }
}

/// The text that bytes are, or the line, from 1, on which they stop being UTF-8.
pub fn utf8(bytes: &[u8]) -> Result<&str, usize> {
    std::str::from_utf8(bytes)
        .map_err(|error| bytes[..error.valid_up_to()].split(|byte| *byte == b'\n').count())
}

/// The whole file, which must be UTF-8.
pub fn read_text(path: &Path) -> Result<String, FsError> {
    fs::read_to_string(path).map_err(FsError::at("read", path))
}

/// A file whose bytes are mapped into memory window by window.
pub struct MappedFile {
    path: PathBuf,
    file: File,
    length: u64,
}

impl MappedFile {
    /// Maps nothing yet.
    pub fn open(path: &Path) -> Result<Self, FsError> {
        let file = File::open(path).map_err(FsError::at("open", path))?;
        let metadata = file.metadata().map_err(FsError::at("read", path))?;
        require_file(&metadata).map_err(FsError::at("map", path))?;
        Ok(Self { path: path.to_owned(), file, length: metadata.len() })
    }

    /// Bytes of the file when it was opened.
    pub const fn len(&self) -> u64 {
        self.length
    }

    /// Whether it had none.
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// `length` bytes from `offset` on; pages are read when they are touched, and leave memory with the window.
    /// Nobody may write to the file meanwhile: what is read then is anyone's guess, and a file that is cut stops the
    /// process.
    pub fn window(&self, offset: u64, length: u64) -> Result<impl Deref<Target = [u8]> + use<>, FsError> {
        let now = self.file.metadata().map_err(FsError::at("read", &self.path))?.len();
        if now != self.length || offset.saturating_add(length) > now {
            let changed =
                io::Error::other(format!("it had {} bytes when it was opened, now {now}", self.length));
            return Err(FsError::at("map", &self.path)(changed));
        }
        let mut options = MmapOptions::new();
        options.offset(offset).len(length as usize);
        // SAFETY: the file's length was just checked. That nobody changes it is asked of the user above; no
        // reference into the window outlives it, and its bytes are valid whatever they are.
        unsafe { options.map(&self.file) }.map_err(FsError::at("map", &self.path))
    }
}

/// Creates the folder and those above it.
pub fn create_folder(path: &Path) -> Result<(), FsError> {
    fs::create_dir_all(path).map_err(FsError::at("create folder", path))
}

/// Removes a file; one that is gone already is fine.
pub fn remove_file(path: &Path) -> Result<(), FsError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(FsError::at("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Removes a folder and all in it; one that is gone already is fine.
pub fn remove_folder(path: &Path) -> Result<(), FsError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(FsError::at("remove folder", path)(error))
        }
        _ => Ok(()),
    }
}

/// Files and folders directly below `folder`, sorted by name; empty when `folder` is absent.
pub fn children(folder: &Path) -> Result<Vec<PathBuf>, FsError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(FsError::at("list", folder))?,
    };
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<Vec<_>>>()
        .map_err(FsError::at("list", folder))?;
    paths.sort();
    Ok(paths)
}

/// Replaces `path` by `bytes` in one step; its folder is created.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), FsError> {
    put(path, bytes, true)
}

/// Writes beside the place and renames; synced, it survives a loss of power.
fn put(path: &Path, bytes: &[u8], synced: bool) -> Result<(), FsError> {
    let folder = parent(path);
    let write = || -> io::Result<()> {
        let mut file = begin_beside(path)?;
        file.write_all(bytes)?;
        if synced {
            file.as_file().sync_all()?;
        }
        file.persist(path).map_err(|error| error.error)?;
        if synced { sync_folder(folder) } else { Ok(()) }
    };
    write().map_err(FsError::at("write", path))
}

/// Bytes of memory that Linux could give a process now; `None` on other systems.
pub fn available_memory() -> Option<u64> {
    let text = read_text(Path::new("/proc/meminfo")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

/// Bytes of a file; none if it cannot be looked at.
pub fn length(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().map(|metadata| metadata.len())
}

/// A large file in the making: in its place only once it is whole.
#[derive(Debug)]
pub struct Growing {
    file: io::BufWriter<NamedTempFile>,
    path: PathBuf,
}

impl Growing {
    /// Begins the file `path`; its folder is created.
    pub fn begin(path: &Path) -> Result<Self, FsError> {
        let file = begin_beside(path).map_err(FsError::at("write", path))?;
        Ok(Self { file: io::BufWriter::new(file), path: path.to_owned() })
    }

    /// Appends bytes.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), FsError> {
        self.file.write_all(bytes).map_err(FsError::at("write", &self.path))
    }

    /// Puts the file into its place.
    pub fn finish(self) -> Result<(), FsError> {
        let finish = || -> io::Result<()> {
            let file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
            file.as_file().sync_all()?;
            file.persist(&self.path).map_err(|error| error.error)?;
            sync_folder(parent(&self.path))
        };
        finish().map_err(FsError::at("write", &self.path))
    }
}

/// Whether [`write_atomic`] could write there, for who would know before a long computation.
pub fn check_writable(path: &Path) -> Result<(), FsError> {
    create_folder(parent(path))?;
    if path.is_dir() {
        return Err(FsError::at("write", path)(io::ErrorKind::IsADirectory.into()));
    }
    begin_beside(path).map(drop).map_err(FsError::at("write", path))
}

/// The folder of a file; that of a bare name is the current one.
fn parent(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A temporary file in the folder of a path, which is created if need be.
fn begin_beside(path: &Path) -> io::Result<NamedTempFile> {
    let folder = parent(path);
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY);
    // Temporary files are private to their owner; what they become follows the usual rule for files.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    match builder.tempfile_in(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(folder)?;
            builder.tempfile_in(folder)
        }
        begun => begun,
    }
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Whether this is what a killed [`write_atomic`] or [`replace_folder`] left behind.
pub fn is_temporary(path: &Path) -> bool {
    path.file_name().and_then(OsStr::to_str).is_some_and(|name| name.starts_with(TEMPORARY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_file_replaces_the_old_one_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("below/file");
        write_atomic(&path, b"old").unwrap();
        write_atomic(&path, b"new").unwrap();
        assert_eq!(read(&path).unwrap(), b"new");
        assert_eq!(children(path.parent().unwrap()).unwrap(), [path]);
    }
}
