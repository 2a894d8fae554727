//! Scores of many parts of the same rows, as folds are, from the products of all pairs of rows.
//!
//! With `K = (X - m)(X - m)'` of rows about any `m`, the Gram matrix of some of them about their own mean is their part of
//! `K` less its row and column means. Its eigenvectors `u` times the singular values `s` are those rows' scores, and a
//! row's products with them, centred alike, times `u / s` is the score of any other. So one product over the features
//! serves all folds, and those inside them.
//!
//! Source: Schölkopf, Smola and Müller, *Nonlinear component analysis as a kernel eigenvalue problem*, Neural Computation
//! 10:5, 1998, appendix A (centring).

use faer::Mat;
use ndarray::{Array1, Array2, ArrayView2, Axis};

use super::exact::{APART, leading};
use super::matrix::{Centred, gram, product};
use super::{Decomposition, Keep, PcaError, PcaSolver, Spectrum};

/// Products of all pairs of centred rows.
#[derive(Clone, Debug, PartialEq)]
pub struct RowProducts {
    /// `K`, symmetric, `[n, n]`.
    pub products: Array2<f64>,
    /// Number of features, `d`.
    pub features: usize,
}

/// More rows are not multiplied: products of as many take 32 MiB, and each fold that is decomposed from them a few times that.
const MOST_ROWS: usize = 2048;

/// How many times as large as about their own mean products of rows may be about that of all: they lose as many digits.
const FURTHER: f64 = 16.0;

impl RowProducts {
    /// Of rows `[n, d]`, where parts of them are decomposed by eigenvectors of their Gram matrix.
    ///
    /// # Errors
    /// A value that is not finite.
    pub fn where_used(
        rows: ArrayView2<'_, f32>,
        keep: Keep,
        solver: PcaSolver,
    ) -> Result<Option<Self>, PcaError> {
        let (samples, features) = rows.dim();
        let is_exact = solver.resolve(samples, keep.number().unwrap_or(samples)) == PcaSolver::Exact;
        if !is_exact || samples < 2 || samples >= features || samples > MOST_ROWS {
            return Ok(None);
        }
        let lower = gram(Centred::new(rows)?.rows());
        let products = Array2::from_shape_fn((samples, samples), |(i, j)| lower[(i.max(j), i.min(j))]);
        Ok(Some(Self { products, features }))
    }

    /// Those of some rows alone, by their numbers.
    #[must_use]
    pub fn part(&self, rows: &[usize]) -> Self {
        let products = self.products.select(Axis(0), rows).select(Axis(1), rows);
        Self { products, features: self.features }
    }

    /// What the first `most` components of the rows at `train` explain, and the scores of all rows on them, `[n, k]`, of
    /// any sign. None where the products lack the digits for it.
    pub fn decompose(&self, train: &[usize], most: usize) -> Option<(Spectrum, Array2<f64>)> {
        let (samples, rows) = (train.len(), self.products.nrows());
        if samples < 2 || most == 0 {
            return None;
        }
        let most = most.min(samples - 1);
        // By row its mean product with the rows that are trained on, and the mean of their means.
        let mut means = Array1::<f64>::zeros(rows);
        for row in train {
            means += &self.products.row(*row);
        }
        means /= samples as f64;
        let mean = train.iter().map(|row| means[*row]).sum::<f64>() / samples as f64;
        // All rows by those that are trained on, about the mean of these.
        let mut centred = Mat::<f64>::zeros(rows, samples);
        for (j, row) in train.iter().enumerate() {
            let of_column = means[*row] - mean;
            let to = centred.col_as_slice_mut(j).iter_mut();
            for ((to, product), of_row) in to.zip(self.products.row(*row)).zip(&means) {
                *to = product - (of_row + of_column);
            }
        }
        let mut own = Mat::<f64>::zeros(samples, samples);
        for j in 0..samples {
            let from = centred.col_as_slice(j);
            own.col_as_slice_mut(j).iter_mut().zip(train).for_each(|(to, row)| *to = from[*row]);
        }
        let furthest = train.iter().map(|row| self.products[[*row, *row]]).fold(0.0, f64::max);
        let diagonal = || (0..samples).map(|i| own[(i, i)]);
        if furthest > FURTHER * diagonal().fold(0.0, f64::max) {
            return None;
        }
        let squares: f64 = diagonal().sum();
        let eigen = leading(own.as_ref(), most).ok()?;
        let singular_values: Array1<f64> = eigen.values.iter().map(|value| value.max(0.0).sqrt()).collect();
        let (first, last) = (*singular_values.first()?, *singular_values.last()?);
        if last <= APART * first {
            return None;
        }
        let scaled = Mat::from_fn(samples, most, |i, j| eigen.vectors[(i, j)] / singular_values[j]);
        let found = product(centred.as_ref(), scaled.as_ref());
        let mut scores = Array2::from_shape_fn((rows, most), |at| found[at]);
        for (i, row) in train.iter().enumerate() {
            for (j, score) in scores.row_mut(*row).iter_mut().enumerate() {
                *score = eigen.vectors[(i, j)] * singular_values[j];
            }
        }
        Some((Spectrum::of(singular_values, squares, [samples, self.features], Decomposition::Exact), scores))
    }
}

#[cfg(test)]
mod tests {
    use super::super::PcaModel;
    use super::*;
    use crate::split::Train;

    /// Rows of falling variance about a mean far from 0, `[n, d]`.
    fn rows(n: usize, d: usize) -> Array2<f32> {
        Array2::from_shape_fn((n, d), |(i, j)| {
            let hash = blake3::hash(format!("{i} {j}").as_bytes());
            20.0 + (f32::from(hash.as_bytes()[0]) / 255.0 - 0.5) / (1.0 + j as f32).sqrt()
        })
    }

    fn products(rows: &Array2<f32>) -> RowProducts {
        RowProducts::where_used(rows.view(), Keep::Count(8), PcaSolver::Exact).unwrap().unwrap()
    }

    #[test]
    fn folds_are_decomposed_as_from_their_own_rows() {
        let rows = rows(60, 90);
        let products = products(&rows);
        for (first, most) in [(0, 8), (1, 40), (2, 100)] {
            let train: Vec<usize> = (0..60).filter(|row| row % 5 != first).collect();
            let (spectrum, scores) = products.decompose(&train, most).unwrap();
            let own = Train::whole(rows.select(Axis(0), &train));
            let model = PcaModel::decompose(&own, most, PcaSolver::Exact).unwrap();
            let expected = model.project(rows.view()).unwrap();
            assert_eq!(scores.dim(), (60, most.min(47)));
            for (a, b) in spectrum.singular_values.iter().zip(&model.spectrum.singular_values) {
                assert!((a / b - 1.0).abs() < 1e-12, "{a} and {b}");
            }
            assert!((spectrum.total_variance / model.spectrum.total_variance - 1.0).abs() < 1e-12);
            for (a, b) in scores.columns().into_iter().zip(expected.columns()) {
                let sign = a.dot(&b).signum();
                let error = (&a - &(&b * sign)).iter().fold(0.0f64, |most, error| most.max(error.abs()));
                assert!(error < 1e-10 * spectrum.singular_values[0], "{error}");
            }
        }
    }

    #[test]
    fn a_part_is_the_products_of_those_rows() {
        let rows = rows(20, 30);
        let part = products(&rows).part(&[3, 5, 6, 11, 12, 19]);
        let (spectrum, scores) = part.decompose(&[0, 2, 3, 5], 3).unwrap();
        let (of_all, all) = products(&rows).decompose(&[3, 6, 11, 19], 3).unwrap();
        assert_eq!(spectrum, of_all);
        assert_eq!(scores, all.select(Axis(0), &[3, 5, 6, 11, 12, 19]));
    }

    #[test]
    fn products_that_lack_the_digits_are_not_used() {
        let train: Vec<usize> = (0..40).collect();
        // A row that is not trained on moves the mean of all far away from the others.
        let mut far = rows(50, 60);
        far.row_mut(49).mapv_inplace(|value| 1e6 * value);
        assert!(products(&far).decompose(&train, 8).is_none());
        // Of three directions, the others are rounding.
        let line = Array2::from_shape_fn((50, 60), |(i, j)| ((i * i) as f32).sin() * j as f32 + i as f32);
        assert!(products(&line).decompose(&train, 2).is_some());
        assert!(products(&line).decompose(&train, 8).is_none());
        assert!(products(&Array2::ones((50, 60))).decompose(&train, 2).is_none());
    }

    #[test]
    fn rows_are_multiplied_where_it_serves() {
        let used = |shape: (usize, usize), keep: Keep, solver: PcaSolver| {
            RowProducts::where_used(Array2::zeros(shape).view(), keep, solver).unwrap().is_some()
        };
        assert!(used((50, 60), Keep::Count(8), PcaSolver::Auto));
        assert!(!used((60, 50), Keep::Count(8), PcaSolver::Auto), "the covariance is smaller");
        assert!(!used((520, 600), Keep::Count(8), PcaSolver::Auto), "randomized is faster");
        assert!(used((520, 600), Keep::Count(8), PcaSolver::Exact));
        assert!(used((520, 600), Keep::Variance(0.9), PcaSolver::Auto));
        assert!(!used((50, 60), Keep::Count(8), PcaSolver::Linfa));
        let mut broken = Array2::zeros((5, 6));
        broken[[4, 1]] = f32::NAN;
        let broken = RowProducts::where_used(broken.view(), Keep::Count(2), PcaSolver::Exact);
        assert_eq!(broken, Err(PcaError::NotFinite { row: 4, column: 1 }));
    }
}
