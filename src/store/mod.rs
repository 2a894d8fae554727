//! Content-addressed artifacts: blobs by hash, records by key. Knows no stage.
//!
//! ```text
//! .emolab/
//!   CACHEDIR.TAG
//!   v1/
//!     blobs/ab/abcdef…            the bytes whose blake3 is abcdef…
//!     records/<stage>/<key>.json  what a key stands for: parameters, files, time; sealed with its hash
//!     packs/<extractor>/<hash>.json  rows that an extractor computed, by image digest
//!     history/<experiment>.json   the keys an experiment last had, to say why a stage must run again
//!     roots/<hash>.json           the results folders that refer to this store
//!     hints                       digests of files by path, size and modification time
//!     scratch/<key>/              what a stage keeps until it is done: checkpoints of a training
//!     live/                       what runs are doing, for others to show; gone when they are
//!     locks/                      one per key that is being computed
//!     lock                        shared by live runs, taken exclusively to collect garbage
//! ```
//!
//! Everything is written to a temporary file and renamed, and synced: results of stages together, a few times a second
//! and when a run ends ([`Store::sync`]), all else at once. A blob is verified whenever it is read; one that is
//! damaged or gone makes its record a miss, which is reported and computed again. So a process killed at any instant
//! leaves a store that the next one continues from, and a machine that loses power costs what was not yet synced.

mod collect;
mod hints;
mod history;
pub mod key;
mod pack;
mod record;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub use collect::{Collected, Damage, StageUsage, Usage, Verified};
pub use hints::{Digested, Hints};
pub use history::{History, Past};
pub use key::Key;
pub use pack::Rows;
pub use record::{BlobRef, Record};
use serde_json::Value;

use crate::fs::{self, FsError, Lock, Sharing};
use crate::types::Digest;

const FORMAT: &str = "v1";
const CACHE_TAG: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55\n\
    # This folder holds results that emolab can compute again.\n";

/// What the store could not do.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum StoreError {
    #[error(transparent)]
    Fs(#[from] FsError),
    #[error("blob `{digest}` is gone from `{}`", path.display())]
    Missing { digest: Digest, path: PathBuf },
    #[error("blob `{digest}` is damaged: its bytes have the digest `{found}`")]
    Damaged { digest: Digest, found: Digest },
    #[error(
        "`{}`, which names a results folder that refers to this store, is damaged: remove it, and run the experiments of \
         your results folders again, which computes nothing",
        path.display()
    )]
    DamagedRoot { path: PathBuf },
    #[error("the store `{}` is in use by a run", path.display())]
    InUse { path: PathBuf },
}

/// What the store knows of a key.
#[derive(Debug)]
pub enum Lookup {
    /// Computed before, and every file of it is there.
    Hit(Record),
    /// Never computed, or collected.
    Absent,
    /// Computed before, but what was kept is damaged or gone: the reason.
    Damaged(String),
}

/// A stage's output on its way into the store.
#[derive(Debug)]
pub struct Finished<'a> {
    /// Stage name.
    pub stage: &'a str,
    /// Version of the stage's code.
    pub version: u32,
    /// Canonical parameters.
    pub parameters: &'a Value,
    /// File names and bytes.
    pub files: &'a BTreeMap<String, Vec<u8>>,
    /// How long it took.
    pub elapsed: Duration,
}

/// One store on disk. Cheap to open; any number of processes may have it open.
pub struct Store {
    root: PathBuf,
    hints: Hints,
    unsynced: Mutex<Vec<PathBuf>>,
}

impl Store {
    /// Opens the store in `folder`, which need not exist: it is made when something is written.
    pub fn open(folder: &Path) -> Self {
        let root = folder.join(FORMAT);
        let hints = Hints::load(root.join("hints"));
        Self { root, hints, unsynced: Mutex::default() }
    }

    /// The folder in which the stage of a key keeps what it needs until it is done.
    pub fn scratch(&self, key: Key) -> Result<PathBuf, StoreError> {
        self.prepare()?;
        let folder = self.scratch_path(key);
        fs::create_folder(&folder)?;
        Ok(std::path::absolute(&folder).unwrap_or(folder))
    }

    /// Removes that folder.
    pub fn clear_scratch(&self, key: Key) -> Result<(), StoreError> {
        Ok(fs::remove_folder(&self.scratch_path(key))?)
    }

    fn scratch_path(&self, key: Key) -> PathBuf {
        self.root.join("scratch").join(key.0.to_hex())
    }

    /// Where runs say what they are doing.
    pub fn live(&self) -> PathBuf {
        self.root.join("live")
    }

    /// The folder that was opened.
    pub fn folder(&self) -> &Path {
        self.root.parent().unwrap_or(&self.root)
    }

    /// Remembered digests of files outside and inside the store.
    pub fn hints(&self) -> &Hints {
        &self.hints
    }

    /// Looks a key up; checks that its files are there and, where a file changed since it was last read,
    /// that its bytes are the right ones.
    pub fn look_up(&self, stage: &str, key: Key) -> Result<Lookup, StoreError> {
        let path = self.record_path(stage, key);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.is_missing() => return Ok(Lookup::Absent),
            Err(error) => return Err(error.into()),
        };
        let Some(record) = record::unseal::<Record>(&text).filter(|record| record.key == key) else {
            return Ok(Lookup::Damaged(format!("its record `{}` is damaged", path.display())));
        };
        for (name, blob) in &record.files {
            if let Err(error) = self.check_blob(blob) {
                return Ok(Lookup::Damaged(format!("its file `{name}`: {error}")));
            }
        }
        Ok(Lookup::Hit(record))
    }

    /// Writes a stage's files and then the record that names them. [`Store::sync`] makes them safe.
    pub fn save(&self, key: Key, finished: &Finished<'_>) -> Result<Record, StoreError> {
        let files = finished
            .files
            .iter()
            .map(|(name, bytes)| Ok((name.clone(), self.write_blob_unsynced(bytes)?)))
            .collect::<Result<_, StoreError>>()?;
        let record = Record {
            stage: finished.stage.to_owned(),
            version: finished.version,
            key,
            parameters: finished.parameters.clone(),
            files,
            seconds: finished.elapsed.as_secs_f64(),
            finished: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
        };
        self.write_unsynced(self.record_path(finished.stage, key), &record::seal(&record))?;
        Ok(record)
    }

    /// Makes all that [`Store::save`] wrote so far safe from a machine that loses power.
    pub fn sync(&self) -> Result<(), StoreError> {
        let paths = std::mem::take(&mut *self.unsynced());
        Ok(fs::sync_all(&paths)?)
    }

    fn unsynced(&self) -> std::sync::MutexGuard<'_, Vec<PathBuf>> {
        self.unsynced.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn write_unsynced(&self, path: PathBuf, bytes: &[u8]) -> Result<(), StoreError> {
        fs::write_unsynced(&path, bytes)?;
        self.unsynced().push(path);
        Ok(())
    }

    fn write_blob_unsynced(&self, bytes: &[u8]) -> Result<BlobRef, StoreError> {
        let blob = BlobRef { digest: key::digest(bytes), bytes: bytes.len() as u64 };
        if self.check_blob(&blob).is_err() {
            self.write_unsynced(self.blob_path(blob.digest), bytes)?;
        }
        Ok(blob)
    }

    /// The bytes of a blob, verified.
    pub fn read_blob(&self, blob: &BlobRef) -> Result<Vec<u8>, StoreError> {
        let path = self.blob_path(blob.digest);
        let bytes = fs::read(&path).map_err(|error| missing_or(error, blob.digest, &path))?;
        match key::digest(&bytes) {
            found if found == blob.digest => Ok(bytes),
            found => Err(StoreError::Damaged { digest: blob.digest, found }),
        }
    }

    /// Where a blob lies. Read it through [`Store::read_blob`], which verifies it.
    pub fn blob_path(&self, digest: Digest) -> PathBuf {
        let name = digest.to_hex();
        self.root.join("blobs").join(&name[..2]).join(name)
    }

    /// Registers a live run: garbage collection keeps off until the lock is dropped. `None` while a
    /// collection is under way.
    pub fn enter(&self) -> Result<Option<Lock>, StoreError> {
        self.prepare()?;
        Ok(fs::try_lock(&self.root.join("lock"), Sharing::Shared)?)
    }

    /// Claims the computation of a key; `None` while another process computes it.
    pub fn claim(&self, key: Key) -> Result<Option<Lock>, StoreError> {
        Ok(fs::try_lock(&self.root.join("locks").join(key.to_string()), Sharing::Exclusive)?)
    }

    /// Registers a results folder whose stages are to be kept.
    pub fn register_results(&self, results: &Path) -> Result<(), StoreError> {
        let results = std::path::absolute(results).map_err(FsError::at("resolve", results))?;
        let project = self.project()?;
        // Relative within the store's own project, which may be moved.
        let is_own = results.parent().is_some_and(|parent| parent == project.join("results"));
        let named = results.strip_prefix(&project).ok().filter(|_| is_own).unwrap_or(&results);
        let text = named.to_string_lossy().into_owned();
        let path = self.root.join("roots").join(format!("{}.json", key::digest(text.as_bytes())));
        if !path.exists() {
            fs::write_atomic(&path, &record::seal(&text))?;
        }
        Ok(())
    }

    /// The results folders registered so far, whether or not they still exist.
    pub fn registered_results(&self) -> Result<Vec<PathBuf>, StoreError> {
        let project = self.project()?;
        let mut folders = Vec::new();
        for path in fs::children(&self.root.join("roots"))?.into_iter().filter(|path| !fs::is_temporary(path))
        {
            let folder = record::unseal::<String>(&fs::read(&path)?);
            folders.push(project.join(folder.ok_or(StoreError::DamagedRoot { path })?));
        }
        folders.sort();
        Ok(folders)
    }

    /// The folder that the store lies in.
    fn project(&self) -> Result<PathBuf, StoreError> {
        let store = std::path::absolute(self.folder()).map_err(FsError::at("resolve", self.folder()))?;
        Ok(store.parent().unwrap_or(&store).to_owned())
    }

    fn prepare(&self) -> Result<(), StoreError> {
        let tag = self.folder().join("CACHEDIR.TAG");
        if !tag.exists() {
            fs::write_unsynced(&tag, CACHE_TAG)?;
        }
        Ok(())
    }

    fn record_path(&self, stage: &str, key: Key) -> PathBuf {
        self.root.join("records").join(stage).join(format!("{key}.json"))
    }

    fn write_blob(&self, bytes: &[u8]) -> Result<BlobRef, StoreError> {
        let blob = BlobRef { digest: key::digest(bytes), bytes: bytes.len() as u64 };
        if self.check_blob(&blob).is_err() {
            fs::write_atomic(&self.blob_path(blob.digest), bytes)?;
        }
        Ok(blob)
    }

    /// Size, and content unless the file's hint still holds.
    fn check_blob(&self, blob: &BlobRef) -> Result<(), StoreError> {
        let path = self.blob_path(blob.digest);
        let found = self.hints.digest(&path).map_err(|error| missing_or(error, blob.digest, &path))?;
        if found.digest == blob.digest {
            Ok(())
        } else {
            Err(StoreError::Damaged { digest: blob.digest, found: found.digest })
        }
    }
}

fn missing_or(error: FsError, digest: Digest, path: &Path) -> StoreError {
    if error.is_missing() { StoreError::Missing { digest, path: path.to_owned() } } else { error.into() }
}

#[cfg(test)]
mod tests;
