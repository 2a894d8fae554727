//! Remembered content digests of files, so that planning over unchanged files reads none of them.
//!
//! A hint holds while path, size and modification time are unchanged. It is only a hint: a file touched within
//! the last second is never remembered, since it can change again within the clock's grain, and
//! [`Hints::distrust`] drops them all. One line per file: digest, size, modification time, path.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::key;
use crate::fs::{self, FsError, Sharing};
use crate::types::Digest;

const GRAIN: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    bytes: u64,
    modified_nanoseconds: u128,
}

#[derive(Default)]
struct Table {
    known: HashMap<PathBuf, (Stamp, Digest)>,
    fresh: Vec<PathBuf>,
}

/// The remembered digests of one store.
pub struct Hints {
    file: PathBuf,
    lock: PathBuf,
    table: Mutex<Table>,
}

/// A file's digest and size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digested {
    /// Content digest.
    pub digest: Digest,
    /// Size in bytes.
    pub bytes: u64,
    /// Whether the file had to be read for it.
    pub was_read: bool,
}

impl Hints {
    /// Loads the hints of `file`; a damaged or missing file counts as empty.
    pub fn load(file: PathBuf) -> Self {
        let known = fs::read(&file).map(|text| parse(&text)).unwrap_or_default();
        let lock = file.with_extension("lock");
        Self { file, lock, table: Mutex::new(Table { known, fresh: Vec::new() }) }
    }

    /// Forgets every hint: each file is read again.
    pub fn distrust(&self) {
        self.table().known.clear();
    }

    /// The digest of a file, from its hint or from its bytes.
    pub fn digest(&self, path: &Path) -> Result<Digested, FsError> {
        self.digest_up_to(u64::MAX, path)
    }

    /// As [`digest`](Self::digest), for a file of at most so many bytes; a larger one is refused unread.
    pub fn digest_up_to(&self, most: u64, path: &Path) -> Result<Digested, FsError> {
        let metadata = std::fs::metadata(path).map_err(FsError::at("read", path))?;
        fs::require_file(&metadata).map_err(FsError::at("read", path))?;
        if metadata.len() > most {
            return Err(FsError::at("read", path)(std::io::ErrorKind::FileTooLarge.into()));
        }
        let stamp = stamp(&metadata);
        if let Some((known, digest)) = self.table().known.get(path)
            && *known == stamp
        {
            return Ok(Digested { digest: *digest, bytes: stamp.bytes, was_read: false });
        }
        let file = File::open(path).map_err(FsError::at("read", path))?;
        let digest = key::digest_reader(&file).map_err(FsError::at("read", path))?;
        let after = self::stamp(&file.metadata().map_err(FsError::at("read", path))?);
        if after == stamp && is_settled(&metadata) {
            let mut table = self.table();
            table.known.insert(path.to_owned(), (stamp, digest));
            table.fresh.push(path.to_owned());
        }
        Ok(Digested { digest, bytes: after.bytes, was_read: true })
    }

    /// Writes new hints to disk, together with those that other processes have written meanwhile.
    pub fn save(&self) -> Result<(), FsError> {
        let mut table = self.table();
        if table.fresh.is_empty() {
            return Ok(());
        }
        // Losing a race here loses a hint, never an answer: whoever holds the lock writes.
        let Some(_lock) = fs::try_lock(&self.lock, Sharing::Exclusive)? else { return Ok(()) };
        let mut merged = fs::read(&self.file).map(|text| parse(&text)).unwrap_or_default();
        for path in std::mem::take(&mut table.fresh) {
            if let Some(entry) = table.known.get(&path) {
                merged.insert(path, *entry);
            }
        }
        // Nor does a loss of power lose more: what is not a hint is not read as one.
        fs::write_unsynced(&self.file, &format(&merged))
    }

    fn table(&self) -> std::sync::MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn stamp(metadata: &std::fs::Metadata) -> Stamp {
    let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    Stamp { bytes: metadata.len(), modified_nanoseconds: modified.unwrap_or_default().as_nanos() }
}

fn is_settled(metadata: &std::fs::Metadata) -> bool {
    metadata
        .modified()
        .is_ok_and(|modified| SystemTime::now().duration_since(modified).is_ok_and(|age| age > GRAIN))
}

fn parse(text: &[u8]) -> HashMap<PathBuf, (Stamp, Digest)> {
    let Ok(text) = std::str::from_utf8(text) else { return HashMap::new() };
    text.lines().filter_map(parse_line).collect()
}

fn parse_line(line: &str) -> Option<(PathBuf, (Stamp, Digest))> {
    let mut fields = line.splitn(4, ' ');
    let digest = Digest::from_hex(fields.next()?)?;
    let bytes = fields.next()?.parse().ok()?;
    let modified_nanoseconds = fields.next()?.parse().ok()?;
    let path = PathBuf::from(fields.next()?);
    Some((path, (Stamp { bytes, modified_nanoseconds }, digest)))
}

fn format(known: &HashMap<PathBuf, (Stamp, Digest)>) -> Vec<u8> {
    let mut lines: Vec<_> = known.iter().collect();
    lines.sort_by_key(|(path, _)| *path);
    let mut text = String::new();
    for (path, (stamp, digest)) in lines {
        // A path that is not UTF-8 or holds a line break can't stand in the file: it is digested each time.
        let Some(path) = path.to_str().filter(|path| !path.contains('\n')) else { continue };
        let _ = writeln!(text, "{digest} {} {} {path}", stamp.bytes, stamp.modified_nanoseconds);
    }
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aged_file(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
        let path = folder.join(name);
        std::fs::write(&path, bytes).unwrap();
        let before = SystemTime::now() - Duration::from_secs(60);
        File::options().write(true).open(&path).unwrap().set_modified(before).unwrap();
        path
    }

    #[test]
    fn an_unchanged_file_is_not_read_again_even_by_another_process() {
        let folder = tempfile::tempdir().unwrap();
        let path = aged_file(folder.path(), "a b.png", b"pixels");
        let hints = Hints::load(folder.path().join("hints"));
        assert!(hints.digest(&path).unwrap().was_read);
        assert!(!hints.digest(&path).unwrap().was_read);
        hints.save().unwrap();
        let again = Hints::load(folder.path().join("hints"));
        let digested = again.digest(&path).unwrap();
        assert_eq!((digested.digest, digested.was_read), (key::digest(b"pixels"), false));
        again.distrust();
        assert!(again.digest(&path).unwrap().was_read);
    }

    #[test]
    fn a_changed_file_and_a_fresh_file_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = aged_file(folder.path(), "image", b"old");
        let hints = Hints::load(folder.path().join("hints"));
        hints.digest(&path).unwrap();
        std::fs::write(&path, b"new").unwrap();
        assert_eq!(hints.digest(&path).unwrap().digest, key::digest(b"new"));
        assert!(hints.digest(&path).unwrap().was_read, "touched within the last second");
    }
}
