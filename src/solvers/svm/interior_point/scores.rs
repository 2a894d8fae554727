//! The scores of a fit as they came, about their centre: what an answer is judged by.

use ndarray::{Array1, ArrayView1, ArrayView2, Zip, s};

use super::expansion::Double;
use crate::solvers::power_of_2;

/// Partial sums of a product of two rows.
const LANES: usize = 8;

/// Rows, evenly spaced, whose medians are taken.
const ROWS_OF_MEDIANS: usize = 256;

/// Scores `[n, d]` with a centre among most of them and the size that most have about it.
///
/// Centre and size are medians: one row that is a million times as long moves neither, so that differences of the
/// others keep their digits. Mean and mean square would take them.
pub(super) struct Scores<'a> {
    scores: ArrayView2<'a, f64>,
    /// Median of each column, `[d]`.
    centre: Array1<f64>,
    /// A power of 2 near the median of the rows' distances from the centre: dividing by it rounds nothing.
    scale: f64,
    /// Its inverse, which multiplies to the same.
    inverse: f64,
}

/// `w x` by sample and how far rounding may have moved it.
pub(super) struct Values {
    /// `w x`, `[n]`.
    pub values: Vec<f64>,
    /// Bounds of their errors, `[n]`.
    pub errors: Vec<f64>,
}

impl<'a> Scores<'a> {
    /// Of scores `[n, d]`, finite.
    pub fn new(scores: ArrayView2<'a, f64>) -> Self {
        let every = scores.nrows().div_ceil(ROWS_OF_MEDIANS).max(1);
        let some = scores.slice(s![..; every, ..]);
        let centre: Array1<f64> = some.columns().into_iter().map(|column| median(column.to_vec())).collect();
        // The largest difference keeps squares in range.
        let largest = scores.rows().into_iter().fold(0.0f64, |largest, row| {
            row.iter()
                .zip(&centre)
                .fold(largest, |largest, (value, centre)| largest.max((value - centre).abs()))
        });
        let unit = power_of_2(largest);
        let norm = |row: ArrayView1<'_, f64>| {
            row.iter()
                .zip(&centre)
                .map(|(value, centre)| ((value - centre) / unit).powi(2))
                .sum::<f64>()
                .sqrt()
        };
        let norms = some.rows().into_iter().map(norm).filter(|norm| *norm > 0.0);
        // The inverse of a smaller one would be infinite.
        let scale = (unit * power_of_2(median(norms.collect()))).max(f64::MIN_POSITIVE);
        Self { scores, centre, scale, inverse: 1.0 / scale }
    }

    /// `[n, d]`.
    pub fn dim(&self) -> (usize, usize) {
        self.scores.dim()
    }

    /// What differences from the centre are divided by.
    pub const fn scale(&self) -> f64 {
        self.scale
    }

    /// A value of a centred and scaled row.
    pub fn get(&self, row: usize, column: usize) -> f64 {
        (self.scores[[row, column]] - self.centre[column]) * self.inverse
    }

    /// A centred and scaled row, `[d]`, into `row`.
    pub fn row(&self, number: usize, row: &mut [f64]) {
        let inverse = self.inverse;
        Zip::from(row).and(self.scores.row(number)).and(&self.centre).for_each(|row, value, centre| {
            *row = (value - centre) * inverse;
        });
    }

    /// `w x` of weights `[d]` for scaled rows.
    pub fn values(&self, weights: &Array1<f64>) -> Values {
        let (samples, width) = self.dim();
        // Sums of `d / LANES` products, then of the lanes; centring a value, scaling a weight and a product round too.
        let rounding = (width / LANES + LANES + 4) as f64 * f64::EPSILON;
        let mut found = Values { values: vec![0.0; samples], errors: vec![0.0; samples] };
        let weights = weights.to_vec();
        let mut row = vec![0.0; width];
        for (number, (value, error)) in found.values.iter_mut().zip(&mut found.errors).enumerate() {
            self.row(number, &mut row);
            let (sum, size) = product(&row, &weights);
            (*value, *error) = (sum, rounding * size);
        }
        found
    }

    /// Weights `[d]` for the scores as they came, of those for scaled rows.
    pub fn restore(&self, weights: &Array1<f64>) -> Array1<f64> {
        weights / self.scale
    }

    /// The inverse of [`restore`](Self::restore).
    pub fn scaled(&self, weights: &Array1<f64>) -> Array1<f64> {
        weights * self.scale
    }

    /// What is taken from the scores, `[d]`.
    pub const fn centre(&self) -> &Array1<f64> {
        &self.centre
    }

    /// `w` times the centre, of weights for the scores as they came.
    pub fn at_centre(&self, weights: &Array1<f64>) -> Double {
        Double::product(weights.iter().zip(&self.centre))
    }
}

/// The sum of products and that of their magnitudes, each of [`LANES`] partial sums.
fn product(a: &[f64], b: &[f64]) -> (f64, f64) {
    let (mut sums, mut sizes) = ([0.0; LANES], [0.0; LANES]);
    let mut add = |lane: usize, product: f64| {
        sums[lane] += product;
        sizes[lane] += product.abs();
    };
    let ((rows_a, rest_a), (rows_b, rest_b)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (a, b) in rows_a.iter().zip(rows_b) {
        for lane in 0..LANES {
            add(lane, a[lane] * b[lane]);
        }
    }
    for (lane, (a, b)) in rest_a.iter().zip(rest_b).enumerate() {
        add(lane, a * b);
    }
    (sums.iter().sum(), sizes.iter().sum())
}

/// The middle one of some values; 0 of none.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    let middle = values.len() / 2;
    if values.is_empty() { 0.0 } else { *values.select_nth_unstable_by(middle, f64::total_cmp).1 }
}
