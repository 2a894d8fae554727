//! `select-penalty`: the penalty C that does best in a cross validation inside one fold's training images.
//!
//! Everything that is fitted, the principal components and the scale as well, is fitted anew inside; the fold's
//! test images are never seen. What is compared is the mean true positive rate, pooled over the inner folds;
//! of equals the smallest C wins. A candidate whose machines cannot be fitted inside is left out, and says why.

use ndarray::s;
use serde::{Deserialize, Serialize};

use super::features::Features;
use super::inner_folds::{Answers, InnerFolds, InnerRate, Parts, no_components};
use super::inspect::Manifest;
use super::multiply_rows::Products;
use super::pca::level;
use super::split::Split;
use super::{from_json, to_json};
use crate::solvers::pca::{Keep, PcaSolver};
use crate::solvers::scale::{Scale, ScaleModel};
use crate::solvers::svm::{ClassWeight, OneVsAllModel, SvmParameters, SvmSolver};
use crate::split::Fold;
use crate::stage::{Artifact, ArtifactError, Context, Files, Handle, Stage, StageError};
use crate::types::Seed;

const FILE: &str = "penalty.json";

/// The penalty chosen, and what it was chosen from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Selection {
    /// The best one.
    pub c: f64,
    /// What was tried, by ascending penalties.
    pub candidates: Vec<InnerRate>,
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
    /// Products of all pairs of them; none where the solver has no use for any.
    pub products: Option<Handle<Products>>,
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
    const VERSION: u32 = 8;
    type Output = Selection;

    fn run(&self, context: &Context<'_>) -> Result<Selection, StageError> {
        let (manifest, features) = (context.get(&self.manifest)?, context.get(&self.features)?);
        let split = context.get(&self.split)?;
        let products = Products::planned(self.products.as_ref(), context)?;
        let inner = InnerFolds {
            fold: self.fold,
            folds: self.inner_folds,
            stratified: self.stratified,
            grouped: self.grouped,
            seed: self.seed,
        };
        let hint = "lower `inner_folds` in `[svm]`, or give one `c`";
        let parts = inner.of((&manifest, &split), (&features, products.0.as_ref()), hint)?;
        let answer = |inside: &Fold| self.answer(inside, &parts);
        let candidates = parts.rates(context, &self.candidates, answer)?;
        let rated =
            candidates.iter().filter_map(|candidate| Some((candidate.c, candidate.mean_true_positive_rate?)));
        match rated.reduce(|best, next| if next.1 > best.1 { next } else { best }) {
            Some((c, _)) => Ok(Selection { c, candidates }),
            None => Err(none_fits(&candidates)),
        }
    }
}

fn none_fits(candidates: &[InnerRate]) -> StageError {
    let reason = candidates.iter().find_map(|candidate| candidate.left_out.as_deref());
    StageError::Failed(format!(
        "inner cross validation: there is no penalty to choose from: {}\n\
         give smaller penalties in `c`, or set `scale = \"global\"` or `\"standard\"` in `[svm]`",
        reason.unwrap_or("none was given")
    ))
}

impl SelectPenalty {
    /// What each candidate predicts for the inner fold's test rows.
    fn answer(&self, inside: &Fold, parts: &Parts) -> Result<Vec<Answers>, StageError> {
        let labels = inside.train_of(parts.labels.get()).map_err(|error| failed(&error))?;
        let level = level(self.components, self.pca_solver, 0);
        let reduced = parts.reduced(inside, level, self.pca_solver)?;
        let count = reduced.spectrum.count(self.components).map_err(|error| no_components(&error))?;
        let kept = reduced.scores.slice(s![.., ..count]);
        let scores = inside.train_rows(kept).map_err(|error| failed(&error))?;
        let tested = inside.test_rows(kept).map_err(|error| failed(&error))?;
        let scale = ScaleModel::fit(&scores, self.scale).map_err(|error| failed(&error))?;
        let scores = scores.try_map(|scores| scale.apply(scores.view())).map_err(|error| failed(&error))?;
        let tested = scale.apply(tested.get().view()).map_err(|error| failed(&error))?;
        let parameters = SvmParameters {
            class_weight: self.class_weight,
            solver: self.solver,
            ..SvmParameters::default()
        };
        let fits = OneVsAllModel::fit_path(&scores, &labels, &parameters, &self.candidates);
        let fits = fits.map_err(|error| StageError::Failed(format!("inner cross validation: {error}")))?;
        fits.into_iter().map(|svm| Answers::of(svm, tested.view())).collect()
    }
}

fn failed(error: &dyn std::fmt::Display) -> StageError {
    StageError::Failed(error.to_string())
}
