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
//! A component's sign is free; here its loading of largest magnitude is positive (the first, if several are).
//! Source: Jolliffe, *Principal Component Analysis*, 2nd ed., 2002.

use ndarray::{Array1, Array2, ArrayView2, Axis};

use super::linfa_pca;
use crate::split::Train;

/// Which algorithm finds the components.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PcaSolver {
    /// linfa-reduction, guarded as the source of `solvers/linfa_pca.rs` tells.
    #[default]
    Linfa,
}

/// How the components of a model were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decomposition {
    /// LOBPCG iterations, whose answer passed the residual test.
    Iterative,
    /// The dense eigendecomposition of the smaller Gram matrix.
    Dense,
}

/// A fitted principal component analysis: `k` components of `d` features.
#[derive(Clone, Debug, PartialEq)]
pub struct PcaModel {
    /// Mean of the training rows, `[d]`.
    pub mean: Array1<f64>,
    /// Components, orthonormal rows, `[k, d]`.
    pub components: Array2<f64>,
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
    /// How the components were found.
    pub decomposition: Decomposition,
}

/// Why principal components cannot be found or applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what each field is")]
pub enum PcaError {
    #[error("feature {column} of training row {row} is not a finite number")]
    NotFinite { row: usize, column: usize },
    #[error("principal components need at least 2 training rows, not {samples}")]
    TooFewSamples { samples: usize },
    #[error(
        "{components} principal components asked for, but {samples} training rows of {features} features \
         have at most {most}"
    )]
    TooManyComponents { components: usize, samples: usize, features: usize, most: usize },
    #[error("the number of principal components must be at least 1")]
    NoComponents,
    #[error("all {samples} training rows are equal, so there is no variance to explain")]
    NoVariance { samples: usize },
    #[error(
        "{components} principal components asked for, but the training rows vary in only {rank} directions"
    )]
    RankTooLow { components: usize, rank: usize },
    #[error("the eigenvalue solver failed: {reason}")]
    Solver { reason: String },
    #[error("the model was fitted on {expected} features but is applied to {found}")]
    Features { expected: usize, found: usize },
}

/// Centred data and directions on the way from a solver to a model.
pub(super) struct Directions {
    /// Orthonormal rows, `[k, d]`, by descending singular value; any sign.
    pub components: Array2<f64>,
    /// Singular values of the centred data, `[k]`.
    pub singular_values: Array1<f64>,
    /// How they were found.
    pub decomposition: Decomposition,
}

impl PcaModel {
    /// Fits `components` principal components to training rows `[n, d]`.
    ///
    /// # Errors
    /// A value that is not finite, fewer than 2 rows, more components than `min(n - 1, d)` or than the rank
    /// of the data, rows without variance, or a solver that fails.
    pub fn fit(train: &Train<Array2<f32>>, components: usize, solver: PcaSolver) -> Result<Self, PcaError> {
        let data = train.get();
        let (samples, features) = data.dim();
        if let Some(((row, column), _)) = data.indexed_iter().find(|(_, value)| !value.is_finite()) {
            return Err(PcaError::NotFinite { row, column });
        }
        if samples < 2 {
            return Err(PcaError::TooFewSamples { samples });
        }
        if components == 0 {
            return Err(PcaError::NoComponents);
        }
        let most = features.min(samples - 1);
        if components > most {
            return Err(PcaError::TooManyComponents { components, samples, features, most });
        }
        if data.rows().into_iter().all(|row| row == data.row(0)) {
            return Err(PcaError::NoVariance { samples });
        }
        let mut centred = data.mapv(f64::from);
        let mean = centred.sum_axis(Axis(0)) / samples as f64;
        centred -= &mean;
        let squares: f64 = centred.iter().map(|value| value * value).sum();
        let mut found = match solver {
            PcaSolver::Linfa => linfa_pca::directions(centred.view(), squares.sqrt(), components)?,
        };
        fix_signs(&mut found.components);
        let degrees = (samples - 1) as f64;
        let eigenvalues = found.singular_values.mapv(|value| value * value);
        Ok(Self {
            mean,
            components: found.components,
            singular_values: found.singular_values,
            explained_variance: &eigenvalues / degrees,
            explained_variance_ratio: eigenvalues / squares,
            total_variance: squares / degrees,
            samples,
            decomposition: found.decomposition,
        })
    }

    /// Scores `[n, k]` of rows `[n, d]`.
    ///
    /// # Errors
    /// Rows of another width than the model was fitted on.
    pub fn project(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f64>, PcaError> {
        let (expected, found) = (self.mean.len(), rows.ncols());
        if found != expected || self.components.ncols() != expected {
            return Err(PcaError::Features { expected, found });
        }
        let centred = rows.mapv(f64::from) - &self.mean;
        Ok(centred.dot(&self.components.t()))
    }
}

/// Makes the loading of largest magnitude of each component positive.
fn fix_signs(components: &mut Array2<f64>) {
    for mut component in components.rows_mut() {
        let largest =
            component.iter().fold(0.0f64, |best, &value| if value.abs() > best.abs() { value } else { best });
        if largest < 0.0 {
            component.mapv_inplace(|value| -value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::split::Fold;

    fn train(rows: &Array2<f32>) -> Train<Array2<f32>> {
        let mut fold_of = vec![Some(0); rows.nrows()];
        fold_of.push(Some(1));
        let mut all = rows.clone();
        all.push_row(Array1::from_elem(rows.ncols(), 1e9f32).view()).unwrap();
        Fold::of_k_fold(&fold_of, 1).unwrap().train_rows(all.view()).unwrap()
    }

    /// Numbers without visible structure, from a hash.
    fn noise(rows: usize, columns: usize) -> Array2<f32> {
        Array2::from_shape_fn((rows, columns), |(i, j)| {
            let hash = blake3::hash(format!("{i} {j}").as_bytes());
            f32::from(hash.as_bytes()[0]) / 255.0 - 0.5
        })
    }

    fn fit(rows: &Array2<f32>, components: usize) -> Result<PcaModel, PcaError> {
        PcaModel::fit(&train(rows), components, PcaSolver::Linfa)
    }

    #[test]
    fn the_scale_of_the_features_changes_only_the_scale_of_the_answer() {
        // linfa-reduction alone panics or returns noise at the ends of this range.
        let rows = noise(120, 90);
        let model = fit(&rows, 3).unwrap();
        assert_eq!(model.decomposition, Decomposition::Iterative);
        for power in [-20, -10, 10, 30] {
            let factor = 2f32.powi(power);
            let scaled = fit(&(&rows * factor), 3).unwrap();
            for (a, b) in scaled.singular_values.iter().zip(&model.singular_values) {
                assert!((a / (b * f64::from(factor)) - 1.0).abs() < 1e-9);
            }
            assert!((&scaled.components - &model.components).iter().all(|error| error.abs() < 1e-6));
        }
    }

    #[test]
    fn where_the_iteration_fails_the_dense_solver_answers() {
        // Rank 13, so that the basis of 3 x 8 vectors is deficient.
        let factors = noise(178, 13);
        let rows = factors.dot(&noise(13, 59));
        let model = fit(&rows, 8).unwrap();
        assert_eq!(model.decomposition, Decomposition::Dense);
        let scores = model.project(rows.view()).unwrap();
        let covariance = scores.t().dot(&scores);
        for ((i, j), &value) in covariance.indexed_iter() {
            let expected = if i == j { model.singular_values[i].powi(2) } else { 0.0 };
            assert!((value - expected).abs() < 1e-6 * model.singular_values[0].powi(2));
        }
        let shares: f64 = fit(&rows, 13).unwrap().explained_variance_ratio.sum();
        assert!((shares - 1.0).abs() < 1e-6);
    }

    #[test]
    fn every_number_of_components_gives_orthonormal_descending_components() {
        let rows = noise(30, 50);
        for k in 1..=29 {
            let model = fit(&rows, k).unwrap();
            for ((i, j), &product) in model.components.dot(&model.components.t()).indexed_iter() {
                let expected = if i == j { 1.0 } else { 0.0 };
                assert!((product - expected).abs() < 1e-6, "{k} components");
            }
            assert!(model.singular_values.windows(2).into_iter().all(|pair| pair[0] >= pair[1]));
        }
        let all = fit(&rows, 29).unwrap();
        assert!((all.explained_variance_ratio.sum() - 1.0).abs() < 1e-9);
        assert!((all.explained_variance.sum() / all.total_variance - 1.0).abs() < 1e-9);
    }

    #[test]
    fn bad_input_is_an_error_that_names_it() {
        let mut rows = noise(6, 4);
        assert_eq!(fit(&rows, 0).unwrap_err(), PcaError::NoComponents);
        assert_eq!(
            fit(&rows, 5).unwrap_err(),
            PcaError::TooManyComponents { components: 5, samples: 6, features: 4, most: 4 }
        );
        assert_eq!(fit(&noise(1, 4), 1).unwrap_err(), PcaError::TooFewSamples { samples: 1 });
        let equal = Array2::from_elem((6, 4), 0.1f32);
        assert_eq!(fit(&equal, 1).unwrap_err(), PcaError::NoVariance { samples: 6 });
        let line = Array2::from_shape_fn((6, 4), |(i, _)| i as f32);
        assert_eq!(fit(&line, 2).unwrap_err(), PcaError::RankTooLow { components: 2, rank: 1 });
        let model = fit(&rows, 2).unwrap();
        assert_eq!(
            model.project(noise(2, 3).view()).unwrap_err(),
            PcaError::Features { expected: 4, found: 3 }
        );
        rows[[5, 2]] = f32::INFINITY;
        assert_eq!(fit(&rows, 2).unwrap_err(), PcaError::NotFinite { row: 5, column: 2 });
    }
}
