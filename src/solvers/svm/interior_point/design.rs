//! The samples of a fit, in the form and units in which the interior point works.

use std::ops::Range;
use std::sync::OnceLock;

use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::{Accum, Mat, MatMut, MatRef, Par};
use ndarray::{Array1, ArrayView2};
use rayon::prelude::*;

use super::exchange::vectors::{Rows, filled};
use super::scores::Scores;

/// Samples per column up to which a step is solved for the samples: `n^3 / 3` against `n d^2 + d^3 / 3`.
const BY_SAMPLE: f64 = 1.6;

/// Rows of a chunk: about 350 kB at any width, but no fewer than 256.
fn rows_of_chunk(width: usize) -> usize {
    (43_000 / width.max(1)).clamp(256, 2048)
}

/// Centred and scaled samples with a column of ones, `A = [X 1]`, `[n, r + 1]`; shared by all classes and penalties.
///
/// The unpenalised bias makes centring free, and dividing by `s` turns the penalty `C` into `C s^2`; both keep
/// numbers near 1 ([`Scores`]). Where there are fewer samples than columns, the rows are written in a basis of their
/// span.
pub(in crate::solvers::svm) struct Design<'a> {
    /// What it is made of.
    scores: Scores<'a>,
    /// Rows in order, each `[rows, r + 1]`.
    chunks: Vec<Mat<f64>>,
    samples: usize,
    width: usize,
    /// Orthonormal columns that span the rows, `[d, r]`, where `r < d`.
    basis: Option<Mat<f64>>,
    /// `X X'`, `[n, n]`, where a step is solved for the samples.
    kernel: Option<Mat<f64>>,
    /// Squared lengths of the rows of `X`, `[n]`.
    squared_norms: Vec<f64>,
    /// `A` row by row, where somebody asked for it.
    rows: OnceLock<Rows>,
}

impl<'a> Design<'a> {
    /// Of scores `[n, d]`, finite, with `n > 0`.
    pub fn new(scores: ArrayView2<'a, f64>) -> Self {
        let scores = Scores::new(scores);
        let (samples, columns) = scores.dim();
        let (in_basis, basis) = if samples < columns {
            let wide = Mat::from_fn(columns, samples, |i, j| scores.get(j, i));
            let factors = wide.qr();
            (Some(factors.thin_R().transpose().to_owned()), Some(factors.compute_thin_Q()))
        } else {
            (None, None)
        };
        let width = columns.min(samples);
        let get =
            |i: usize, j: usize| in_basis.as_ref().map_or_else(|| scores.get(i, j), |rows| rows[(i, j)]);
        let kernel = (samples as f64 <= BY_SAMPLE * width as f64).then(|| {
            let rows = Mat::from_fn(samples, width, get);
            let mut kernel = Mat::zeros(samples, samples);
            let (lower, whole) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
            triangular::matmul(
                kernel.as_mut(),
                lower,
                Accum::Replace,
                &rows,
                whole,
                rows.transpose(),
                whole,
                1.0,
                Par::Seq,
            );
            for i in 0..samples {
                for j in 0..i {
                    kernel[(j, i)] = kernel[(i, j)];
                }
            }
            kernel
        });
        let height = rows_of_chunk(width);
        let chunk = |number: usize| {
            let first = number * height;
            Mat::from_fn(height.min(samples - first), width + 1, |i, j| {
                if j == width { 1.0 } else { get(first + i, j) }
            })
        };
        let chunks: Vec<Mat<f64>> = (0..samples.div_ceil(height)).into_par_iter().map(chunk).collect();
        let squared_norms = chunks.par_iter().flat_map_iter(|chunk| squared_norms(chunk, width)).collect();
        Self { scores, chunks, samples, width, basis, kernel, squared_norms, rows: OnceLock::new() }
    }

    /// Rows of a chunk, but for the last.
    fn height(&self) -> usize {
        self.chunks.first().map_or(1, Mat::nrows)
    }

    /// Number of samples, `n`.
    pub const fn samples(&self) -> usize {
        self.samples
    }

    /// Number of weights, `r`.
    pub const fn width(&self) -> usize {
        self.width
    }

    /// Whether there are at most two samples per dimension: in general position, with labels drawn at random, such
    /// are separable more often than not (Cover, IEEE Trans. Electron. Comput. 14(3), 1965).
    pub const fn is_likely_separable(&self) -> bool {
        self.samples <= 2 * (self.width + 1)
    }

    /// `X X'`, where a step is solved for the samples.
    pub const fn kernel(&self) -> Option<&Mat<f64>> {
        self.kernel.as_ref()
    }

    /// Squared lengths of the samples, without the one, `[n]`.
    pub fn squared_norms(&self) -> &[f64] {
        &self.squared_norms
    }

    /// The lower triangle of `A A'` for some rows, by ascending number, `[m, m]`.
    pub fn gram(&self, of: &[usize]) -> Mat<f64> {
        let mut gram = Mat::zeros(of.len(), of.len());
        if let Some(kernel) = &self.kernel {
            for (at, &column) in of.iter().enumerate() {
                let products = kernel.col_as_slice(column);
                let to = gram.col_as_slice_mut(at)[at..].iter_mut();
                to.zip(&of[at..]).for_each(|(to, row)| *to = products[*row] + 1.0);
            }
        } else {
            let rows = self.some_rows(of);
            let (lower, whole) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
            let (left, right) = (rows.as_ref(), rows.transpose());
            triangular::matmul(
                gram.as_mut(),
                lower,
                Accum::Replace,
                left,
                whole,
                right,
                whole,
                1.0,
                Par::Seq,
            );
        }
        gram
    }

    /// `A`, row by row, each filled up with zeros.
    pub(super) fn rows(&self) -> &Rows {
        self.rows.get_or_init(|| {
            let length = filled(self.width + 1);
            let mut rows = vec![0.0; self.samples * length];
            for (chunk, rows) in self.chunks.iter().zip(rows.chunks_mut(self.height() * length)) {
                for column in 0..=self.width {
                    let to = rows[column..].iter_mut().step_by(length);
                    to.zip(chunk.col_as_slice(column)).for_each(|(to, value)| *to = *value);
                }
            }
            Rows::new(rows, length)
        })
    }

    /// Some rows of `A`, by ascending number, `[m, r + 1]`.
    fn some_rows(&self, of: &[usize]) -> Mat<f64> {
        let mut rows = Mat::zeros(of.len(), self.width + 1);
        for (number, chunk) in self.chunks.iter().enumerate() {
            let first = number * self.height();
            let place = |row: usize| of.partition_point(|i| *i < row);
            let own = place(first)..place(first + chunk.nrows());
            for column in 0..=self.width {
                let values = chunk.col_as_slice(column);
                let to = &mut rows.col_as_slice_mut(column)[own.clone()];
                to.iter_mut().zip(&of[own.clone()]).for_each(|(to, i)| *to = values[i - first]);
            }
        }
        rows
    }

    /// The scores that it is made of.
    pub(super) const fn scores(&self) -> &Scores<'a> {
        &self.scores
    }

    /// A penalty in the design's units, in which objectives are `scale^2` times as large.
    pub fn penalty(&self, c: f64) -> f64 {
        c * self.scores.scale() * self.scores.scale()
    }

    /// Weights `[d]` for centred and scaled scores, from those for the design, `[r]`.
    pub fn unfold(&self, weights: &[f64]) -> Array1<f64> {
        match &self.basis {
            None => Array1::from_vec(weights.to_vec()),
            Some(basis) => {
                let product = basis * MatRef::from_column_major_slice(weights, self.width, 1);
                (0..basis.nrows()).map(|i| product[(i, 0)]).collect()
            }
        }
    }

    /// What `visit` gives for each chunk of rows, in order: for its place, and for its parts of some arrays by sample, `[n]`.
    ///
    /// The rows, and what goes with them, are the memory that a step of many samples waits for: what is done to a chunk while
    /// it is in the cache costs little.
    pub fn visit<const K: usize, T: Send>(
        &self,
        arrays: [&mut [f64]; K],
        visit: impl Fn(Chunk<'_>, [&mut [f64]; K]) -> T + Sync,
    ) -> Vec<T> {
        let height = self.height();
        let visit = |(number, (rows, parts)): (usize, (&Mat<f64>, [&mut [f64]; K]))| {
            let first = number * height;
            visit(Chunk { rows, samples: first..first + rows.nrows() }, parts)
        };
        if let [only] = self.chunks.as_slice() {
            return vec![visit((0, (only, arrays)))];
        }
        let mut arrays = arrays.map(|array| array.chunks_mut(height));
        let mut next = || arrays.each_mut().map(|parts| parts.next().unwrap_or_default());
        let parts: Vec<_> = self.chunks.iter().map(|rows| (rows, next())).collect();
        parts.into_par_iter().enumerate().map(visit).collect()
    }

    /// `A x`, `[n]`, of `x` `[r + 1]`.
    pub fn times(&self, x: &[f64], product: &mut [f64]) {
        self.visit([product], |chunk, [product]| chunk.times(x, product));
    }

    /// `A' v`, `[r + 1]`, of `v` `[n]`.
    pub fn transposed_times(&self, v: &[f64]) -> Vec<f64> {
        sum(self.visit([], |chunk, []| chunk.transposed_times(&v[chunk.samples.clone()])))
    }

    /// The lower triangle of `A' diag(weights) A`, `[r + 1, r + 1]`, into `gram`; `weighted` is memory for it.
    pub fn weighted_gram(&self, weights: &[f64], weighted: &mut Mat<f64>, mut gram: MatMut<'_, f64>) {
        if let [only] = self.chunks.as_slice() {
            weighted.resize_with(only.nrows(), only.ncols(), |_, _| 0.0);
            set_weighted_gram(only, weights, weighted, gram);
            return;
        }
        let size = self.width + 1;
        let own = |weighted: &mut Mat<f64>, (chunk, weights): (&Mat<f64>, &[f64])| {
            weighted.resize_with(chunk.nrows(), size, |_, _| 0.0);
            let mut part = Mat::zeros(size, size);
            set_weighted_gram(chunk, weights, weighted, part.as_mut());
            part
        };
        // Memory for one weighted chunk serves many.
        let parts = self.chunks.par_iter().zip(weights.par_chunks(self.height()));
        let parts: Vec<Mat<f64>> = parts.map_init(|| Mat::zeros(0, 0), own).collect();
        let sum = parts.into_iter().reduce(|sum, part| sum + part);
        gram.copy_from_triangular_lower(&sum.unwrap_or_else(|| Mat::zeros(size, size)));
    }
}

/// Rows of a design.
pub(in crate::solvers::svm) struct Chunk<'a> {
    /// `[rows, r + 1]`
    rows: &'a Mat<f64>,
    /// Which samples they are.
    pub samples: Range<usize>,
}

impl Chunk<'_> {
    /// `A x`, `[rows]`.
    pub fn times(&self, x: &[f64], product: &mut [f64]) {
        let x = MatRef::from_column_major_slice(x, x.len(), 1);
        let product = MatMut::from_column_major_slice_mut(product, self.rows.nrows(), 1);
        matmul(product, Accum::Replace, self.rows, x, 1.0, Par::Seq);
    }

    /// `A' v`, `[r + 1]`.
    pub fn transposed_times(&self, v: &[f64]) -> Vec<f64> {
        let mut product = vec![0.0; self.rows.ncols()];
        let v = MatRef::from_column_major_slice(v, v.len(), 1);
        let to = MatMut::from_column_major_slice_mut(&mut product, self.rows.ncols(), 1);
        matmul(to, Accum::Replace, self.rows.transpose(), v, 1.0, Par::Seq);
        product
    }
}

/// The sum of the parts of all chunks, in their order.
pub(super) fn sum(parts: Vec<Vec<f64>>) -> Vec<f64> {
    let add = |mut sum: Vec<f64>, part: Vec<f64>| {
        sum.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
        sum
    };
    parts.into_iter().reduce(add).unwrap_or_default()
}

/// Squared lengths of a chunk's rows, without the last column.
fn squared_norms(chunk: &Mat<f64>, width: usize) -> Vec<f64> {
    let mut sums = vec![0.0; chunk.nrows()];
    for column in 0..width {
        for (sum, value) in sums.iter_mut().zip(chunk.col_as_slice(column)) {
            *sum += value * value;
        }
    }
    sums
}

/// The lower triangle of `chunk' diag(weights) chunk`.
fn set_weighted_gram(chunk: &Mat<f64>, weights: &[f64], weighted: &mut Mat<f64>, gram: MatMut<'_, f64>) {
    for column in 0..chunk.ncols() {
        let values = chunk.col_as_slice(column).iter().zip(weights);
        for (product, (value, weight)) in weighted.col_as_slice_mut(column).iter_mut().zip(values) {
            *product = value * weight;
        }
    }
    let (lower, whole) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
    let weighted = weighted.as_ref();
    triangular::matmul(gram, lower, Accum::Replace, chunk.transpose(), whole, weighted, whole, 1.0, Par::Seq);
}
