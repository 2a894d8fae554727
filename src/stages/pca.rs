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
use super::multiply_rows::Products;
use super::split::Split;
use super::tensors::{ReadTensors, Tensors};
use crate::solvers::pca::{Decomposition, Keep, PcaError, PcaModel, PcaSolver, RowProducts, Spectrum, sign};
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
    /// Of all rows `[n, d]`, fitted to those that `train` gathers from `positions`: from the products of all pairs of
    /// rows, where there are any that have the digits, else from the rows themselves. The largest score of each
    /// component among the rows that are fitted to is positive.
    ///
    /// # Errors
    /// As [`PcaModel::fit_most`].
    pub fn of(
        (train, positions): (&Train<Array2<f32>>, &[usize]),
        (all, products): (ArrayView2<'_, f32>, Option<&RowProducts>),
        level: Keep,
        solver: PcaSolver,
    ) -> Result<Self, PcaError> {
        let most = level.number().map_or_else(|| level.most(positions.len(), all.ncols()), Ok)?;
        let (spectrum, mut scores) = match products.and_then(|products| products.decompose(positions, most)) {
            Some(found) => found,
            None => Self::by_projection((train, positions), all, level, solver)?,
        };
        fix_signs(&mut scores, positions);
        let count = match level {
            Keep::Variance(_) => spectrum.count(level)?,
            Keep::Count(_) | Keep::AtMost(_) => scores.ncols(),
        };
        let scores = scores.slice_move(s![.., ..count]).as_standard_layout().into_owned();
        Ok(Self { spectrum: spectrum.first(count), scores })
    }

    /// Training rows are scored with the fit; the others are projected.
    fn by_projection(
        (train, positions): (&Train<Array2<f32>>, &[usize]),
        all: ArrayView2<'_, f32>,
        level: Keep,
        solver: PcaSolver,
    ) -> Result<(Spectrum, Array2<f64>), PcaError> {
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
        Ok((model.spectrum, scores))
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

/// Makes the score of largest magnitude of each component positive, among the rows at `positions` ([`sign`]).
fn fix_signs(scores: &mut Array2<f64>, positions: &[usize]) {
    for mut of_component in scores.columns_mut() {
        let sign = sign(positions.iter().map(|row| of_component[*row]));
        of_component *= sign;
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
    /// Products of all pairs of them; none where the solver has no use for any.
    pub products: Option<Handle<Products>>,
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
    const VERSION: u32 = 5;
    type Output = Reduction;

    // Training rows in f32 and centred in f64, their products with themselves, and what a solver copies.
    fn memory(&self, inputs: u64) -> u64 {
        9 * inputs + (32 << 20)
    }

    fn run(&self, context: &Context<'_>) -> Result<Reduction, StageError> {
        let (features, split) = (context.get(&self.features)?, context.get(&self.split)?);
        let products = Products::planned(self.products.as_ref(), context)?;
        let broken = |error: crate::split::SplitError| StageError::Failed(error.to_string());
        let fold = split.fold(self.fold).map_err(broken)?;
        let all = features.0.view();
        context.check_cancelled()?;
        let (rows, positions) = if self.fit_on_all {
            fold.leaking_rows(all).map(|rows| (rows, fold.both()))
        } else {
            fold.train_rows(all).map(|rows| (rows, fold.train().to_vec()))
        }
        .map_err(broken)?;
        let fitted = context.parallel(|| {
            Reduction::of((&rows, &positions), (all, products.0.as_ref()), self.level, self.solver)
        });
        fitted.map_err(|error: PcaError| bad_input(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(rows: usize, columns: usize) -> Array2<f32> {
        Array2::from_shape_fn((rows, columns), |(i, j)| {
            let hash = blake3::hash(format!("{i} {j}").as_bytes());
            f32::from(hash.as_bytes()[0]) / 255.0 - 0.5
        })
    }

    #[test]
    fn rows_and_their_products_give_the_same_scores() {
        let all = noise(30, 40);
        let positions: Vec<usize> = (0..30).filter(|row| row % 4 != 1).collect();
        let train = Train::whole(all.select(Axis(0), &positions));
        let products = RowProducts::where_used(all.view(), Keep::Count(32), PcaSolver::Exact).unwrap();
        for level in [Keep::Count(5), Keep::Count(32), Keep::Variance(0.7)] {
            let of = |products: Option<&RowProducts>| {
                let all = (all.view(), products);
                Reduction::of((&train, &positions), all, level, PcaSolver::Exact).unwrap()
            };
            let (by_rows, by_products) = (of(None), of(products.as_ref()));
            assert!(products.is_some() && by_rows != by_products, "two ways");
            assert_eq!(by_rows.scores.dim(), by_products.scores.dim());
            let errors = &by_rows.scores - &by_products.scores;
            assert!(errors.iter().all(|error| error.abs() < 1e-12), "{errors}");
            let of_train = by_products.scores.select(Axis(0), &positions);
            for scores in of_train.columns() {
                let largest = scores.iter().copied().reduce(|a, b| if b.abs() > a.abs() { b } else { a });
                assert!(largest.is_some_and(|largest| largest > 0.0));
            }
        }
    }

    #[test]
    fn of_scores_that_are_as_large_the_first_is_positive() {
        // The largest mirror each other but for rounding, one way or the other; the test row is larger still.
        for rounding in [1.0 - 3e-7, 1.0 + 3e-7] {
            let mut scores = ndarray::array![[9.0], [0.5], [2.0], [-2.0 * rounding], [-0.1]];
            fix_signs(&mut scores, &[1, 2, 3, 4]);
            assert!(scores[[2, 0]] > 0.0 && scores[[3, 0]] < 0.0);
            let mut turned = -scores.clone();
            fix_signs(&mut turned, &[1, 2, 3, 4]);
            assert_eq!(turned, scores);
        }
    }
}
