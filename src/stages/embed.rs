//! `embed-images`: a map of the tested images by their features: principal components, then t-SNE.

use ndarray::Axis;
use serde::{Deserialize, Serialize};

use super::features::Features;
use super::split::Split;
use super::table::{ReadTable, Table};
use super::{file, from_json, to_json};
use crate::solvers::pca::{PcaModel, PcaSolver};
use crate::solvers::tsne;
use crate::split::Fold;
use crate::stage::{Artifact, ArtifactError, Context, Files, Handle, Stage, StageError};

const TABLE: &str = "map.parquet";
const FACTS: &str = "facts.json";

/// Where each tested image lies on the map.
#[derive(Clone, Debug, PartialEq)]
pub struct Embedding {
    /// Positions in the manifest.
    pub images: Vec<u32>,
    /// Places, in the same order.
    pub places: Vec<[f64; 2]>,
    /// How the map came about.
    pub facts: Facts,
}

/// How a map came about.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// Principal components that went into it.
    pub components: usize,
    /// The share of the variance that they keep.
    pub kept_variance: f64,
    /// The perplexity that so many images allow.
    pub perplexity: f64,
}

impl Artifact for Embedding {
    fn save(&self) -> Result<Files, ArtifactError> {
        let axis = |axis: usize| self.places.iter().map(move |place| Some(place[axis]));
        let table = Table::default()
            .integers("image", self.images.iter().copied())
            .numbers("x", axis(0))
            .numbers("y", axis(1))
            .into_parquet()?;
        Ok(Files::from([(TABLE.to_owned(), table), (FACTS.to_owned(), to_json(&self.facts)?)]))
    }

    fn load(files: &Files) -> Result<Self, ArtifactError> {
        let table = ReadTable::from_parquet(file(files, TABLE)?)?;
        let (x, y) = (table.numbers("x")?, table.numbers("y")?);
        let place = |(x, y): (Option<f64>, Option<f64>)| {
            let place = x.zip(y).map(|(x, y)| [x, y]);
            place.ok_or_else(|| ArtifactError("a place is missing".to_owned()))
        };
        let places = x.into_iter().zip(y).map(place).collect::<Result<_, _>>()?;
        Ok(Self { images: table.integers("image")?, places, facts: from_json(files, FACTS)? })
    }
}

/// The stage.
#[derive(Serialize)]
pub struct EmbedImages {
    /// Features of all images.
    pub features: Handle<Features>,
    /// Which of them are tested.
    pub split: Handle<Split>,
    /// Principal components, at most.
    pub components: usize,
    /// Of the neighbourhoods.
    pub perplexity: f64,
    /// Steps of the descent.
    pub iterations: usize,
    /// Which code makes the map.
    pub code: &'static str,
    /// The method, for messages.
    pub method: String,
}

impl Stage for EmbedImages {
    const NAME: &'static str = "embed-images";
    const VERSION: u32 = 1;
    type Output = Embedding;

    fn run(&self, context: &Context<'_>) -> Result<Embedding, StageError> {
        let (features, split) = (context.get(&self.features)?, context.get(&self.split)?);
        let tested = split.tested();
        let bad = |error: &dyn std::fmt::Display| {
            StageError::BadInput(format!("{}: {error}; see `[embedding]`", self.method))
        };
        let rows = features.0.select(Axis(0), &tested);
        if rows.nrows() < tsne::FEWEST {
            return Err(bad(&tsne::TsneError::TooFewPoints { points: rows.nrows() }));
        }
        // A map evaluates nothing, so that all its images may shape it.
        let sides: Vec<Option<u32>> = (0..rows.nrows()).map(|row| Some(u32::from(row > 0))).collect();
        let all = Fold::of_k_fold(&sides, 0).and_then(|fold| fold.leaking_rows(rows.view()));
        let all = all.map_err(|error| StageError::Failed(error.to_string()))?;
        let model = context.parallel(|| PcaModel::decompose(&all, self.components, PcaSolver::Auto));
        let model = model.map_err(|error| bad(&error))?;
        let scores = model.project(rows.view()).map_err(|error| bad(&error))?;
        context.check_cancelled()?;
        let map = tsne::map(scores.view(), self.perplexity, self.iterations).map_err(|error| bad(&error))?;
        let facts = Facts {
            components: scores.ncols(),
            kept_variance: model.spectrum.explained_variance_ratio.sum(),
            perplexity: tsne::perplexity(self.perplexity, rows.nrows()),
        };
        Ok(Embedding {
            images: tested.into_iter().map(|at| at as u32).collect(),
            places: map.rows().into_iter().map(|row| [row[0], row[1]]).collect(),
            facts,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_comes_back_from_its_files() {
        let facts = Facts { components: 29, kept_variance: 0.987_654_321, perplexity: 9.6 };
        let embedding = Embedding { images: vec![3, 8], places: vec![[0.1, -2.5], [1e-9, 4.0]], facts };
        assert_eq!(Embedding::load(&embedding.save().unwrap()).unwrap(), embedding);
    }
}
