//! `fit-pca`: principal components of one fold's training features.
//!
//! One decomposition serves every smaller number of components: what is fitted is a level, the next power of 2
//! from 32 on, and whoever uses it keeps what it needs. Points of a sweep share the level of the largest. The
//! scores of all images are what is stored, so that images are projected once, whatever is fitted to them. The components
//! themselves are not: nothing else asks for them, and they are far larger.

use ndarray::{Array2, ArrayView2, Axis, s};
use serde::Serialize;

use super::features::Features;
use super::file;
use super::split::Split;
use super::tensors::{ReadTensors, Tensors};
use crate::solvers::pca::{Decomposition, Keep, PcaError, PcaModel, PcaSolver, Spectrum};
use crate::split::Train;
use crate::stage::{Artifact, ArtifactError, Context, Files, Handle, Stage, StageError};

const FILE: &str = "pca.safetensors";

/// What a fitted PCA makes of the images.
#[derive(Clone, Debug, PartialEq)]
pub struct Reduction {
    /// What the components explain.
    pub spectrum: Spectrum,
    /// Scores of all images of the manifest, `[n, k]`.
    pub scores: Array2<f64>,
}

impl Artifact for Reduction {
    fn save(&self) -> Result<Files, ArtifactError> {
        let tensors = with_spectrum(Tensors::default(), &self.spectrum).with(
            "scores",
            self.scores.shape(),
            &self.scores,
        );
        Ok(Files::from([(FILE.to_owned(), tensors.to_bytes()?)]))
    }

    fn load(files: &Files) -> Result<Self, ArtifactError> {
        let tensors = ReadTensors::from_bytes(file(files, FILE)?)?;
        let spectrum = Spectrum {
            singular_values: tensors.vector("singular_values")?,
            explained_variance: tensors.vector("explained_variance")?,
            explained_variance_ratio: tensors.vector("explained_variance_ratio")?,
            total_variance: tensors.number("total_variance")?,
            samples: tensors.number("samples")? as usize,
            features: tensors.number("features")? as usize,
            decomposition: Decomposition::ALL
                .get(tensors.number("decomposition")? as usize)
                .copied()
                .ok_or_else(|| ArtifactError("unknown decomposition".to_owned()))?,
        };
        Ok(Self { spectrum, scores: tensors.matrix("scores")? })
    }
}

/// A model as a safetensors file.
pub fn model_file(model: &PcaModel) -> Result<Vec<u8>, ArtifactError> {
    let tensors = Tensors::default().with("mean", model.mean.shape(), &model.mean).with(
        "components",
        model.components.shape(),
        &model.components,
    );
    with_spectrum(tensors, &model.spectrum).to_bytes()
}

fn with_spectrum(tensors: Tensors, spectrum: &Spectrum) -> Tensors {
    let k = spectrum.singular_values.len();
    let decomposition = Decomposition::ALL.iter().position(|known| *known == spectrum.decomposition);
    tensors
        .with("singular_values", &[k], &spectrum.singular_values)
        .with("explained_variance", &[k], &spectrum.explained_variance)
        .with("explained_variance_ratio", &[k], &spectrum.explained_variance_ratio)
        .with("total_variance", &[1], &[spectrum.total_variance])
        .with("samples", &[1], &[spectrum.samples as f64])
        .with("features", &[1], &[spectrum.features as f64])
        .with("decomposition", &[1], &[decomposition.unwrap_or_default() as f64])
}

impl Reduction {
    /// Of training rows, given their positions among all rows `[n, d]`, which are scored with the fit; the others are
    /// projected.
    ///
    /// # Errors
    /// As [`PcaModel::fit_most`].
    pub fn of(
        (train, positions): (&Train<Array2<f32>>, &[usize]),
        all: ArrayView2<'_, f32>,
        level: Keep,
        solver: PcaSolver,
    ) -> Result<Self, PcaError> {
        let (model, own) = PcaModel::fit_scored(train, level, solver)?;
        let mut is_trained = vec![false; all.nrows()];
        for row in positions {
            is_trained[*row] = true;
        }
        let others: Vec<usize> = (0..all.nrows()).filter(|row| !is_trained[*row]).collect();
        let projected = model.project(all.select(Axis(0), &others).view())?;
        let mut scores = Array2::zeros((all.nrows(), own.ncols()));
        for (positions, part) in [(positions, own), (&others, projected)] {
            positions.iter().zip(part.rows()).for_each(|(row, of_row)| scores.row_mut(*row).assign(&of_row));
        }
        Ok(Self { spectrum: model.spectrum, scores })
    }

    /// How many components that is.
    pub fn count(&self, keep: Keep) -> Result<usize, StageError> {
        self.spectrum.count(keep).map_err(|error| bad_input(&error))
    }

    /// Scores of all images on the components that an experiment asks for, `[n, k]`.
    pub fn scores(&self, keep: Keep) -> Result<ArrayView2<'_, f64>, StageError> {
        Ok(self.scores.slice(s![.., ..self.count(keep)?]))
    }
}

/// What an experiment's author can do about it.
fn bad_input(error: &PcaError) -> StageError {
    StageError::BadInput(with_way_out(error))
}

/// The error and what an experiment's author can do about it.
pub(super) fn with_way_out(error: &PcaError) -> String {
    let way_out = match error {
        PcaError::NoVariance { .. } => "features that are all alike tell nothing: leave the method out",
        PcaError::TooManyComponents { .. } | PcaError::RankTooLow { .. } => {
            "lower `components` in `[pca]`, or set `on_excess = \"clamp\"` there for as many as there are"
        }
        PcaError::NotFinite { .. } => "the features are at fault: what made them gave no number there",
        _ => "see `components` in `[pca]`",
    };
    format!("{error}; {way_out}")
}

/// What is decomposed for a number of components, so that numbers near it, and up to `shared`, share the
/// decomposition.
pub fn level(keep: Keep, solver: PcaSolver, shared: usize) -> Keep {
    match (keep, solver) {
        // Its iteration fails or falls back with more components, and it is here to be compared.
        (_, PcaSolver::Linfa) | (Keep::Variance(_), _) => keep,
        (Keep::Count(count) | Keep::AtMost(count), _) => {
            Keep::Count(count.max(shared).max(32).next_power_of_two())
        }
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
    const VERSION: u32 = 4;
    type Output = Reduction;

    // Training rows in f32 and centred in f64, their products with themselves, and what a solver copies.
    fn memory(&self, inputs: u64) -> u64 {
        9 * inputs + (32 << 20)
    }

    fn run(&self, context: &Context<'_>) -> Result<Reduction, StageError> {
        let (features, split) = (context.get(&self.features)?, context.get(&self.split)?);
        let broken = |error: crate::split::SplitError| StageError::Failed(error.to_string());
        let fold = split.fold(self.fold).map_err(broken)?;
        let all = features.0.view();
        context.check_cancelled()?;
        let fitted = if self.fit_on_all {
            let rows = fold.leaking_rows(all).map_err(broken)?;
            context.parallel(|| {
                let model = PcaModel::fit_most(&rows, self.level, self.solver)?;
                let scores = model.project(all)?;
                Ok(Reduction { spectrum: model.spectrum, scores })
            })
        } else {
            let rows = fold.train_rows(all).map_err(broken)?;
            context.parallel(|| Reduction::of((&rows, fold.train()), all, self.level, self.solver))
        };
        fitted.map_err(|error: PcaError| bad_input(&error))
    }
}
