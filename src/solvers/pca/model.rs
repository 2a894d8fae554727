//! A fitted principal component analysis.

use std::borrow::Cow;

use faer::Mat;
use ndarray::{Array1, Array2, ArrayView2, s};

use super::matrix::{Centred, projected};
use super::stream::Moments;
use super::{Found, Keep, PcaError, PcaSolver, Spectrum, exact, linfa, randomized, sign};
use crate::split::Train;

/// A fitted principal component analysis: `k` components of `d` features.
#[derive(Clone, Debug, PartialEq)]
pub struct PcaModel {
    /// Mean of the training rows, `[d]`.
    pub mean: Array1<f64>,
    /// Components, orthonormal rows, `[k, d]`.
    pub components: Array2<f64>,
    /// What they explain.
    pub spectrum: Spectrum,
}

impl PcaModel {
    /// Fits principal components to training rows `[n, d]`.
    ///
    /// # Errors
    /// A value that is not finite, fewer than 2 rows, rows without variance, a solver that fails, and those of
    /// [`keep`](Self::keep).
    pub fn fit(train: &Train<Array2<f32>>, keep: Keep, solver: PcaSolver) -> Result<Self, PcaError> {
        let most = keep.most(train.get().nrows(), train.get().ncols())?;
        Ok(Self::decompose(train, most, solver)?.keep(keep)?.into_owned())
    }

    /// As [`fit`](Self::fit), but of a number of components that the rows do not have, as many as they have.
    ///
    /// # Errors
    /// As [`fit`](Self::fit).
    pub fn fit_most(train: &Train<Array2<f32>>, keep: Keep, solver: PcaSolver) -> Result<Self, PcaError> {
        match keep.number() {
            Some(most) => Self::decompose(train, most, solver),
            None => Self::fit(train, keep, solver),
        }
    }

    /// As [`fit_most`](Self::fit_most), with the scores of the training rows, `[n, k]`, which many solvers find on the way.
    ///
    /// # Errors
    /// As [`fit`](Self::fit).
    pub fn fit_scored(
        train: &Train<Array2<f32>>,
        keep: Keep,
        solver: PcaSolver,
    ) -> Result<(Self, Array2<f64>), PcaError> {
        let (most, is_share) = match keep.number() {
            Some(most) => (most, false),
            None => (keep.most(train.get().nrows(), train.get().ncols())?, true),
        };
        let (whole, scores) = Self::decomposed(train, most, solver)?;
        let model = if is_share { whole.keep(keep)?.into_owned() } else { whole };
        let scores = match scores {
            Some(scores) => scores.slice_move(s![.., ..model.components.nrows()]),
            None => model.project(train.get().view())?,
        };
        Ok((model, scores))
    }

    /// As [`fit`](Self::fit), for as many components as there are, but at most `most`: for
    /// [`keep`](Self::keep) to take what it needs.
    ///
    /// # Errors
    /// As [`fit`](Self::fit).
    pub fn decompose(train: &Train<Array2<f32>>, most: usize, solver: PcaSolver) -> Result<Self, PcaError> {
        Ok(Self::decomposed(train, most, solver)?.0)
    }

    /// With the scores of the training rows where the solver knows them.
    fn decomposed(
        train: &Train<Array2<f32>>,
        most: usize,
        solver: PcaSolver,
    ) -> Result<(Self, Option<Array2<f64>>), PcaError> {
        let rows = train.get();
        let (samples, features) = rows.dim();
        if samples < 2 {
            return Err(PcaError::TooFewSamples { samples });
        }
        if most == 0 || features == 0 {
            return Err(PcaError::NoComponents);
        }
        let data = Centred::new(rows.view())?;
        if rows.rows().into_iter().all(|row| row == rows.row(0)) {
            return Err(PcaError::NoVariance { samples });
        }
        let most = most.min(features).min(samples - 1);
        let found = match solver.resolve(samples.min(features), most) {
            PcaSolver::Exact | PcaSolver::Auto => exact::directions(&data, most)?,
            PcaSolver::Randomized => randomized::directions(&data, most)?,
            PcaSolver::Linfa => linfa::directions(&data, most)?,
        };
        Ok(Self::of(samples, data.mean, data.squares, found))
    }

    /// As [`decompose`](Self::decompose), from blocks of training rows `[b, d]` in one pass: for more rows than
    /// fit into memory. The memory needed is that of two matrices `[d, d]` and one block in f64.
    ///
    /// # Errors
    /// As [`fit`](Self::fit), and those of the blocks.
    pub fn decompose_blocks<E: From<PcaError>>(
        features: usize,
        blocks: Train<impl IntoIterator<Item = Result<Array2<f32>, E>>>,
        most: usize,
    ) -> Result<Self, E> {
        if most == 0 || features == 0 {
            return Err(PcaError::NoComponents.into());
        }
        let mut moments = Moments::new(features);
        for block in blocks.into_inner() {
            moments.add(block?.view())?;
        }
        let samples = moments.samples();
        if samples < 2 {
            return Err(PcaError::TooFewSamples { samples }.into());
        }
        let (mean, squares, found) = moments.directions(most.min(features).min(samples - 1))?;
        if found.singular_values.first().is_none_or(|value| *value == 0.0) {
            return Err(PcaError::NoVariance { samples }.into());
        }
        Ok(Self::of(samples, mean, squares, found).0)
    }

    fn of(samples: usize, mean: Array1<f64>, squares: f64, found: Found) -> (Self, Option<Array2<f64>>) {
        let (features, k) = (found.components.nrows(), found.components.ncols());
        let mut components = Array2::zeros((k, features));
        for (mut row, column) in components.rows_mut().into_iter().zip(found.components.col_iter()) {
            row.iter_mut().zip(column.iter()).for_each(|(to, from)| *to = *from);
        }
        let signs = fix_signs(&mut components);
        let score =
            |left: &Mat<f64>, (i, j): (usize, usize)| left[(i, j)] * found.singular_values[j] * signs[j];
        let scores = found.left.map(|left| Array2::from_shape_fn((samples, k), |at| score(&left, at)));
        let spectrum = Spectrum::of(found.singular_values, squares, [samples, features], found.decomposition);
        (Self { mean, components, spectrum }, scores)
    }

    /// The same analysis with fewer components.
    ///
    /// # Errors
    /// As [`Spectrum::count`].
    pub fn keep(&self, keep: Keep) -> Result<Cow<'_, Self>, PcaError> {
        let count = self.spectrum.count(keep)?;
        if count == self.components.nrows() {
            return Ok(Cow::Borrowed(self));
        }
        Ok(Cow::Owned(Self {
            mean: self.mean.clone(),
            components: self.components.slice(s![..count, ..]).to_owned(),
            spectrum: self.spectrum.first(count),
        }))
    }

    /// Scores `[n, k]` of rows `[n, d]`.
    ///
    /// # Errors
    /// Rows of another width than the model was fitted on.
    pub fn project(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f64>, PcaError> {
        let (expected, found) = (self.mean.len(), rows.ncols());
        if found != expected || self.components.ncols() != expected {
            return Err(PcaError::Features { expected, found });
        }
        Ok(projected(rows, &self.mean, self.components.view()))
    }
}

/// Makes the loading of largest magnitude of each component positive ([`sign`]). Gives -1 for each that was turned round,
/// else 1.
fn fix_signs(components: &mut Array2<f64>) -> Vec<f64> {
    let mut signs = Vec::with_capacity(components.nrows());
    for mut component in components.rows_mut() {
        let sign = sign(component.iter().copied());
        component *= sign;
        signs.push(sign);
    }
    signs
}
