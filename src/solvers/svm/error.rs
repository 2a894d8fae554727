//! Why a support vector machine cannot be fitted or applied.

use super::Unsolved;
use super::interior_point::GAP;
use crate::types::Emotion;

/// Why a support vector machine cannot be fitted or applied.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what each field is")]
pub enum SvmError {
    #[error("there are no training samples")]
    Empty,
    #[error("{scores} rows of training scores but {labels} labels")]
    Lengths { scores: usize, labels: usize },
    #[error("all training samples are `{class}`: there is nothing to tell it from")]
    OneClass { class: Emotion },
    #[error("component {column} of training row {row} is not a finite number")]
    NotFinite { row: usize, column: usize },
    #[error("the penalty C must be a number above 0, not {c:?}")]
    Penalty { c: f64 },
    #[error("no penalty C was given")]
    NoPenalty,
    #[error("the class weight of `{class}` must be a number above 0, not {weight}")]
    Weight { class: Emotion, weight: f64 },
    #[error("the tolerance epsilon must be a number above 0, not {epsilon}")]
    Epsilon { epsilon: f64 },
    #[error(
        "the SVM of `{class}` did not converge at C = {c:?}: its relative gap is {gap:.2e} after {iterations} \
         iterations, at most {GAP:.0e} is allowed"
    )]
    Gap { class: Emotion, c: f64, gap: f64, iterations: usize },
    #[error("the SVM of `{class}` did not converge: {reason}")]
    NotConverged { class: Emotion, reason: String },
    #[error("the SVM of `{class}` failed: {reason}")]
    Solver { class: Emotion, reason: String },
    #[error(
        "the SVM of `{class}` cannot be computed at C = {c:?}: C times the squared size of the scores ({size:.1e} squared) is \
         {size_of} 64 bits hold"
    )]
    Range { class: Emotion, c: f64, size: f64, size_of: &'static str },
    #[error("the model was fitted on {expected} components but is applied to {found}")]
    Components { expected: usize, found: usize },
}

impl SvmError {
    /// The way out, in terms of an experiment's `[svm]`, where there is one.
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Range { .. } => Some(
                "give a `c` near 1 in `[svm]`, or, at `scale = \"none\"`, set `\"global\"` or `\"standard\"`",
            ),
            Self::Gap { .. } | Self::NotConverged { .. } | Self::Solver { .. } => Some(
                "the scores and C leave too few digits: lower `c`, weigh the classes less unevenly, keep fewer \
                 `components` in `[pca]`, or, at `scale = \"none\"`, set `\"global\"` or `\"standard\"` in `[svm]`",
            ),
            _ => None,
        }
    }

    pub(super) fn unsolved(class: Emotion, c: f64, why: Unsolved) -> Self {
        match why {
            Unsolved::Gap { gap, iterations } => Self::Gap { class, c, gap, iterations },
            Unsolved::NotConverged(reason) => Self::NotConverged { class, reason },
            Unsolved::Failed(reason) => Self::Solver { class, reason },
            Unsolved::Range { size, is_small } => {
                let size_of = if is_small { "less than" } else { "more than" };
                Self::Range { class, c, size, size_of }
            }
        }
    }
}
