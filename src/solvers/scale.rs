//! The scale of principal component scores before they enter the SVM.
//!
//! A linear SVM's answer depends on the scale of its input, for the penalty C is measured against it, and so
//! does the time it takes: scores in the units of raw features make LIBSVM-like solvers 50 to 100 times
//! slower. The statistics come from training scores only and are part of the model.

use ndarray::{Array1, Array2, ArrayView2, Axis};
use serde::Serialize;

use crate::split::Train;

/// What scores are divided by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// One number for all columns, such that the mean squared norm of the training scores is `k`. It keeps
    /// the components' relative weight.
    #[default]
    Global,
    /// Nothing.
    None,
    /// Each column by its own root mean square, so that all components weigh the same.
    Standard,
}

/// Why scores cannot be scaled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what each field is")]
pub enum ScaleError {
    #[error("there are no training scores to take a scale from")]
    Empty,
    #[error("the training scores of component {component} are all zero or not finite numbers")]
    Degenerate { component: usize },
    #[error("the training scores are all zero or not finite numbers")]
    AllDegenerate,
    #[error("the scale was fitted on {expected} components but is applied to {found}")]
    Components { expected: usize, found: usize },
}

/// A scale fitted on training scores.
#[derive(Clone, Debug, PartialEq)]
pub struct ScaleModel {
    /// What each column is divided by, `[k]`, finite and above 0.
    pub divisors: Array1<f64>,
}

impl ScaleModel {
    /// Fits to training scores `[n, k]`. They are taken as centred, which scores of their own PCA are.
    ///
    /// # Errors
    /// No scores, or scores (for [`Scale::Standard`], any column of them) without extent.
    pub fn fit(train: &Train<Array2<f64>>, scale: Scale) -> Result<Self, ScaleError> {
        let scores = train.get();
        let (samples, k) = scores.dim();
        if samples == 0 || k == 0 {
            return Err(ScaleError::Empty);
        }
        let mean_squares = scores.mapv(|score| score * score).sum_axis(Axis(0)) / samples as f64;
        let usable = |square: f64| square.is_normal() && square > 0.0;
        let divisors = match scale {
            Scale::None => Array1::ones(k),
            Scale::Global => {
                let square = mean_squares.sum() / k as f64;
                if !usable(square) {
                    return Err(ScaleError::AllDegenerate);
                }
                Array1::from_elem(k, square.sqrt())
            }
            Scale::Standard => {
                if let Some(component) = mean_squares.iter().position(|square| !usable(*square)) {
                    return Err(ScaleError::Degenerate { component });
                }
                mean_squares.mapv(f64::sqrt)
            }
        };
        Ok(Self { divisors })
    }

    /// The scores `[n, k]`, divided.
    ///
    /// # Errors
    /// Scores with another number of columns.
    pub fn apply(&self, scores: ArrayView2<'_, f64>) -> Result<Array2<f64>, ScaleError> {
        let (expected, found) = (self.divisors.len(), scores.ncols());
        if found != expected {
            return Err(ScaleError::Components { expected, found });
        }
        Ok(&scores / &self.divisors)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::split::Fold;

    fn train(scores: &Array2<f64>) -> Train<Array2<f64>> {
        let mut fold_of = vec![Some(0); scores.nrows()];
        fold_of.push(Some(1));
        let fold = Fold::of_k_fold(&fold_of, 1).unwrap();
        let mut all = scores.clone();
        all.push_row(Array1::from_elem(scores.ncols(), 1e9).view()).unwrap();
        fold.train_rows(all.view()).unwrap()
    }

    #[test]
    fn global_scale_gives_a_mean_squared_norm_of_k() {
        let scores = array![[3.0, 1.0, 0.0], [-3.0, -1.0, 2.0], [30.0, 0.0, -2.0]];
        let model = ScaleModel::fit(&train(&scores), Scale::Global).unwrap();
        let scaled = model.apply(scores.view()).unwrap();
        let mean_squared_norm = scaled.mapv(|value| value * value).sum() / 3.0;
        assert!((mean_squared_norm - 3.0).abs() < 1e-12);
        assert!((scaled[[0, 0]] / scaled[[0, 1]] - 3.0).abs() < 1e-12);
    }

    #[test]
    fn standard_scale_gives_every_column_a_mean_square_of_one() {
        let scores = array![[3.0, 1.0], [-3.0, -1.0], [30.0, 0.5]];
        let model = ScaleModel::fit(&train(&scores), Scale::Standard).unwrap();
        let scaled = model.apply(scores.view()).unwrap();
        for column in scaled.columns() {
            assert!((column.dot(&column) / 3.0 - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn scores_without_extent_or_of_another_width_are_errors() {
        let flat = array![[1.0, 0.0], [2.0, 0.0]];
        let error = ScaleModel::fit(&train(&flat), Scale::Standard).unwrap_err();
        assert_eq!(error, ScaleError::Degenerate { component: 1 });
        let zero = Array2::zeros((3, 2));
        assert_eq!(ScaleModel::fit(&train(&zero), Scale::Global).unwrap_err(), ScaleError::AllDegenerate);
        let model = ScaleModel::fit(&train(&zero), Scale::None).unwrap();
        assert_eq!(
            model.apply(array![[1.0]].view()).unwrap_err(),
            ScaleError::Components { expected: 2, found: 1 }
        );
    }
}
