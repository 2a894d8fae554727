//! Folders that are replaced as a whole.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, CWD, RenameFlags, access, renameat_with};

use super::{
    FsError, TEMPORARY, children, create_folder, is_temporary, parent, remove_file, remove_folder, sync_all,
    sync_folder,
};

/// Replaces the folder `path` by one that holds exactly `files` (name, bytes).
///
/// The new folder is made whole beside the old one and the two change names in one system call, so a
/// failure at any point leaves the old folder as it was.
pub fn replace_folder(path: &Path, files: &[(String, Vec<u8>)]) -> Result<(), FsError> {
    let parent = parent(path);
    create_folder(parent)?;
    let replace = || -> io::Result<()> {
        let fresh = tempfile::Builder::new().prefix(TEMPORARY).tempdir_in(parent)?;
        let written = files.iter().map(|(name, bytes)| {
            let path = fresh.path().join(name);
            File::create_new(&path)?.write_all(bytes)?;
            Ok(path)
        });
        let written: Vec<PathBuf> = written.collect::<io::Result<_>>()?;
        make_listable(fresh.path())?;
        sync_all(&written).map_err(|error| error.source)?;
        if path.is_dir() {
            exchange(fresh.path(), path)?;
        } else {
            // A rename over an absent name; the guard then finds nothing left to remove.
            fs::rename(fresh.path(), path)?;
        }
        sync_folder(parent)
    };
    // One at a time, so that what lies there meanwhile is nobody's work in progress. Where the file system knows no
    // locks, a killed process's folder stays.
    let turn = File::open(parent).and_then(|folder| folder.lock().map(|()| folder));
    if turn.is_ok() {
        remove_temporary(parent);
    }
    replace().map_err(FsError::at("replace folder", path))
}

/// Removes what killed processes left in `parent`, unless somebody is at work in it.
pub fn remove_leftovers(parent: &Path) {
    let left = || children(parent).unwrap_or_default().iter().any(|path| is_temporary(path));
    if left()
        && let Ok(folder) = File::open(parent)
        && folder.try_lock().is_ok()
    {
        remove_temporary(parent);
    }
}

/// Nothing depends on its success.
fn remove_temporary(parent: &Path) {
    for path in children(parent).unwrap_or_default().into_iter().filter(|path| is_temporary(path)) {
        let _ = if path.is_dir() { remove_folder(&path) } else { remove_file(&path) };
    }
}

/// Whether [`replace_folder`] could write there and would take away nothing but a folder whose content `may_go`, for who
/// would know before a long computation.
pub fn check_replaceable(path: &Path, may_go: impl Fn(&[PathBuf]) -> bool) -> Result<(), FsError> {
    let refuse = |error: io::Error| FsError::at("write folder", path)(error);
    let in_the_way = if path.is_symlink() {
        Some("a symbolic link")
    } else if path.exists() && !path.is_dir() {
        Some("a file")
    } else if !may_go(&children(path)?) {
        Some("a folder of something else")
    } else {
        None
    };
    if let Some(what) = in_the_way {
        let message = format!("{what} of that name is there: move it away, or name the experiment otherwise");
        return Err(refuse(io::Error::other(message)));
    }
    let mut nearest = parent(path);
    while !nearest.exists() {
        nearest = parent(nearest);
    }
    if !nearest.is_dir() {
        let message = format!("`{}` is not a folder", nearest.display());
        return Err(refuse(io::Error::other(message)));
    }
    access(nearest, Access::WRITE_OK).map_err(|error| refuse(error.into()))
}

#[cfg(unix)]
fn make_listable(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))
}

/// Swaps two folders' names; where the file system can't do that in one step, in two.
fn exchange(fresh: &Path, old: &Path) -> io::Result<()> {
    match renameat_with(CWD, fresh, CWD, old, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(()),
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
            let aside = fresh.with_extension("old");
            fs::rename(old, &aside)?;
            fs::rename(fresh, old)?;
            fs::rename(&aside, fresh)
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;

    #[test]
    fn a_replaced_folder_holds_only_the_new_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results");
        replace_folder(&path, &[("a".into(), b"1".to_vec()), ("b".into(), b"2".to_vec())]).unwrap();
        replace_folder(&path, &[("c".into(), b"3".to_vec())]).unwrap();
        assert_eq!(children(&path).unwrap(), [path.join("c")]);
        assert_eq!(children(folder.path()).unwrap(), [path]);
    }

    #[test]
    fn what_a_killed_process_left_goes_and_a_file_in_the_way_is_told_of() {
        let folder = tempfile::tempdir().unwrap();
        let (path, left) = (folder.path().join("results"), folder.path().join(".emolab-tmp-left"));
        create_folder(&left.join("deeper")).unwrap();
        replace_folder(&path, &[("a".into(), b"1".to_vec())]).unwrap();
        assert_eq!(children(folder.path()).unwrap(), std::slice::from_ref(&path));

        create_folder(&left).unwrap();
        let at_work = File::open(folder.path()).unwrap();
        at_work.lock().unwrap();
        remove_leftovers(folder.path());
        assert!(left.exists());
        drop(at_work);
        remove_leftovers(folder.path());
        assert!(!left.exists());

        let check =
            |path: &Path| check_replaceable(path, |files| files.iter().all(|file| file.ends_with("a")));
        check(&path).unwrap();
        check(folder.path()).unwrap_err();
        check(&folder.path().join("new/deep")).unwrap();
        check(&path.join("a")).unwrap_err();
        check(&path.join("a/below")).unwrap_err();
        std::os::unix::fs::symlink(&path, folder.path().join("link")).unwrap();
        check(&folder.path().join("link")).unwrap_err();
        replace_folder(&path.join("a"), &[]).unwrap_err();
        assert_eq!(read(&path.join("a")).unwrap(), b"1");
    }

    #[test]
    fn a_failed_replacement_leaves_the_old_folder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results");
        replace_folder(&path, &[("a".into(), b"1".to_vec())]).unwrap();
        let twice = [("x".to_owned(), Vec::new()), ("x".to_owned(), Vec::new())];
        replace_folder(&path, &twice).unwrap_err();
        assert_eq!(children(&path).unwrap(), [path.join("a")]);
        assert_eq!(children(folder.path()).unwrap(), [path]);
    }
}
