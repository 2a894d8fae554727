//! Images that are looked for in another data set: by their bytes, their decoded pixels, or nearly.

use std::collections::HashMap;

use super::duplicates::{Likeness, SamePair};
use super::hash_images::Hashes;
use super::inspect::Manifest;
use crate::images::{self, DifferenceHash};
use crate::stage::Context;
use crate::types::Digest;

/// Images of a data set and what tells each.
#[derive(Clone, Copy)]
pub(super) struct Told<'a> {
    pub manifest: &'a Manifest,
    pub hashes: &'a Hashes,
    /// Which of them count, by their place in the manifest.
    pub places: &'a [usize],
}

impl Told<'_> {
    fn bytes(&self, at: usize) -> Option<Digest> {
        self.manifest.images[at].digest
    }

    fn pixels(&self, at: usize) -> Digest {
        self.hashes.0[at].pixels
    }

    fn differences(&self) -> Vec<DifferenceHash> {
        self.places.iter().map(|&at| self.hashes.0[at].difference).collect()
    }
}

/// For each image of `sought` the one of `known` that is most like it, if any is: `first` is its place among the known,
/// `second` that of the image that was sought. Perceptual hashes of near-duplicates differ in at most `distance` bits.
pub(super) fn look_for(
    context: &Context<'_>,
    sought: Told<'_>,
    known: Told<'_>,
    distance: u32,
) -> Vec<Option<SamePair>> {
    let (mut bytes, mut pixels) = (HashMap::new(), HashMap::new());
    for &at in known.places {
        if let Some(digest) = known.bytes(at) {
            bytes.entry(digest).or_insert(at);
        }
        pixels.entry(known.pixels(at)).or_insert(at);
    }
    let near =
        context.parallel(|| images::nearest_known(&sought.differences(), &known.differences(), distance));
    let pair = |(&second, near): (&usize, Option<(usize, u32)>)| {
        let of = |first: usize, likeness, distance| SamePair { first, second, likeness, distance };
        let equal = sought.bytes(second).and_then(|digest| bytes.get(&digest));
        let equal = equal.map(|&first| of(first, Likeness::Bytes, 0));
        let decoded = || pixels.get(&sought.pixels(second)).map(|&first| of(first, Likeness::Pixels, 0));
        let near = || near.map(|(at, bits)| of(known.places[at], Likeness::NearDuplicate, bits));
        equal.or_else(decoded).or_else(near)
    };
    sought.places.iter().zip(near).map(pair).collect()
}
