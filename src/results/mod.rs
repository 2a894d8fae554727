//! The results folder: written as a whole, left alone when it is up to date.

mod compare;
mod run_record;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use compare::{Answers, CompareError, Matched, compare_methods};
pub use run_record::{RunRecord, SettingEntry, StageEntry};

use crate::fs::{self, FsError};
use crate::plan::{Plan, Reported};
use crate::run::Outcome;
use crate::stage::{Artifact as _, ArtifactError, Files};
use crate::stages::report::{Report, Summary};
use crate::stages::sweep::{SweepReport, SweepSummary};
use crate::store::{BlobRef, Key, Store, StoreError, key};
use crate::types::Digest;

/// Name of the record in a results folder.
pub const RECORD: &str = "run.json";

/// Why results cannot be written.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum ResultsError {
    #[error(transparent)]
    Fs(#[from] FsError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the stored report cannot be read: {0}")]
    Artifact(#[from] ArtifactError),
    #[error("the report is missing among the stages that ran")]
    NoReport,
}

/// What a run left.
#[derive(Clone, Debug)]
pub struct Written {
    /// The results folder.
    pub folder: PathBuf,
    /// Its files, by name.
    pub files: Vec<String>,
    /// Whether it was as it should be already.
    pub up_to_date: bool,
    /// The rates.
    pub found: Found,
}

/// What was found.
#[derive(Clone, Debug)]
pub enum Found {
    /// By one experiment.
    Experiment(Box<Summary>),
    /// By a sweep.
    Sweep(Box<SweepSummary>),
}

/// The results folder of an experiment.
pub fn folder(project: &Path, experiment: &str) -> PathBuf {
    project.join("results").join(experiment)
}

/// Names of results without their endings; figures and tables have numbers, too.
const NAMES: [&str; 15] = [
    "best",
    "comparisons",
    "confusion",
    "fits",
    "inside",
    "inside_fits",
    "leakage",
    "measures",
    "penalties",
    "penalty_fits",
    "per_class_tpr",
    "predictions",
    "repeats",
    "skipped",
    "training",
];

/// Whether results can be written to a folder: it is not there, or a run made it, or it holds some of what a run leaves,
/// as of results that were passed on.
///
/// # Errors
/// Something else is there, or nothing can be written.
pub fn check_folder(folder: &Path) -> Result<(), FsError> {
    let is_result = |path: &PathBuf| {
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        NAMES.contains(&stem) || ["figure", "table", "sweep"].iter().any(|start| stem.starts_with(start))
    };
    fs::check_replaceable(folder, |files| {
        files.iter().any(|file| file.ends_with(RECORD)) || files.iter().all(is_result)
    })
}

/// Brings the results folder to what the run computed. A folder that is so already is not touched: a second run
/// of the same experiment leaves the same bytes.
pub fn write(
    plan: &Plan,
    outcome: &Outcome,
    store: &Store,
    folder: &Path,
    mut record: RunRecord,
) -> Result<Written, ResultsError> {
    let report = artifact(plan.report.key().ok_or(ResultsError::NoReport)?, outcome, store)?;
    let (mut files, found) = match plan.report {
        Reported::Experiment(_) => {
            let Report { files, summary } = Report::load(&report)?;
            (files, Found::Experiment(Box::new(summary)))
        }
        Reported::Sweep(_) => {
            let SweepReport { files, summary } = SweepReport::load(&report)?;
            (files, Found::Sweep(Box::new(summary)))
        }
        Reported::Nothing => return Err(ResultsError::NoReport),
    };
    for figure in &plan.figures {
        files.extend(artifact(figure.key(), outcome, store)?);
    }
    let digests: BTreeMap<String, Digest> =
        files.iter().map(|(name, bytes)| (name.clone(), key::digest(bytes))).collect();
    let mut names: Vec<String> = files.keys().cloned().chain([RECORD.to_owned()]).collect();
    names.sort();
    let up_to_date = is_up_to_date(folder, &record, &digests);
    if !up_to_date {
        record.files = digests;
        match &found {
            Found::Experiment(summary) => record.summary = Some(Summary::clone(summary)),
            Found::Sweep(summary) => record.sweep = Some(SweepSummary::clone(summary)),
        }
        let mut all: Vec<(String, Vec<u8>)> = files.into_iter().collect();
        all.push((RECORD.to_owned(), record.to_json()));
        check_folder(folder)?;
        fs::replace_folder(folder, &all)?;
    }
    if let Some(parent) = folder.parent() {
        fs::remove_leftovers(parent);
    }
    // Also where nothing was written: the store may be newer than the results.
    store.register_results(folder)?;
    Ok(Written { folder: folder.to_owned(), files: names, up_to_date, found })
}

/// The files of a stage's artifact.
pub fn artifact(stage: Key, outcome: &Outcome, store: &Store) -> Result<Files, ResultsError> {
    let run = outcome.stages.iter().find(|run| run.record.key == stage);
    let blobs = &run.ok_or(ResultsError::NoReport)?.record.files;
    let read = |(name, blob): (&String, &BlobRef)| Ok((name.clone(), store.read_blob(blob)?));
    blobs.iter().map(read).collect()
}

/// What the last run of a results folder recorded; `None` without a readable `run.json`.
pub fn read_record(folder: &Path) -> Option<RunRecord> {
    RunRecord::from_json(&fs::read(&folder.join(RECORD)).ok()?).ok()
}

fn is_up_to_date(folder: &Path, record: &RunRecord, files: &BTreeMap<String, Digest>) -> bool {
    let Some(last) = read_record(folder) else { return false };
    let keys = |record: &RunRecord| record.stages.iter().map(|stage| stage.key).collect::<Vec<_>>();
    let intact = |(name, digest): (&String, &Digest)| {
        fs::read(&folder.join(name)).is_ok_and(|bytes| key::digest(&bytes) == *digest)
    };
    let only_ours = fs::children(folder).is_ok_and(|found| found.len() == files.len() + 1);
    last.values() == record.values() && keys(&last) == keys(record) && only_ours && files.iter().all(intact)
}
