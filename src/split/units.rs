//! What a split moves as a whole: a group of samples, or a single sample; in a random, repeatable order.

use std::collections::BTreeMap;

use super::SplitError;
use crate::types::{Emotion, Seed};

/// Samples that stay together.
pub(super) struct Unit {
    /// Row numbers of the samples, ascending.
    pub rows: Vec<usize>,
    /// Samples of each class.
    pub counts: [usize; 8],
}

/// What a unit is, for messages.
pub(super) const fn unit_name(grouped: bool) -> &'static str {
    if grouped { "groups" } else { "samples" }
}

/// The units in the random order of `(seed, purpose, name)`.
///
/// A group's name is its own. A single sample is named by its group, its label and which of the samples with
/// both equal it is, so that only samples that nothing tells apart can trade places when rows are permuted.
pub(super) fn shuffled_units(
    labels: &[Emotion],
    groups: &[String],
    grouped: bool,
    seed: Seed,
    purpose: &str,
) -> Result<Vec<Unit>, SplitError> {
    if labels.len() != groups.len() {
        return Err(SplitError::Lengths { labels: labels.len(), groups: groups.len() });
    }
    if labels.is_empty() {
        return Err(SplitError::Empty);
    }
    let mut of_name: BTreeMap<(&str, Option<Emotion>), Vec<usize>> = BTreeMap::new();
    for (row, (&label, group)) in labels.iter().zip(groups).enumerate() {
        of_name.entry((group, (!grouped).then_some(label))).or_default().push(row);
    }
    let mut units = Vec::new();
    for ((group, label), rows) in of_name {
        if grouped {
            units.push((rank(seed, purpose, group, None, 0), rows));
        } else {
            units.extend(
                rows.into_iter()
                    .enumerate()
                    .map(|(occurrence, row)| (rank(seed, purpose, group, label, occurrence), vec![row])),
            );
        }
    }
    units.sort_unstable();
    Ok(units
        .into_iter()
        .map(|(_, rows)| {
            let counts = Emotion::counts(rows.iter().filter_map(|&row| labels.get(row).copied()));
            Unit { rows, counts }
        })
        .collect())
}

/// The place of a name in the random order: a keyed hash, so that no other choice shares its randomness.
fn rank(seed: Seed, purpose: &str, group: &str, label: Option<Emotion>, occurrence: usize) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key("emolab 2026 split order");
    hasher.update(&seed.0.to_le_bytes());
    for text in [purpose, group, label.map_or("", Emotion::name)] {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    }
    hasher.update(&(occurrence as u64).to_le_bytes());
    *hasher.finalize().as_bytes()
}
