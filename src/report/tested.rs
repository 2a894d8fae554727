//! Every tested image with what each method took it for: what stands behind the cells of a confusion matrix.

use std::collections::{BTreeSet, HashMap};

use rayon::prelude::*;
use serde::Serialize;

use super::originals::Originals;
use super::{ReportError, base64};
use crate::images;
use crate::stage::ArtifactError;
use crate::stages::table::ReadTable;
use crate::types::Emotion;

/// Longer side of a thumbnail in pixels.
const SIDE: u32 = 112;

/// The tested images of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Tested {
    /// Each once, in the order in which they were first tested.
    pub images: Vec<TestedImage>,
    /// One per method.
    pub methods: Vec<TestedBy>,
}

/// One image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TestedImage {
    /// As the data set calls it.
    pub path: String,
    /// A small JPEG in base64, where it was wanted and could be made.
    pub thumbnail: Option<String>,
}

/// What one method said.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TestedBy {
    /// The method's name.
    pub name: String,
    /// Its answers.
    pub answers: Vec<Answer>,
}

/// One answer of a method.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Answer {
    /// Position among the images.
    pub image: usize,
    /// The fold in which it was tested, from 0.
    pub fold: u32,
    /// What the image evokes, by position among the emotions.
    pub label: usize,
    /// What it was taken for.
    pub predicted: usize,
    /// How sure the method was: the decision value of its answer less the largest other one, or, of a mistake, less
    /// that of the right answer.
    pub margin: Option<f64>,
}

impl Tested {
    /// From a results folder's `predictions.parquet`.
    pub fn parse(predictions: &[u8]) -> Result<Self, ReportError> {
        Self::of(predictions).map_err(|error| ReportError::Table {
            name: "predictions.parquet".to_owned(),
            reason: error.to_string(),
        })
    }

    fn of(predictions: &[u8]) -> Result<Self, ArtifactError> {
        let table = ReadTable::from_parquet(predictions)?;
        let (methods, images, folds) = (table.text("method")?, table.text("image")?, table.integers("fold")?);
        let (labels, predicted) = (table.text("label")?, table.text("predicted")?);
        let scores = Emotion::ALL.map(|emotion| table.numbers(&format!("score_{emotion}")));
        let scores = scores.into_iter().collect::<Result<Vec<_>, _>>()?;
        let emotion = |name: &str| {
            Emotion::from_name(name).ok_or_else(|| ArtifactError(format!("`{name}` is no emotion")))
        };
        let mut tested = Self::default();
        let mut positions = HashMap::new();
        let rows = methods.into_iter().zip(images).zip(folds).zip(labels.iter().zip(&predicted));
        for (row, (((method, path), fold), (label, predicted))) in rows.enumerate() {
            let (label, predicted) = (emotion(label)?, emotion(predicted)?);
            let image = *positions.entry(path.clone()).or_insert_with(|| {
                tested.images.push(TestedImage { path, thumbnail: None });
                tested.images.len() - 1
            });
            if tested.methods.last().is_none_or(|last| last.name != method) {
                tested.methods.push(TestedBy { name: method, answers: Vec::new() });
            }
            let score = |emotion: Emotion| scores.get(emotion.index())?.get(row).copied().flatten();
            let margin = margin(label, predicted, score);
            let (label, predicted) = (label.index(), predicted.index());
            if let Some(method) = tested.methods.last_mut() {
                method.answers.push(Answer { image, fold, label, predicted, margin });
            }
        }
        Ok(tested)
    }

    /// Makes thumbnails of at most `most` images; how many were made, and how many were wanted.
    pub fn add_thumbnails(&mut self, originals: &Originals, most: usize) -> (usize, usize) {
        let chosen: Vec<usize> = self.choose(most).into_iter().collect();
        let made: Vec<Option<String>> = chosen
            .par_iter()
            .map(|&image| {
                let bytes = originals.bytes(&self.images.get(image)?.path)?;
                let pixels = images::decode(&bytes, originals.limits()).ok()?;
                Some(base64(&images::thumbnail(pixels, SIDE).ok()?))
            })
            .collect();
        let count = made.iter().flatten().count();
        for (image, thumbnail) in chosen.iter().zip(made) {
            if let Some(image) = self.images.get_mut(*image) {
                image.thumbnail = thumbnail;
            }
        }
        (count, chosen.len())
    }

    /// Of every cell its most telling images first, so that under a cap no cell goes without.
    fn choose(&self, most: usize) -> BTreeSet<usize> {
        let mut cells: Vec<Vec<&Answer>> = Vec::new();
        for method in &self.methods {
            let mut of_method: HashMap<(usize, usize), Vec<&Answer>> = HashMap::new();
            for answer in &method.answers {
                of_method.entry((answer.label, answer.predicted)).or_default().push(answer);
            }
            let mut of_method: Vec<_> = of_method.into_iter().collect();
            of_method.sort_by_key(|(cell, _)| *cell);
            cells.extend(of_method.into_iter().map(|(_, answers)| answers));
        }
        for answers in &mut cells {
            answers.sort_by(|a, b| surest_first(a, b));
        }
        let deepest = cells.iter().map(Vec::len).max().unwrap_or(0);
        let by_depth = (0..deepest).flat_map(|depth| cells.iter().filter_map(move |cell| cell.get(depth)));
        let mut chosen = BTreeSet::new();
        for answer in by_depth {
            if chosen.len() >= most {
                break;
            }
            chosen.insert(answer.image);
        }
        chosen
    }
}

/// By margin, and by position where margins are equal.
pub fn surest_first(a: &Answer, b: &Answer) -> std::cmp::Ordering {
    let margin = |answer: &Answer| answer.margin.unwrap_or(f64::NEG_INFINITY);
    margin(b).total_cmp(&margin(a)).then(a.image.cmp(&b.image))
}

fn margin(label: Emotion, predicted: Emotion, score: impl Fn(Emotion) -> Option<f64>) -> Option<f64> {
    let other = if label == predicted {
        let others = Emotion::ALL.into_iter().filter(|emotion| *emotion != predicted);
        others.filter_map(&score).max_by(f64::total_cmp)?
    } else {
        score(label)?
    };
    // Six digits are more than anybody reads.
    Some(((score(predicted)? - other) * 1e6).round() / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tested(answers: &[(usize, usize, usize, f64)]) -> Tested {
        let answers = answers.iter().map(|&(image, label, predicted, margin)| Answer {
            image,
            fold: 0,
            label,
            predicted,
            margin: Some(margin),
        });
        let methods = vec![TestedBy { name: "one".to_owned(), answers: answers.collect() }];
        Tested { images: Vec::new(), methods }
    }

    #[test]
    fn under_a_cap_every_cell_keeps_its_surest_images() {
        let tested =
            tested(&[(0, 0, 0, 0.1), (1, 0, 0, 0.9), (2, 0, 0, 0.5), (3, 6, 2, 0.2), (4, 2, 2, 0.3)]);
        assert_eq!(tested.choose(3), BTreeSet::from([1, 3, 4]));
        assert_eq!(tested.choose(4), BTreeSet::from([1, 2, 3, 4]));
        assert_eq!(tested.choose(99).len(), 5);
        assert_eq!(tested.choose(0), BTreeSet::new());
    }

    #[test]
    fn the_margin_of_a_mistake_is_to_the_right_answer() {
        let score = |emotion: Emotion| match emotion {
            Emotion::Amusement => Some(0.25),
            Emotion::Contentment => Some(1.0),
            Emotion::Fear => Some(-0.5),
            _ => None,
        };
        assert_eq!(margin(Emotion::Fear, Emotion::Contentment, score), Some(1.5));
        assert_eq!(margin(Emotion::Contentment, Emotion::Contentment, score), Some(0.75));
        assert_eq!(margin(Emotion::Anger, Emotion::Contentment, score), None);
    }
}
