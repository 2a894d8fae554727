//! `hash-images`: what tells images that are the same: a digest of the decoded pixels, and a difference hash.
//!
//! Kept per image, as features are: a changed image costs one row, and data sets that share an image share its row.

use std::collections::HashMap;
use std::path::PathBuf;

use ndarray::Array2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::inspect::{Image, Manifest};
use super::list::Listing;
use super::{from_json, to_json};
use crate::images::{self, DifferenceHash};
use crate::stage::{Artifact, ArtifactError, Context, Extractor, Files, Handle, Stage, StageError};
use crate::store::{Key, key};
use crate::types::Digest;

const FILE: &str = "hashes.json";
/// Images hashed between two looks at whether the run was stopped.
const CHUNK: usize = 1024;
/// A row is 16 halves of words of the pixels' digest, then 16 of the difference hash: each is a whole number that an
/// f32 holds exactly.
const HALVES: usize = 16;

/// What tells an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageHash {
    /// Of width, height and decoded pixels.
    pub pixels: Digest,
    /// Nearly equal for copies that were resized or compressed again.
    pub difference: DifferenceHash,
}

impl ImageHash {
    fn of(pixels: &images::Pixels) -> Result<Self, images::ImageError> {
        let mut bytes = Vec::with_capacity(pixels.rgb.len() + 8);
        bytes.extend(pixels.width.to_le_bytes());
        bytes.extend(pixels.height.to_le_bytes());
        bytes.extend(&pixels.rgb);
        Ok(Self { pixels: key::digest(&bytes), difference: images::difference_hash(pixels)? })
    }

    fn to_row(self) -> [f32; 2 * HALVES] {
        let mut row = [0.0; 2 * HALVES];
        let (pixels, _) = self.pixels.0.as_chunks::<2>();
        let difference =
            self.difference.iter().flat_map(|word| (0..4).map(move |half| (word >> (16 * half)) as u16));
        let halves = pixels.iter().map(|half| u16::from_le_bytes(*half)).chain(difference);
        row.iter_mut().zip(halves).for_each(|(to, half)| *to = f32::from(half));
        row
    }

    fn of_row(row: &[f32]) -> Self {
        let half = |at: usize| row.get(at).map_or(0, |value| *value as u16);
        let word =
            |first: usize| (0..4).fold(0, |word, at| word | (u64::from(half(first + at)) << (16 * at)));
        Self {
            pixels: Digest(std::array::from_fn(|at| half(at / 2).to_le_bytes()[at % 2])),
            difference: std::array::from_fn(|at| word(HALVES + 4 * at)),
        }
    }
}

/// The hashes of the images of a manifest, in its order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hashes(pub Vec<ImageHash>);

impl Artifact for Hashes {
    fn save(&self) -> Result<Files, ArtifactError> {
        Ok(Files::from([(FILE.to_owned(), to_json(self)?)]))
    }

    fn load(files: &Files) -> Result<Self, ArtifactError> {
        from_json(files, FILE)
    }
}

/// The stage.
#[derive(Serialize)]
pub struct HashImages {
    /// Which images.
    pub manifest: Handle<Manifest>,
    /// Where their bytes are.
    pub listing: Handle<Listing>,
    /// Which code decodes and hashes.
    pub code: [&'static str; 2],
    /// Names the rows that are kept per image.
    pub extractor: Extractor,
    /// Where the files lie.
    #[serde(skip)]
    pub folder: PathBuf,
    /// Images with more pixels are refused.
    #[serde(skip)]
    pub max_pixels: u64,
}

impl HashImages {
    /// The name under which rows of this code are shared.
    pub fn extractor(code: [&'static str; 2]) -> Extractor {
        Extractor(Key::of("image-hashes", Self::VERSION, &serde_json::json!(code)))
    }
}

impl Stage for HashImages {
    const NAME: &'static str = "hash-images";
    const VERSION: u32 = 2;
    type Output = Hashes;

    fn run(&self, context: &Context<'_>) -> Result<Hashes, StageError> {
        let (manifest, listing) = (context.get(&self.manifest)?, context.get(&self.listing)?);
        let digest = |image: &Image| {
            let missing =
                || StageError::Failed("the manifest was made without reading the images".to_owned());
            image.digest.ok_or_else(missing)
        };
        let digests = manifest.images.iter().map(digest).collect::<Result<Vec<_>, _>>()?;
        let kept = context.rows(self.extractor, 2 * HALVES, &digests)?;
        for reason in &kept.damaged {
            context.notice(format!("hashes kept earlier are damaged and computed again: {reason}"));
        }
        let mut known: HashMap<Digest, ImageHash> = HashMap::new();
        let mut missing = Vec::new();
        for (image, digest) in manifest.images.iter().zip(&digests) {
            if known.contains_key(digest) {
                continue;
            }
            let row = kept.get(digest).map(|row| ImageHash::of_row(&row.to_vec()));
            if row.is_none() {
                missing.push((image, *digest));
            }
            // The same image twice is hashed once.
            known.insert(*digest, row.unwrap_or(ImageHash { pixels: *digest, difference: [0; 4] }));
        }
        let mut done = 0;
        for chunk in missing.chunks(CHUNK) {
            context.check_cancelled()?;
            let hashes: Vec<ImageHash> = context.parallel(|| {
                chunk
                    .par_iter()
                    .map(|(image, _)| self.hash(&listing, image))
                    .collect::<Result<_, StageError>>()
            })?;
            let rows: Vec<f32> = hashes.iter().flat_map(|hash| hash.to_row()).collect();
            let rows = Array2::from_shape_vec((hashes.len(), 2 * HALVES), rows)
                .map_err(|error| StageError::Failed(error.to_string()))?;
            let images: Vec<Digest> = chunk.iter().map(|(_, digest)| *digest).collect();
            context.keep_rows(self.extractor, &images, rows.view())?;
            known.extend(images.into_iter().zip(hashes));
            done += chunk.len();
            context.progress(done, missing.len());
        }
        Ok(Hashes(digests.iter().filter_map(|digest| known.get(digest).copied()).collect()))
    }
}

impl HashImages {
    fn hash(&self, listing: &Listing, image: &Image) -> Result<ImageHash, StageError> {
        let limits = images::Limits { max_pixels: self.max_pixels, ..images::Limits::default() };
        let bytes = listing.bytes(image.row as usize, &self.folder)?;
        let bad = |error: images::ImageError| StageError::BadInput(format!("{}: {error}", image.path));
        ImageHash::of(&images::decode(&bytes, &limits).map_err(bad)?).map_err(bad)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_survive_the_way_through_a_row_of_numbers() {
        let difference = [0xffff_0000_1234_5678, 1, u64::MAX, 0x8000_0000_0000_0001];
        let hash = ImageHash { pixels: key::digest(b"pixels"), difference };
        assert_eq!(ImageHash::of_row(&hash.to_row()), hash);
    }
}
