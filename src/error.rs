//! One error per layer, and the exit code that goes with it.

use crate::config::Problem;
use crate::dataset::feature_file::FeatureFileError;
use crate::fs::FsError;
use crate::networks::checkpoint::CheckpointError;
use crate::parity::ParityError;
use crate::plan::PlanError;
use crate::report::ReportError;
use crate::report::serve::ServeError;
use crate::results::{CompareError, ResultsError};
use crate::run::RunError;
use crate::solvers::pca::PcaError;
use crate::solvers::svm::SvmError;
use crate::stage::StageError;
use crate::store::StoreError;

/// Why a command did not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The experiment file: every problem in it.
    #[error("the experiment file has {} {}", .0.len(), if .0.len() == 1 { "problem" } else { "problems" })]
    Experiment(Vec<Problem>),
    /// The data set, weights or features.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A stage.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The results folder.
    #[error(transparent)]
    Results(#[from] ResultsError),
    /// A page of results.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// The server of such pages.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// Runs that cannot be compared.
    #[error(transparent)]
    Compare(#[from] CompareError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file.
    #[error(transparent)]
    Fs(#[from] FsError),
    /// A feature file that is read for itself.
    #[error(transparent)]
    Features(#[from] FeatureFileError),
    /// A weights file.
    #[error(transparent)]
    Weights(#[from] CheckpointError),
    /// Its principal components.
    #[error(transparent)]
    Pca(#[from] PcaError),
    /// Some methods have no results at some points of a sweep.
    #[error("{failed} of {points} points failed with at least one method")]
    FailedPoints {
        /// Those.
        failed: usize,
        /// All.
        points: usize,
        /// Where their reasons stand.
        table: std::path::PathBuf,
    },
    /// No method has results at any point of a sweep.
    #[error("all {points} points failed, the first: {first}")]
    NoPoint {
        /// How many there are.
        points: usize,
        /// Why the first failed.
        first: String,
        /// What a run before left.
        folder: std::path::PathBuf,
    },
    /// A sweep is computed, but its best point cannot be chosen.
    #[error("no best point could be chosen: {reason}")]
    NoChoice {
        /// Why.
        reason: String,
    },
    /// `emolab check-solvers` saw fits that failed.
    #[error("{failed} of {fits} fits failed, the first that of {first}")]
    FailedFits {
        /// Those.
        failed: usize,
        /// All.
        fits: usize,
        /// Solver, method and fold.
        first: String,
        /// Why it failed.
        source: SvmError,
    },
    /// A results folder that is compared with the paper.
    #[error(transparent)]
    Parity(#[from] ParityError),
    /// `emolab store verify` found damage.
    #[error("{0} damaged files; the next run that needs them computes them again")]
    Damaged(usize),
    /// A results folder that garbage collection must see to know what to keep.
    #[error("{message}")]
    Unseen {
        /// The folder.
        folder: std::path::PathBuf,
        /// What to say.
        message: String,
    },
    /// A command's own arguments.
    #[error("{0}")]
    Arguments(String),
}

impl Error {
    /// 2 for bad input, 130 for a stopped run, 1 for all else.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Experiment(_)
            | Self::Arguments(_)
            | Self::Compare(_)
            | Self::Features(_)
            | Self::Weights(_)
            | Self::Parity(_)
            | Self::Pca(_)
            | Self::Serve(_)
            | Self::Report(ReportError::NoRecord { .. })
            | Self::Run(RunError::Stage { source: StageError::BadInput(_), .. }) => 2,
            Self::Plan(error) if error.is_bad_input() => 2,
            Self::Run(RunError::Stage { source: StageError::Cancelled, .. }) => 130,
            _ => 1,
        }
    }

    /// The way out, where it is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Plan(error) => error.hint(),
            Self::FailedPoints { table, .. } => Some(format!(
                "why stands in `{}`; a further run tries them again, but for fits that cannot end otherwise",
                table.display()
            )),
            Self::NoPoint { folder, .. } => Some(format!(
                "`{}` is left as it was; a further run tries all points again, but for fits that cannot end otherwise",
                folder.display()
            )),
            Self::Run(RunError::Memory { .. }) => {
                Some("raise `--memory`, or `memory` in `[compute]`".to_owned())
            }
            Self::Run(RunError::Stage { source: StageError::Cancelled, .. }) => {
                Some("what was finished is kept; run again to continue".to_owned())
            }
            Self::Unseen { folder, .. } => Some(format!(
                "make it readable; or, if its project is gone for good, create the folder `{}` empty",
                folder.parent().unwrap_or(folder).display()
            )),
            Self::Serve(ServeError::Listen { .. }) => {
                Some("give another port, or 0 for any: --port 0".to_owned())
            }
            Self::Compare(CompareError::NoPredictions { .. }) => {
                Some(
                    "run the experiment; a sweep leaves none: run one of its points, as in `--set pca.components=20`"
                        .to_owned(),
                )
            }
            Self::FailedFits { source, .. } => source.hint().map(str::to_owned),
            Self::Store(StoreError::InUse { .. }) => Some("try again when the run has ended".to_owned()),
            _ => None,
        }
    }

    /// What led to it, outermost first, without what the message says already.
    pub fn causes(&self) -> Vec<String> {
        let mut said = self.to_string();
        let mut causes = Vec::new();
        let mut next = std::error::Error::source(self);
        while let Some(error) = next {
            let text = error.to_string().trim_end().to_owned();
            if !said.contains(&text) {
                causes.push(text.clone());
                said = text;
            }
            next = error.source();
        }
        causes
    }
}
