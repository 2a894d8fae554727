//! Why a split cannot be made.

use crate::types::Emotion;

/// Why a split cannot be made, or not used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what each field is")]
pub enum SplitError {
    #[error("there are no samples to split")]
    Empty,
    #[error("{labels} labels but {groups} group names")]
    Lengths { labels: usize, groups: usize },
    #[error("cross validation needs at least 2 folds, not {folds}")]
    TooFewFolds { folds: usize },
    #[error("{count} {units} cannot fill {folds} folds")]
    TooFewUnits { units: &'static str, count: usize, folds: usize },
    #[error("`{class}` has {count} {units}, fewer than the {folds} folds it must be spread over")]
    TooFewOfClass { class: Emotion, units: &'static str, count: usize, folds: usize },
    #[error("fold {fold} would train without any `{class}`: all {count} of its samples are in that fold")]
    ClassNotTrained { class: Emotion, fold: usize, count: usize },
    #[error("the {part} part would hold none of the {count} samples of `{class}`")]
    ClassNotInPart { class: Emotion, part: &'static str, count: usize },
    #[error("the {part} part would be empty: {count} {units} do not suffice")]
    EmptyPart { part: &'static str, units: &'static str, count: usize },
    #[error("the {part} fraction is {value}, outside 0 to 1")]
    FractionRange { part: &'static str, value: f64 },
    #[error("the {part} fraction must be above 0")]
    FractionZero { part: &'static str },
    #[error("the fractions add up to {sum}, not to 1")]
    FractionSum { sum: f64 },
    #[error("the split covers {split} samples but the data has {rows} rows")]
    Rows { split: usize, rows: usize },
    #[error("fold {fold} has no {side} samples")]
    EmptySide { fold: usize, side: &'static str },
}
