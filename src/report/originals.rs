//! The images that a run tested, if they are still there.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::images::Limits;
use crate::results::RunRecord;
use crate::stage::{Artifact, Files};
use crate::stages::list::Listing;
use crate::store::{Lookup, Store};

/// Where a run's images are found.
#[derive(Debug)]
pub struct Originals {
    listing: Listing,
    rows: HashMap<String, usize>,
    folder: PathBuf,
    limits: Limits,
}

impl Originals {
    /// From the listing in the store, which says what each image's bytes were; `None` where the store has it no more.
    pub fn of(record: &RunRecord, project: &Path, store: &Store) -> Option<Self> {
        let listing: Listing =
            ["list-images", "draw-stand-in"].into_iter().find_map(|label| artifact(record, store, label))?;
        let rows = listing.images.iter().enumerate().map(|(row, image)| (image.path.clone(), row)).collect();
        let root = ["dataset.root", "dataset.manifest"].into_iter().find_map(|path| record.text(path));
        let root = project.join(root.unwrap_or_default());
        let folder = if root.is_file() { root.parent().unwrap_or(&root).to_owned() } else { root };
        let mut limits = Limits::default();
        if let Some(most) = record.setting("dataset.max_pixels").and_then(serde_json::Value::as_u64) {
            limits.max_pixels = most;
        }
        Some(Self { listing, rows, folder, limits })
    }

    /// The file of an image, the same as when the run read it; `None` where it is gone or changed.
    pub fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        let row = *self.rows.get(path)?;
        // A run on features made elsewhere read no image, so nothing tells that this is one of the set.
        let is_known = self.listing.images.get(row)?.digest.is_some();
        if !is_known && self.listing.archive.is_none() && !lies_below(&self.folder.join(path), &self.folder) {
            return None;
        }
        self.listing.bytes(row, &self.folder).ok()
    }

    /// How large an image may be.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }
}

/// Whether a file lies in the folder once links are followed.
fn lies_below(file: &Path, folder: &Path) -> bool {
    match (file.canonicalize(), folder.canonicalize()) {
        (Ok(file), Ok(folder)) => file.starts_with(folder),
        _ => false,
    }
}

/// What a stage of the run left in the store, by the stage's label; `None` where it is gone.
pub fn artifact<T: Artifact>(record: &RunRecord, store: &Store, label: &str) -> Option<T> {
    let stage = record.stages.iter().find(|stage| stage.label == label)?;
    let Ok(Lookup::Hit(found)) = store.look_up(&stage.stage, stage.key) else { return None };
    let mut files = Files::new();
    for (name, blob) in &found.files {
        files.insert(name.clone(), store.read_blob(blob).ok()?);
    }
    T::load(&files).ok()
}
