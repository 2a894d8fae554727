//! What the store holds, whether it is sound, and what can go.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::Serialize;
use serde_json::Value;

use super::{Key, Record, Store, StoreError, record};
use crate::fs::{self, FsError, Sharing};
use crate::types::Digest;

/// How long the checkpoints of a stopped training are kept.
const SCRATCH_KEPT: std::time::Duration = std::time::Duration::from_secs(30 * 24 * 3600);

/// Space used by one stage's records.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StageUsage {
    /// Number of records.
    pub records: usize,
    /// Bytes of the blobs that they name; a blob shared by two stages counts for both.
    pub bytes: u64,
}

/// Space used by the store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// By stage name.
    pub stages: BTreeMap<String, StageUsage>,
    /// Bytes of the per-image rows.
    pub pack_bytes: u64,
    /// Bytes of all blobs on disk, each once.
    pub total_bytes: u64,
    /// Number of blobs.
    pub blobs: usize,
}

/// One thing that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Damage {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub reason: String,
}

/// Outcome of [`Store::verify`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// Number of blobs read.
    pub blobs: usize,
    /// Number of records read.
    pub records: usize,
    /// What is damaged; the next run computes it again.
    pub damage: Vec<Damage>,
}

/// Outcome of [`Store::collect`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Collected {
    /// Records dropped.
    pub records: usize,
    /// Blobs dropped.
    pub blobs: usize,
    /// Bytes freed.
    pub bytes: u64,
    /// Bytes that remain.
    pub remaining_bytes: u64,
}

struct Kept {
    record: Record,
    path: PathBuf,
    used: SystemTime,
}

impl Store {
    /// Every readable record, sorted by stage and key.
    pub fn records(&self) -> Result<Vec<Record>, StoreError> {
        Ok(self.kept()?.into_iter().map(|kept| kept.record).collect())
    }

    /// Space used, by stage.
    pub fn usage(&self) -> Result<Usage, StoreError> {
        let mut usage = Usage::default();
        for record in self.records()? {
            let bytes: u64 = record.files.values().map(|blob| blob.bytes).sum();
            let stage = usage.stages.entry(record.stage).or_default();
            stage.records += 1;
            stage.bytes += bytes;
        }
        for extractor in self.extractors()? {
            usage.pack_bytes += self.pack_blobs(extractor)?.iter().map(|blob| blob.bytes).sum::<u64>();
        }
        for path in self.blob_files()? {
            usage.blobs += 1;
            usage.total_bytes += size(&path)?;
        }
        Ok(usage)
    }

    /// Reads every blob and record and says which are not what they were.
    pub fn verify(&self) -> Result<Verified, StoreError> {
        let mut verified = Verified::default();
        for path in self.blob_files()? {
            verified.blobs += 1;
            let file = std::fs::File::open(&path).map_err(FsError::at("read", &path))?;
            let found = super::key::digest_reader(file).map_err(FsError::at("read", &path))?;
            if path.file_name().and_then(|name| name.to_str()) != Some(found.to_hex().as_str()) {
                let reason = format!("its bytes have the digest `{found}`");
                verified.damage.push(Damage { path, reason });
            }
        }
        for extractor in self.extractors()? {
            for path in self.damaged_packs(extractor)? {
                let reason = "the index of rows kept per image does not match its seal".to_owned();
                verified.damage.push(Damage { path, reason });
            }
        }
        for path in self.record_files()? {
            verified.records += 1;
            match record::unseal::<Record>(&fs::read(&path)?) {
                None => {
                    let reason = "the record does not match its seal".to_owned();
                    verified.damage.push(Damage { path, reason });
                }
                Some(record) => {
                    let gone = record.files.iter().filter(|(_, blob)| !self.blob_path(blob.digest).exists());
                    let gone: Vec<Damage> = gone
                        .map(|(name, blob)| Damage {
                            path: path.clone(),
                            reason: format!("the blob `{}` of its file `{name}` is gone", blob.digest),
                        })
                        .collect();
                    verified.damage.extend(gone);
                }
            }
        }
        Ok(verified)
    }

    /// Drops what no root needs: all of it, or with `cap_bytes` the least recently used first until the
    /// store fits. Roots and what they were made from always stay, even above the cap.
    ///
    /// # Errors
    /// [`StoreError::InUse`] while a run is live: what it has written but not finished has no root yet.
    pub fn collect(
        &self,
        roots: &BTreeSet<Key>,
        cap_bytes: Option<u64>,
        dry_run: bool,
    ) -> Result<Collected, StoreError> {
        let Some(_lock) = fs::try_lock(&self.root.join("lock"), Sharing::Exclusive)? else {
            return Err(StoreError::InUse { path: self.folder().to_owned() });
        };
        let (mut live, mut loose): (Vec<_>, Vec<_>) =
            self.kept()?.into_iter().partition(|kept| roots.contains(&kept.record.key));
        let total = self.usage()?.total_bytes;
        // Most recently used last, so that popping keeps it.
        loose.sort_by_key(|kept| kept.used);
        let mut collected = Collected::default();
        if let Some(cap) = cap_bytes {
            let mut bytes = self.bytes_of(&live)?;
            while let Some(kept) = loose.pop() {
                let more: u64 = kept.record.files.values().map(|blob| blob.bytes).sum();
                bytes += more;
                if total > cap && bytes > cap {
                    loose.push(kept);
                    break;
                }
                live.push(kept);
            }
        }
        let (blobs, extractors) = self.reachable(&live)?;
        for kept in &loose {
            collected.records += 1;
            if !dry_run {
                fs::remove_file(&kept.path)?;
            }
        }
        for extractor in self.extractors()? {
            if !extractors.contains(&extractor) && !dry_run {
                fs::remove_folder(&self.packs_folder(extractor))?;
            }
        }
        for path in self.blob_files()? {
            let name = path.file_name().and_then(|name| name.to_str()).and_then(Digest::from_hex);
            let bytes = size(&path)?;
            if name.is_some_and(|digest| blobs.contains(&digest)) {
                collected.remaining_bytes += bytes;
                continue;
            }
            collected.blobs += 1;
            collected.bytes += bytes;
            if !dry_run {
                fs::remove_file(&path)?;
            }
        }
        if !dry_run {
            self.remove_leftovers()?;
        }
        Ok(collected)
    }

    /// Blobs and extractors that these records need.
    fn reachable(&self, live: &[Kept]) -> Result<(BTreeSet<Digest>, BTreeSet<Key>), StoreError> {
        let mut blobs = BTreeSet::new();
        let mut extractors = BTreeSet::new();
        for kept in live {
            blobs.extend(kept.record.files.values().map(|blob| blob.digest));
            collect_extractors(&kept.record.parameters, &mut extractors);
        }
        for extractor in &extractors {
            blobs.extend(self.pack_blobs(*extractor)?.iter().map(|blob| blob.digest));
        }
        Ok((blobs, extractors))
    }

    fn bytes_of(&self, live: &[Kept]) -> Result<u64, StoreError> {
        let (blobs, _) = self.reachable(live)?;
        blobs
            .iter()
            .map(|digest| self.blob_path(*digest))
            .filter(|path| path.exists())
            .map(|path| size(&path))
            .sum()
    }

    fn kept(&self) -> Result<Vec<Kept>, StoreError> {
        let mut all = Vec::new();
        for path in self.record_files()? {
            let Some(record) = record::unseal(&fs::read(&path)?) else { continue };
            let used = std::fs::metadata(&path).and_then(|metadata| metadata.modified());
            all.push(Kept { record, used: used.unwrap_or(SystemTime::UNIX_EPOCH), path });
        }
        Ok(all)
    }

    fn record_files(&self) -> Result<Vec<PathBuf>, StoreError> {
        self.nested("records")
    }

    fn blob_files(&self) -> Result<Vec<PathBuf>, StoreError> {
        self.nested("blobs")
    }

    fn nested(&self, folder: &str) -> Result<Vec<PathBuf>, StoreError> {
        let folders = fs::children(&self.root.join(folder))?;
        let files = folders.iter().map(|folder| fs::children(folder)).collect::<Result<Vec<_>, _>>()?;
        Ok(files.into_iter().flatten().filter(|path| !fs::is_temporary(path)).collect())
    }

    fn extractors(&self) -> Result<Vec<Key>, StoreError> {
        let folders = fs::children(&self.root.join("packs"))?;
        let names = folders.iter().filter_map(|path| path.file_name()?.to_str());
        Ok(names.filter_map(Digest::from_hex).map(Key).collect())
    }

    /// What killed processes left: nobody else is in the store while it is locked. What a stage that was stopped can
    /// go on from is left for [`SCRATCH_KEPT`].
    fn remove_leftovers(&self) -> Result<(), StoreError> {
        for folder in fs::children(&self.root.join("scratch"))? {
            let files = fs::children(&folder)?;
            let changed = files.iter().filter_map(|path| std::fs::metadata(path).ok()?.modified().ok()).max();
            if changed.is_none_or(|time| time.elapsed().is_ok_and(|age| age > SCRATCH_KEPT)) {
                fs::remove_folder(&folder)?;
            }
        }
        let mut folders = vec![self.folder().to_owned()];
        while let Some(folder) = folders.pop() {
            for path in fs::children(&folder)? {
                if path.is_dir() {
                    folders.push(path);
                } else if fs::is_temporary(&path) {
                    fs::remove_file(&path)?;
                }
            }
        }
        Ok(fs::remove_folder(&self.root.join("locks"))?)
    }
}

/// Stages name the extractor whose packs they use as `{"$extractor": key}`.
fn collect_extractors(value: &Value, found: &mut BTreeSet<Key>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match field.as_str().and_then(Digest::from_hex) {
                    Some(digest) if name == "$extractor" => {
                        found.insert(Key(digest));
                    }
                    _ => collect_extractors(field, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_extractors(item, found)),
        _ => {}
    }
}

fn size(path: &Path) -> Result<u64, StoreError> {
    Ok(std::fs::metadata(path).map_err(FsError::at("read", path))?.len())
}
