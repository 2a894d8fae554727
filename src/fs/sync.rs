//! Files that are written now and made safe from a loss of power later, many at a time.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::{FsError, parent, put};

/// As [`write_atomic`](super::write_atomic), but not yet safe from a machine that loses power: [`sync_all`] makes it so. Until then a reader
/// after such a loss may find the file gone or damaged.
pub fn write_unsynced(path: &Path, bytes: &[u8]) -> Result<(), FsError> {
    put(path, bytes, false)
}

/// Files that are synced side by side: a journal commits what waits for it in one go. Syncing the whole file system in
/// one call is faster still, but waits for all that others wrote to it.
const SYNCED_TOGETHER: usize = 16;

/// Makes files that [`write_unsynced`] wrote safe, and their folders; a file that is gone again needs it no more.
pub fn sync_all(paths: &[PathBuf]) -> Result<(), FsError> {
    let folders: BTreeSet<&Path> = paths.iter().map(|path| parent(path)).collect();
    sync_together(&paths.iter().map(PathBuf::as_path).collect::<Vec<_>>())?;
    sync_together(&folders.into_iter().collect::<Vec<_>>())
}

fn sync_together(paths: &[&Path]) -> Result<(), FsError> {
    let sync = |path: &&Path| match File::open(path).and_then(|file| file.sync_all()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(FsError::at("sync", path)(error)),
        _ => Ok(()),
    };
    let share = paths.len().div_ceil(SYNCED_TOGETHER).max(1);
    std::thread::scope(|scope| {
        let threads: Vec<_> =
            paths.chunks(share).map(|share| scope.spawn(move || share.iter().try_for_each(sync))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().unwrap_or(Ok(())))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_files_and_many_are_synced_and_what_is_gone_is_no_error() {
        let folder = tempfile::tempdir().unwrap();
        for count in [3, 100] {
            let path = |number: usize| folder.path().join(format!("{}/{number}", number % 7));
            let mut paths: Vec<PathBuf> = (0..count).map(path).collect();
            for path in &paths {
                write_unsynced(path, b"bytes").unwrap();
            }
            paths.push(folder.path().join("gone/file"));
            sync_all(&paths).unwrap();
        }
    }
}
