//! k-fold cross validation.

use super::SplitError;
use super::assign::assign;
use super::units::{Unit, shuffled_units, unit_name};
use crate::types::{Emotion, Seed};

/// The fold, `0..folds`, in which each sample is tested.
///
/// `groups[i]` names the group of sample `i`; without `grouped` it only names the sample (equal names are
/// allowed). With `stratified` each class is spread as evenly as the groups allow: for single samples, the
/// counts of a class in any two folds differ by at most 1.
///
/// # Errors
/// Fewer than 2 folds, fewer samples (groups) than folds, fewer of a class than folds when stratified, or a
/// fold that would train without one of the classes.
pub fn k_fold(
    labels: &[Emotion],
    groups: &[String],
    folds: usize,
    stratified: bool,
    grouped: bool,
    seed: Seed,
) -> Result<Vec<u32>, SplitError> {
    if folds < 2 {
        return Err(SplitError::TooFewFolds { folds });
    }
    let units = shuffled_units(labels, groups, grouped, seed, "k-fold")?;
    let unit = unit_name(grouped);
    if units.len() < folds {
        return Err(SplitError::TooFewUnits { units: unit, count: units.len(), folds });
    }
    if stratified {
        for class in Emotion::ALL {
            let count = units_with(&units, class);
            if (1..folds).contains(&count) {
                return Err(SplitError::TooFewOfClass { class, units: unit, count, folds });
            }
        }
    }
    let fold_of = assign(&units, labels.len(), &vec![1.0; folds], stratified);
    for class in Emotion::ALL {
        let mut held = labels.iter().zip(&fold_of).filter(|(label, _)| **label == class);
        let Some((_, &fold)) = held.next() else { continue };
        let others = held.clone().count();
        if held.all(|(_, &other)| other == fold) {
            return Err(SplitError::ClassNotTrained { class, fold, count: others + 1 });
        }
    }
    Ok(fold_of.into_iter().map(|fold| fold as u32).collect())
}

/// How many units hold the class.
fn units_with(units: &[Unit], class: Emotion) -> usize {
    units.iter().filter(|unit| unit.counts[class.index()] > 0).count()
}
