//! Principal directions by linfa-reduction, guarded.
//!
//! linfa-reduction 0.8.1 runs LOBPCG from a start that is seeded with a constant, so it is deterministic,
//! and takes 60 to 200 ms for 316 to 1,130 rows of 1,280 to 4,096 features. What was measured against dense
//! decompositions, and is guarded against here:
//!
//! - its tolerance is absolute: on features of norm 1e3 it panicked, on 1e-6 it stopped at once with
//!   directions that are noise. So the data is divided by its Frobenius norm first.
//! - it returns its last iterate as `Ok` when it has not converged or when its basis of 3 k vectors does not
//!   fit (k = 29 of 30 rows, 100 of 316, 19 of 40): singular values wrong by 0.4 to 4 %; on scaled data of
//!   low rank still in 1 of 10 cases. So the residual of every component is tested.
//! - it drops components whose eigenvalue is small beside the first.
//! - `explained_variance` divides by k - 1, and `explained_variance_ratio` by the kept variance. Neither is
//!   used; see [`pca`](super).
//!
//! Where it cannot be used or fails the test, the smaller of the Gram matrices `XX'` and `X'X` is decomposed
//! by linfa-linalg's dense symmetric eigensolver: exact, 75 ms at 316 rows, but 6.7 s at 1,130. Which of the
//! two ran is a function of the data alone, and is kept in the model.

use linfa::{DatasetBase, traits::Fit};
use linfa_linalg::eigh::{EigSort, EighInto};
use linfa_reduction::Pca;
use ndarray::{Array1, Array2, Axis};

use faer::Mat;

use super::matrix::Centred;
use super::{Decomposition, Found, PcaError, RANK};

/// Largest residual `|X'X v - s^2 v|` of a component, relative to its own `s^2`.
const RESIDUAL: f64 = 1e-6;

/// Orthonormal rows `[k, d]` and their singular values.
struct Directions {
    components: Array2<f64>,
    singular_values: Array1<f64>,
    decomposition: Decomposition,
}

/// At most `most` directions of centred data that varies.
pub(super) fn directions(data: &Centred, most: usize) -> Result<Found, PcaError> {
    let rows = data.rows();
    let norm = data.squares.sqrt();
    let unit = Array2::from_shape_fn((rows.nrows(), rows.ncols()), |(i, j)| rows[(i, j)] / norm);
    let smaller = unit.nrows().min(unit.ncols());
    let iterated = if 5 * most <= smaller { iterate(&unit, most) } else { None };
    let found = match iterated {
        Some(found) => found,
        None => decompose(&unit, most)?,
    };
    let (k, d) = found.components.dim();
    Ok(Found {
        components: Mat::from_fn(d, k, |i, j| found.components[[j, i]]),
        singular_values: found.singular_values * norm,
        left: None,
        decomposition: found.decomposition,
    })
}

/// linfa's answer, if it is one.
fn iterate(unit: &Array2<f64>, k: usize) -> Option<Directions> {
    let model = Pca::params(k).fit(&DatasetBase::from(unit.view())).ok()?;
    let components = model.components().to_owned();
    let singular_values = model.singular_values().to_owned();
    let found = Directions { components, singular_values, decomposition: Decomposition::Iterative };
    (found.singular_values.len() == k && converged(unit, &found)).then_some(found)
}

/// Whether the components are eigenvectors of `X'X` for the squared singular values, and orthonormal.
fn converged(unit: &Array2<f64>, found: &Directions) -> bool {
    let v = found.components.t();
    let products = unit.t().dot(&unit.dot(&v));
    let eigen = found.singular_values.iter().enumerate().all(|(i, &value)| {
        let eigenvalue = value * value;
        let residual = &products.column(i) - &(&v.column(i) * eigenvalue);
        // Not a number fails, as it must.
        residual.dot(&residual).sqrt() <= RESIDUAL * eigenvalue
    });
    eigen
        && found.components.dot(&v).indexed_iter().all(|((i, j), &value)| {
            let expected = if i == j { 1.0 } else { 0.0 };
            (value - expected).abs() <= RESIDUAL
        })
}

/// The exact directions, from the smaller Gram matrix.
fn decompose(unit: &Array2<f64>, k: usize) -> Result<Directions, PcaError> {
    let wide = unit.nrows() < unit.ncols();
    let gram = if wide { unit.dot(&unit.t()) } else { unit.t().dot(unit) };
    let failed = |reason: &dyn std::fmt::Display| PcaError::Solver { reason: reason.to_string() };
    let (values, vectors) = gram.eigh_into().map_err(|error| failed(&error))?;
    if values.iter().any(|value| !value.is_finite()) {
        return Err(failed(&"an eigenvalue is not a finite number"));
    }
    let (values, vectors) = (values, vectors).sort_eig_desc();
    let singular_values: Array1<f64> = values.iter().take(k).map(|value| value.max(0.0).sqrt()).collect();
    let first = singular_values.first().copied().unwrap_or(0.0);
    let rank = singular_values.iter().take_while(|value| **value > RANK * first).count();
    let kept = vectors.slice_axis(Axis(1), (0..rank).into());
    let mut components = if wide { kept.t().dot(unit) } else { kept.t().to_owned() };
    for mut component in components.rows_mut() {
        let length = component.dot(&component).sqrt();
        component /= length;
    }
    let singular_values = singular_values.slice_move(ndarray::s![..rank]);
    Ok(Directions { components, singular_values, decomposition: Decomposition::Dense })
}
