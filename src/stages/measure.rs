//! `measure`: intervals, further measures and tests of the methods of an experiment.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::evaluate::{Prediction, Predictions};
use super::{from_json, to_json};
use crate::metrics::comparison::{Comparison, PairedImage, compare};
use crate::metrics::measures::{Answer, Measures, measure};
use crate::stage::{Artifact, ArtifactError, Context, Files, Handle, Stage, StageError};
use crate::types::{Emotion, Seed};

const FILE: &str = "measurements.json";

/// What the methods are worth, alone and against each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measurements {
    /// By method, in the stage's order.
    pub methods: Vec<Measures>,
    /// Every pair.
    pub comparisons: Vec<Pair>,
}

/// Two methods, by their place in the stage's list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    /// The earlier one.
    pub first: usize,
    /// The later one.
    pub second: usize,
    /// The second against the first.
    pub comparison: Comparison,
}

impl Artifact for Measurements {
    fn save(&self) -> Result<Files, ArtifactError> {
        Ok(Files::from([(FILE.to_owned(), to_json(self)?)]))
    }

    fn load(files: &Files) -> Result<Self, ArtifactError> {
        from_json(files, FILE)
    }
}

/// The stage.
#[derive(Serialize)]
pub struct MeasureMethods {
    /// Predictions by method and repetition.
    pub methods: Vec<Vec<Handle<Predictions>>>,
    /// Of the bootstrap.
    pub seed: Seed,
}

impl Stage for MeasureMethods {
    const NAME: &'static str = "measure";
    const VERSION: u32 = 2;
    type Output = Measurements;

    fn run(&self, context: &Context<'_>) -> Result<Measurements, StageError> {
        let load = |repeats: &Vec<Handle<Predictions>>| {
            repeats.iter().map(|handle| context.get(handle)).collect::<Result<Vec<_>, _>>()
        };
        let all = self.methods.iter().map(load).collect::<Result<Vec<_>, _>>()?;
        let mut methods = Vec::new();
        for repeats in &all {
            context.check_cancelled()?;
            let rows = repeats.iter().enumerate();
            let answers: Vec<Answer<'_>> =
                rows.flat_map(|(repeat, all)| all.rows.iter().map(move |row| answer(repeat, row))).collect();
            methods.push(context.parallel(|| measure(&answers, repeats.len(), self.seed)));
        }
        let rights: Vec<Rights<'_>> = all
            .iter()
            .map(|repeats| Rights::of(repeats.iter().map(|repeat| repeat.rows.as_slice())))
            .collect();
        let mut comparisons = Vec::new();
        for second in 0..rights.len() {
            for first in 0..second {
                context.check_cancelled()?;
                let images = rights[first].paired(&rights[second]);
                let comparison = context.parallel(|| compare(&images, self.seed));
                comparisons.extend(comparison.map(|comparison| Pair { first, second, comparison }));
            }
        }
        Ok(Measurements { methods, comparisons })
    }
}

fn answer(repeat: usize, row: &Prediction) -> Answer<'_> {
    let Prediction { fold, label, predicted, scores, .. } = *row;
    Answer { repeat, fold, label, predicted, scores, group: &row.group }
}

/// How often a method tells each image rightly.
pub struct Rights<'a> {
    /// In the order of the first repetition.
    images: Vec<(&'a str, Right<'a>)>,
    places: HashMap<&'a str, usize>,
}

#[derive(Clone, Copy)]
struct Right<'a> {
    label: Emotion,
    group: &'a str,
    right: f64,
    answers: f64,
}

impl<'a> Rights<'a> {
    /// Of the rows of each repetition.
    pub fn of(repeats: impl IntoIterator<Item = &'a [Prediction]>) -> Self {
        let mut all = Self { images: Vec::new(), places: HashMap::new() };
        for row in repeats.into_iter().flatten() {
            let place = *all.places.entry(&row.image).or_insert(all.images.len());
            if place == all.images.len() {
                let none = Right { label: row.label, group: &row.group, right: 0.0, answers: 0.0 };
                all.images.push((&row.image, none));
            }
            let (_, image) = &mut all.images[place];
            image.right += f64::from(u8::from(row.predicted == row.label));
            image.answers += 1.0;
        }
        all
    }

    /// Number of images.
    pub fn count(&self) -> usize {
        self.images.len()
    }

    /// Images that both methods answered and whose labels differ.
    pub fn disputed(&self, second: &Self) -> Vec<(&'a str, [Emotion; 2])> {
        let disputed = |(name, first): &(&'a str, Right<'a>)| {
            let (_, second) = second.images[*second.places.get(name)?];
            (first.label != second.label).then_some((*name, [first.label, second.label]))
        };
        self.images.iter().filter_map(disputed).collect()
    }

    /// The images that both methods answered; labels and groups are this one's.
    pub fn paired(&self, second: &Self) -> Vec<PairedImage<'a>> {
        let paired = |(name, first): &(&'a str, Right<'a>)| {
            let (_, second) = second.images[*second.places.get(name)?];
            let right = [first.right / first.answers, second.right / second.answers];
            Some(PairedImage { label: first.label, group: first.group, right })
        };
        self.images.iter().filter_map(paired).collect()
    }
}
