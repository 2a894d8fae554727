//! One split into a training, a test and a validation part.

use serde::{Deserialize, Serialize};

use super::SplitError;
use super::assign::assign;
use super::units::{shuffled_units, unit_name};
use crate::types::{Emotion, Seed};

/// The part of a hold-out split that a sample belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Part {
    Train,
    Test,
    Validation,
}

impl Part {
    /// All three, in the order of [`Fractions`].
    pub const ALL: [Self; 3] = [Self::Train, Self::Test, Self::Validation];

    /// The lower-case name, as it stands in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Test => "test",
            Self::Validation => "validation",
        }
    }
}

/// How much of the data each part gets; the paper's is 0.80, 0.15, 0.05.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fractions {
    /// Share of the training part, above 0.
    pub train: f64,
    /// Share of the test part; 0 leaves it out.
    pub test: f64,
    /// Share of the validation part; 0 leaves it out.
    pub validation: f64,
}

impl Fractions {
    fn check(self) -> Result<Vec<(Part, f64)>, SplitError> {
        let all = [(Part::Train, self.train), (Part::Test, self.test), (Part::Validation, self.validation)];
        for (part, value) in all {
            if !(0.0..=1.0).contains(&value) {
                return Err(SplitError::FractionRange { part: part.name(), value });
            }
            if value == 0.0 && part == Part::Train {
                return Err(SplitError::FractionZero { part: part.name() });
            }
        }
        let sum = self.train + self.test + self.validation;
        if (sum - 1.0).abs() > 1e-9 {
            return Err(SplitError::FractionSum { sum });
        }
        Ok(all.into_iter().filter(|(_, share)| *share > 0.0).collect())
    }
}

/// The part of each sample; `labels`, `groups`, `stratified`, `grouped` as in [`k_fold`](super::k_fold).
///
/// # Errors
/// Bad fractions, a part that would be empty, a class without training sample, and, when stratified, a class
/// without test sample.
pub fn holdout(
    labels: &[Emotion],
    groups: &[String],
    fractions: Fractions,
    stratified: bool,
    grouped: bool,
    seed: Seed,
) -> Result<Vec<Part>, SplitError> {
    let parts = fractions.check()?;
    let units = shuffled_units(labels, groups, grouped, seed, "holdout")?;
    let shares: Vec<f64> = parts.iter().map(|(_, share)| *share).collect();
    let part_of: Vec<Part> = assign(&units, labels.len(), &shares, stratified)
        .into_iter()
        .filter_map(|bin| parts.get(bin).map(|(part, _)| *part))
        .collect();
    for &(part, _) in &parts {
        if !part_of.contains(&part) {
            return Err(SplitError::EmptyPart {
                part: part.name(),
                units: unit_name(grouped),
                count: units.len(),
            });
        }
        // A small validation part may lack a rare class: it only chooses between settings.
        if part == Part::Validation || !stratified && part != Part::Train {
            continue;
        }
        for class in Emotion::ALL {
            let held = || labels.iter().zip(&part_of).filter(move |(label, _)| **label == class);
            let count = held().count();
            if count > 0 && !held().any(|(_, held_in)| *held_in == part) {
                return Err(SplitError::ClassNotInPart { class, part: part.name(), count });
            }
        }
    }
    Ok(part_of)
}
