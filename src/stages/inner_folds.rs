//! A cross validation inside one fold's training images: what is chosen by it has never seen the test images.

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use super::features::Features;
use super::inspect::Manifest;
use super::pca::{Reduction, with_way_out};
use super::split::Split;
use crate::metrics::{Evaluation, mean_true_positive_rate};
use crate::solvers::pca::{Keep, PcaError, PcaSolver, RowProducts};
use crate::solvers::svm::{FitReport, Incomplete, OneVsAllModel};
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
    /// Its penalty C.
    pub c: f64,
    /// Pooled over the inner folds, where it could be fitted in all of them.
    pub mean_true_positive_rate: Option<f64>,
    /// Why it could not, in the first that it could not.
    pub left_out: Option<String>,
    /// How its machines went, those of the inner folds and classes that could be fitted.
    pub fits: Vec<InnerFit>,
}

/// How the machine of a class went in an inner fold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct InnerFit {
    /// The inner fold, from 0.
    pub inner_fold: usize,
    /// The class told from all others.
    pub class: Emotion,
    /// How it went.
    pub fit: FitReport,
}

/// What a candidate, fitted to an inner fold's training rows, predicts for its test rows.
#[derive(Clone, Debug)]
pub(super) struct Answers {
    /// By row, or why it cannot be fitted.
    pub predicted: Result<Vec<Emotion>, String>,
    /// How its machines went, by class.
    pub fits: Vec<(Emotion, FitReport)>,
}

impl Answers {
    /// Of machines, if they could be trained, to scaled test rows, `[n, k]`.
    pub fn of(svm: Result<OneVsAllModel, Incomplete>, rows: ArrayView2<'_, f64>) -> Result<Self, StageError> {
        let svm = match svm {
            Ok(svm) => svm,
            Err(Incomplete { error, fits }) => return Ok(Self { predicted: Err(error.to_string()), fits }),
        };
        let values = svm.decision_values(rows).map_err(|error| failed(&error))?;
        let predicted = Ok(svm.predict(values.view()));
        Ok(Self { predicted, fits: svm.classes.into_iter().zip(svm.fits).collect() })
    }

    /// Of a candidate that cannot be fitted.
    pub fn none(reason: String) -> Self {
        Self { predicted: Err(reason), fits: Vec::new() }
    }
}

/// A fold's training images, split.
pub(super) struct Parts {
    /// Their features, `[n, d]`.
    pub rows: Train<Array2<f32>>,
    /// Products of all pairs of their rows, where there are any.
    pub products: Option<RowProducts>,
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
        (manifest, split): (&Manifest, &Split),
        (features, products): (&Features, Option<&RowProducts>),
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
        let products = products.map(|products| products.part(fold.train()));
        Ok(Parts { rows, products, labels, places, folds: self.folds })
    }
}

impl Parts {
    /// Scores of all of them on the components of those that an inner fold trains on.
    pub fn reduced(&self, inside: &Fold, level: Keep, solver: PcaSolver) -> Result<Reduction, StageError> {
        let rows = self.rows.get().view();
        let train = inside.train_rows(rows).map_err(|error| failed(&error))?;
        let of = (rows, self.products.as_ref());
        Reduction::of((&train, inside.train()), of, level, solver).map_err(|error| no_components(&error))
    }

    /// How the candidate of each penalty does; `answer` gives what each predicts in an inner fold.
    pub fn rates(
        &self,
        context: &Context<'_>,
        penalties: &[f64],
        answer: impl Fn(&Fold) -> Result<Vec<Answers>, StageError> + Sync,
    ) -> Result<Vec<InnerRate>, StageError> {
        let places: Vec<Option<u32>> = self.places.iter().copied().map(Some).collect();
        let none = Pooled { predicted: Ok(vec![Emotion::Amusement; places.len()]), fits: Vec::new() };
        let mut all = vec![none; penalties.len()];
        for number in 0..self.folds {
            context.check_cancelled()?;
            let inside = Fold::of_k_fold(&places, number as u32).map_err(|error| failed(&error))?;
            let found = context.parallel(|| answer(&inside))?;
            for (candidate, found) in all.iter_mut().zip(found) {
                candidate.add(number, &inside, found);
            }
        }
        all.into_iter().zip(penalties).map(|(pooled, c)| self.rate(pooled, *c)).collect()
    }

    fn rate(&self, Pooled { predicted, fits }: Pooled, c: f64) -> Result<InnerRate, StageError> {
        let none =
            |reason, fits| InnerRate { c, mean_true_positive_rate: None, left_out: Some(reason), fits };
        let predicted = match predicted {
            Ok(predicted) => predicted,
            Err(reason) => return Ok(none(reason, fits)),
        };
        let evaluation = Evaluation::of(self.labels.get(), &predicted, &self.places, self.folds);
        let rate = mean_true_positive_rate(&evaluation.map_err(|error| failed(&error))?.pooled());
        Ok(match rate {
            Some(rate) => InnerRate { c, mean_true_positive_rate: Some(rate), left_out: None, fits },
            None => none("no image is tested".to_owned(), fits),
        })
    }
}

/// What a candidate says of all rows.
#[derive(Clone)]
struct Pooled {
    /// By row, or why it cannot be fitted in the first inner fold in which it cannot.
    predicted: Result<Vec<Emotion>, String>,
    fits: Vec<InnerFit>,
}

impl Pooled {
    /// Adds what it says of an inner fold's test rows.
    fn add(&mut self, inner_fold: usize, inside: &Fold, found: Answers) {
        self.fits.extend(found.fits.into_iter().map(|(class, fit)| InnerFit { inner_fold, class, fit }));
        let Ok(predicted) = &mut self.predicted else { return };
        match found.predicted {
            Ok(found) => {
                for (&at, emotion) in inside.test().iter().zip(found) {
                    predicted[at] = emotion;
                }
            }
            Err(reason) => self.predicted = Err(format!("inner fold {inner_fold}: {reason}")),
        }
    }
}

/// Why principal components of an inner fold cannot be found, and the way out.
pub(super) fn no_components(error: &PcaError) -> StageError {
    StageError::BadInput(format!("inner cross validation: {}", with_way_out(error)))
}

fn failed(error: &dyn std::fmt::Display) -> StageError {
    StageError::Failed(error.to_string())
}
