//! A cross validation inside one fold's training images: what is chosen by it has never seen the test images.

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use super::features::Features;
use super::inspect::Manifest;
use super::pca::with_way_out;
use super::split::Split;
use crate::metrics::{Evaluation, mean_true_positive_rate};
use crate::solvers::pca::PcaError;
use crate::solvers::svm::{FitTotals, OneVsAllModel, SvmError};
use crate::split::{self, Fold, Train};
use crate::stage::{Context, StageError};
use crate::types::{Emotion, Seed};

/// How a fold's training images are split again.
pub(super) struct InnerFolds {
    /// The fold, from 0.
    pub fold: usize,
    /// Folds inside it.
    pub folds: usize,
    /// Each class is spread evenly over them.
    pub stratified: bool,
    /// Groups stay together.
    pub grouped: bool,
    /// Decides which image goes where.
    pub seed: Seed,
}

/// How a candidate did in the cross validation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InnerRate {
    /// Pooled over the inner folds, where it could be fitted in all of them.
    pub mean_true_positive_rate: Option<f64>,
    /// Why it could not, in the first that it could not.
    pub left_out: Option<String>,
    /// How its machines went, of all inner folds: the classes of each in which it could be fitted.
    pub fits: FitTotals,
}

/// What a candidate, fitted to an inner fold's training rows, predicts for its test rows.
#[derive(Clone, Debug)]
pub(super) struct Answers {
    /// By row, or why it cannot be fitted.
    pub predicted: Result<Vec<Emotion>, String>,
    /// How its machines went.
    pub fits: FitTotals,
}

impl Answers {
    /// Of machines, if they could be trained, to scaled test rows, `[n, k]`.
    pub fn of(svm: Result<OneVsAllModel, SvmError>, rows: ArrayView2<'_, f64>) -> Result<Self, StageError> {
        let svm = match svm {
            Ok(svm) => svm,
            Err(error) => return Ok(Self::none(error.to_string())),
        };
        let values = svm.decision_values(rows).map_err(|error| failed(&error))?;
        Ok(Self { predicted: Ok(svm.predict(values.view())), fits: FitTotals::of(&svm.fits) })
    }

    /// Of a candidate that cannot be fitted.
    pub fn none(reason: String) -> Self {
        Self { predicted: Err(reason), fits: FitTotals::default() }
    }
}

/// A fold's training images, split.
pub(super) struct Parts {
    /// Their features, `[n, d]`.
    pub rows: Train<Array2<f32>>,
    /// What each evokes.
    pub labels: Train<Vec<Emotion>>,
    /// The inner fold in which each is tested.
    places: Vec<u32>,
    folds: usize,
}

impl InnerFolds {
    /// Splits; `hint` is the way out of a split that cannot be made.
    pub fn of(
        &self,
        (manifest, features, split): (&Manifest, &Features, &Split),
        hint: &str,
    ) -> Result<Parts, StageError> {
        let fold = split.fold(self.fold).map_err(|error| failed(&error))?;
        let rows = fold.train_rows(features.0.view()).map_err(|error| failed(&error))?;
        let labels = fold.train_of(&manifest.labels()).map_err(|error| failed(&error))?;
        let groups = fold.train_of(split.groups()).map_err(|error| failed(&error))?;
        let seed = Seed(self.seed.0.wrapping_add(1 + self.fold as u64));
        let places =
            split::k_fold(labels.get(), groups.get(), self.folds, self.stratified, self.grouped, seed);
        let places = places
            .map_err(|error| StageError::BadInput(format!("inner cross validation: {error}\n{hint}")))?;
        Ok(Parts { rows, labels, places, folds: self.folds })
    }
}

impl Parts {
    /// How each candidate does; `answer` gives what each predicts in an inner fold.
    pub fn rates(
        &self,
        context: &Context<'_>,
        candidates: usize,
        answer: impl Fn(&Fold) -> Result<Vec<Answers>, StageError> + Sync,
    ) -> Result<Vec<InnerRate>, StageError> {
        let places: Vec<Option<u32>> = self.places.iter().copied().map(Some).collect();
        // By candidate, then by row.
        let all =
            Answers { predicted: Ok(vec![Emotion::Amusement; places.len()]), fits: FitTotals::default() };
        let mut all = vec![all; candidates];
        for number in 0..self.folds {
            context.check_cancelled()?;
            let inside = Fold::of_k_fold(&places, number as u32).map_err(|error| failed(&error))?;
            let found = context.parallel(|| answer(&inside))?;
            for (candidate, found) in all.iter_mut().zip(found) {
                candidate.fits = candidate.fits.and(found.fits);
                let Ok(predicted) = &mut candidate.predicted else { continue };
                match found.predicted {
                    Ok(found) => {
                        for (&at, emotion) in inside.test().iter().zip(found) {
                            predicted[at] = emotion;
                        }
                    }
                    Err(reason) => candidate.predicted = Err(format!("inner fold {}: {reason}", number + 1)),
                }
            }
        }
        all.into_iter().map(|Answers { predicted, fits }| self.rate(predicted, fits)).collect()
    }

    /// Of predictions for all rows.
    fn rate(
        &self,
        predicted: Result<Vec<Emotion>, String>,
        fits: FitTotals,
    ) -> Result<InnerRate, StageError> {
        let predicted = match predicted {
            Ok(predicted) => predicted,
            Err(reason) => {
                return Ok(InnerRate { mean_true_positive_rate: None, left_out: Some(reason), fits });
            }
        };
        let evaluation = Evaluation::of(self.labels.get(), &predicted, &self.places, self.folds);
        let rate = mean_true_positive_rate(&evaluation.map_err(|error| failed(&error))?.pooled());
        let left_out = rate.is_none().then(|| "no image is tested".to_owned());
        Ok(InnerRate { mean_true_positive_rate: rate, left_out, fits })
    }
}

/// Why principal components of an inner fold cannot be found, and the way out.
pub(super) fn no_components(error: &PcaError) -> StageError {
    StageError::BadInput(format!("inner cross validation: {}", with_way_out(error)))
}

fn failed(error: &dyn std::fmt::Display) -> StageError {
    StageError::Failed(error.to_string())
}
