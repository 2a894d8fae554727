//! `report`: the figure, the tables and the summary of an experiment.

use serde::Serialize;

use super::fine_tune::Trained;
use super::fit_rows::{fit_rows, penalty_rows};
use super::inspect::Manifest;
use super::leakage::Leakage;
use super::measure::Measurements;
use super::overlap::Overlap;
use super::predictions::{Predictions, predictions_table};
use super::select::Selection;
use super::split::Split;
use super::summary::evaluation_of;
pub use super::summary::{MethodSummary, Summary};
use super::svm::Classifier;
use super::{from_json, to_json};
use crate::figures::accuracy_table::AccuracyTable;
use crate::figures::confusion::{self, ConfusionMatrices, Matrix};
use crate::figures::fit_tables;
use crate::figures::measure_tables::{self, MethodMeasures, MethodPair};
use crate::figures::per_class_tpr::{self, MethodBars, PerClassBars};
use crate::figures::tables::{self, MethodEvaluation};
use crate::figures::training::{self, Curves, EpochRow, TrainingCurves};
use crate::figures::{FigureError, Heading, png};
use crate::figures::{leakage_table, repeat_table};
use crate::metrics::mean_true_positive_rate;
use crate::stage::{Artifact, ArtifactError, Context, Files, Handle, Stage, StageError};
use crate::types::Emotion;

/// Pixels per unit of the figure: 2 gives 192 dpi.
const PIXELS_PER_UNIT: f32 = 2.0;
const SUMMARY: &str = "summary.json";

/// What an experiment draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FigureKind {
    /// Bars per emotion and method: figures 5 to 7.
    PerClassTpr,
    /// A confusion matrix per method, and the table of accuracies: figure 3 and table 3.
    Confusion,
}

/// Files for the results folder, and what the terminal shows of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// By name, ready to be written.
    pub files: Files,
    /// The rates.
    pub summary: Summary,
}

impl Artifact for Report {
    fn save(&self) -> Result<Files, ArtifactError> {
        let mut files = self.files.clone();
        files.insert(SUMMARY.to_owned(), to_json(&self.summary)?);
        Ok(files)
    }

    fn load(files: &Files) -> Result<Self, ArtifactError> {
        let summary = from_json(files, SUMMARY)?;
        let mut files = files.clone();
        files.remove(SUMMARY);
        Ok(Self { files, summary })
    }
}

/// A method and its evaluation.
#[derive(Clone, Serialize)]
pub struct Entry {
    /// Label of its bar.
    pub name: String,
    /// Each repetition of the cross validation.
    pub repeats: Vec<Repeat>,
}

/// A method in one repetition.
#[derive(Clone, Serialize)]
pub struct Repeat {
    /// Its predictions.
    pub predictions: Handle<Predictions>,
    /// Its classifiers by fold.
    pub classifiers: Vec<Handle<Classifier>>,
    /// How their penalties were chosen, by fold; empty where the experiment gives one.
    pub selections: Vec<Handle<Selection>>,
}

/// The stage.
#[derive(Serialize)]
pub struct MakeReport {
    /// Counts and skipped images.
    pub manifest: Handle<Manifest>,
    /// Classes left out, and duplicates; by repetition.
    pub splits: Vec<Handle<Split>>,
    /// What is compared.
    pub methods: Vec<Entry>,
    /// Their intervals, measures and tests.
    pub measurements: Handle<Measurements>,
    /// Trainings by method.
    pub trainings: Vec<(String, Handle<Trained>)>,
    /// Whether a method is evaluated on what it was trained on.
    pub overlaps: Vec<(String, Handle<Overlap>)>,
    /// What is drawn.
    pub kind: FigureKind,
    /// Title of the figure.
    pub title: String,
    /// Its number, which names its files.
    pub number: Option<u32>,
    /// Name of the data set.
    pub dataset: String,
    /// How it is split and reduced, for the subtitle.
    pub protocol: String,
    /// Said in the figure and in the tables when drawings stand in for the data set.
    pub stand_in: Option<String>,
    /// Said in every figure: stand-ins, leaks.
    pub warnings: Vec<String>,
    /// Whether the paper has numbers of this experiment: on the test images of FI.
    pub has_published: bool,
    /// Fewest images of a class that is not left out.
    pub min_per_class: usize,
}

impl Stage for MakeReport {
    const NAME: &'static str = "report";
    const VERSION: u32 = 5;
    type Output = Report;

    fn run(&self, context: &Context<'_>) -> Result<Report, StageError> {
        let manifest = context.get(&self.manifest)?;
        let splits = self.splits.iter().map(|split| context.get(split)).collect::<Result<Vec<_>, _>>()?;
        let split = splits.first().ok_or_else(|| StageError::Failed("there is no split".to_owned()))?;
        let measurements = context.get(&self.measurements)?;
        let mut evaluations = Vec::new();
        let mut methods = Vec::new();
        let (mut fits, mut penalties) = (Vec::new(), Vec::new());
        let mut predictions = Vec::new();
        for (method, measures) in self.methods.iter().zip(&measurements.methods) {
            let repeats = method.repeats.iter().map(|repeat| context.get(&repeat.predictions));
            let repeats = repeats.collect::<Result<Vec<_>, _>>()?;
            let own = fit_rows(context, method)?;
            penalties.extend(penalty_rows(context, method)?);
            let name = method.name.clone();
            let evaluation = MethodEvaluation { name: name.clone(), evaluation: evaluation_of(&repeats)? };
            methods.push(MethodSummary::of(&evaluation, &repeats, measures, &own));
            evaluations.push(evaluation);
            fits.extend(own);
            predictions.push((name, repeats));
        }
        let summary = Summary {
            stand_in: self.stand_in.clone(),
            images: manifest.counts(),
            left_out: split.left_out.clone(),
            skipped: manifest.skipped.len(),
            leakage: split.leakage.as_ref().map(Leakage::counts),
            repeats: splits.len(),
            methods,
        };
        let mut warnings = self.all_warnings(context)?;
        warnings.extend(splits.iter().find_map(|split| split.leakage.as_ref()?.warning()));
        let mut files = self.figure(&summary, &evaluations, &warnings)?;
        files.extend(self.training_files(context, &warnings)?);
        let data_set = self.data_set();
        let repeats = splits.len();
        if repeats > 1 {
            let table = repeat_table::repeats_csv(&evaluations, repeats, &data_set);
            files.insert("repeats.csv".to_owned(), table.into_bytes());
        }
        if let Some(leakage) = &split.leakage {
            let table = leakage_table::leakage_csv(&leakage.rows(&manifest), &data_set);
            files.insert("leakage.csv".to_owned(), table.into_bytes());
        }
        let rates = tables::per_class_tpr_csv(&evaluations, repeats, &data_set);
        files.insert("per_class_tpr.csv".to_owned(), rates.into_bytes());
        files.extend(self.measure_files(&measurements, &data_set));
        let counts = tables::confusion_csv(&evaluations, repeats, &data_set);
        files.insert("confusion.csv".to_owned(), counts.into_bytes());
        files.insert("fits.csv".to_owned(), fit_tables::fits_csv(&fits, &data_set).into_bytes());
        if !penalties.is_empty() {
            files.insert(
                "penalties.csv".to_owned(),
                fit_tables::penalties_csv(&penalties, &data_set).into_bytes(),
            );
        }
        let failed = |error: ArtifactError| StageError::Failed(error.to_string());
        let table = predictions_table(&predictions).note("emolab.data_set", &data_set);
        files.insert("predictions.parquet".to_owned(), table.into_parquet().map_err(failed)?);
        if !manifest.skipped.is_empty() {
            files.insert("skipped.json".to_owned(), to_json(&manifest.skipped).map_err(failed)?);
        }
        Ok(Report { files, summary })
    }
}

impl MakeReport {
    /// What every figure says, the overlaps that were allowed among it.
    fn all_warnings(&self, context: &Context<'_>) -> Result<Vec<String>, StageError> {
        let mut warnings = self.warnings.clone();
        for (method, overlap) in &self.overlaps {
            let overlap = context.get(overlap)?;
            if !overlap.pairs.is_empty() {
                let (known, all) = (overlap.pairs.len(), overlap.evaluated);
                warnings.push(format!(
                    "{method} was trained on {known} of the {all} images that it is tested on"
                ));
            }
        }
        Ok(warnings)
    }

    /// `measures.csv` and `.md`, and `comparisons.csv` where there are two methods.
    fn measure_files(&self, measurements: &Measurements, data_set: &str) -> Files {
        let name = |method: usize| self.methods.get(method).map_or("", |entry| entry.name.as_str());
        let rows = measurements.methods.iter().enumerate();
        let rows: Vec<_> = rows.map(|(at, measures)| MethodMeasures { name: name(at), measures }).collect();
        let markdown = measure_tables::measures_markdown(&rows, data_set, self.stand_in.as_deref());
        let mut files = Files::from([
            ("measures.csv".to_owned(), measure_tables::measures_csv(&rows, data_set).into_bytes()),
            ("measures.md".to_owned(), markdown.into_bytes()),
        ]);
        let pairs = measurements.comparisons.iter();
        let pairs: Vec<_> = pairs
            .map(|pair| {
                let (first, second) = (name(pair.first), name(pair.second));
                MethodPair { first, second, comparison: &pair.comparison }
            })
            .collect();
        if !pairs.is_empty() {
            let table = measure_tables::comparisons_csv(&pairs, data_set);
            files.insert("comparisons.csv".to_owned(), table.into_bytes());
        }
        files
    }

    fn figure(
        &self,
        summary: &Summary,
        evaluations: &[MethodEvaluation],
        warnings: &[String],
    ) -> Result<Files, StageError> {
        let failed = |error: FigureError| StageError::Failed(error.to_string());
        let name = |what: &str| match self.number {
            Some(number) => format!("{what}{number}"),
            None => what.to_owned(),
        };
        let svg = match self.kind {
            FigureKind::PerClassTpr => per_class_tpr::svg(&self.bars(summary, warnings)),
            FigureKind::Confusion => confusion::svg(&self.matrices(evaluations, warnings)),
        };
        let mut files = drawn(&name("figure"), svg.map_err(failed)?)?;
        if self.kind == FigureKind::Confusion {
            let data_set = self.data_set();
            let table = AccuracyTable {
                methods: evaluations,
                data_set: &data_set,
                with_published: self.has_published,
                stand_in: self.stand_in.as_deref(),
            };
            files.insert(format!("{}.csv", name("table")), table.csv().into_bytes());
            let title = self.number.map_or_else(|| "Accuracy".to_owned(), |number| format!("Table {number}"));
            files.insert(format!("{}.md", name("table")), table.markdown(&title).into_bytes());
        }
        Ok(files)
    }

    fn matrices(&self, evaluations: &[MethodEvaluation], warnings: &[String]) -> ConfusionMatrices {
        let matrix = |method: &MethodEvaluation| {
            let pooled = method.evaluation.pooled();
            Matrix {
                name: method.name.clone(),
                mean: mean_true_positive_rate(&pooled),
                rates: pooled.row_normalised(),
            }
        };
        ConfusionMatrices {
            heading: self.heading(&self.title, warnings),
            matrices: evaluations.iter().map(matrix).collect(),
        }
    }

    fn heading(&self, title: &str, warnings: &[String]) -> Heading {
        Heading {
            title: title.to_owned(),
            warnings: warnings.to_vec(),
            subtitle: vec![self.protocol.clone()],
        }
    }

    /// `training.svg`, `.png` and `.csv`, where networks were trained.
    fn training_files(&self, context: &Context<'_>, warnings: &[String]) -> Result<Files, StageError> {
        let mut networks = Vec::new();
        for (method, trained) in &self.trainings {
            let record = &context.get(trained)?.record;
            let epochs = record.history.iter().map(|epoch| EpochRow {
                epoch: epoch.epoch,
                step: epoch.step,
                rate: epoch.rate,
                training_loss: epoch.training_loss,
                training_accuracy: epoch.training_accuracy,
                validation_loss: epoch.validation_loss,
                validation_accuracy: epoch.validation_accuracy,
            });
            let images = |counts: [usize; 8]| counts.iter().sum::<usize>();
            let (trained_on, validated_on) = (images(record.training), images(record.validation));
            let name = format!("{method}: {trained_on} images, {validated_on} to validate on");
            networks.push((method, Curves { name, epochs: epochs.collect(), kept: record.kept }));
        }
        if networks.is_empty() {
            return Ok(Files::new());
        }
        let failed = |error: FigureError| StageError::Failed(error.to_string());
        let heading = Heading {
            title: format!("Training: {}", self.title),
            warnings: warnings.to_vec(),
            subtitle: Vec::new(),
        };
        let curves: Vec<Curves> = networks.iter().map(|(_, curves)| curves.clone()).collect();
        let svg = training::svg(&TrainingCurves { heading, networks: curves }).map_err(failed)?;
        let mut files = drawn("training", svg)?;
        let rows: Vec<Curves> =
            networks.into_iter().map(|(method, curves)| Curves { name: method.clone(), ..curves }).collect();
        files.insert("training.csv".to_owned(), training::training_csv(&rows).into_bytes());
        Ok(files)
    }

    fn bars(&self, summary: &Summary, warnings: &[String]) -> PerClassBars {
        let omitted = |emotion: Emotion| {
            summary.left_out.contains_key(&emotion).then(|| format!("n < {}", self.min_per_class))
        };
        let present = Emotion::ALL
            .into_iter()
            .filter(|emotion| summary.images[emotion.index()] > 0 && !summary.left_out.contains_key(emotion));
        PerClassBars {
            title: self.title.clone(),
            warnings: warnings.to_vec(),
            subtitle: vec![self.protocol.clone()],
            methods: summary
                .methods
                .iter()
                .map(|method| MethodBars {
                    name: method.name.clone(),
                    rates: method.true_positive_rate,
                    mean: method.mean_true_positive_rate,
                })
                .collect(),
            omitted: Emotion::ALL.map(omitted),
            chance: Some(1.0 / present.count().max(1) as f64),
        }
    }

    fn data_set(&self) -> String {
        let name = &self.dataset;
        if self.stand_in.is_some() { format!("stand-in images for {name}") } else { name.clone() }
    }
}

/// A figure as SVG and PNG.
pub(super) fn drawn(name: &str, svg: String) -> Result<Files, StageError> {
    let png = png(&svg, PIXELS_PER_UNIT).map_err(|error| StageError::Failed(error.to_string()))?;
    Ok(Files::from([(format!("{name}.svg"), svg.into_bytes()), (format!("{name}.png"), png)]))
}
