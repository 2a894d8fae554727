//! A cross validation inside one fold's training images: what is chosen by it has never seen the test images.

use ndarray::{Array2, ArrayView2};

use super::features::Features;
use super::inspect::Manifest;
use super::pca::with_way_out;
use super::split::Split;
use crate::metrics::{Evaluation, mean_true_positive_rate};
use crate::solvers::pca::PcaError;
use crate::solvers::svm::{OneVsAllModel, SvmError};
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

/// Why a candidate cannot be fitted.
#[derive(Clone, Debug)]
pub(super) struct Unfit(pub String);

/// What a machine, if it could be trained, predicts for scaled test rows, `[n, k]`.
pub(super) fn answers(
    svm: Result<OneVsAllModel, SvmError>,
    rows: ArrayView2<'_, f64>,
) -> Result<Result<Vec<Emotion>, Unfit>, StageError> {
    let svm = match svm {
        Ok(svm) => svm,
        Err(error) => return Ok(Err(Unfit(error.to_string()))),
    };
    let values = svm.decision_values(rows).map_err(|error| failed(&error))?;
    Ok(Ok(svm.predict(values.view())))
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
    /// The mean true positive rate of each candidate, pooled over the inner folds; `predict` gives what each
    /// candidate, fitted to an inner fold's training rows, predicts for its test rows. A candidate that cannot be fitted
    /// in one of them has no rate, but the reason of the first.
    pub fn rates(
        &self,
        context: &Context<'_>,
        candidates: usize,
        predict: impl Fn(&Fold) -> Result<Vec<Result<Vec<Emotion>, Unfit>>, StageError> + Sync,
    ) -> Result<Vec<Result<f64, Unfit>>, StageError> {
        let places: Vec<Option<u32>> = self.places.iter().copied().map(Some).collect();
        // By candidate, then by row.
        let mut predicted = vec![Ok(vec![Emotion::Amusement; places.len()]); candidates];
        for number in 0..self.folds {
            context.check_cancelled()?;
            let inside = Fold::of_k_fold(&places, number as u32).map_err(|error| failed(&error))?;
            let found = context.parallel(|| predict(&inside))?;
            for (candidate, found) in predicted.iter_mut().zip(found) {
                let Ok(all) = &mut *candidate else { continue };
                match found {
                    Ok(found) => {
                        for (&at, emotion) in inside.test().iter().zip(found) {
                            all[at] = emotion;
                        }
                    }
                    Err(reason) => *candidate = Err(reason),
                }
            }
        }
        let rate = |predicted: Result<Vec<Emotion>, Unfit>| -> Result<Result<f64, Unfit>, StageError> {
            let predicted = match predicted {
                Ok(predicted) => predicted,
                Err(reason) => return Ok(Err(reason)),
            };
            let evaluation = Evaluation::of(self.labels.get(), &predicted, &self.places, self.folds);
            let pooled = evaluation.map_err(|error| failed(&error))?.pooled();
            Ok(mean_true_positive_rate(&pooled).ok_or_else(|| Unfit("no image is tested".to_owned())))
        };
        predicted.into_iter().map(rate).collect()
    }
}

/// Why principal components of an inner fold cannot be found, and the way out.
pub(super) fn no_components(error: &PcaError) -> StageError {
    StageError::BadInput(format!("inner cross validation: {}", with_way_out(error)))
}

fn failed(error: &dyn std::fmt::Display) -> StageError {
    StageError::Failed(error.to_string())
}
