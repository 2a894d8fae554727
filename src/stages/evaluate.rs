//! `evaluate`: decision values and predictions of every test image, fold by fold.

use serde::{Deserialize, Serialize};

use super::features::Features;
use super::file;
use super::inspect::Manifest;
use super::pca::Reduction;
use super::split::Split;
use super::svm::Classifier;
use super::table::{ReadTable, Table};
use crate::metrics::Evaluation;
use crate::solvers::pca::Keep;
use crate::stage::{Artifact, ArtifactError, Context, Files, Handle, Stage, StageError};
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
    /// Its group.
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
    /// Confusion matrices of the folds.
    pub fn evaluation(&self) -> Result<Evaluation, StageError> {
        let labels: Vec<Emotion> = self.rows.iter().map(|row| row.label).collect();
        let predicted: Vec<Emotion> = self.rows.iter().map(|row| row.predicted).collect();
        let folds: Vec<u32> = self.rows.iter().map(|row| row.fold).collect();
        let evaluation = Evaluation::of(&labels, &predicted, &folds, self.folds);
        evaluation.map_err(|error| StageError::Failed(error.to_string()))
    }

    /// As a table whose first columns are given.
    pub(super) fn append_to(methods: &[(String, &Self)]) -> Table {
        let rows = || methods.iter().flat_map(|(method, all)| all.rows.iter().map(move |row| (method, row)));
        let mut table = Table::default()
            .text("method", rows().map(|(method, _)| method))
            .text("image", rows().map(|(_, row)| &row.image))
            .text("group", rows().map(|(_, row)| &row.group))
            .integers("fold", rows().map(|(_, row)| row.fold))
            .text("label", rows().map(|(_, row)| row.label.name()))
            .text("predicted", rows().map(|(_, row)| row.predicted.name()));
        for emotion in Emotion::ALL {
            let name = format!("score_{emotion}");
            table = table.numbers(&name, rows().map(|(_, row)| row.scores[emotion.index()]));
        }
        table
    }
}

impl Artifact for Predictions {
    fn save(&self) -> Result<Files, ArtifactError> {
        let predictions = Self::append_to(&[(String::new(), self)]).into_parquet()?;
        let kept = super::to_json(&Kept {
            folds: self.folds,
            variance: self.kept_variance.clone(),
            components: self.components.clone(),
        })?;
        Ok(Files::from([(FILE.to_owned(), predictions), (KEPT.to_owned(), kept)]))
    }

    fn load(files: &Files) -> Result<Self, ArtifactError> {
        let table = ReadTable::from_parquet(file(files, FILE)?)?;
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
        let Kept { folds, variance, components } = super::from_json(files, KEPT)?;
        Ok(Self { rows, folds, kept_variance: variance, components })
    }
}

/// The stage.
#[derive(Serialize)]
pub struct Evaluate {
    /// Labels and names.
    pub manifest: Handle<Manifest>,
    /// Features of all images.
    pub features: Handle<Features>,
    /// Which of them are tested when.
    pub split: Handle<Split>,
    /// Principal components by fold.
    pub reductions: Vec<Handle<Reduction>>,
    /// How many of them are kept.
    pub components: Keep,
    /// Classifiers by fold.
    pub classifiers: Vec<Handle<Classifier>>,
}

impl Stage for Evaluate {
    const NAME: &'static str = "evaluate";
    const VERSION: u32 = 3;
    type Output = Predictions;

    fn run(&self, context: &Context<'_>) -> Result<Predictions, StageError> {
        let (manifest, features) = (context.get(&self.manifest)?, context.get(&self.features)?);
        let split = context.get(&self.split)?;
        let failed = |error: &dyn std::fmt::Display| StageError::Failed(error.to_string());
        let mut predictions = Predictions {
            rows: Vec::new(),
            folds: self.classifiers.len(),
            kept_variance: Vec::new(),
            components: Vec::new(),
        };
        for (number, (reduction, classifier)) in self.reductions.iter().zip(&self.classifiers).enumerate() {
            context.check_cancelled()?;
            let (reduction, classifier) = (context.get(reduction)?, context.get(classifier)?);
            let fold = split.fold(number).map_err(|error| failed(&error))?;
            let test = fold.test_rows(features.0.view()).map_err(|error| failed(&error))?;
            let reduction = reduction.keep(self.components)?;
            let scores = reduction.project(test.get().view()).map_err(|error| failed(&error))?;
            let scores = classifier.scale.apply(scores.view()).map_err(|error| failed(&error))?;
            let values = classifier.svm.decision_values(scores.view()).map_err(|error| failed(&error))?;
            let predicted = classifier.svm.predict(values.view());
            for ((&at, predicted), values) in fold.test().iter().zip(predicted).zip(values.rows()) {
                let mut scores = [None; 8];
                for (class, value) in classifier.svm.classes.iter().zip(values) {
                    scores[class.index()] = Some(*value);
                }
                let image = &manifest.images[at];
                predictions.rows.push(Prediction {
                    image: image.path.clone(),
                    group: image.group.clone(),
                    fold: number as u32,
                    label: image.label,
                    predicted,
                    scores,
                });
            }
            predictions.kept_variance.push(reduction.explained_variance_ratio.sum());
            predictions.components.push(reduction.singular_values.len());
        }
        Ok(predictions)
    }
}
