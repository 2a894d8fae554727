//! The leading principal directions from a random start and block power iterations.
//!
//! With `A [m, p]` the centred data, its smaller side first, and `W` random, the blocks `W, AA'W, (AA')^2 W, ...`
//! are made orthonormal and all kept, and the eigenvectors of `AA'` are sought in their span (Rayleigh-Ritz).
//! Keeping every block instead of the last alone costs nothing, since each was computed anyway, and converges
//! in about the square root of the number of iterations. The iteration ends when the residuals
//! `|AA'u - t u|` are below [`RESIDUAL`] of their own eigenvalue `t`; they are then computed once more from
//! the data. So the answer is an exact solver's; where it is not reached, the exact solver answers. It answers too where as many
//! eigenvalues are equal as a block is wide: of one eigenvalue the blocks hold no more directions, and no residual tells of
//! those that they lack (data of categories have such).
//!
//! The start is the same in every run: signs from a fixed generator.
//!
//! Sources: Halko, Martinsson and Tropp, *Finding structure with randomness*, SIAM Review 53(2), 2011; Halko,
//! Martinsson, Shkolnisky and Tygert, *An algorithm for the principal component analysis of large data sets*,
//! SIAM J. Sci. Comput. 33(5), 2011 (all blocks kept).

use faer::{Mat, MatRef};

use super::exact::{self, Eigen, leading};
use super::matrix::{Centred, orthonormal, product};
use super::{Decomposition, Found, PcaError};

/// Largest residual of an eigenvector, relative to its eigenvalue.
const RESIDUAL: f64 = 1e-9;

/// A smaller eigenvalue, relative to the largest, has too few digits beyond what rounding leaves of a residual.
const LEAST_EIGENVALUE: f64 = 1e-6;

/// What rounding leaves of a residual, relative to the largest eigenvalue.
const ROUNDING: f64 = 1e-13;

/// Eigenvalues this close, relatively, may be one: far above [`RESIDUAL`], below which mixed directions pass for eigenvectors.
const ALIKE: f64 = 1e-6;

/// Columns of a block beyond half the directions sought: with all blocks kept, a narrower block needs more
/// iterations and less work.
const OVERSAMPLING: usize = 10;

/// Blocks before the exact solver is cheaper.
const MOST_BLOCKS: usize = 24;

/// `most` directions of centred data, or fewer where its rank is lower.
pub(super) fn directions(data: &Centred, most: usize) -> Result<Found, PcaError> {
    match iterate(data.smaller_first(), most)? {
        Some(eigen) => Ok(exact::found(data, &eigen.vectors, Decomposition::Randomized)),
        None => exact::directions(data, most),
    }
}

/// Eigenvalues and eigenvectors `[m, k]` of `a a'`, if they converge in a basis that stays small beside `m`.
fn iterate(a: MatRef<'_, f64>, k: usize) -> Result<Option<Eigen>, PcaError> {
    let m = a.nrows();
    let width = k.div_ceil(2) + OVERSAMPLING;
    let capacity = (MOST_BLOCKS * width).min(m / 2);
    let mut basis = Mat::<f64>::zeros(m, capacity);
    // The projection of `a a'` on the basis, its lower triangle.
    let mut projected = Mat::<f64>::zeros(capacity, capacity);
    let mut block = orthonormal(&signs(m, width)).0;
    let mut size = 0;
    while size + width <= capacity {
        basis.subcols_mut(size, width).copy_from(&block);
        size += width;
        let mut image = apply(a, block.as_ref());
        let so_far = basis.subcols(0, size);
        // Twice, for once leaves what rounding made of large parts.
        for pass in 0..2 {
            let parts = product_of_transposed(so_far, image.as_ref());
            image -= so_far * &parts;
            if pass == 0 {
                for j in 0..width {
                    for i in 0..size {
                        let (row, column) = (i.max(size - width + j), i.min(size - width + j));
                        projected[(row, column)] = parts[(i, j)];
                    }
                }
            }
        }
        let (next, remainder) = orthonormal(&image);
        if size >= k + width {
            let inner = leading(projected.as_ref().submatrix(0, 0, size, size), k)?;
            let last = &remainder * inner.vectors.subrows(size - width, width);
            if (0..k).all(|i| last.col(i).norm_l2() <= bound(&inner.values, i)) {
                let found = Eigen { vectors: product(so_far, inner.vectors.as_ref()), values: inner.values };
                let is_certain = has_digits(&found.values)
                    && !has_as_many_alike(&found.values, width)
                    && is_converged(a, &found);
                return Ok(is_certain.then_some(found));
            }
        }
        // Where the image lay in the basis already, what was made orthonormal is noise that does not.
        let parts = product_of_transposed(so_far, next.as_ref());
        block = orthonormal(&(next - so_far * parts)).0;
    }
    Ok(None)
}

/// The largest residual allowed of eigenvector `i`.
fn bound(values: &[f64], i: usize) -> f64 {
    (RESIDUAL * values[i]).max(ROUNDING * values[0])
}

/// Whether the residuals can vouch for the smallest of some eigenvalues.
fn has_digits(values: &[f64]) -> bool {
    values.first().zip(values.last()).is_some_and(|(first, last)| *last >= LEAST_EIGENVALUE * first)
}

/// Whether so many eigenvalues in a row are equal as far as residuals tell.
fn has_as_many_alike(values: &[f64], count: usize) -> bool {
    values.windows(count).any(|run| match run {
        [first, .., last] => *last >= (1.0 - ALIKE) * first,
        _ => true,
    })
}

/// Whether the columns are orthonormal eigenvectors of `a a'` for the values.
fn is_converged(a: MatRef<'_, f64>, Eigen { values, vectors }: &Eigen) -> bool {
    let images = apply(a, vectors.as_ref());
    let eigen = (0..values.len()).all(|i| {
        let residual = images.col(i) - vectors.col(i) * faer::Scale(values[i]);
        // Not a number fails, as it must.
        residual.norm_l2() <= 2.0 * bound(values, i)
    });
    let products = vectors.transpose() * vectors;
    let unit = |i: usize, j: usize| if i == j { 1.0 } else { 0.0 };
    let indices = || 0..values.len();
    eigen && indices().all(|i| indices().all(|j| (products[(i, j)] - unit(i, j)).abs() <= RESIDUAL))
}

fn apply(a: MatRef<'_, f64>, block: MatRef<'_, f64>) -> Mat<f64> {
    product(a, product(a.transpose(), block).as_ref())
}

/// `a' b` of two tall matrices.
fn product_of_transposed(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Mat<f64> {
    product(a.transpose(), b)
}

/// Signs from splitmix64, the same in every run.
fn signs(rows: usize, columns: usize) -> Mat<f64> {
    let mut state = 2016u64;
    Mat::from_fn(rows, columns, |_, _| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        if (bits ^ (bits >> 31)) & 1 == 0 { 1.0 } else { -1.0 }
    })
}
