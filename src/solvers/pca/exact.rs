//! Principal directions from eigenvectors of the smaller of the Gram and the covariance matrix.
//!
//! Squaring the data squares its condition: eigenvalues are good to `1e-16 (s_1 / s_i)^2`. So singular values are not
//! their roots but the lengths `|X v_i|` or `|X' u_i|`, which are good to about `1e-16 s_1 / s_i`. And where directions are
//! asked for whose singular value is below [`LEVEL`] of the first, those above it are taken out of the data, and the
//! others are sought in what remains, level by level. A direction is good to about `1e-16 s_1 / s_i`, as from a singular
//! value decomposition of the data, and what counts as 0 is what does for NumPy's `matrix_rank`.

use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::tridiag::{TridiagParams, tridiag_in_place};
use faer::linalg::evd::{
    ComputeEigenvectors, SelfAdjointEvdParams, self_adjoint_evd_scratch, tridiagonal_self_adjoint_evd,
};
use faer::linalg::householder::apply_block_householder_sequence_on_the_left_in_place_with_conj;
use faer::linalg::qr::no_pivoting::factor::recommended_block_size;
use faer::{Auto, Conj, Mat, MatRef, Par, Spec};
use ndarray::Array1;

use super::matrix::{Centred, gram, orthonormal, product};
use super::{Decomposition, Found, PcaError, RANK};
use crate::solvers::power_of_2;

/// Singular values below this share of a level's first are left to the next level.
const LEVEL: f64 = 1e-4;

/// Images of eigenvectors down to this share of the first singular value are orthogonal as they are, to about 1e-12, and
/// the eigenvectors times the singular values are the scores as well.
pub(super) const APART: f64 = 1e-2;

/// At most `most` directions of centred data.
pub(super) fn directions(data: &Centred, most: usize) -> Result<Found, PcaError> {
    let whole = data.smaller_first();
    let rounding = f64::EPSILON * whole.ncols() as f64;
    let mut first = 0.0;
    let mut left = Mat::<f64>::zeros(whole.nrows(), 0);
    let mut remainder: Option<Mat<f64>> = None;
    loop {
        let rest = remainder.as_ref().map_or(whole, Mat::as_ref);
        let eigen = leading(gram(rest).as_ref(), most - left.ncols())?;
        let roots = roots(&eigen.values);
        let top = roots.first().copied().unwrap_or(0.0);
        first = f64::max(first, top);
        let least = (LEVEL * top).max(rounding * first);
        let own = roots.iter().take_while(|root| **root > least).count();
        let is_last = own == 0 || left.ncols() + own == most.min(whole.nrows());
        let vectors = eigen.vectors.subcols(0, own);
        if is_last {
            return Ok(found(data, &joined(&left, vectors), Decomposition::Exact));
        }
        // As far as they lean towards directions of the next level, they would leave of themselves in what remains.
        let images = orthonormal(&product(rest.transpose(), vectors)).0;
        let vectors = orthonormal(&product(rest, images.as_ref())).0;
        left = joined(&left, vectors.as_ref());
        let mut next = rest.to_owned();
        // Twice, for once leaves what rounding made of large parts.
        for _ in 0..2 {
            let parts = product(left.transpose(), next.as_ref());
            next -= product(left.as_ref(), parts.as_ref());
        }
        remainder = Some(next);
    }
}

/// Columns beside columns.
fn joined(first: &Mat<f64>, second: MatRef<'_, f64>) -> Mat<f64> {
    let mut whole = Mat::zeros(second.nrows(), first.ncols() + second.ncols());
    whole.subcols_mut(0, first.ncols()).copy_from(first);
    whole.subcols_mut(first.ncols(), second.ncols()).copy_from(second);
    whole
}

/// Size of a tridiagonal matrix that is not divided any further: faer's 128 takes a fifth longer at 250.
const UNDIVIDED: usize = 32;

/// Eigenvalues by descending size, and their eigenvectors as columns, `[m, k]`.
pub(super) struct Eigen {
    pub values: Vec<f64>,
    pub vectors: Mat<f64>,
}

/// The first `most` eigenvalues and eigenvectors of the symmetric matrix whose lower triangle is given: those of a similar
/// tridiagonal matrix, of which no more are carried back than are asked for.
pub(super) fn leading(matrix: MatRef<'_, f64>, most: usize) -> Result<Eigen, PcaError> {
    let size = matrix.nrows();
    let kept = most.min(size);
    if kept == 0 {
        return Ok(Eigen { values: Vec::new(), vectors: Mat::zeros(size, 0) });
    }
    let mut parameters: SelfAdjointEvdParams = Auto::<f64>::auto();
    parameters.recursion_threshold = UNDIVIDED;
    let parameters = Spec::<_, f64>::new(parameters);
    let needed = self_adjoint_evd_scratch::<f64>(size, ComputeEigenvectors::Yes, Par::Seq, parameters);
    let mut buffer = MemBuffer::new(needed);

    let mut reduced = matrix.to_owned();
    let mut reflections = Mat::zeros(recommended_block_size::<f64>(size, size), size - 1);
    let tridiagonal = Spec::new(<TridiagParams as Auto<f64>>::auto());
    let stack = MemStack::new(&mut buffer);
    tridiag_in_place(reduced.as_mut(), reflections.as_mut(), Par::Seq, stack, tridiagonal);

    let (mut diagonal, mut below) = (Diag::zeros(size), Diag::zeros(size));
    for i in 0..size {
        diagonal[i] = reduced[(i, i)];
        below[i] = if i + 1 < size { reduced[(i + 1, i)] } else { 0.0 };
    }
    // faer takes for 0 what is small beside numbers near 1, so that is what it gets, as LAPACK's `dstedc` does it.
    let largest = (0..size).fold(0.0f64, |largest, i| largest.max(diagonal[i].abs()).max(below[i].abs()));
    let unit = power_of_2(largest);
    for i in 0..size {
        diagonal[i] /= unit;
        below[i] /= unit;
    }
    let (mut ascending, mut whole) = (Diag::zeros(size), Mat::zeros(size, size));
    let stack = MemStack::new(&mut buffer);
    let (into, vectors) = (ascending.as_mut(), Some(whole.as_mut()));
    tridiagonal_self_adjoint_evd(
        diagonal.as_ref(),
        below.as_ref(),
        into,
        vectors,
        Par::Seq,
        stack,
        parameters,
    )
    .map_err(|error| PcaError::Solver { reason: format!("{error:?}") })?;
    let values: Vec<f64> = (0..kept).map(|i| unit * ascending[size - 1 - i]).collect();
    if values.iter().any(|value| !value.is_finite()) {
        return Err(PcaError::Solver { reason: "an eigenvalue is not a finite number".to_owned() });
    }

    let mut vectors = Mat::from_fn(size, kept, |i, j| whole[(i, size - 1 - j)]);
    apply_block_householder_sequence_on_the_left_in_place_with_conj(
        reduced.as_ref().submatrix(1, 0, size - 1, size - 1),
        reflections.as_ref(),
        Conj::No,
        vectors.as_mut().subrows_mut(1, size - 1),
        Par::Seq,
        MemStack::new(&mut buffer),
    );
    Ok(Eigen { values, vectors })
}

/// Directions from eigenvectors `[m, k]` of the matrix on the data's smaller side.
pub(super) fn found(data: &Centred, vectors: &Mat<f64>, decomposition: Decomposition) -> Found {
    let count = vectors.ncols();
    let images = product(data.smaller_first().transpose(), vectors.as_ref());
    let lengths = (0..count).map(|j| images.col(j).norm_l2());
    // Rounding must not make of two equal values an ascending pair.
    let singular_values = lengths.scan(f64::INFINITY, |least, length| {
        *least = least.min(length);
        Some(*least)
    });
    let singular_values: Array1<f64> = singular_values.collect();
    let least = singular_values.last().copied().unwrap_or(0.0);
    let is_apart = least >= APART * singular_values.first().copied().unwrap_or(0.0);
    let mut components = if !data.is_wide() {
        vectors.clone()
    } else if is_apart {
        images
    } else {
        // Each leans on larger ones by rounding of theirs, so that small ones are not orthogonal to them any more.
        orthonormal(&images).0
    };
    let are_known = data.is_wide() && is_apart && decomposition == Decomposition::Exact;
    let left = are_known.then(|| vectors.clone());
    for j in 0..count {
        let length = components.col(j).norm_l2();
        for value in components.col_as_slice_mut(j) {
            *value /= length;
        }
    }
    Found { components, singular_values, left, decomposition }
}

/// Roots of the eigenvalues, down to the rank that they alone can tell.
pub(super) fn singular_values(eigenvalues: &[f64]) -> Array1<f64> {
    let roots = roots(eigenvalues);
    let first = roots.first().copied().unwrap_or(0.0);
    roots.into_iter().take_while(|value| *value > RANK * first).collect()
}

fn roots(eigenvalues: &[f64]) -> Vec<f64> {
    eigenvalues.iter().map(|value| value.max(0.0).sqrt()).collect()
}
