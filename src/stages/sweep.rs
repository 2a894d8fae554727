//! `report`, of a sweep: what every point found, in long form and as curves or a heat map, and the best point.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::drawing::drawn;
use super::evaluate::{Prediction, Predictions};
use super::fit_rows::{fit_rows, fit_warnings, penalty_rows};
use super::inside::InsideRates;
use super::inspect::Manifest;
use super::leakage::LeakageCounts;
use super::overlap::{self, Overlap};
use super::report::Entry;
use super::reported::Reported;
use super::split::Split;
use super::sweep_choice::{self, BestSummary};
use super::sweep_figure;
use super::sweep_images::{self, SweepImages};
use super::sweep_intervals::mean_intervals;
use crate::figures::fit_tables::{FitRow, PenaltyRow};
use crate::figures::rows::{self, Row};
use crate::figures::sweep_table;
use crate::metrics::{ConfusionMatrix, Interval, mean_true_positive_rate, true_positive_rate, wilson};
use crate::stage::{ArtifactError, Context, Files, Handle, Stage, StageError};
use crate::types::{Emotion, Seed};

/// Files of a sweep's results, and its mean rates.
pub type SweepReport = Reported<SweepSummary>;

/// What a sweep found, in numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SweepSummary {
    /// Said where the numbers are shown: stand-ins, leaks.
    pub warnings: Vec<String>,
    /// Dotted paths of what is varied.
    pub axes: Vec<String>,
    /// In order.
    pub points: Vec<PointSummary>,
    /// The best point of each method and data set, chosen without the test images.
    pub best: Vec<BestSummary>,
    /// What else is to be known: components that the data do not have, a figure that is not drawn.
    pub notes: Vec<String>,
    /// Duplicates, once for each way in which images are divided.
    pub leakage: Vec<SetLeakage>,
    /// Bad images that were left out, of all data sets.
    pub skipped: usize,
}

/// Duplicates in a data set, divided in one way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetLeakage {
    /// What tables call the data set.
    pub data_set: String,
    /// None where no image is read.
    pub counts: Option<LeakageCounts>,
}

/// One point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PointSummary {
    /// Its value on each axis.
    pub values: Vec<Value>,
    /// Why it failed.
    pub failure: Option<String>,
    /// Its methods.
    pub methods: Vec<PointRate>,
}

/// What a method came to at a point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PointRate {
    /// Its label.
    pub name: String,
    /// Mean of the classes' rates.
    pub mean_true_positive_rate: Option<f64>,
    /// From a bootstrap over groups.
    pub interval: Option<Interval>,
}

/// What is varied.
#[derive(Clone, Debug, Serialize)]
pub struct AxisEntry {
    /// Dotted path of the setting.
    pub path: String,
    /// Its values.
    pub values: Vec<Value>,
    /// Spaced evenly in their logarithm.
    pub is_log: bool,
}

/// A point and what it came to.
#[derive(Serialize)]
pub struct PointEntry {
    /// Its value on each axis.
    pub values: Vec<Value>,
    /// Names of its methods.
    pub methods: Vec<String>,
    /// Its results.
    pub outcome: Outcome,
}

/// What became of a point.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It was computed.
    Done {
        /// Labels and groups.
        manifest: Handle<Manifest>,
        /// Classes left out.
        split: Handle<Split>,
        /// Its methods.
        methods: Vec<Entry>,
        /// Whether a method is evaluated on what it was trained on.
        overlaps: Vec<(String, Handle<Overlap>)>,
        /// What tables call its data set.
        data_set: String,
        /// Components asked for, where fewer will do.
        at_most: Option<usize>,
    },
    /// It was not.
    Failed {
        /// Why.
        reason: String,
    },
}

/// How the best point of a method is chosen, fold by fold.
#[derive(Serialize)]
pub struct Choice {
    /// The method.
    pub method: String,
    /// Labels and groups.
    pub manifest: Handle<Manifest>,
    /// What tables call its data set.
    pub data_set: String,
    /// In order.
    pub folds: Vec<FoldChoice>,
}

/// How the points did inside a fold.
#[derive(Serialize)]
pub struct FoldChoice {
    /// The repetition, from 0.
    pub repeat: usize,
    /// Its fold, from 0.
    pub fold: usize,
    /// In the order of the points.
    pub rated: Vec<Rated>,
}

/// Where a point's rate is.
#[derive(Serialize)]
pub struct Rated {
    /// The point.
    pub point: usize,
    /// Rates of several.
    pub rates: Handle<InsideRates>,
    /// Its place among them.
    pub at: usize,
}

/// The stage.
#[derive(Serialize)]
pub struct MakeSweepReport {
    /// What is varied.
    pub axes: Vec<AxisEntry>,
    /// Axes that move together.
    pub dimensions: Vec<Vec<usize>>,
    /// All points.
    pub points: Vec<PointEntry>,
    /// Best points.
    pub choices: Vec<Choice>,
    /// Title of the figure.
    pub title: String,
    /// How images are split and reduced.
    pub protocol: String,
    /// Said everywhere.
    pub warnings: Vec<String>,
    /// Of the bootstrap.
    pub seed: Seed,
    /// Folds of the cross validation that chooses; none where nothing is chosen.
    pub inner_folds: Option<usize>,
    /// Why nothing is chosen although it should be.
    pub no_choice: Option<String>,
}

impl Stage for MakeSweepReport {
    const NAME: &'static str = "report-sweep";
    const VERSION: u32 = 6;
    type Output = SweepReport;

    fn run(&self, context: &Context<'_>) -> Result<SweepReport, StageError> {
        let failed = |error: ArtifactError| StageError::Failed(error.to_string());
        let mut warnings = self.warnings.clone();
        let mut notes = Vec::new();
        let points = self.points.iter().map(|point| Self::read(context, point, &mut warnings, &mut notes));
        let mut points = points.collect::<Result<Vec<_>, _>>()?;
        let SweepImages { files: of_images, leakage, skipped } =
            sweep_images::read(self, context, &mut warnings)?;
        context.check_cancelled()?;
        context.parallel(|| mean_intervals(&mut points, self.seed));
        let axes = self.paths();
        let best = sweep_choice::choose(self, context, &points)?;
        notes.extend(self.clamped(&points));
        notes.extend(sweep_choice::unchosen(self, &best));
        notes.extend(self.no_choice.iter().map(|why| format!("no best point: {why}")));
        let draw = || match sweep_figure::svg(self, &points, &warnings)? {
            Ok(svg) => Ok::<_, StageError>(Ok(drawn("sweep", Ok(svg))?)),
            Err(why) => Ok(Err(why)),
        };
        let tables = || self.tables(&axes, &points, &best).map_err(failed);
        let (tables, figure) = context.parallel(|| rayon::join(tables, draw));
        let mut files = tables?;
        files.extend(of_images);
        files.extend(sweep_choice::inside(self, context, &best)?);
        match figure? {
            Ok(figure) => files.extend(figure),
            Err(why) => notes.push(why),
        }
        let points = self.points.iter().zip(&points).map(|(entry, point)| PointSummary {
            values: entry.values.clone(),
            failure: match &entry.outcome {
                Outcome::Failed { reason } => Some(reason.clone()),
                Outcome::Done { .. } => None,
            },
            methods: point.methods.iter().map(MethodAt::summary).collect(),
        });
        let points = points.collect();
        let summary = SweepSummary { warnings, axes, points, best, notes, leakage, skipped };
        Ok(SweepReport { files, summary })
    }
}

/// A point as read; nothing of one that failed.
#[derive(Default)]
pub(super) struct PointAt {
    pub methods: Vec<MethodAt>,
    pub data_set: String,
    /// How the fits of all its methods went.
    pub fits: Vec<FitRow>,
    /// How C was chosen, where it was.
    pub penalties: Vec<PenaltyRow>,
    /// Fewest components of a fold, where fewer than asked for.
    pub clamped: Option<usize>,
}

/// A method at a point.
pub(super) struct MethodAt {
    pub name: String,
    /// By repetition.
    pub repeats: Vec<Arc<Predictions>>,
    pub matrix: ConfusionMatrix,
    pub rates: [Option<f64>; 8],
    pub mean: Option<f64>,
    pub mean_interval: Option<Interval>,
    pub components: Option<[usize; 2]>,
    pub kept_variance: Option<f64>,
    pub c: Option<[f64; 2]>,
}

impl MethodAt {
    fn summary(&self) -> PointRate {
        PointRate {
            name: self.name.clone(),
            mean_true_positive_rate: self.mean,
            interval: self.mean_interval,
        }
    }

    /// Wilson's interval of a class.
    pub fn interval(&self, emotion: Emotion) -> Option<Interval> {
        wilson(self.rates[emotion.index()]?, self.matrix.images(emotion) / self.repeats.len().max(1) as u64)
    }

    /// All answers, repetition after repetition.
    pub fn answers(&self) -> Vec<&Prediction> {
        self.repeats.iter().flat_map(|repeat| &repeat.rows).collect()
    }
}

impl MakeSweepReport {
    fn read(
        context: &Context<'_>,
        point: &PointEntry,
        warnings: &mut Vec<String>,
        notes: &mut Vec<String>,
    ) -> Result<PointAt, StageError> {
        let Outcome::Done { methods, overlaps, data_set, at_most, .. } = &point.outcome else {
            return Ok(PointAt::default());
        };
        for warning in overlap::warnings(context, overlaps)? {
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        }
        let (mut read, mut fits, mut penalties) = (Vec::new(), Vec::new(), Vec::new());
        for method in methods {
            let own = fit_rows(context, method)?;
            for note in fit_warnings(context, method, &own)? {
                if !notes.contains(&note) {
                    notes.push(note);
                }
            }
            fits.extend(own);
            penalties.extend(penalty_rows(context, method)?);
            let mut repeats = Vec::new();
            let mut matrices = Vec::new();
            let mut c: Option<[f64; 2]> = None;
            for repeat in &method.repeats {
                let predictions = context.get(&repeat.predictions)?;
                matrices.push(predictions.evaluation()?.pooled());
                repeats.push(predictions);
                for classifier in &repeat.classifiers {
                    let own = classifier.get(context)?.c;
                    c = Some(c.map_or([own, own], |[low, high]| [low.min(own), high.max(own)]));
                }
            }
            let matrix = ConfusionMatrix::pooled(&matrices);
            let components = || repeats.iter().flat_map(|repeat| &repeat.components);
            let kept: Vec<f64> = repeats.iter().flat_map(|repeat| repeat.kept_variance.clone()).collect();
            read.push(MethodAt {
                name: method.name.clone(),
                rates: true_positive_rate(&matrix),
                mean: mean_true_positive_rate(&matrix),
                mean_interval: None,
                components: components().min().zip(components().max()).map(|(a, b)| [*a, *b]),
                kept_variance: (!kept.is_empty()).then(|| kept.iter().sum::<f64>() / kept.len() as f64),
                c,
                matrix,
                repeats,
            });
        }
        let fewest = read.iter().filter_map(|method| method.components).map(|[fewest, _]| fewest).min();
        let clamped = fewest.filter(|fewest| at_most.is_some_and(|asked| *fewest < asked));
        Ok(PointAt { methods: read, data_set: data_set.clone(), fits, penalties, clamped })
    }

    /// All tables but that of the inner folds.
    fn tables(
        &self,
        axes: &[String],
        points: &[PointAt],
        best: &[BestSummary],
    ) -> Result<Files, ArtifactError> {
        let rows = self.rows(points);
        let mut files = sweep_choice::files(self, best)?;
        files.insert("sweep.csv".to_owned(), sweep_table::sweep_csv(axes, &rows).into_bytes());
        files.insert("sweep.parquet".to_owned(), self.parquet(&rows)?);
        files.insert("fits.csv".to_owned(), self.fit_table(axes, points, |point| &point.fits));
        if points.iter().any(|point| !point.penalties.is_empty()) {
            files.insert("penalties.csv".to_owned(), self.fit_table(axes, points, |point| &point.penalties));
        }
        Ok(files)
    }

    /// A table of the rows that each point has.
    fn fit_table<R: Row>(
        &self,
        axes: &[String],
        points: &[PointAt],
        rows: impl Fn(&PointAt) -> &Vec<R>,
    ) -> Vec<u8> {
        let points = points.iter().enumerate();
        let points = points.map(|(number, point)| self.rows_of(number, rows(point), &point.data_set));
        rows::sweep_csv(axes, points).into_bytes()
    }

    /// Components that the data do not have.
    fn clamped(&self, points: &[PointAt]) -> Vec<String> {
        let clamped = self.points.iter().zip(points).filter_map(|(entry, point)| {
            let kept = point.clamped?;
            let Outcome::Done { at_most: Some(asked), .. } = &entry.outcome else { return None };
            let data_set = &point.data_set;
            Some(format!(
                "{data_set}: {kept} components in place of {asked}, for the training images have no more"
            ))
        });
        clamped.collect()
    }

    pub(super) fn has_failed(&self, point: usize) -> bool {
        self.points.get(point).is_some_and(|point| matches!(point.outcome, Outcome::Failed { .. }))
    }

    /// Names and values of a point's axes.
    pub(super) fn values(&self, point: usize) -> Vec<(&str, &Value)> {
        let values = self.points.get(point).map(|point| point.values.as_slice()).unwrap_or_default();
        self.axes.iter().map(|axis| axis.path.as_str()).zip(values).collect()
    }
}
