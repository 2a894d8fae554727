//! What the paper states beside what runs found: one row a statement, judged by its own criterion.
//!
//! Where drawings stood in for a data set, a number is shown and not judged.

mod judge;
mod run;
mod statements;

use serde::Serialize;

pub use run::{FinishedRun, ParityError, Sweep};
pub use statements::{Criterion, STATEMENTS, Statement, TOLERANCE};

/// What became of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The run found what the paper states.
    Reproduced,
    /// It found something else.
    NotReproduced,
    /// Not comparable: drawings stood in for a data set.
    StandIn,
    /// No run says anything about it.
    NotRun,
}

impl Verdict {
    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Reproduced => "reproduced",
            Self::NotReproduced => "not reproduced",
            Self::StandIn => "not comparable: stand-in",
            Self::NotRun => "not run",
        }
    }
}

/// A statement and what was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Where the paper states it.
    pub place: &'static str,
    /// What it states.
    pub says: &'static str,
    /// What counts as the same.
    pub criterion: String,
    /// What the run found; for a statement that no run speaks of, the command that would.
    pub found: String,
    /// The run's results folder.
    pub run: Option<String>,
    /// What became of it.
    pub verdict: Verdict,
}

/// Every statement of the paper, judged by the first of the runs that speaks of it.
pub fn compare<'a>(runs: impl IntoIterator<Item = &'a FinishedRun>) -> Vec<Row> {
    let runs: Vec<&FinishedRun> = runs.into_iter().collect();
    STATEMENTS.iter().map(|statement| judge::judge(statement, &runs)).collect()
}

#[cfg(test)]
mod tests;
