//! Why principal components cannot be found or applied.

/// Why principal components cannot be found or applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what each field is")]
pub enum PcaError {
    #[error("feature {column} of training row {row} is not a finite number")]
    NotFinite { row: usize, column: usize },
    #[error("principal components need at least 2 training rows, not {samples}")]
    TooFewSamples { samples: usize },
    #[error(
        "{components} principal components asked for, but {samples} training rows of {features} features \
         have at most {most}"
    )]
    TooManyComponents { components: usize, samples: usize, features: usize, most: usize },
    #[error("the number of principal components must be at least 1")]
    NoComponents,
    #[error("all {samples} training rows are equal, so there is no variance to explain")]
    NoVariance { samples: usize },
    #[error(
        "{components} principal components asked for, but only {rank} directions in which the training rows vary can be told from rounding"
    )]
    RankTooLow { components: usize, rank: usize },
    #[error("{share} of the variance asked for, but the {held} components at hand explain {explained}")]
    VarianceNotReached { share: String, held: usize, explained: String },
    #[error("the eigenvalue solver failed: {reason}")]
    Solver { reason: String },
    #[error("the model was fitted on {expected} features but is applied to {found}")]
    Features { expected: usize, found: usize },
}
