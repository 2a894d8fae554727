//! `select-penalty`: the penalty C that does best in a cross validation inside one fold's training images.
//!
//! Everything that is fitted, the principal components and the scale as well, is fitted anew inside; the fold's
//! test images are never seen. What is compared is the mean true positive rate, pooled over the inner folds;
//! of equals the smallest C wins.

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::features::Features;
use super::inspect::Manifest;
use super::pca::level;
use super::split::Split;
use super::{from_json, to_json};
use crate::metrics::{Evaluation, mean_true_positive_rate};
use crate::solvers::pca::{Keep, PcaModel, PcaSolver};
use crate::solvers::scale::{Scale, ScaleModel};
use crate::solvers::svm::{ClassWeight, OneVsAllModel, SvmParameters, SvmSolver};
use crate::split::{self, Fold, Train};
use crate::stage::{Artifact, ArtifactError, Context, Files, Handle, Stage, StageError};
use crate::types::{Emotion, Seed};

const FILE: &str = "penalty.json";

/// The penalty chosen, and what it was chosen from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Selection {
    /// The best one.
    pub c: f64,
    /// What was tried, ascending.
    pub candidates: Vec<Candidate>,
}

/// A penalty that was tried.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// The penalty.
    pub c: f64,
    /// Its mean true positive rate in the inner cross validation.
    pub mean_true_positive_rate: f64,
}

impl Artifact for Selection {
    fn save(&self) -> Result<Files, ArtifactError> {
        Ok(Files::from([(FILE.to_owned(), to_json(self)?)]))
    }

    fn load(files: &Files) -> Result<Self, ArtifactError> {
        from_json(files, FILE)
    }
}

/// The stage.
#[derive(Serialize)]
pub struct SelectPenalty {
    /// Labels and groups.
    pub manifest: Handle<Manifest>,
    /// Features of all images.
    pub features: Handle<Features>,
    /// Which of them are trained on.
    pub split: Handle<Split>,
    /// The fold, from 0.
    pub fold: usize,
    /// Penalties to choose from, ascending.
    pub candidates: Vec<f64>,
    /// Folds of the inner cross validation.
    pub inner_folds: usize,
    /// Each class is spread evenly over them.
    pub stratified: bool,
    /// Groups stay together.
    pub grouped: bool,
    /// Decides which image goes where.
    pub seed: Seed,
    /// Principal components kept.
    pub components: Keep,
    /// How they are found.
    pub pca_solver: PcaSolver,
    /// Extra penalty on each problem's own class.
    pub class_weight: ClassWeight,
    /// How scores are scaled.
    pub scale: Scale,
    /// How machines are trained.
    pub solver: SvmSolver,
    /// Which code does all that, and its version.
    pub code: &'static str,
}

impl Stage for SelectPenalty {
    const NAME: &'static str = "select-penalty";
    const VERSION: u32 = 2;
    type Output = Selection;

    fn run(&self, context: &Context<'_>) -> Result<Selection, StageError> {
        let (manifest, features) = (context.get(&self.manifest)?, context.get(&self.features)?);
        let split = context.get(&self.split)?;
        let fold = split.fold(self.fold).map_err(|error| failed(&error))?;
        let rows = fold.train_rows(features.0.view()).map_err(|error| failed(&error))?;
        let labels = fold.train_of(&manifest.labels()).map_err(|error| failed(&error))?;
        let groups = fold.train_of(split.groups()).map_err(|error| failed(&error))?;
        let seed = Seed(self.seed.0.wrapping_add(1 + self.fold as u64));
        let inner =
            split::k_fold(labels.get(), groups.get(), self.inner_folds, self.stratified, self.grouped, seed);
        let inner = inner.map_err(|error| {
            let hint = "lower `inner_folds` in `[svm]`, or give one `c`";
            StageError::BadInput(format!("inner cross validation of fold {}: {error}\n{hint}", self.fold + 1))
        })?;
        let places: Vec<Option<u32>> = inner.iter().copied().map(Some).collect();

        // By candidate, then by row.
        let mut predicted = vec![vec![Emotion::Amusement; inner.len()]; self.candidates.len()];
        for number in 0..self.inner_folds {
            context.check_cancelled()?;
            let inside = Fold::of_k_fold(&places, number as u32).map_err(|error| failed(&error))?;
            let found = context.parallel(|| self.predict(&inside, &rows, &labels))?;
            for (all, found) in predicted.iter_mut().zip(found) {
                for (&at, emotion) in inside.test().iter().zip(found) {
                    all[at] = emotion;
                }
            }
        }
        let rate = |predicted: &Vec<Emotion>| -> Result<f64, StageError> {
            let evaluation = Evaluation::of(labels.get(), predicted, &inner, self.inner_folds);
            let pooled = evaluation.map_err(|error| failed(&error))?.pooled();
            Ok(mean_true_positive_rate(&pooled).unwrap_or(0.0))
        };
        let rates = predicted.iter().map(rate).collect::<Result<Vec<_>, _>>()?;
        let candidates: Vec<Candidate> = (self.candidates.iter().zip(rates))
            .map(|(&c, mean_true_positive_rate)| Candidate { c, mean_true_positive_rate })
            .collect();
        let best = candidates.iter().copied().reduce(|best, next| {
            if next.mean_true_positive_rate > best.mean_true_positive_rate { next } else { best }
        });
        let best = best.ok_or_else(|| failed(&"there is no penalty to choose from"))?;
        Ok(Selection { c: best.c, candidates })
    }
}

impl SelectPenalty {
    /// What each candidate predicts for the inner fold's test rows.
    fn predict(
        &self,
        inside: &Fold,
        rows: &Train<Array2<f32>>,
        labels: &Train<Vec<Emotion>>,
    ) -> Result<Vec<Vec<Emotion>>, StageError> {
        let train = inside.train_rows(rows.get().view()).map_err(|error| failed(&error))?;
        let test = inside.test_rows(rows.get().view()).map_err(|error| failed(&error))?;
        let labels = inside.train_of(labels.get()).map_err(|error| failed(&error))?;
        let model = match level(self.components, self.pca_solver) {
            Keep::Count(most) => PcaModel::decompose(&train, most, self.pca_solver),
            keep @ Keep::Variance(_) => PcaModel::fit(&train, keep, self.pca_solver),
        };
        let bad = |error: crate::solvers::pca::PcaError| {
            StageError::BadInput(format!("inner cross validation of fold {}: {error}", self.fold + 1))
        };
        let model = model.map_err(bad)?;
        let model = model.keep(self.components).map_err(bad)?;
        let scores = train.try_map(|rows| model.project(rows.view())).map_err(bad)?;
        let scale = ScaleModel::fit(&scores, self.scale).map_err(|error| failed(&error))?;
        let scores = scores.try_map(|scores| scale.apply(scores.view())).map_err(|error| failed(&error))?;
        let tested = model.project(test.get().view()).map_err(bad)?;
        let tested = scale.apply(tested.view()).map_err(|error| failed(&error))?;
        let parameters = SvmParameters {
            class_weight: self.class_weight,
            solver: self.solver,
            ..SvmParameters::default()
        };
        let fits = OneVsAllModel::fit_path(&scores, &labels, &parameters, &self.candidates);
        let predict = |svm: OneVsAllModel| -> Result<Vec<Emotion>, StageError> {
            let values = svm.decision_values(tested.view()).map_err(|error| failed(&error))?;
            Ok(svm.predict(values.view()))
        };
        let fits = fits.map_err(|error| {
            StageError::Failed(format!("inner cross validation of fold {}: {error}", self.fold + 1))
        })?;
        fits.into_iter().map(predict).collect()
    }
}

fn failed(error: &dyn std::fmt::Display) -> StageError {
    StageError::Failed(error.to_string())
}
