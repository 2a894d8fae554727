//! `fit-pca`: principal components of one fold's training features.

use ndarray::Array1;
use serde::Serialize;

use super::features::Features;
use super::file;
use super::split::Split;
use super::tensors::{ReadTensors, Tensors};
use crate::solvers::pca::{Decomposition, PcaModel, PcaSolver};
use crate::stage::{Artifact, ArtifactError, Context, Files, Handle, Stage, StageError};

const FILE: &str = "pca.safetensors";

/// A fitted PCA.
#[derive(Clone, Debug, PartialEq)]
pub struct Reduction(pub PcaModel);

impl Artifact for Reduction {
    fn save(&self) -> Result<Files, ArtifactError> {
        let model = &self.0;
        let (k, d) = model.components.dim();
        let samples = [model.samples as f64];
        let iterative = [f64::from(u8::from(model.decomposition == Decomposition::Iterative))];
        let bytes = Tensors::default()
            .with("mean", &[d], &model.mean)
            .with("components", &[k, d], &model.components)
            .with("singular_values", &[k], &model.singular_values)
            .with("explained_variance", &[k], &model.explained_variance)
            .with("explained_variance_ratio", &[k], &model.explained_variance_ratio)
            .with("total_variance", &[1], &[model.total_variance])
            .with("samples", &[1], &samples)
            .with("iterative", &[1], &iterative)
            .to_bytes()?;
        Ok(Files::from([(FILE.to_owned(), bytes)]))
    }

    fn load(files: &Files) -> Result<Self, ArtifactError> {
        let tensors = ReadTensors::from_bytes(file(files, FILE)?)?;
        Ok(Self(PcaModel {
            mean: tensors.vector("mean")?,
            components: tensors.matrix("components")?,
            singular_values: tensors.vector("singular_values")?,
            explained_variance: tensors.vector("explained_variance")?,
            explained_variance_ratio: tensors.vector("explained_variance_ratio")?,
            total_variance: tensors.number("total_variance")?,
            samples: tensors.number("samples")? as usize,
            decomposition: if tensors.number("iterative")? > 0.5 {
                Decomposition::Iterative
            } else {
                Decomposition::Dense
            },
        }))
    }
}

impl Reduction {
    /// Share of the total variance that the kept components explain.
    pub fn kept_variance(&self) -> f64 {
        let ratios: &Array1<f64> = &self.0.explained_variance_ratio;
        ratios.sum()
    }
}

/// The stage.
#[derive(Serialize)]
pub struct FitPca {
    /// Features of all images.
    pub features: Handle<Features>,
    /// Which of them are trained on.
    pub split: Handle<Split>,
    /// The fold, from 0.
    pub fold: usize,
    /// Principal components kept.
    pub components: usize,
    /// Whether the test images are seen too, as the paper's text reads: that leaks.
    pub fit_on_all: bool,
    /// Which code fits it, and its version.
    pub solver: &'static str,
}

impl Stage for FitPca {
    const NAME: &'static str = "fit-pca";
    const VERSION: u32 = 1;
    type Output = Reduction;

    fn run(&self, context: &Context<'_>) -> Result<Reduction, StageError> {
        let (features, split) = (context.get(&self.features)?, context.get(&self.split)?);
        let broken = |error: crate::split::SplitError| StageError::Failed(error.to_string());
        let fold = split.fold(self.fold).map_err(broken)?;
        let all = features.0.view();
        let rows = if self.fit_on_all { fold.leaking_rows(all) } else { fold.train_rows(all) };
        let rows = rows.map_err(broken)?;
        context.check_cancelled()?;
        let model = PcaModel::fit(&rows, self.components, PcaSolver::Linfa).map_err(|error| {
            StageError::BadInput(format!("{error}; `components` in `[pca]` asks for {}", self.components))
        })?;
        Ok(Reduction(model))
    }
}
