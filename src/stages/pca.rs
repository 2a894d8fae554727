//! `fit-pca`: principal components of one fold's training features.
//!
//! One decomposition serves every smaller number of components: what is fitted is a level, the next power of 2
//! from 32 on, and whoever uses it keeps what it needs.

use std::borrow::Cow;

use serde::Serialize;

use super::features::Features;
use super::file;
use super::split::Split;
use super::tensors::{ReadTensors, Tensors};
use crate::solvers::pca::{Decomposition, Keep, PcaError, PcaModel, PcaSolver};
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
        let decomposition = Decomposition::ALL.iter().position(|known| *known == model.decomposition);
        let decomposition = [decomposition.unwrap_or_default() as f64];
        let bytes = Tensors::default()
            .with("mean", &[d], &model.mean)
            .with("components", &[k, d], &model.components)
            .with("singular_values", &[k], &model.singular_values)
            .with("explained_variance", &[k], &model.explained_variance)
            .with("explained_variance_ratio", &[k], &model.explained_variance_ratio)
            .with("total_variance", &[1], &[model.total_variance])
            .with("samples", &[1], &samples)
            .with("decomposition", &[1], &decomposition)
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
            decomposition: Decomposition::ALL
                .get(tensors.number("decomposition")? as usize)
                .copied()
                .ok_or_else(|| ArtifactError("unknown decomposition".to_owned()))?,
        }))
    }
}

impl Reduction {
    /// The components that an experiment asks for.
    pub fn keep(&self, keep: Keep) -> Result<Cow<'_, PcaModel>, StageError> {
        self.0.keep(keep).map_err(|error| bad_input(&error))
    }
}

/// What an experiment's author can do about it.
fn bad_input(error: &PcaError) -> StageError {
    StageError::BadInput(format!("{error}; see `components` in `[pca]`"))
}

/// What is decomposed for a number of components, so that numbers near it share the decomposition.
pub fn level(keep: Keep, solver: PcaSolver) -> Keep {
    match (keep, solver) {
        // Its iteration fails or falls back with more components, and it is here to be compared.
        (_, PcaSolver::Linfa) | (Keep::Variance(_), _) => keep,
        (Keep::Count(count), _) => Keep::Count(count.max(32).next_power_of_two()),
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
    /// At most this many components, or enough for a share of the variance.
    pub level: Keep,
    /// Whether the test images are seen too, as the paper's text reads: that leaks.
    pub fit_on_all: bool,
    /// How they are found.
    pub solver: PcaSolver,
    /// Which code finds them, and its version.
    pub code: &'static str,
}

impl Stage for FitPca {
    const NAME: &'static str = "fit-pca";
    const VERSION: u32 = 2;
    type Output = Reduction;

    fn run(&self, context: &Context<'_>) -> Result<Reduction, StageError> {
        let (features, split) = (context.get(&self.features)?, context.get(&self.split)?);
        let broken = |error: crate::split::SplitError| StageError::Failed(error.to_string());
        let fold = split.fold(self.fold).map_err(broken)?;
        let all = features.0.view();
        let rows = if self.fit_on_all { fold.leaking_rows(all) } else { fold.train_rows(all) };
        let rows = rows.map_err(broken)?;
        context.check_cancelled()?;
        let model = context.parallel(|| match self.level {
            Keep::Count(most) => PcaModel::decompose(&rows, most, self.solver),
            Keep::Variance(_) => PcaModel::fit(&rows, self.level, self.solver),
        });
        model.map(Reduction).map_err(|error| bad_input(&error))
    }
}
