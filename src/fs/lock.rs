//! Locks between processes.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use super::{FsError, create_folder};

/// A lock on a file, held until dropped. Locks are advisory and die with the process.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "held, never read")] File);

/// How a lock is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// Any number of holders.
    Shared,
    /// One holder.
    Exclusive,
}

/// Takes the lock if it is free now; `None` when somebody else holds it.
pub fn try_lock(path: &Path, sharing: Sharing) -> Result<Option<Lock>, FsError> {
    if let Some(folder) = path.parent() {
        create_folder(folder)?;
    }
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(path)
        .map_err(FsError::at("open lock", path))?;
    let taken = match sharing {
        Sharing::Shared => file.try_lock_shared(),
        Sharing::Exclusive => file.try_lock(),
    };
    match taken {
        Ok(()) => Ok(Some(Lock(file))),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(FsError::at("lock", path)(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exclusive_lock_keeps_others_out_until_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let first = try_lock(&path, Sharing::Shared).unwrap();
        assert!(try_lock(&path, Sharing::Shared).unwrap().is_some());
        assert!(try_lock(&path, Sharing::Exclusive).unwrap().is_none());
        drop(first);
        assert!(try_lock(&path, Sharing::Exclusive).unwrap().is_some());
    }
}
