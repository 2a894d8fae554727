//! The answers of a method: what it said of every tested image, and with which decision values.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::file;
use super::table::{ReadTable, Table};
use crate::metrics::Evaluation;
use crate::stage::{Artifact, ArtifactError, Files, StageError};
use crate::types::Emotion;

const FILE: &str = "predictions.parquet";
const KEPT: &str = "kept.json";

/// What the folds' components keep, as stored.
#[derive(Serialize, Deserialize)]
struct Kept {
    folds: usize,
    variance: Vec<f64>,
    components: Vec<usize>,
}

/// One tested image.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// As shown.
    pub image: String,
    /// Its group: the data set's, or the one into which duplicates were merged.
    pub group: String,
    /// The fold it was tested in, from 0.
    pub fold: u32,
    /// What it evokes.
    pub label: Emotion,
    /// The emotion with the largest decision value.
    pub predicted: Emotion,
    /// Decision values by emotion; `None` for a class left out.
    pub scores: [Option<f64>; 8],
}

/// All tested images of one method, by fold and then in the order of the manifest.
#[derive(Clone, Debug, PartialEq)]
pub struct Predictions {
    /// One per tested image.
    pub rows: Vec<Prediction>,
    /// Number of folds.
    pub folds: usize,
    /// Share of the total variance that each fold's components keep; empty where no components were computed.
    pub kept_variance: Vec<f64>,
    /// Number of components of each fold.
    pub components: Vec<usize>,
}

impl Predictions {
    /// Images per emotion.
    pub fn tested(&self) -> [usize; 8] {
        Emotion::counts(self.rows.iter().map(|row| row.label))
    }

    /// Confusion matrices of the folds.
    pub fn evaluation(&self) -> Result<Evaluation, StageError> {
        let labels: Vec<Emotion> = self.rows.iter().map(|row| row.label).collect();
        let predicted: Vec<Emotion> = self.rows.iter().map(|row| row.predicted).collect();
        let folds: Vec<u32> = self.rows.iter().map(|row| row.fold).collect();
        let evaluation = Evaluation::of(&labels, &predicted, &folds, self.folds);
        evaluation.map_err(|error| StageError::Failed(error.to_string()))
    }
}

/// The rows of several methods and repetitions in one table: `predictions.parquet`.
pub(super) fn predictions_table(methods: &[(String, Vec<Arc<Predictions>>)]) -> Table {
    let all = methods.iter().flat_map(|(method, repeats)| {
        let repeats = repeats.iter().enumerate();
        repeats.flat_map(move |(repeat, all)| all.rows.iter().map(move |row| (method, repeat, row)))
    });
    let all: Vec<(&String, usize, &Prediction)> = all.collect();
    let method = Table::default().text("method", all.iter().map(|(method, _, _)| method));
    let table = with_rows(method, &all.iter().map(|(_, _, row)| *row).collect::<Vec<_>>());
    table.integers("repeat", all.iter().map(|(_, repeat, _)| *repeat as u32))
}

fn with_rows(table: Table, rows: &[&Prediction]) -> Table {
    let mut table = table
        .text("image", rows.iter().map(|row| &row.image))
        .text("group", rows.iter().map(|row| &row.group))
        .integers("fold", rows.iter().map(|row| row.fold))
        .text("label", rows.iter().map(|row| row.label.name()))
        .text("predicted", rows.iter().map(|row| row.predicted.name()));
    for emotion in Emotion::ALL {
        table =
            table.numbers(&format!("score_{emotion}"), rows.iter().map(|row| row.scores[emotion.index()]));
    }
    table
}

/// A method's name and its rows by repetition.
pub type NamedPredictions = (String, Vec<Vec<Prediction>>);

/// Reads `predictions.parquet`: methods in their order, and the rows of each repetition.
///
/// # Errors
/// A file that is none, or was written before repetitions were told apart.
pub fn read_predictions_table(bytes: &[u8]) -> Result<Vec<NamedPredictions>, ArtifactError> {
    let table = ReadTable::from_parquet(bytes)?;
    let (names, numbers) = (table.text("method")?, table.integers("repeat")?);
    let mut methods: Vec<NamedPredictions> = Vec::new();
    for ((name, repeat), row) in names.into_iter().zip(numbers).zip(read_rows(&table)?) {
        let place = methods.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
            methods.push((name, Vec::new()));
            methods.len() - 1
        });
        let repeats = &mut methods[place].1;
        // Rows come repetition by repetition.
        if repeat as usize >= repeats.len() {
            repeats.push(Vec::new());
        }
        if let Some(last) = repeats.last_mut() {
            last.push(row);
        }
    }
    Ok(methods)
}

/// The rows of a table that [`with_rows`] filled.
fn read_rows(table: &ReadTable) -> Result<Vec<Prediction>, ArtifactError> {
    let (images, groups, folds) = (table.text("image")?, table.text("group")?, table.integers("fold")?);
    let (labels, predicted) = (table.text("label")?, table.text("predicted")?);
    let scores = Emotion::ALL.map(|emotion| table.numbers(&format!("score_{emotion}")));
    let scores = scores.into_iter().collect::<Result<Vec<_>, _>>()?;
    let emotion =
        |name: &str| Emotion::from_name(name).ok_or_else(|| ArtifactError(format!("label `{name}`")));
    let mut rows = Vec::with_capacity(images.len());
    for (at, (((image, group), fold), (label, predicted))) in
        images.into_iter().zip(groups).zip(folds).zip(labels.iter().zip(&predicted)).enumerate()
    {
        let scores =
            std::array::from_fn(|class| scores.get(class).and_then(|column| column.get(at).copied()?));
        let (label, predicted) = (emotion(label)?, emotion(predicted)?);
        rows.push(Prediction { image, group, fold, label, predicted, scores });
    }
    Ok(rows)
}

impl Artifact for Predictions {
    fn save(&self) -> Result<Files, ArtifactError> {
        let rows: Vec<&Prediction> = self.rows.iter().collect();
        let predictions = with_rows(Table::default(), &rows).into_parquet()?;
        let kept = super::to_json(&Kept {
            folds: self.folds,
            variance: self.kept_variance.clone(),
            components: self.components.clone(),
        })?;
        Ok(Files::from([(FILE.to_owned(), predictions), (KEPT.to_owned(), kept)]))
    }

    fn load(files: &Files) -> Result<Self, ArtifactError> {
        let table = ReadTable::from_parquet(file(files, FILE)?)?;
        let rows = read_rows(&table)?;
        let Kept { folds, variance, components } = super::from_json(files, KEPT)?;
        Ok(Self { rows, folds, kept_variance: variance, components })
    }
}
