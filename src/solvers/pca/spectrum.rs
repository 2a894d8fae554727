//! How much variance the components of an analysis explain.

use ndarray::{Array1, s};

use super::{Decomposition, Keep, PcaError};

/// Singular values and variances of `k` components.
#[derive(Clone, Debug, PartialEq)]
pub struct Spectrum {
    /// Singular values of the centred training rows, descending, `[k]`.
    pub singular_values: Array1<f64>,
    /// Variance of the training scores, `[k]`, with `n - 1` in the denominator.
    pub explained_variance: Array1<f64>,
    /// Share of the total variance, `[k]`.
    pub explained_variance_ratio: Array1<f64>,
    /// Variance of all features together, with `n - 1` in the denominator.
    pub total_variance: f64,
    /// Number of training rows, `n`.
    pub samples: usize,
    /// Number of features, `d`.
    pub features: usize,
    /// How the components were found.
    pub decomposition: Decomposition,
}

impl Spectrum {
    /// Of singular values of centred rows `[samples, features]` whose squares sum up to `squares`.
    pub(super) fn of(
        singular_values: Array1<f64>,
        squares: f64,
        [samples, features]: [usize; 2],
        decomposition: Decomposition,
    ) -> Self {
        let degrees = (samples - 1) as f64;
        let eigenvalues = singular_values.mapv(|value| value * value);
        Self {
            singular_values,
            explained_variance: &eigenvalues / degrees,
            explained_variance_ratio: eigenvalues / squares,
            total_variance: squares / degrees,
            samples,
            features,
            decomposition,
        }
    }

    /// How many of the components at hand that is.
    ///
    /// # Errors
    /// More components than `min(n - 1, d)` or than the rank of the data, none at all, or a share of the
    /// variance that the components at hand do not explain.
    pub fn count(&self, keep: Keep) -> Result<usize, PcaError> {
        let held = self.singular_values.len();
        Ok(match keep {
            Keep::AtMost(_) => keep.most(self.samples, self.features)?.min(held),
            Keep::Count(_) => {
                let count = keep.most(self.samples, self.features)?;
                if count > held {
                    return Err(PcaError::RankTooLow { components: count, rank: held });
                }
                count
            }
            Keep::Variance(share) => {
                let mut explained = 0.0;
                let enough = |ratio: &f64| {
                    explained += ratio;
                    explained >= share
                };
                let count = self.explained_variance_ratio.iter().position(enough).map(|at| at + 1);
                count.ok_or_else(|| PcaError::VarianceNotReached {
                    share: share.to_string(),
                    held,
                    explained: format!("{explained:.4}"),
                })?
            }
        })
    }

    /// Of the first `count` components.
    #[must_use]
    pub fn first(&self, count: usize) -> Self {
        let first = |values: &Array1<f64>| values.slice(s![..count]).to_owned();
        Self {
            singular_values: first(&self.singular_values),
            explained_variance: first(&self.explained_variance),
            explained_variance_ratio: first(&self.explained_variance_ratio),
            ..*self
        }
    }
}
