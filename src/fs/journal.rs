//! A file to which one process appends lines and that others may read meanwhile; it goes with its writer.
//!
//! The writer holds a lock on it, so that what a killed writer left is told from what is being written.

use std::fs::{self, File, TryLockError};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::{FsError, TEMPORARY, create_folder, parent, remove_file};

/// The writing side; dropping it removes the file.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
}

impl Journal {
    /// Begins the file `path`, locked before anybody can see it; its folder is created.
    pub fn begin(path: &Path) -> Result<Self, FsError> {
        let folder = parent(path);
        create_folder(folder)?;
        let begin = || {
            let file = tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(folder)?;
            file.as_file().lock()?;
            file.persist(path).map_err(|error| error.error)
        };
        let file = begin().map_err(FsError::at("write", path))?;
        Ok(Self { file, path: path.to_owned() })
    }

    /// Appends a line in one system call. Readers never see it torn: they pass over a line without its end.
    pub fn append(&self, line: &str) -> Result<(), FsError> {
        (&self.file).write_all(format!("{line}\n").as_bytes()).map_err(FsError::at("write", &self.path))
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // Left behind, it is found without a lock and removed by whoever reads it next.
        let _ = remove_file(&self.path);
    }
}

/// The whole lines of a journal; `None` for one whose writer is gone, which is removed.
pub fn read_journal(path: &Path) -> Result<Option<Vec<String>>, FsError> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(FsError::at("read", path))?,
    };
    match file.try_lock_shared() {
        Ok(()) => {
            let _ = fs::remove_file(path);
            return Ok(None);
        }
        Err(TryLockError::WouldBlock) => {}
        Err(TryLockError::Error(error)) => return Err(FsError::at("lock", path)(error)),
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(FsError::at("read", path))?;
    let text = String::from_utf8_lossy(&bytes);
    let whole = text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
    Ok(Some(whole.map(str::to_owned).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_while_the_writer_lives_and_the_file_goes_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("live/one");
        let journal = Journal::begin(&path).unwrap();
        journal.append("first").unwrap();
        (&journal.file).write_all(b"second\nthi").unwrap();
        assert_eq!(read_journal(&path).unwrap().unwrap(), ["first", "second"]);
        drop(journal);
        assert!(!path.exists());
        assert_eq!(read_journal(&path).unwrap(), None);
    }

    #[test]
    fn what_a_killed_writer_left_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("one");
        fs::write(&path, "first\n").unwrap();
        assert_eq!(read_journal(&path).unwrap(), None);
        assert!(!path.exists());
    }
}
