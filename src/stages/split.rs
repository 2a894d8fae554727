//! `split-images`: which image is trained on and which is tested, fold by fold.

use std::collections::BTreeMap;

use serde::Serialize;

use super::inspect::Manifest;
use super::table::{ReadTable, Table};
use super::{file, from_json, to_json};
use crate::split::{self, Fold, Fractions, Part, SplitError};
use crate::stage::{Artifact, ArtifactError, Context, Files, Handle, Stage, StageError};
use crate::types::{Emotion, Seed};

/// How images are divided.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Division {
    /// Each image is tested in one of so many folds.
    KFold {
        /// Their number.
        folds: usize,
    },
    /// One training part and one test part.
    Holdout {
        /// Share trained on.
        train: f64,
        /// Share tested on.
        test: f64,
        /// Share kept apart.
        validation: f64,
    },
}

impl Division {
    /// How often something is fitted.
    pub fn folds(self) -> usize {
        match self {
            Self::KFold { folds } => folds,
            Self::Holdout { .. } => 1,
        }
    }
}

/// Where each image of the manifest is.
#[derive(Clone, Debug, PartialEq)]
pub struct Split {
    /// `fold 0`, `train`, or `left out`, by manifest position.
    places: Places,
    /// Classes with too few images, and how many each has.
    pub left_out: BTreeMap<Emotion, usize>,
}

#[derive(Clone, Debug, PartialEq)]
enum Places {
    Folds(Vec<Option<u32>>),
    Parts(Vec<Option<Part>>),
}

impl Split {
    /// Fold `fold`, from 0; the holdout is fold 0.
    pub fn fold(&self, fold: usize) -> Result<Fold, SplitError> {
        match &self.places {
            Places::Folds(folds) => Fold::of_k_fold(folds, fold as u32),
            Places::Parts(parts) => Fold::of_holdout(parts),
        }
    }
}

impl Split {
    /// Positions in the manifest of one part of a holdout; none of a cross validation.
    pub fn positions(&self, part: Part) -> Vec<usize> {
        let Places::Parts(parts) = &self.places else { return Vec::new() };
        parts.iter().enumerate().filter(|(_, other)| **other == Some(part)).map(|(at, _)| at).collect()
    }

    /// Positions in the manifest of all that is tested, in whatever fold.
    pub fn tested(&self) -> Vec<usize> {
        match &self.places {
            Places::Folds(folds) => {
                folds.iter().enumerate().filter(|(_, fold)| fold.is_some()).map(|(at, _)| at).collect()
            }
            Places::Parts(_) => self.positions(Part::Test),
        }
    }
}

const LEFT_OUT: &str = "left out";

impl Artifact for Split {
    fn save(&self) -> Result<Files, ArtifactError> {
        let places: Vec<String> = match &self.places {
            Places::Folds(folds) => folds
                .iter()
                .map(|fold| fold.map_or_else(|| LEFT_OUT.to_owned(), |fold| fold.to_string()))
                .collect(),
            Places::Parts(parts) => {
                parts.iter().map(|part| part.map_or(LEFT_OUT, Part::name).to_owned()).collect()
            }
        };
        let table = Table::default().text("place", places).into_parquet()?;
        let left_out = to_json(&self.left_out)?;
        Ok(Files::from([("split.parquet".to_owned(), table), ("left_out.json".to_owned(), left_out)]))
    }

    fn load(files: &Files) -> Result<Self, ArtifactError> {
        let places = ReadTable::from_parquet(file(files, "split.parquet")?)?.text("place")?;
        let part = |text: &str| Part::ALL.into_iter().find(|part| part.name() == text);
        let parts: Vec<Option<Part>> = places.iter().map(|text| part(text)).collect();
        let places = if parts.iter().any(Option::is_some) {
            Places::Parts(parts)
        } else {
            Places::Folds(places.iter().map(|text| text.parse().ok()).collect())
        };
        Ok(Self { places, left_out: from_json(files, "left_out.json")? })
    }
}

/// The stage.
#[derive(Serialize)]
pub struct SplitImages {
    /// What is split.
    pub manifest: Handle<Manifest>,
    /// How.
    pub division: Division,
    /// Each class is spread evenly.
    pub stratified: bool,
    /// Groups stay together.
    pub grouped: bool,
    /// Classes with fewer images are left out.
    pub min_per_class: usize,
    /// Decides which image goes where.
    pub seed: Seed,
}

impl Stage for SplitImages {
    const NAME: &'static str = "split-images";
    const VERSION: u32 = 1;
    type Output = Split;

    fn run(&self, context: &Context<'_>) -> Result<Split, StageError> {
        let manifest = context.get(&self.manifest)?;
        let counts = manifest.counts();
        let few = |emotion: &Emotion| counts[emotion.index()] < self.min_per_class;
        let left_out: BTreeMap<Emotion, usize> =
            Emotion::ALL.into_iter().filter(few).map(|emotion| (emotion, counts[emotion.index()])).collect();
        let present = Emotion::ALL.into_iter().filter(|emotion| counts[emotion.index()] > 0 && !few(emotion));
        if present.count() < 2 {
            let message = format!(
                "fewer than two emotions have {} images or more, as `min_per_class` in `[dataset]` asks",
                self.min_per_class
            );
            return Err(StageError::BadInput(message));
        }
        let kept: Vec<usize> = (0..manifest.images.len())
            .filter(|&at| !left_out.contains_key(&manifest.images[at].label))
            .collect();
        let labels: Vec<Emotion> = kept.iter().map(|&at| manifest.images[at].label).collect();
        let groups: Vec<String> = kept.iter().map(|&at| manifest.images[at].group.clone()).collect();
        let places = self.place(&labels, &groups, &kept, manifest.images.len()).map_err(|error| {
            let hint = "lower `folds`, raise `min_per_class`, or set `stratified` or `grouped` to false";
            StageError::BadInput(format!("{error}\n{hint}"))
        })?;
        Ok(Split { places, left_out })
    }
}

impl SplitImages {
    fn place(
        &self,
        labels: &[Emotion],
        groups: &[String],
        kept: &[usize],
        images: usize,
    ) -> Result<Places, SplitError> {
        let (stratified, grouped) = (self.stratified, self.grouped);
        Ok(match self.division {
            Division::KFold { folds } => {
                let folds = split::k_fold(labels, groups, folds, stratified, grouped, self.seed)?;
                Places::Folds(spread(kept, &folds, images))
            }
            Division::Holdout { train, test, validation } => {
                let fractions = Fractions { train, test, validation };
                let parts = split::holdout(labels, groups, fractions, stratified, grouped, self.seed)?;
                Places::Parts(spread(kept, &parts, images))
            }
        })
    }
}

/// Values for `kept` positions out of `length`; none for the others.
fn spread<T: Copy>(kept: &[usize], values: &[T], length: usize) -> Vec<Option<T>> {
    let mut all = vec![None; length];
    for (&at, &value) in kept.iter().zip(values) {
        all[at] = Some(value);
    }
    all
}
