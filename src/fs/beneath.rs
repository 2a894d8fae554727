//! Reading below one folder and nowhere else, for names that come from outside.
//!
//! Names are taken one by one, each opened relative to the folder before it and never through a symbolic link, so
//! that nothing that happens to the folders meanwhile leads out of them.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, open, openat, statat};

use super::{FsError, require_file};

/// An open folder.
#[derive(Debug)]
pub struct Beneath {
    folder: OwnedFd,
    path: PathBuf,
}

impl Beneath {
    /// The folder itself may be reached through links: it was not named from outside.
    pub fn open(path: &Path) -> Result<Self, FsError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = open(path, flags, Mode::empty());
        let folder = folder.map_err(|error| FsError::at("open folder", path)(error.into()))?;
        Ok(Self { folder, path: path.to_owned() })
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A folder directly below.
    pub fn folder(&self, name: &str) -> Result<Self, FsError> {
        let folder = self.below(name, OFlags::DIRECTORY)?;
        Ok(Self { folder, path: self.path.join(name) })
    }

    /// A file directly below. What is no file (a pipe, a device) is refused and not waited for.
    pub fn file(&self, name: &str) -> Result<File, FsError> {
        let path = self.path.join(name);
        let file = File::from(self.below(name, OFlags::NONBLOCK)?);
        let metadata = file.metadata().map_err(FsError::at("read", &path))?;
        require_file(&metadata).map_err(FsError::at("read", &path))?;
        Ok(file)
    }

    /// The whole of a file directly below.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, FsError> {
        let mut bytes = Vec::new();
        let read = self.file(name)?.read_to_end(&mut bytes);
        read.map_err(FsError::at("read", &self.path.join(name)))?;
        Ok(bytes)
    }

    /// Names directly below that are UTF-8, sorted.
    pub fn names(&self) -> Result<Vec<String>, FsError> {
        let failed = |error: rustix::io::Errno| FsError::at("list", &self.path)(error.into());
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if let Ok(name) = entry.file_name().to_str()
                && is_name(name)
            {
                names.push(name.to_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    /// Of those the regular files, and the others: links, folders, pipes.
    pub fn files(&self) -> Result<(Vec<String>, Vec<String>), FsError> {
        let is_file = |name: &String| {
            let status = statat(&self.folder, name.as_str(), AtFlags::SYMLINK_NOFOLLOW);
            status.is_ok_and(|status| FileType::from_raw_mode(status.st_mode).is_file())
        };
        Ok(self.names()?.into_iter().partition(is_file))
    }

    fn below(&self, name: &str, flags: OFlags) -> Result<OwnedFd, FsError> {
        let path = self.path.join(name);
        if !is_name(name) {
            let refused = io::Error::new(io::ErrorKind::InvalidInput, "it is not the name of one file");
            return Err(FsError::at("open", &path)(refused));
        }
        let flags = flags | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = openat(&self.folder, name, flags, Mode::empty());
        opened.map_err(|error| FsError::at("open", &path)(error.into()))
    }
}

/// Whether it names one thing directly below a folder.
fn is_name(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.contains(['/', '\0'])
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_what_lies_below_is_read() {
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("secret"), b"secret").unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("run")).unwrap();
        std::fs::write(folder.path().join("run/figure.svg"), b"<svg/>").unwrap();
        symlink(outside.path(), folder.path().join("away")).unwrap();
        symlink(outside.path().join("secret"), folder.path().join("run/secret")).unwrap();

        let beneath = Beneath::open(folder.path()).unwrap();
        let run = beneath.folder("run").unwrap();
        assert_eq!(run.read("figure.svg").unwrap(), b"<svg/>");
        assert_eq!(run.names().unwrap(), ["figure.svg", "secret"]);
        run.read("secret").unwrap_err();
        beneath.folder("away").unwrap_err();
        for name in ["..", ".", "", "run/figure.svg", "/etc/passwd", "run\0"] {
            beneath.read(name).unwrap_err();
            beneath.folder(name).unwrap_err();
        }
        beneath.read("run").unwrap_err();
    }

    #[test]
    fn a_pipe_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let made = std::process::Command::new("mkfifo").arg(folder.path().join("pipe")).status().unwrap();
        assert!(made.success());
        let error = Beneath::open(folder.path()).unwrap().read("pipe").unwrap_err();
        assert_eq!(error.source.to_string(), "it is not a file");
    }
}
