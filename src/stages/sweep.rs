//! `report`, of a sweep: what every point found, in long form and as curves or a heat map, and the best point.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::drawing::drawn;
use super::inside::InsideRates;
use super::inspect::Manifest;
use super::leakage::LeakageCounts;
use super::overlap::Overlap;
use super::report::Entry;
use super::reported::Reported;
use super::split::Split;
use super::sweep_choice::{self, BestSummary, RatedPoint};
use super::sweep_figure;
use super::sweep_images::{self, SweepImages};
use super::sweep_intervals::mean_intervals;
use super::sweep_points::{self, PointAt};
use crate::figures::Columns;
use crate::figures::rows;
use crate::figures::sweep_table;
use crate::metrics::Interval;
use crate::stage::{ArtifactError, Context, Files, Handle, Stage, StageError};
use crate::types::Seed;

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

/// What is said of the duplicates of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Duplicates<'a> {
    /// Of which, where there are several.
    pub of: Option<&'a str>,
    /// None where no image is read.
    pub counts: Option<&'a LeakageCounts>,
}

impl SweepSummary {
    /// Duplicates, once where several ways of dividing images come to the same.
    pub fn duplicates(&self) -> Vec<Duplicates<'_>> {
        let several = self.leakage.iter().any(|set| set.data_set != self.leakage[0].data_set);
        let mut all = Vec::new();
        for set in &self.leakage {
            let of = several.then_some(set.data_set.as_str());
            let one = Duplicates { of, counts: set.counts.as_ref() };
            if !all.contains(&one) {
                all.push(one);
            }
        }
        all
    }
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
    /// Why there is none.
    pub failure: Option<String>,
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
    /// Its methods.
    pub methods: Vec<MethodEntry>,
    /// What they were tested on; none where all failed.
    pub data: Option<PointData>,
}

impl PointEntry {
    /// Whether a method failed.
    pub(super) fn has_failures(&self) -> bool {
        self.methods.iter().any(|method| matches!(method.outcome, Outcome::Failed { .. }))
    }
}

/// What the methods of a point were tested on.
#[derive(Serialize)]
pub struct PointData {
    /// Labels and groups.
    pub manifest: Handle<Manifest>,
    /// Classes left out.
    pub split: Handle<Split>,
    /// Whether a method is evaluated on what it was trained on.
    pub overlaps: Vec<(String, Handle<Overlap>)>,
    /// What tables call the data set.
    pub data_set: String,
    /// Components asked for, where fewer will do.
    pub at_most: Option<usize>,
}

/// A method at a point.
#[derive(Serialize)]
pub struct MethodEntry {
    /// Its label.
    pub name: String,
    /// Its results.
    pub outcome: Outcome,
}

/// What became of a method at a point.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It was computed.
    Done(Entry),
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
    /// How wide the figure is.
    pub columns: Columns,
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
    const VERSION: u32 = 11;
    type Output = SweepReport;

    fn run(&self, context: &Context<'_>) -> Result<SweepReport, StageError> {
        let failed = |error: ArtifactError| StageError::Failed(error.to_string());
        let mut warnings = self.warnings.clone();
        let (mut points, mut notes) = sweep_points::read(self, context, &mut warnings)?;
        let SweepImages { files: of_images, leakage, skipped } =
            sweep_images::read(self, context, &mut warnings)?;
        context.check_cancelled()?;
        context.parallel(|| mean_intervals(&mut points, self.seed));
        let axes = self.paths();
        let best = sweep_choice::choose(self, context, &points)?;
        let inside = sweep_choice::inside(self, context, &best)?;
        notes.extend(self.clamped(&points));
        notes.extend(sweep_choice::unchosen(self, &best));
        notes.extend(sweep_choice::unsure(self, &inside));
        notes.extend(self.no_choice.iter().map(|why| format!("no best point: {why}")));
        let draw = || match sweep_figure::svg(self, &points, &warnings)? {
            Ok(svg) => Ok::<_, StageError>(Ok(drawn("sweep", Ok(svg))?)),
            Err(why) => Ok(Err(why)),
        };
        let tables = || self.tables(&axes, &points, &best, &inside).map_err(failed);
        let (tables, figure) = context.parallel(|| rayon::join(tables, draw));
        let mut files = tables?;
        files.extend(of_images);
        match figure? {
            Ok(figure) => files.extend(figure),
            Err(why) => notes.push(why),
        }
        let points = self.points.iter().zip(&points).map(|(entry, point)| PointSummary {
            values: entry.values.clone(),
            methods: entry.methods.iter().map(|method| method.summary(point)).collect(),
        });
        let points = points.collect();
        let summary = SweepSummary { warnings, axes, points, best, notes, leakage, skipped };
        Ok(SweepReport { files, summary })
    }
}

impl MethodEntry {
    fn summary(&self, point: &PointAt) -> PointRate {
        let found = point.methods.iter().find(|method| method.name == self.name);
        let failure = match &self.outcome {
            Outcome::Failed { reason } => Some(reason.clone()),
            Outcome::Done(_) => None,
        };
        PointRate {
            name: self.name.clone(),
            mean_true_positive_rate: found.and_then(|method| method.mean),
            interval: found.and_then(|method| method.mean_interval),
            failure,
        }
    }
}

impl MakeSweepReport {
    /// All tables.
    fn tables(
        &self,
        axes: &[String],
        points: &[PointAt],
        best: &[BestSummary],
        inside: &[RatedPoint<'_>],
    ) -> Result<Files, ArtifactError> {
        let rows = self.rows(points);
        let mut files = sweep_choice::files(self, best)?;
        files.insert("sweep.csv".to_owned(), sweep_table::sweep_csv(axes, &rows).into_bytes());
        files.insert("sweep.parquet".to_owned(), self.parquet(&rows)?);
        let mut put = |name: &str, table: String| files.insert(name.to_owned(), table.into_bytes());
        let numbered = || points.iter().enumerate();
        let fits = numbered().map(|(number, point)| self.rows_of(number, &point.fits, &point.data_set));
        put("fits.csv", rows::sweep_csv(axes, fits));
        let penalties = || numbered().map(|(number, at)| (number, &at.penalties, at.data_set.as_str()));
        let inside = || inside.iter().map(|at| (at.point, &at.rows, at.data_set));
        for (candidates, fits, rows) in [
            ("penalties.csv", "penalty_fits.csv", penalties().collect::<Vec<_>>()),
            ("inside.csv", "inside_fits.csv", inside().collect()),
        ] {
            if rows.iter().all(|(_, rows, _)| rows.candidates.is_empty()) {
                continue;
            }
            let of_points = rows.iter().map(|(point, rows, set)| self.rows_of(*point, &rows.candidates, set));
            put(candidates, rows::sweep_csv(axes, of_points));
            let of_points = rows.iter().map(|(point, rows, set)| self.rows_of(*point, &rows.fits, set));
            put(fits, rows::sweep_csv(axes, of_points));
        }
        Ok(files)
    }

    /// Components that the data do not have.
    fn clamped(&self, points: &[PointAt]) -> Vec<String> {
        let clamped = self.points.iter().zip(points).filter_map(|(entry, point)| {
            let kept = point.clamped?;
            let (asked, data_set) = (entry.data.as_ref()?.at_most?, &point.data_set);
            Some(format!(
                "{data_set}: {kept} components in place of {asked}, for the training data have no more"
            ))
        });
        clamped.collect()
    }

    /// Names of the methods of all points, each once.
    pub(super) fn method_names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for method in self.points.iter().flat_map(|point| &point.methods) {
            if !names.contains(&method.name) {
                names.push(method.name.clone());
            }
        }
        names
    }

    pub(super) fn has_failed(&self, point: usize, method: &str) -> bool {
        let mut methods = self.points.get(point).into_iter().flat_map(|point| &point.methods);
        methods.any(|own| own.name == method && matches!(own.outcome, Outcome::Failed { .. }))
    }

    /// Names and values of a point's axes.
    pub(super) fn values(&self, point: usize) -> Vec<(&str, &Value)> {
        let values = self.points.get(point).map(|point| point.values.as_slice()).unwrap_or_default();
        self.axes.iter().map(|axis| axis.path.as_str()).zip(values).collect()
    }
}
