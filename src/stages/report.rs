//! `report`: the figure, the tables and the summary of an experiment.

mod figures;

use serde::Serialize;

use super::fine_tune::Trained;
use super::fit_rows::{InnerRows, fit_rows, fit_warnings, penalty_rows};
use super::inspect::Manifest;
use super::leakage::Leakage;
use super::measure::Measurements;
use super::overlap::{self, Overlap};
use super::predictions::{Predictions, predictions_table};
use super::reported::Reported;
use super::select::Selection;
use super::split::Split;
use super::summary::evaluation_of;
pub use super::summary::{MethodSummary, Summary};
use super::svm::Fitted;
use super::to_json;
use crate::dataset::published::PublishedMethod;
use crate::figures::Columns;
use crate::figures::measure_tables::{self, MethodMeasures, MethodPair};
use crate::figures::tables::{self, MethodEvaluation};
use crate::figures::{repeat_table, rows};
use crate::stage::{ArtifactError, Context, Files, Handle, Stage, StageError};

/// What an experiment draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FigureKind {
    /// Bars per emotion and method: figures 5 to 7.
    PerClassTpr,
    /// A confusion matrix per method, and the table of accuracies: figure 3 and table 3.
    Confusion,
}

/// Files of an experiment's results, and its rates.
pub type Report = Reported<Summary>;

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
    pub classifiers: Vec<Fitted>,
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
    /// The network of each; none where its features were made elsewhere.
    pub networks: Vec<Option<&'static str>>,
    /// Their intervals, measures and tests.
    pub measurements: Handle<Measurements>,
    /// Trainings by method.
    pub trainings: Vec<(String, Handle<Trained>)>,
    /// Whether a method is evaluated on what it was trained on.
    pub overlaps: Vec<(String, Handle<Overlap>)>,
    /// What is drawn.
    pub kind: FigureKind,
    /// How wide it is.
    pub columns: Columns,
    /// Rates that others published, drawn beside those of this run.
    pub published: Vec<PublishedMethod>,
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
    /// Components asked for, where it may be fewer.
    pub at_most: Option<usize>,
}

impl Stage for MakeReport {
    const NAME: &'static str = "report";
    const VERSION: u32 = 13;
    type Output = Report;

    fn run(&self, context: &Context<'_>) -> Result<Report, StageError> {
        let manifest = context.get(&self.manifest)?;
        let splits = self.splits.iter().map(|split| context.get(split)).collect::<Result<Vec<_>, _>>()?;
        let split = splits.first().ok_or_else(|| StageError::Failed("there is no split".to_owned()))?;
        let measurements = context.get(&self.measurements)?;
        let mut evaluations = Vec::new();
        let mut methods = Vec::new();
        let (mut fits, mut penalties) = (Vec::new(), InnerRows::default());
        let mut predictions = Vec::new();
        let mut warnings = self.warnings_of_data(context)?;
        for (method, measures) in self.methods.iter().zip(&measurements.methods) {
            let repeats = method.repeats.iter().map(|repeat| context.get(&repeat.predictions));
            let repeats = repeats.collect::<Result<Vec<_>, _>>()?;
            let own = fit_rows(context, method)?;
            let inside = penalty_rows(context, method)?;
            warnings.extend(fit_warnings(&method.name, &own, &inside));
            penalties.extend(inside);
            let name = method.name.clone();
            let evaluation = MethodEvaluation { name: name.clone(), evaluation: evaluation_of(&repeats)? };
            let summary = MethodSummary::of(&evaluation, &repeats, measures, &own);
            if let (Some(asked), Some([fewest, _])) = (self.at_most, summary.components)
                && fewest < asked
            {
                warnings.push(format!(
                    "{name}: {fewest} components in place of {asked}: the training data have no more"
                ));
            }
            methods.push(summary);
            evaluations.push(evaluation);
            fits.extend(own);
            predictions.push((name, repeats));
        }
        warnings.extend(splits.iter().find_map(|split| split.leakage.as_ref()?.warning()));
        let summary = Summary {
            stand_in: self.stand_in.clone(),
            images: manifest.counts(),
            tested: predictions
                .first()
                .and_then(|(_, repeats)| repeats.first())
                .map_or([0; 8], |first| first.tested()),
            left_out: split.left_out.clone(),
            skipped: manifest.skipped.len(),
            leakage: split.leakage.as_ref().map(Leakage::counts),
            repeats: splits.len(),
            warnings: warnings.clone(),
            methods,
        };
        let mut files = self.figure(&summary, &evaluations, &warnings)?;
        files.extend(self.training_files(context, &warnings)?);
        let data_set = self.data_set();
        let repeats = splits.len();
        if repeats > 1 {
            let table = repeat_table::repeats_csv(&evaluations, repeats, &data_set);
            files.insert("repeats.csv".to_owned(), table.into_bytes());
        }
        if let Some(leakage) = &split.leakage {
            let table = rows::csv(&leakage.rows(&manifest), &data_set);
            files.insert("leakage.csv".to_owned(), table.into_bytes());
        }
        let rates = tables::per_class_tpr_csv(&evaluations, repeats, &data_set);
        files.insert("per_class_tpr.csv".to_owned(), rates.into_bytes());
        files.extend(self.measure_files(&measurements, &data_set));
        let counts = tables::confusion_csv(&evaluations, repeats, &data_set);
        files.insert("confusion.csv".to_owned(), counts.into_bytes());
        files.insert("fits.csv".to_owned(), rows::csv(&fits, &data_set).into_bytes());
        if !penalties.candidates.is_empty() {
            let InnerRows { candidates, fits } = &penalties;
            files.insert("penalties.csv".to_owned(), rows::csv(candidates, &data_set).into_bytes());
            files.insert("penalty_fits.csv".to_owned(), rows::csv(fits, &data_set).into_bytes());
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
    /// What is known before the fits are read, the overlaps that were allowed among it.
    fn warnings_of_data(&self, context: &Context<'_>) -> Result<Vec<String>, StageError> {
        let mut warnings = self.warnings.clone();
        warnings.extend(overlap::warnings(context, &self.overlaps)?);
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

    fn data_set(&self) -> String {
        let name = &self.dataset;
        if self.stand_in.is_some() { format!("stand-in images for {name}") } else { name.clone() }
    }
}
