//! `find-duplicates`: images of a data set that are the same, or nearly.

use std::collections::HashMap;
use std::hash::Hash;

use serde::{Deserialize, Serialize};

use super::hash_images::Hashes;
use super::inspect::Manifest;
use super::{from_json, to_json};
use crate::images::{self, DifferenceHash, NearPair};
use crate::stage::{Artifact, ArtifactError, Context, Files, Handle, Stage, StageError};

const FILE: &str = "duplicates.json";
/// More pairs than this are no copies of each other but a distance that tells nothing apart.
const MOST_PAIRS: usize = 1_000_000;

/// How two images are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Likeness {
    /// The files are equal.
    Bytes,
    /// The files differ, and decode to the same pixels.
    Pixels,
    /// The pixels differ, and the perceptual hashes nearly agree.
    NearDuplicate,
}

impl Likeness {
    /// All of them, closest first.
    pub const ALL: [Self; 3] = [Self::Bytes, Self::Pixels, Self::NearDuplicate];

    /// As it stands in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Pixels => "pixels",
            Self::NearDuplicate => "near-duplicate",
        }
    }
}

/// Two images that are the same, by their place in the manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SamePair {
    /// The earlier one.
    pub first: usize,
    /// The later one.
    pub second: usize,
    /// How.
    pub likeness: Likeness,
    /// Bits of the perceptual hashes that differ.
    pub distance: u32,
}

/// All pairs of images that are the same. Of images that are equal, each is paired with the first one; near-duplicates
/// are sought among images that are not equal, and every pair is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Duplicates {
    /// Equal bytes first, then equal pixels, then near-duplicates.
    pub pairs: Vec<SamePair>,
}

impl Artifact for Duplicates {
    fn save(&self) -> Result<Files, ArtifactError> {
        Ok(Files::from([(FILE.to_owned(), to_json(self)?)]))
    }

    fn load(files: &Files) -> Result<Self, ArtifactError> {
        from_json(files, FILE)
    }
}

/// The stage.
#[derive(Serialize)]
pub struct FindDuplicates {
    /// Digests of the files.
    pub manifest: Handle<Manifest>,
    /// Digests of the pixels, and perceptual hashes.
    pub hashes: Handle<Hashes>,
    /// Bits in which the perceptual hashes of near-duplicates differ, at most.
    pub near_duplicate_distance: u32,
}

impl Stage for FindDuplicates {
    const NAME: &'static str = "find-duplicates";
    const VERSION: u32 = 1;
    type Output = Duplicates;

    fn run(&self, context: &Context<'_>) -> Result<Duplicates, StageError> {
        let (manifest, hashes) = (context.get(&self.manifest)?, context.get(&self.hashes)?);
        let all: Vec<usize> = (0..manifest.images.len()).collect();
        let (distinct, mut pairs) = equal(&all, Likeness::Bytes, |at| manifest.images[at].digest);
        let (distinct, more) = equal(&distinct, Likeness::Pixels, |at| Some(hashes.0[at].pixels));
        pairs.extend(more);
        let differences: Vec<DifferenceHash> = distinct.iter().map(|&at| hashes.0[at].difference).collect();
        let distance = self.near_duplicate_distance;
        let near = context.parallel(|| images::near_duplicates(&differences, distance, MOST_PAIRS));
        let near = near.ok_or_else(|| {
            StageError::BadInput(format!(
                "more than {MOST_PAIRS} pairs of the {} images are near-duplicates at a distance of {distance}\n\
                 lower `near_duplicate_distance` in `[split]`",
                all.len()
            ))
        })?;
        let pair = |NearPair { first, second, distance }: NearPair| SamePair {
            first: distinct[first],
            second: distinct[second],
            likeness: Likeness::NearDuplicate,
            distance,
        };
        pairs.extend(near.into_iter().map(pair));
        Ok(Duplicates { pairs })
    }
}

/// The first image of each value, and a pair of it with each other image of the same value.
fn equal<V: Hash + Eq>(
    images: &[usize],
    likeness: Likeness,
    value: impl Fn(usize) -> Option<V>,
) -> (Vec<usize>, Vec<SamePair>) {
    let mut firsts = HashMap::new();
    let (mut distinct, mut pairs) = (Vec::new(), Vec::new());
    for &second in images {
        match value(second).map(|value| *firsts.entry(value).or_insert(second)) {
            Some(first) if first != second => pairs.push(SamePair { first, second, likeness, distance: 0 }),
            _ => distinct.push(second),
        }
    }
    (distinct, pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_copy_is_paired_with_the_first() {
        let values = [Some('a'), Some('b'), Some('a'), None, Some('a'), None];
        let (distinct, pairs) = equal(&[0, 1, 2, 3, 4, 5], Likeness::Pixels, |at| values[at]);
        assert_eq!(distinct, [0, 1, 3, 5]);
        let pairs: Vec<_> = pairs.iter().map(|pair| (pair.first, pair.second)).collect();
        assert_eq!(pairs, [(0, 2), (0, 4)]);
    }
}
