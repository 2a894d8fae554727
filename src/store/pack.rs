//! Rows that an extractor computed, by image digest: packed, not a file each.
//!
//! A pack is one safetensors blob `features` `[n, d]` and an index that names the image of each row. Packs are
//! only added, each whole, so that a killed extraction keeps what it had finished, a changed image costs one
//! row, and two data sets that share an image share its row.

use std::collections::HashMap;
use std::path::PathBuf;

use ndarray::{Array2, ArrayView1, ArrayView2};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use super::{BlobRef, Key, Store, StoreError, key, record};
use crate::fs;
use crate::types::Digest;

#[derive(Serialize, Deserialize)]
struct Index {
    images: Vec<Digest>,
    blob: BlobRef,
}

/// The rows of one extractor that could be read.
#[derive(Default)]
pub struct Rows {
    packs: Vec<Array2<f32>>,
    places: HashMap<Digest, (usize, usize)>,
    /// Why each unusable pack was left out.
    pub damaged: Vec<String>,
}

impl Rows {
    /// The row `[d]` of an image.
    pub fn get(&self, image: &Digest) -> Option<ArrayView1<'_, f32>> {
        let (pack, row) = *self.places.get(image)?;
        Some(self.packs.get(pack)?.row(row))
    }
}

impl Store {
    /// All rows of an extractor that hold `width` numbers and belong to one of `wanted`.
    pub fn rows(&self, extractor: Key, width: usize, wanted: &[Digest]) -> Result<Rows, StoreError> {
        let wanted: std::collections::HashSet<&Digest> = wanted.iter().collect();
        let mut rows = Rows::default();
        for (path, index) in self.indices(extractor)? {
            let Some(index) = index else {
                rows.damaged.push(format!("the index `{}` is damaged", path.display()));
                continue;
            };
            if !index.images.iter().any(|image| wanted.contains(image)) {
                continue;
            }
            let features = match self.read_blob(&index.blob) {
                Ok(bytes) => decode(&bytes, index.images.len(), width),
                Err(StoreError::Fs(error)) => return Err(error.into()),
                Err(error) => {
                    rows.damaged.push(error.to_string());
                    continue;
                }
            };
            let Some(features) = features else {
                rows.damaged.push(format!("the pack `{}` does not hold rows of {width}", path.display()));
                continue;
            };
            for (row, image) in index.images.iter().enumerate() {
                rows.places.insert(*image, (rows.packs.len(), row));
            }
            rows.packs.push(features);
        }
        Ok(rows)
    }

    /// Adds a pack: row `i` of `features` `[n, d]` belongs to `images[i]`.
    pub fn add_rows(
        &self,
        extractor: Key,
        images: &[Digest],
        features: ArrayView2<'_, f32>,
    ) -> Result<(), StoreError> {
        let blob = self.write_blob(&encode(features))?;
        let index = record::seal(&Index { images: images.to_vec(), blob });
        let name = format!("{}.json", key::digest(&index));
        Ok(fs::write_atomic(&self.packs_folder(extractor).join(name), &index)?)
    }

    /// The blobs of an extractor's packs.
    pub(super) fn pack_blobs(&self, extractor: Key) -> Result<Vec<BlobRef>, StoreError> {
        Ok(self.indices(extractor)?.into_iter().filter_map(|(_, index)| Some(index?.blob)).collect())
    }

    /// The indices of an extractor's packs that cannot be read.
    pub(super) fn damaged_packs(&self, extractor: Key) -> Result<Vec<PathBuf>, StoreError> {
        let indices = self.indices(extractor)?.into_iter();
        Ok(indices.filter(|(_, index)| index.is_none()).map(|(path, _)| path).collect())
    }

    /// The indices of an extractor's packs; none for one that cannot be read.
    fn indices(&self, extractor: Key) -> Result<Vec<(PathBuf, Option<Index>)>, StoreError> {
        let paths = fs::children(&self.packs_folder(extractor))?;
        let read = |path: PathBuf| {
            let index = record::unseal(&fs::read(&path)?);
            Ok((path, index))
        };
        paths.into_iter().filter(|path| !fs::is_temporary(path)).map(read).collect()
    }

    pub(super) fn packs_folder(&self, extractor: Key) -> PathBuf {
        self.root.join("packs").join(extractor.to_string())
    }
}

fn encode(features: ArrayView2<'_, f32>) -> Vec<u8> {
    let bytes: Vec<u8> = features.iter().flat_map(|value| value.to_le_bytes()).collect();
    let shape = features.shape().to_vec();
    TensorView::new(Dtype::F32, shape, &bytes)
        .and_then(|view| safetensors::serialize([("features", view)], None))
        .unwrap_or_default()
}

fn decode(bytes: &[u8], rows: usize, width: usize) -> Option<Array2<f32>> {
    let tensors = SafeTensors::deserialize(bytes).ok()?;
    let view = tensors.tensor("features").ok()?;
    if view.dtype() != Dtype::F32 || view.shape() != [rows, width] {
        return None;
    }
    let values = view.data().as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    Array2::from_shape_vec((rows, width), values).ok()
}
