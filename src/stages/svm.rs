//! `train-svm`: one linear support vector machine per emotion on one fold's training scores.

use serde::Serialize;

use super::features::Features;
use super::file;
use super::inspect::Manifest;
use super::pca::Reduction;
use super::split::Split;
use super::tensors::{ReadTensors, Tensors};
use crate::solvers::scale::{Scale, ScaleModel};
use crate::solvers::svm::{ClassWeight, OneVsAllModel, SvmParameters, SvmSolver};
use crate::stage::{Artifact, ArtifactError, Context, Files, Handle, Stage, StageError};
use crate::types::Emotion;

const FILE: &str = "svm.safetensors";

/// A trained classifier and the scale its scores are divided by.
#[derive(Clone, Debug, PartialEq)]
pub struct Classifier {
    /// One decision function per class.
    pub svm: OneVsAllModel,
    /// Fitted on the training scores.
    pub scale: ScaleModel,
}

impl Artifact for Classifier {
    fn save(&self) -> Result<Files, ArtifactError> {
        let (m, k) = self.svm.weights.dim();
        let counts = |numbers: &[usize]| numbers.iter().map(|number| *number as f64).collect::<Vec<_>>();
        let classes: Vec<f64> = self.svm.classes.iter().map(|class| class.index() as f64).collect();
        let bytes = Tensors::default()
            .with("classes", &[m], &classes)
            .with("weights", &[m, k], &self.svm.weights)
            .with("bias", &[m], &self.svm.bias)
            .with("support_vectors", &[m], &counts(&self.svm.support_vectors))
            .with("iterations", &[m], &counts(&self.svm.iterations))
            .with("divisors", &[k], &self.scale.divisors)
            .to_bytes()?;
        Ok(Files::from([(FILE.to_owned(), bytes)]))
    }

    fn load(files: &Files) -> Result<Self, ArtifactError> {
        let tensors = ReadTensors::from_bytes(file(files, FILE)?)?;
        let class = |index: &f64| {
            let known = Emotion::ALL.get(*index as usize).copied();
            known.ok_or_else(|| ArtifactError(format!("class {index}")))
        };
        let counts = |name: &str| -> Result<Vec<usize>, ArtifactError> {
            Ok(tensors.vector(name)?.iter().map(|number| *number as usize).collect())
        };
        let svm = OneVsAllModel {
            classes: tensors.vector("classes")?.iter().map(class).collect::<Result<_, _>>()?,
            weights: tensors.matrix("weights")?,
            bias: tensors.vector("bias")?,
            support_vectors: counts("support_vectors")?,
            iterations: counts("iterations")?,
        };
        Ok(Self { svm, scale: ScaleModel { divisors: tensors.vector("divisors")? } })
    }
}

/// The stage.
#[derive(Serialize)]
pub struct TrainSvm {
    /// Labels.
    pub manifest: Handle<Manifest>,
    /// Features of all images.
    pub features: Handle<Features>,
    /// Which of them are trained on.
    pub split: Handle<Split>,
    /// The fold's principal components.
    pub reduction: Handle<Reduction>,
    /// The fold, from 0.
    pub fold: usize,
    /// Penalty C.
    pub c: f64,
    /// Extra penalty on each problem's own class.
    pub class_weight: ClassWeight,
    /// How scores are scaled.
    pub scale: Scale,
    /// Which code trains it, and its version.
    pub solver: &'static str,
}

impl Stage for TrainSvm {
    const NAME: &'static str = "train-svm";
    const VERSION: u32 = 1;
    type Output = Classifier;

    fn run(&self, context: &Context<'_>) -> Result<Classifier, StageError> {
        let (manifest, features) = (context.get(&self.manifest)?, context.get(&self.features)?);
        let (split, reduction) = (context.get(&self.split)?, context.get(&self.reduction)?);
        let failed = |error: &dyn std::fmt::Display| StageError::Failed(error.to_string());
        let fold = split.fold(self.fold).map_err(|error| failed(&error))?;
        let rows = fold.train_rows(features.0.view()).map_err(|error| failed(&error))?;
        let labels = fold.train_of(&manifest.labels()).map_err(|error| failed(&error))?;
        let scores = rows.try_map(|rows| reduction.0.project(rows.view())).map_err(|error| failed(&error))?;
        let scale = ScaleModel::fit(&scores, self.scale).map_err(|error| failed(&error))?;
        let scaled = scores.try_map(|scores| scale.apply(scores.view())).map_err(|error| failed(&error))?;
        context.check_cancelled()?;
        let parameters = SvmParameters {
            c: self.c,
            class_weight: self.class_weight,
            solver: SvmSolver::Linfa,
            ..Default::default()
        };
        let svm = context.parallel(|| OneVsAllModel::fit(&scaled, &labels, &parameters));
        Ok(Classifier { svm: svm.map_err(|error| failed(&error))?, scale })
    }
}
