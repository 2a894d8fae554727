//! `train-svm`: one linear support vector machine per emotion on one fold's training scores.
//!
//! Points of a sweep that differ in their numbers of components alone are trained together: the support vectors of one are
//! nearly those of the next, which takes a third of the time so. The list of them is part of the key.

use std::collections::BTreeMap;

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use super::inspect::Manifest;
use super::pca::Reduction;
use super::select::Selection;
use super::split::Split;
use super::tensors::{ReadTensors, Tensors};
use super::{file, from_json, to_json};
use crate::solvers::pca::Keep;
use crate::solvers::scale::{Scale, ScaleModel};
use crate::solvers::svm::{
    ClassWeight, FitReport, OneVsAllModel, Starts, SvmError, SvmParameters, SvmSolver,
};
use crate::split::Train;
use crate::stage::{Artifact, ArtifactError, Context, Files, Handle, Stage, StageError};
use crate::types::Emotion;

/// A trained classifier and the scale its scores are divided by.
#[derive(Clone, Debug, PartialEq)]
pub struct Classifier {
    /// One decision function per class.
    pub svm: OneVsAllModel,
    /// Fitted on the training scores.
    pub scale: ScaleModel,
    /// The penalty C it was trained with.
    pub c: f64,
}

impl Classifier {
    /// With its arrays, called `at` and a name.
    fn put(&self, at: usize, tensors: Tensors) -> Tensors {
        let (m, k) = self.svm.weights.dim();
        let name = |name: &str| format!("{at}.{name}");
        let reports = |number: fn(&FitReport) -> f64| self.svm.fits.iter().map(number).collect::<Vec<_>>();
        let classes: Vec<f64> = self.svm.classes.iter().map(|class| class.index() as f64).collect();
        tensors
            .with(&name("classes"), &[m], &classes)
            .with(&name("weights"), &[m, k], &self.svm.weights)
            .with(&name("bias"), &[m], &self.svm.bias)
            .with(&name("primal"), &[m], &reports(|fit| fit.primal))
            .with(&name("dual"), &[m], &reports(|fit| fit.dual))
            .with(&name("support_vectors"), &[m], &reports(|fit| fit.support_vectors as f64))
            .with(&name("iterations"), &[m], &reports(|fit| fit.iterations as f64))
            .with(&name("divisors"), &[k], &self.scale.divisors)
            .with(&name("c"), &[1], &[self.c])
    }

    fn read(at: usize, tensors: &ReadTensors<'_>) -> Result<Self, ArtifactError> {
        let vector = |name: &str| tensors.vector(&format!("{at}.{name}"));
        let class = |index: &f64| {
            let known = Emotion::ALL.get(*index as usize).copied();
            known.ok_or_else(|| ArtifactError(format!("class {index}")))
        };
        let (primal, dual) = (vector("primal")?, vector("dual")?);
        let (support_vectors, iterations) = (vector("support_vectors")?, vector("iterations")?);
        let fits = primal.iter().zip(&dual).zip(support_vectors.iter().zip(&iterations));
        let report =
            |((primal, dual), (support_vectors, iterations)): ((&f64, &f64), (&f64, &f64))| FitReport {
                primal: *primal,
                dual: *dual,
                support_vectors: *support_vectors as usize,
                iterations: *iterations as usize,
            };
        let svm = OneVsAllModel {
            classes: vector("classes")?.iter().map(class).collect::<Result<_, _>>()?,
            weights: tensors.matrix(&format!("{at}.weights"))?,
            bias: vector("bias")?,
            fits: fits.map(report).collect(),
        };
        let scale = ScaleModel { divisors: vector("divisors")? };
        Ok(Self { svm, scale, c: tensors.number(&format!("{at}.c"))? })
    }
}

/// What was trained together: for each of what was tried, the classifier or why there is none.
#[derive(Clone, Debug, PartialEq)]
pub struct Classifiers(Vec<Result<Classifier, Unfitted>>);

/// Those that could be trained, and why the others could not, by their places.
const FITTED: &str = "svm.safetensors";
const UNFITTED: &str = "unfitted.json";

impl Artifact for Classifiers {
    // One file of all: to make one for each of a sweep's hundreds safe takes longer than to train them.
    fn save(&self) -> Result<Files, ArtifactError> {
        let mut tensors = Tensors::default();
        let mut unfitted = BTreeMap::new();
        for (at, classifier) in self.0.iter().enumerate() {
            match classifier {
                Ok(classifier) => tensors = classifier.put(at, tensors),
                Err(why) => {
                    unfitted.insert(at, why);
                }
            }
        }
        let mut files = Files::from([(FITTED.to_owned(), tensors.to_bytes()?)]);
        if !unfitted.is_empty() {
            files.insert(UNFITTED.to_owned(), to_json(&unfitted)?);
        }
        Ok(files)
    }

    fn load(files: &Files) -> Result<Self, ArtifactError> {
        let tensors = ReadTensors::from_bytes(file(files, FITTED)?)?;
        let mut unfitted: BTreeMap<usize, Unfitted> =
            if files.contains_key(UNFITTED) { from_json(files, UNFITTED)? } else { BTreeMap::new() };
        let mut all = Vec::new();
        loop {
            let at = all.len();
            all.push(match unfitted.remove(&at) {
                Some(why) => Err(why),
                None if tensors.has(&format!("{at}.c")) => Ok(Classifier::read(at, &tensors)?),
                None => break,
            });
        }
        Ok(Self(all))
    }
}

/// Why there is no classifier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Unfitted {
    /// Whether what the user gave is wrong.
    is_input: bool,
    /// From 0.
    fold: usize,
    reason: String,
}

impl Unfitted {
    /// As the stage's own error, whose name tells the fold.
    fn in_its_stage(self) -> StageError {
        let reason = self.reason;
        if self.is_input { StageError::BadInput(reason) } else { StageError::Failed(reason) }
    }
}

impl From<Unfitted> for StageError {
    fn from(unfitted: Unfitted) -> Self {
        let reason = format!("fold {}: {}", unfitted.fold, unfitted.reason);
        Unfitted { reason, ..unfitted }.in_its_stage()
    }
}

/// One of what was trained together.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Fitted {
    /// All of it.
    pub classifiers: Handle<Classifiers>,
    /// Its place among them, from 0.
    pub at: usize,
}

impl Fitted {
    /// The classifier.
    ///
    /// # Errors
    /// Why there is none.
    pub fn get(&self, context: &Context<'_>) -> Result<Classifier, StageError> {
        let all = context.get(&self.classifiers)?;
        let own = all.0.get(self.at).cloned();
        Ok(own.ok_or_else(|| StageError::Failed(format!("no classifier {}", self.at)))??)
    }
}

/// Where the penalty C comes from.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum PenaltyOf {
    /// The experiment.
    Experiment(f64),
    /// An inner cross validation.
    Selection(Handle<Selection>),
}

impl PenaltyOf {
    /// Its value.
    ///
    /// # Errors
    /// What was chosen cannot be read.
    pub fn get(&self, context: &Context<'_>) -> Result<f64, StageError> {
        match self {
            Self::Experiment(c) => Ok(*c),
            Self::Selection(selection) => Ok(context.get(selection)?.c),
        }
    }
}

/// In what classifiers that are trained together differ.
#[derive(Clone, Debug, Serialize)]
pub struct Tried {
    /// How many principal components are kept.
    pub components: Keep,
    /// Penalty C; one that was chosen was chosen inside the same training images.
    pub c: PenaltyOf,
}

/// The stage.
#[derive(Serialize)]
pub struct TrainSvm {
    /// Labels.
    pub manifest: Handle<Manifest>,
    /// Which images are trained on.
    pub split: Handle<Split>,
    /// The fold's principal components and the images' scores on them.
    pub reduction: Handle<Reduction>,
    /// What is trained, by ascending numbers of components: each starts where the last one ended.
    #[serde(rename = "svm")]
    pub tried: Vec<Tried>,
    /// The fold, from 0.
    pub fold: usize,
    /// Extra penalty on each problem's own class.
    pub class_weight: ClassWeight,
    /// How scores are scaled.
    pub scale: Scale,
    /// How it is trained.
    pub solver: SvmSolver,
    /// Which code trains it, and its version.
    pub code: &'static str,
}

impl Stage for TrainSvm {
    const NAME: &'static str = "train-svm";
    const VERSION: u32 = 6;
    type Output = Classifiers;

    fn run(&self, context: &Context<'_>) -> Result<Classifiers, StageError> {
        let mut starts = Starts::default();
        let mut fitted = Vec::with_capacity(self.tried.len());
        for tried in &self.tried {
            context.check_cancelled()?;
            fitted.push(match self.fit(context, tried, &mut starts) {
                Ok(classifier) => Ok(classifier),
                // Those of the others that can be trained are.
                Err(StageError::BadInput(reason)) => {
                    Err(Unfitted { is_input: true, fold: self.fold, reason })
                }
                Err(StageError::Failed(reason)) => Err(Unfitted { is_input: false, fold: self.fold, reason }),
                Err(error) => return Err(error),
            });
        }
        // Alone it fails in its own stage; of several each has a reason of its own.
        if let [Err(only)] = fitted.as_slice() {
            return Err(only.clone().in_its_stage());
        }
        Ok(Classifiers(fitted))
    }
}

impl TrainSvm {
    fn fit(
        &self,
        context: &Context<'_>,
        tried: &Tried,
        starts: &mut Starts,
    ) -> Result<Classifier, StageError> {
        let manifest = context.get(&self.manifest)?;
        let (split, reduction) = (context.get(&self.split)?, context.get(&self.reduction)?);
        let c = tried.c.get(context)?;
        let scores = reduction.scores(tried.components)?;
        let data = training_scores(&split, self.fold, scores, &manifest, self.scale)?;
        let parameters =
            SvmParameters { c, class_weight: self.class_weight, solver: self.solver, ..Default::default() };
        let svm =
            context.parallel(|| OneVsAllModel::fit_after(&data.scores, &data.labels, &parameters, starts));
        let svm = svm.map_err(|error| unfitted(&error))?;
        Ok(Classifier { svm, scale: data.scale, c })
    }
}

/// Why a machine could not be trained, and the way out.
pub(super) fn unfitted(error: &SvmError) -> StageError {
    StageError::Failed(match error.hint() {
        Some(hint) => format!("{error}\n{hint}"),
        None => error.to_string(),
    })
}

/// What the machines of a fold are trained on.
pub struct TrainingScores {
    /// Scaled scores of the principal components, `[n, k]`.
    pub scores: Train<Array2<f64>>,
    /// What each row evokes.
    pub labels: Train<Vec<Emotion>>,
    /// What the scores were divided by.
    pub scale: ScaleModel,
}

/// Scales the training scores of a fold, of the `scores` of all images, `[n, k]`.
///
/// # Errors
/// Inputs that do not belong together, or scores without extent.
pub fn training_scores(
    split: &Split,
    fold: usize,
    scores: ArrayView2<'_, f64>,
    manifest: &Manifest,
    scale: Scale,
) -> Result<TrainingScores, StageError> {
    let failed = |error: &dyn std::fmt::Display| StageError::Failed(error.to_string());
    let fold = split.fold(fold).map_err(|error| failed(&error))?;
    let scores = fold.train_rows(scores).map_err(|error| failed(&error))?;
    let labels = fold.train_of(&manifest.labels()).map_err(|error| failed(&error))?;
    let scale = ScaleModel::fit(&scores, scale).map_err(|error| failed(&error))?;
    let scores = scores.try_map(|scores| scale.apply(scores.view())).map_err(|error| failed(&error))?;
    Ok(TrainingScores { scores, labels, scale })
}
