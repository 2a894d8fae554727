//! Principal directions from all eigenvectors of the smaller of the Gram and the covariance matrix.
//!
//! Squaring the data squares its condition, so singular values are not the roots of eigenvalues, which are good to
//! `1e-16 (s_1 / s_i)^2`, but the lengths `|X v_i|` or `|X' u_i|`, which are good to about `1e-16 s_1 / s_i`. What is
//! smaller than [`RANK`] of the largest counts as 0.

use faer::linalg::solvers::SelfAdjointEigen;
use faer::{Mat, MatRef, Side};
use ndarray::Array1;

use super::matrix::{Centred, gram, product};
use super::{Decomposition, Found, PcaError, RANK};

/// At most `most` directions of centred data.
pub(super) fn directions(data: &Centred, most: usize) -> Result<Found, PcaError> {
    let eigen = leading(gram(data.smaller_first()).as_ref(), most)?;
    Ok(found(data, &eigen, Decomposition::Exact))
}

/// Eigenvalues by descending size, and their eigenvectors as columns, `[m, k]`.
pub(super) struct Eigen {
    pub values: Vec<f64>,
    pub vectors: Mat<f64>,
}

/// The first `most` eigenvalues and eigenvectors of the symmetric matrix whose lower triangle is given.
pub(super) fn leading(matrix: MatRef<'_, f64>, most: usize) -> Result<Eigen, PcaError> {
    let failed = |reason: String| PcaError::Solver { reason };
    let eigen = SelfAdjointEigen::new(matrix, Side::Lower).map_err(|error| failed(format!("{error:?}")))?;
    let size = matrix.nrows();
    let kept = most.min(size);
    let value = |i: usize| eigen.S()[size - 1 - i];
    let values: Vec<f64> = (0..kept).map(value).collect();
    if values.iter().any(|value| !value.is_finite()) {
        return Err(failed("an eigenvalue is not a finite number".to_owned()));
    }
    let vectors = eigen.U();
    Ok(Eigen { values, vectors: Mat::from_fn(size, kept, |i, j| vectors[(i, size - 1 - j)]) })
}

/// Directions from eigenvectors of the matrix on the data's smaller side, down to its rank.
pub(super) fn found(data: &Centred, eigen: &Eigen, decomposition: Decomposition) -> Found {
    let rank = singular_values(&eigen.values).len();
    let kept = eigen.vectors.subcols(0, rank);
    let images = product(data.smaller_first().transpose(), kept);
    let lengths = (0..rank).map(|j| images.col(j).norm_l2());
    // Rounding must not make of two equal values an ascending pair.
    let singular_values = lengths.scan(f64::INFINITY, |least, length| {
        *least = least.min(length);
        Some(*least)
    });
    let singular_values: Array1<f64> = singular_values.collect();
    let mut components = if data.is_wide() { images } else { kept.to_owned() };
    for j in 0..rank {
        let length = components.col(j).norm_l2();
        for value in components.col_as_slice_mut(j) {
            *value /= length;
        }
    }
    Found { components, singular_values, decomposition }
}

/// Roots of the eigenvalues, down to the rank.
pub(super) fn singular_values(eigenvalues: &[f64]) -> Array1<f64> {
    let roots = || eigenvalues.iter().map(|value| value.max(0.0).sqrt());
    let first = roots().next().unwrap_or(0.0);
    roots().take_while(|value| *value > RANK * first).collect()
}
