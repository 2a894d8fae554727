//! Runs a plan: computes what is missing, keeps it, and says what happens as data.
//!
//! Stages whose inputs are ready run side by side on the run's threads, and what is parallel inside them runs on those
//! too; a stage that starts threads of its own runs alone. Only this module writes to the store. A stage that another
//! process is computing is waited for, not computed twice.

mod budget;
mod compare;
mod event;
mod live;
mod scheduler;
mod state;

use std::path::Path;

pub use compare::{ProblemComparison, compare_solvers};
pub use event::{Event, Sink};
pub use live::{Header, Live, Running, Snapshot, watch};
pub use scheduler::{Failure, Outcome, RunError, StageRun};

use crate::plan::Plan;
use crate::stage::Cancel;
use crate::store::Store;

/// What a run may use.
pub struct Options<'a> {
    /// Threads that compute.
    pub threads: usize,
    /// Most memory that it may take, in bytes: a stage waits until there is room for what it may need, and outputs that
    /// are stored are dropped for it. None is no limit.
    pub memory: Option<u64>,
    /// Whether a stage that fails leaves those running that do not need it.
    pub keep_going: bool,
    /// Raised when the user wants it to stop.
    pub cancel: Cancel,
    /// Hears what happens.
    pub sink: &'a dyn Sink,
}

/// Computes every stage of the plan that the store does not hold.
///
/// # Errors
/// The first stage that failed, unless the run was to keep going; what other stages finished is kept.
pub fn run(plan: &Plan, store: &Store, options: &Options<'_>) -> Result<Outcome, RunError> {
    scheduler::run(plan, store, options)
}

/// The file of a finished stage's artifact, from the store.
pub fn read_file(
    store: &Store,
    outcome: &Outcome,
    stage: crate::store::Key,
    name: &str,
) -> Result<Vec<u8>, crate::store::StoreError> {
    let blob =
        outcome.stages.iter().find(|run| run.record.key == stage).and_then(|run| run.record.files.get(name));
    match blob {
        Some(blob) => store.read_blob(blob),
        None => Err(crate::fs::FsError {
            action: "read",
            path: Path::new(name).to_owned(),
            source: std::io::ErrorKind::NotFound.into(),
        }
        .into()),
    }
}
