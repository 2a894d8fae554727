//! The gate on leakage: images that are the same must not be trained on and tested.
//!
//! Splits keep groups together, but a data set can hold a picture twice under two groups. Before anything is fitted,
//! such pairs are found, and `[split] leakage` says what becomes of them: their groups are made one, the run ends, or
//! they are only counted.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use super::duplicates::{Duplicates, Likeness, SamePair};
use super::inspect::Manifest;
use crate::figures::leakage_table::LeakageRow;
use crate::stage::Handle;

/// Pairs named in an error; the rest are counted.
const NAMED: usize = 20;

/// What becomes of images of two groups that are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// A pair on both sides of the split ends the run.
    Error,
    /// The groups are made one.
    Group,
    /// They are counted, and the figures say so.
    Ignore,
}

impl Policy {
    /// Names as they stand in an experiment.
    pub const NAMES: [(&'static str, Self); 3] =
        [("error", Self::Error), ("group", Self::Group), ("ignore", Self::Ignore)];
}

/// What the split does about duplicates.
#[derive(Clone, Copy, Serialize)]
pub struct Gate {
    /// Which there are.
    pub duplicates: Handle<Duplicates>,
    /// What becomes of them.
    pub leakage: Policy,
}

/// A pair of images of two groups that are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeakagePair {
    /// Which images, and how they are the same.
    pub pair: SamePair,
    /// Whether they lie on two sides of the split: in different folds, or in different parts.
    pub apart: bool,
    /// Whether they would, had the gate done nothing.
    pub apart_if_ignored: bool,
}

/// The duplicates of a split.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leakage {
    /// What became of them.
    pub policy: Policy,
    /// Pairs of images of different groups; all pairs where the split does not keep groups together.
    pub pairs: Vec<LeakagePair>,
    /// So many groups were merged into so many.
    pub merged: [usize; 2],
}

/// Duplicates in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeakageCounts {
    /// What became of them.
    pub policy: Policy,
    /// Pairs equal in bytes.
    pub equal_bytes: usize,
    /// Pairs equal in pixels.
    pub equal_pixels: usize,
    /// Pairs nearly equal.
    pub near_duplicates: usize,
    /// Pairs on two sides of the split, had the gate done nothing.
    pub apart_if_ignored: usize,
    /// Pairs on two sides of the split.
    pub apart: usize,
    /// So many groups were merged into so many.
    pub merged: [usize; 2],
}

/// Duplicates and what became of them, in a line; none where no image is read.
pub fn words(counts: Option<&LeakageCounts>) -> String {
    let Some(counts) = counts else {
        return "duplicates were not looked for, since no image was read".to_owned();
    };
    let LeakageCounts { policy, equal_bytes, equal_pixels, near_duplicates, apart_if_ignored, apart, merged } =
        counts;
    if equal_bytes + equal_pixels + near_duplicates == 0 {
        return "no two groups share an image".to_owned();
    }
    let found = format!(
        "pairs between groups: {equal_bytes} equal in bytes, {equal_pixels} in pixels, {near_duplicates} near-duplicates"
    );
    let [from, into] = merged;
    match policy {
        Policy::Group => format!(
            "{found}; {from} groups merged into {into}, which keeps {apart_if_ignored} pairs from lying on both sides"
        ),
        Policy::Ignore | Policy::Error => format!("{found}; {apart} of them on both sides of the split"),
    }
}

impl Leakage {
    /// Pairs on two sides of the split.
    pub fn count_apart(&self) -> usize {
        self.pairs.iter().filter(|pair| pair.apart).count()
    }

    /// In numbers.
    pub fn counts(&self) -> LeakageCounts {
        let of = |likeness: Likeness| self.pairs.iter().filter(|pair| pair.pair.likeness == likeness).count();
        LeakageCounts {
            policy: self.policy,
            equal_bytes: of(Likeness::Bytes),
            equal_pixels: of(Likeness::Pixels),
            near_duplicates: of(Likeness::NearDuplicate),
            apart_if_ignored: self.pairs.iter().filter(|pair| pair.apart_if_ignored).count(),
            apart: self.count_apart(),
            merged: self.merged,
        }
    }

    /// What every figure says where nothing was done about pairs on both sides.
    pub(super) fn warning(&self) -> Option<String> {
        let apart = self.count_apart();
        (apart > 0)
            .then(|| format!("{apart} pairs of images that are the same lie on both sides of the split"))
    }

    /// As rows of a table.
    pub(super) fn rows<'a>(&self, manifest: &'a Manifest) -> Vec<LeakageRow<'a>> {
        let row = |LeakagePair { pair, apart, apart_if_ignored }: &LeakagePair| {
            let image = |at: usize| {
                let image = &manifest.images[at];
                [image.path.as_str(), image.label.name(), image.group.as_str()]
            };
            LeakageRow {
                images: [image(pair.first), image(pair.second)],
                kind: pair.likeness.name(),
                distance: pair.distance,
                apart: [*apart_if_ignored, *apart],
            }
        };
        self.pairs.iter().map(row).collect()
    }

    /// Why the run ends.
    pub(super) fn refusal(&self, manifest: &Manifest) -> String {
        let apart = || self.pairs.iter().filter(|pair| pair.apart);
        let count = apart().count();
        let pairs = if count == 1 {
            "pair of images that are the same lies"
        } else {
            "pairs of images that are the same lie"
        };
        let mut lines = vec![format!("{count} {pairs} on both sides of the split:")];
        lines.extend(apart().take(NAMED).map(|LeakagePair { pair, .. }| {
            let [first, second] = [pair.first, pair.second].map(|at| &manifest.images[at].path);
            let how = match pair.likeness {
                Likeness::Bytes => "equal in bytes".to_owned(),
                Likeness::Pixels => "equal in pixels".to_owned(),
                Likeness::NearDuplicate => format!("near-duplicates, {} of 256 bits differ", pair.distance),
            };
            format!("  `{first}` and `{second}`: {how}")
        }));
        if count > NAMED {
            lines.push(format!("  and {} more", count - NAMED));
        }
        lines.push(
            "remove copies, or set `leakage = \"group\"` in `[split]` to keep them on one side".to_owned(),
        );
        lines.join("\n")
    }
}

/// The pairs among images that are kept. What is left out still says who is equal to whom: a pair with such an image
/// becomes one with a kept image that equals it.
pub(super) fn between_kept(pairs: &[SamePair], is_kept: impl Fn(usize) -> bool) -> Vec<SamePair> {
    let mut stands_for: HashMap<usize, usize> = HashMap::new();
    let mut kept = Vec::new();
    // Equal pairs come before near ones.
    for pair in pairs {
        let [first, second] = [pair.first, pair.second].map(|mut at| {
            while let Some(&equal) = stands_for.get(&at) {
                at = equal;
            }
            at
        });
        match (is_kept(first), is_kept(second)) {
            (true, true) if first != second => kept.push(SamePair { first, second, ..*pair }),
            (false, _) if pair.likeness != Likeness::NearDuplicate && first != second => {
                stands_for.insert(first, second);
            }
            (true, false) if pair.likeness != Likeness::NearDuplicate => {
                stands_for.insert(second, first);
            }
            _ => {}
        }
    }
    kept
}

/// How many groups became part of another's, and what they became.
pub(super) fn merged(groups: &[String], merged: &[String]) -> [usize; 2] {
    let moved: BTreeSet<&str> =
        groups.iter().zip(merged).filter(|(old, new)| old != new).map(|(_, new)| new.as_str()).collect();
    let parts: BTreeSet<&str> = groups
        .iter()
        .zip(merged)
        .filter(|(_, new)| moved.contains(new.as_str()))
        .map(|(old, _)| old.as_str())
        .collect();
    [parts.len(), moved.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(first: usize, second: usize, likeness: Likeness) -> SamePair {
        SamePair { first, second, likeness, distance: 0 }
    }

    #[test]
    fn copies_of_an_image_that_is_left_out_are_still_copies_of_each_other() {
        let pairs = [
            pair(0, 2, Likeness::Bytes),
            pair(0, 3, Likeness::Bytes),
            pair(1, 5, Likeness::Pixels),
            pair(0, 1, Likeness::NearDuplicate),
            pair(4, 6, Likeness::NearDuplicate),
        ];
        let found = between_kept(&pairs, |at| ![0, 1, 4].contains(&at));
        assert_eq!(found, [pair(2, 3, Likeness::Bytes), pair(2, 5, Likeness::NearDuplicate)]);
        assert_eq!(between_kept(&pairs, |_| true), pairs);
    }

    #[test]
    fn merged_groups_are_counted_before_and_after() {
        let names = |text: &str| text.chars().map(String::from).collect::<Vec<_>>();
        assert_eq!(merged(&names("aabcd"), &names("aaacd")), [2, 1]);
        assert_eq!(merged(&names("abcd"), &names("aacc")), [4, 2]);
        assert_eq!(merged(&names("ab"), &names("ab")), [0, 0]);
    }
}
