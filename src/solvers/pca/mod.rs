//! Principal component analysis.
//!
//! With `X [n, d]` the training rows, `m` their mean and `X - m = U S V'`, the components are the first `k`
//! rows of `V'`, and
//!
//! ```text
//! explained variance        s_i^2 / (n - 1)
//! explained variance ratio  s_i^2 / sum of all s^2      (the total variance, not that of the kept ones)
//! scores                    (x - m) V
//! ```
//!
//! A component's sign is free; here its loading of largest magnitude is positive (the first, if several are to within
//! rounding).
//! All sums are of f64. A model of many components holds those of every smaller number: [`PcaModel::keep`].
//! Source: Jolliffe, *Principal Component Analysis*, 2nd ed., 2002.

mod error;
mod exact;
mod linfa;
mod matrix;
mod model;
mod products;
mod randomized;
mod spectrum;
mod stream;

#[cfg(test)]
mod tests;

use faer::Mat;
use ndarray::Array1;
use serde::Serialize;

pub use error::PcaError;
pub use model::PcaModel;
pub use products::RowProducts;
pub use spectrum::Spectrum;

/// Smallest singular value that eigenvalues of the Gram matrix tell from rounding errors, relative to the first: the square
/// root of what they are good to. The exact solver looks further.
const RANK: f64 = 1e-7;

/// Which algorithm finds the components.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PcaSolver {
    /// One of the next two by shape: randomized where the smaller side of the matrix is above 512 and at least
    /// 8 times the number of components.
    #[default]
    Auto,
    /// Eigenvectors of the smaller of the Gram and the covariance matrix, and again of what they leave where smaller
    /// directions are asked for.
    Exact,
    /// A random start and block power iterations, until the residuals are those of an exact answer.
    Randomized,
    /// linfa-reduction, guarded as `solvers/pca/linfa.rs` tells.
    Linfa,
}

impl PcaSolver {
    /// The algorithm for `components` of a matrix whose smaller side is `smaller`.
    fn resolve(self, smaller: usize, components: usize) -> Self {
        match self {
            Self::Auto if smaller > 512 && 8 * components <= smaller => Self::Randomized,
            Self::Auto => Self::Exact,
            chosen => chosen,
        }
    }
}

/// How the components of a model were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decomposition {
    /// linfa: LOBPCG iterations, whose answer passed the residual test.
    Iterative,
    /// linfa: the dense eigendecomposition of the smaller Gram matrix.
    Dense,
    /// The eigendecomposition of the smaller of the Gram and the covariance matrix.
    Exact,
    /// Block power iterations from a random start, whose answer passed the residual test.
    Randomized,
}

impl Decomposition {
    /// All of them; their order is part of stored models.
    pub const ALL: [Self; 4] = [Self::Iterative, Self::Dense, Self::Exact, Self::Randomized];
}

/// How many components are kept.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Keep {
    /// This many.
    Count(usize),
    /// As few as explain this share of the total variance, above 0 and below 1.
    Variance(f64),
    /// This many, or as many as the data have where those are fewer.
    AtMost(usize),
}

impl Keep {
    /// The number asked for, where it is one.
    pub const fn number(self) -> Option<usize> {
        match self {
            Self::Count(count) | Self::AtMost(count) => Some(count),
            Self::Variance(_) => None,
        }
    }

    /// The number asked for, where there may be fewer.
    pub const fn at_most(self) -> Option<usize> {
        match self {
            Self::AtMost(count) => Some(count),
            Self::Count(_) | Self::Variance(_) => None,
        }
    }

    /// How many components of rows `[samples, features]` must be found for it.
    ///
    /// # Errors
    /// Fewer than 2 rows, no component at all, or, unless clamped, more than `min(samples - 1, features)`.
    pub fn most(self, samples: usize, features: usize) -> Result<usize, PcaError> {
        let most = features.min(samples.saturating_sub(1));
        match self {
            Self::Count(0) | Self::AtMost(0) => Err(PcaError::NoComponents),
            _ if samples < 2 => Err(PcaError::TooFewSamples { samples }),
            Self::Count(components) if components > most => {
                Err(PcaError::TooManyComponents { components, samples, features, most })
            }
            Self::Count(components) => Ok(components),
            Self::AtMost(components) => Ok(components.min(most)),
            Self::Variance(_) => Ok(most),
        }
    }
}

/// Magnitudes this close, relatively, are equal but for rounding.
const EQUAL: f64 = 1e-6;

/// -1 if the number of largest magnitude is negative, else 1; of those that are as large the first decides: of features or
/// images that are copies or mirror images of each other, rounding must not choose.
pub(crate) fn sign(numbers: impl Iterator<Item = f64> + Clone) -> f64 {
    let largest = numbers.clone().fold(0.0f64, |largest, number| largest.max(number.abs()));
    let first = numbers.into_iter().find(|number| number.abs() >= (1.0 - EQUAL) * largest);
    if first.is_some_and(|first| first < 0.0) { -1.0 } else { 1.0 }
}

/// Components on the way from a solver to a model.
struct Found {
    /// Orthonormal columns by descending singular value, `[d, k]`; any sign. As many as asked for or as the rank.
    components: Mat<f64>,
    /// Singular values of the centred data, `[k]`.
    singular_values: Array1<f64>,
    /// Left singular vectors, `[n, k]`, where they are known as well as the components.
    left: Option<Mat<f64>>,
    /// How they were found.
    decomposition: Decomposition,
}
