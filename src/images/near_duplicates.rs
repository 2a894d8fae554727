//! Images that look alike: difference hashes that differ in few bits.

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::DifferenceHash;

/// Fewest bits that a hash must have to say anything: a picture with hardly an edge is like any other such one.
const LEAST_BITS: u32 = 32;

/// Two images, by their place in the list, and how many of their hashes' 256 bits differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NearPair {
    /// The earlier one.
    pub first: usize,
    /// The later one.
    pub second: usize,
    /// Bits that differ.
    pub distance: u32,
}

/// Whether a hash can tell an image from another.
pub fn is_telling(hash: &DifferenceHash) -> bool {
    bits(hash) >= LEAST_BITS
}

/// Every pair of telling hashes that differ in at most `distance` bits; `None` where there are more than `most`.
///
/// Each pair is looked at, on rayon's threads: 25,000 images take half a second. The answer does not depend on the
/// number of threads.
pub fn near_duplicates(hashes: &[DifferenceHash], distance: u32, most: usize) -> Option<Vec<NearPair>> {
    let found = AtomicUsize::new(0);
    let telling: Vec<(usize, &DifferenceHash)> =
        hashes.iter().enumerate().filter(|(_, hash)| is_telling(hash)).collect();
    let of_first = |at: usize| {
        let (first, hash) = telling[at];
        let near = telling[at + 1..].iter().filter_map(|&(second, other)| {
            let bits = differing(hash, other);
            (bits <= distance).then_some(NearPair { first, second, distance: bits })
        });
        let near: Vec<NearPair> = near.collect();
        // Too many end the search, before they fill the memory.
        (found.fetch_add(near.len(), Ordering::Relaxed) + near.len() <= most).then_some(near)
    };
    let all: Option<Vec<Vec<NearPair>>> = (0..telling.len()).into_par_iter().map(of_first).collect();
    all.map(|all| all.concat())
}

/// For each hash the nearest of `known` that differs in at most `distance` bits, the first of several: its place there
/// and how many bits differ. Hashes that are not telling have none.
pub fn nearest_known(
    hashes: &[DifferenceHash],
    known: &[DifferenceHash],
    distance: u32,
) -> Vec<Option<(usize, u32)>> {
    let telling: Vec<(usize, &DifferenceHash)> =
        known.iter().enumerate().filter(|(_, hash)| is_telling(hash)).collect();
    let nearest = |hash: &DifferenceHash| {
        let all = telling.iter().filter(|_| is_telling(hash));
        let near = all.map(|(at, other)| (*at, differing(hash, other))).filter(|near| near.1 <= distance);
        near.min_by_key(|near| near.1)
    };
    hashes.par_iter().map(nearest).collect()
}

fn bits(hash: &DifferenceHash) -> u32 {
    hash.iter().map(|word| word.count_ones()).sum()
}

fn differing(a: &DifferenceHash, b: &DifferenceHash) -> u32 {
    a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_within_the_distance_are_found_and_plain_pictures_are_not() {
        let hash = |low: u64| [low, u64::MAX, 0, 0];
        let hashes = [hash(0), [0; 4], hash(0b111), [1, 0, 0, 0], hash(0b1111_1111)];
        let pairs = |distance| {
            let found = near_duplicates(&hashes, distance, 3).unwrap();
            found.into_iter().map(|pair| (pair.first, pair.second, pair.distance)).collect::<Vec<_>>()
        };
        assert_eq!(pairs(2), []);
        assert_eq!(pairs(3), [(0, 2, 3)]);
        assert_eq!(pairs(5), [(0, 2, 3), (2, 4, 5)]);
        assert_eq!(pairs(256).len(), 3, "the two with hardly a bit are like nothing");
        assert_eq!(near_duplicates(&hashes, 256, 2), None);
    }

    #[test]
    fn the_nearest_known_one_is_found_and_a_plain_picture_has_none() {
        let hash = |low: u64| [low, u64::MAX, 0, 0];
        let known = [hash(0b1111), [0; 4], hash(0b1), hash(0b10)];
        let hashes = [hash(0), hash(0b1111), [0; 4], hash(0xff00)];
        assert_eq!(nearest_known(&hashes, &known, 3), [Some((2, 1)), Some((0, 0)), None, None]);
        assert_eq!(nearest_known(&hashes[3..], &known, 9), [Some((2, 9))]);
        assert_eq!(nearest_known(&hashes, &[], 256), [None; 4]);
    }
}
