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

/// Files that are synced side by side: a journal commits what waits for it in one go.
const SYNCED_TOGETHER: usize = 16;

/// More files than this are synced with all else on their file system, where the system can: one call instead of one
/// for each took a sixth of the time for 400 small files.
#[cfg(target_os = "linux")]
const MOST_ONE_BY_ONE: usize = 32;

/// Makes files that [`write_unsynced`] wrote safe, and their folders; a file that is gone again needs it no more.
pub fn sync_all(paths: &[PathBuf]) -> Result<(), FsError> {
    let folders: Vec<&Path> =
        paths.iter().map(|path| parent(path)).collect::<BTreeSet<_>>().into_iter().collect();
    #[cfg(target_os = "linux")]
    if paths.len() > MOST_ONE_BY_ONE {
        return sync_file_systems(&folders);
    }
    sync_together(&paths.iter().map(PathBuf::as_path).collect::<Vec<_>>())?;
    sync_together(&folders)
}

/// Syncs each file system that one of the folders is on.
#[cfg(target_os = "linux")]
fn sync_file_systems(folders: &[&Path]) -> Result<(), FsError> {
    use std::os::unix::fs::MetadataExt as _;
    let mut synced = BTreeSet::new();
    for folder in folders {
        let mut sync = || -> io::Result<()> {
            let opened = File::open(folder)?;
            if synced.insert(opened.metadata()?.dev()) {
                rustix::fs::syncfs(&opened)?;
            }
            Ok(())
        };
        unless_gone(sync()).map_err(FsError::at("sync", folder))?;
    }
    Ok(())
}

fn sync_together(paths: &[&Path]) -> Result<(), FsError> {
    let sync = |path: &&Path| {
        let synced = File::open(path).and_then(|file| file.sync_all());
        unless_gone(synced).map_err(FsError::at("sync", path))
    };
    let share = paths.len().div_ceil(SYNCED_TOGETHER).max(1);
    std::thread::scope(|scope| {
        let threads: Vec<_> =
            paths.chunks(share).map(|share| scope.spawn(move || share.iter().try_for_each(sync))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().unwrap_or(Ok(())))
    })
}

fn unless_gone(synced: io::Result<()>) -> io::Result<()> {
    match synced {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        synced => synced,
    }
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
