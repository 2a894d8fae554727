//! Centred data in f64, and the products that the solvers need.
//!
//! Threads share out blocks of the output, whose bounds depend on the shape alone, so each number is summed in
//! one order whatever the number of threads.

use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::linalg::solvers::Qr;
use faer::{Accum, Mat, MatRef, Par};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, Zip};
use rayon::prelude::*;

use super::PcaError;

/// Side of the square blocks of a Gram matrix.
const TILE: usize = 160;

/// Rows of a block of another product.
const STRIP: usize = 256;

/// `X - m` in f64.
pub(super) struct Centred {
    /// Row after row, `[n, d]`.
    values: Vec<f64>,
    samples: usize,
    /// Mean of the rows, `[d]`.
    pub mean: Array1<f64>,
    /// Sum of the squares of all entries.
    pub squares: f64,
}

impl Centred {
    /// Of rows `[n, d]` with `n > 0` and `d > 0`.
    ///
    /// # Errors
    /// A value that is not finite.
    pub fn new(rows: ArrayView2<'_, f32>) -> Result<Self, PcaError> {
        let (samples, features) = rows.dim();
        let mut mean = Array1::<f64>::zeros(features);
        for row in rows.axis_iter(Axis(0)) {
            mean.zip_mut_with(&row, |sum, value| *sum += f64::from(*value));
        }
        // Sums of f32 do not overflow an f64, so one is infinite or no number only if a value is.
        if !mean.iter().all(|sum| sum.is_finite())
            && let Some(((row, column), _)) = rows.indexed_iter().find(|(_, value)| !value.is_finite())
        {
            return Err(PcaError::NotFinite { row, column });
        }
        mean /= samples as f64;
        let mut values = vec![0.0; samples * features];
        let of_rows: Vec<f64> = values
            .par_chunks_mut(features)
            .enumerate()
            .map(|(number, centred)| {
                centre(rows.row(number), &mean, centred);
                sum_of_squares(centred)
            })
            .collect();
        Ok(Self { values, samples, mean, squares: of_rows.iter().sum() })
    }

    /// `[n, d]`.
    pub fn rows(&self) -> MatRef<'_, f64> {
        MatRef::from_row_major_slice(&self.values, self.samples, self.mean.len())
    }

    /// Whether there are fewer rows than columns.
    pub fn is_wide(&self) -> bool {
        self.samples < self.mean.len()
    }

    /// The data with its smaller side first, `[m, p]`, `m <= p`.
    pub fn smaller_first(&self) -> MatRef<'_, f64> {
        if self.is_wide() { self.rows() } else { self.rows().transpose() }
    }
}

/// `row - mean` in f64, `[d]`.
fn centre(row: ArrayView1<'_, f32>, mean: &Array1<f64>, to: &mut [f64]) {
    Zip::from(to).and(row).and(mean).for_each(|to, value, mean| *to = f64::from(*value) - mean);
}

/// In eight sums side by side, as a processor adds.
fn sum_of_squares(values: &[f64]) -> f64 {
    let (chunks, rest) = values.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for chunk in chunks {
        for (sum, value) in sums.iter_mut().zip(chunk) {
            *sum += value * value;
        }
    }
    sums.iter().sum::<f64>() + rest.iter().map(|value| value * value).sum::<f64>()
}

/// The lower triangle of `a a'`, `[m, m]`.
pub(super) fn gram(a: MatRef<'_, f64>) -> Mat<f64> {
    let mut sum = Mat::zeros(a.nrows(), a.nrows());
    for (tile, part) in gram_tiles(a) {
        let (i, j) = tile.corner;
        sum.submatrix_mut(i, j, part.nrows(), part.ncols()).copy_from(part);
    }
    sum
}

/// A block of a Gram matrix on or under its diagonal.
#[derive(Clone, Copy)]
pub(super) struct Tile {
    /// First row and column.
    pub corner: (usize, usize),
    /// Number of rows and of columns.
    pub size: (usize, usize),
}

/// The blocks of a Gram matrix of size `m`.
pub(super) fn tiles(m: usize) -> Vec<Tile> {
    let starts = || (0..m).step_by(TILE);
    let tile = |i: usize, j: usize| Tile { corner: (i, j), size: (TILE.min(m - i), TILE.min(m - j)) };
    starts().flat_map(|i| starts().take_while(move |j| *j <= i).map(move |j| tile(i, j))).collect()
}

/// The block of `a a'`, added to `part`; of a block on the diagonal the lower triangle alone.
pub(super) fn add_tile(a: MatRef<'_, f64>, tile: Tile, part: &mut Mat<f64>) {
    let ((i, j), (rows, columns)) = (tile.corner, tile.size);
    let (left, right) = (a.subrows(i, rows), a.subrows(j, columns).transpose());
    let whole = BlockStructure::Rectangular;
    let structure = if i == j { BlockStructure::TriangularLower } else { whole };
    triangular::matmul(part.as_mut(), structure, Accum::Add, left, whole, right, whole, 1.0, Par::Seq);
}

fn gram_tiles(a: MatRef<'_, f64>) -> Vec<(Tile, Mat<f64>)> {
    let compute = |tile: Tile| {
        let mut part = Mat::zeros(tile.size.0, tile.size.1);
        add_tile(a, tile, &mut part);
        (tile, part)
    };
    tiles(a.nrows()).into_par_iter().map(compute).collect()
}

/// `a b`, `[m, k]`, of `a [m, p]` and `b [p, k]`.
pub(super) fn product(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Mat<f64> {
    let mut whole = Mat::zeros(a.nrows(), b.ncols());
    let mut strips = Vec::with_capacity(a.nrows().div_ceil(STRIP));
    let mut left = whole.as_mut();
    while left.nrows() > 0 {
        let rows = STRIP.min(left.nrows());
        let (strip, below) = left.split_at_row_mut(rows);
        strips.push(strip);
        left = below;
    }
    strips.into_par_iter().enumerate().for_each(|(number, strip)| {
        let rows = a.subrows(number * STRIP, strip.nrows());
        matmul(strip, Accum::Replace, rows, b, 1.0, Par::Seq);
    });
    whole
}

/// An orthonormal basis of the columns of a tall matrix, and their coordinates in it.
pub(super) fn orthonormal(columns: &Mat<f64>) -> (Mat<f64>, Mat<f64>) {
    let factors = Qr::new(columns.as_ref());
    (factors.compute_thin_Q(), factors.thin_R().to_owned())
}

/// `(rows - mean) components'`, `[n, k]`, of `rows [n, d]` and `components [k, d]`, in standard layout.
pub(super) fn projected(
    rows: ArrayView2<'_, f32>,
    mean: &Array1<f64>,
    components: ArrayView2<'_, f64>,
) -> Array2<f64> {
    let ((_, d), k) = (rows.dim(), components.nrows());
    let mut scores = Array2::zeros((rows.nrows(), k));
    if d == 0 || k == 0 {
        return scores;
    }
    let components = components.as_standard_layout();
    let components = MatRef::from_row_major_slice(components.as_slice().unwrap_or_default(), k, d);
    let strips: Vec<_> =
        rows.axis_chunks_iter(Axis(0), STRIP).zip(scores.axis_chunks_iter_mut(Axis(0), STRIP)).collect();
    strips.into_par_iter().for_each(|(rows, mut scores)| {
        let mut centred = vec![0.0; rows.len()];
        rows.rows().into_iter().zip(centred.chunks_mut(d)).for_each(|(row, to)| centre(row, mean, to));
        let centred = MatRef::from_row_major_slice(&centred, rows.nrows(), d);
        // The transpose of the product is what has the layout of the scores.
        let mut part = Mat::zeros(k, rows.nrows());
        matmul(part.as_mut(), Accum::Replace, components, centred.transpose(), 1.0, Par::Seq);
        for (mut row, column) in scores.rows_mut().into_iter().zip(part.col_iter()) {
            row.iter_mut().zip(column.iter()).for_each(|(to, from)| *to = *from);
        }
    });
    scores
}
