//! What a results folder says of a run.

use std::path::PathBuf;

use crate::dataset::csv::Csv;
use crate::fs::{Beneath, FsError};
use crate::results::{RECORD, RunRecord};
use crate::stages::report::Summary;

/// A finished run.
#[derive(Clone, Debug)]
pub struct FinishedRun {
    /// Name of its results folder.
    pub name: String,
    /// Its `run.json`.
    pub record: RunRecord,
    /// What it found; `None` for a sweep.
    pub summary: Option<Summary>,
    /// Its `sweep.csv`, where it is a sweep.
    pub sweep: Option<Sweep>,
    /// Images that it tested, from `confusion.csv`; `None` where the folder lacks it.
    pub tested: Option<u64>,
}

/// The points of a sweep over numbers of components.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sweep {
    /// One per data set, method and number of components that was computed.
    pub points: Vec<SweepPoint>,
}

/// The mean rate of a method at one point.
#[derive(Clone, Debug, PartialEq)]
pub struct SweepPoint {
    pub(super) data_set: String,
    pub(super) method: String,
    /// The point's values on all axes but that of the components.
    pub(super) others: Vec<String>,
    /// As many components as there were, or, where it failed, as were asked for.
    pub(super) components: String,
    /// None where it failed.
    pub(super) mean_rate: Option<f64>,
    pub(super) stand_in: bool,
}

/// Why a results folder says nothing.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum ParityError {
    #[error("`{}` is no results folder: it has no readable run.json", folder.display())]
    NoRun { folder: PathBuf },
    #[error("`{}` cannot be read: {reason}", file.display())]
    Unreadable { file: PathBuf, reason: String },
    #[error(transparent)]
    Fs(#[from] FsError),
}

impl FinishedRun {
    /// Reads a results folder.
    ///
    /// # Errors
    /// It is none, or its files are not what a run leaves.
    pub fn read(folder: &Beneath) -> Result<Self, ParityError> {
        let record = folder.read(RECORD).ok().and_then(|bytes| RunRecord::from_json(&bytes).ok());
        let record = record.ok_or_else(|| ParityError::NoRun { folder: folder.path().to_owned() })?;
        Self::of(record, folder)
    }

    /// A results folder whose record was read.
    ///
    /// # Errors
    /// Its files are not what a run leaves.
    pub fn of(record: RunRecord, folder: &Beneath) -> Result<Self, ParityError> {
        let name =
            folder.path().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let sweep = optional(folder, "sweep.csv", Sweep::parse)?;
        let tested = optional(folder, "confusion.csv", tested)?;
        let summary = record.summary.clone();
        Ok(Self { name, record, summary, sweep, tested })
    }

    /// The card of its data set.
    pub fn data_set(&self) -> Option<&str> {
        self.setting("dataset.name").and_then(|value| value.as_str())
    }

    pub(super) fn setting(&self, path: &str) -> Option<&serde_json::Value> {
        self.record.settings.iter().find(|setting| setting.path == path).map(|setting| &setting.value)
    }

    /// Whether drawings were trained on or tested.
    pub fn used_stand_in(&self) -> bool {
        self.record.stand_in.is_some()
            || self.record.stages.iter().any(|stage| stage.stage == "draw-stand-in")
    }
}

/// The sum of the first method's counts, all repetitions and folds pooled.
fn tested(bytes: &[u8]) -> Result<u64, String> {
    let csv = Csv::parse(bytes).map_err(|error| error.to_string())?;
    let column = |name: &'static str| csv.column(name).map_err(|error| error.to_string());
    let (method, repeat) = (column("method")?, column("repeat")?);
    let (fold, count) = (column("fold")?, column("count")?);
    let mut rows = csv.rows().map(|(_, row)| row).peekable();
    let first = rows.peek().map(|row| row[method].clone());
    let is_pooled = |row: &&[String]| row[repeat] == "pooled" && row[fold] == "pooled";
    let pooled = rows.filter(|row| Some(&row[method]) == first.as_ref() && is_pooled(row));
    pooled.map(|row| row[count].parse::<u64>().map_err(|_| format!("`{}` is no count", row[count]))).sum()
}

impl Sweep {
    /// From `sweep.csv`: the mean rate of each point.
    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let csv = Csv::parse(bytes).map_err(|error| error.to_string())?;
        let column = |name: &'static str| csv.column(name).map_err(|error| error.to_string());
        let (method, emotion, status) = (column("method")?, column("emotion")?, column("status")?);
        let (rate, components, data_set) =
            (column("true_positive_rate")?, column("components")?, column("data_set")?);
        // Axes stand between the point's number and the method.
        let is_axis = |at: &usize| (1..method).contains(at);
        let asked = csv.header().iter().position(|name| name == "pca.components").filter(is_axis);
        let mut points = Vec::new();
        for (line, row) in csv.rows().filter(|(_, row)| row[emotion] == "mean") {
            let is_done = row[status] == "done";
            let number = || row[rate].parse().map_err(|_| format!("line {line}: `{}` is no rate", row[rate]));
            points.push(SweepPoint {
                data_set: row[data_set].trim_start_matches(STAND_IN).to_owned(),
                method: row[method].clone(),
                others: (1..method).filter(|at| Some(*at) != asked).map(|at| row[at].clone()).collect(),
                components: row[asked.filter(|_| !is_done).unwrap_or(components)].clone(),
                mean_rate: is_done.then(number).transpose()?,
                stand_in: row[data_set].starts_with(STAND_IN),
            });
        }
        Ok(Self { points })
    }
}

/// How tables mark drawings before the name of the set that they stand in for.
const STAND_IN: &str = "stand-in images for ";

fn optional<T>(
    folder: &Beneath,
    file: &str,
    parse: impl Fn(&[u8]) -> Result<T, String>,
) -> Result<Option<T>, ParityError> {
    match folder.read(file) {
        Ok(bytes) => {
            let unreadable = |reason| ParityError::Unreadable { file: folder.path().join(file), reason };
            parse(&bytes).map(Some).map_err(unreadable)
        }
        Err(error) if error.is_missing() => Ok(None),
        Err(error) => Err(error.into()),
    }
}
