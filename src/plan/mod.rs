//! From an experiment to the graph of its stages, with what the store holds of each.
//!
//! The whole plan, with hits, misses and their reasons, is known before anything runs.

mod data;
mod error;
mod explain;
mod graph;
mod networks;
mod pipeline;
mod sources;

use std::path::{Path, PathBuf};

pub use error::PlanError;
pub use explain::{Reason, history};
pub use graph::{Graph, Node};
pub use sources::{dependencies, weights_path};

use crate::config::Resolved;
use crate::solvers::pca::Keep;
use crate::solvers::scale::Scale;
use crate::solvers::svm::ClassWeight;
use crate::stage::Handle;
use crate::stages::features::Features;
use crate::stages::inspect::Manifest;
use crate::stages::pca::Reduction;
use crate::stages::report::Report;
use crate::stages::split::Split;
use crate::stages::svm::Classifier;
use crate::store::{Lookup, Record, Store};
use crate::types::Digest;

/// What the store holds of a stage.
#[derive(Debug)]
pub enum Status {
    /// Its result.
    Hit(Record),
    /// Nothing usable, and why.
    Miss(Vec<Reason>),
}

/// A planned experiment.
pub struct Plan {
    /// The stages.
    pub graph: Graph,
    /// In the order of the graph.
    pub status: Vec<Status>,
    /// The stage whose files become the results.
    pub report: Handle<Report>,
    /// Things to know before it runs: data that differ from the card, leaks.
    pub notices: Vec<String>,
    /// Said everywhere when drawings stand in for the data set.
    pub stand_in: Option<String>,
    /// Digest of the data: of the listing, or of what the stand-in is drawn from.
    pub data: Digest,
    /// What the support vector machines are fitted on, by method and fold.
    pub fits: Vec<FitInputs>,
}

/// What the support vector machines of a fold are fitted on, and they themselves.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "as in the stages")]
pub struct FitInputs {
    pub method: String,
    pub repeat: usize,
    pub fold: usize,
    pub manifest: Handle<Manifest>,
    pub features: Handle<Features>,
    pub split: Handle<Split>,
    pub reduction: Handle<Reduction>,
    pub components: Keep,
    pub classifier: Handle<Classifier>,
    pub class_weight: ClassWeight,
    pub scale: Scale,
}

impl Plan {
    /// Number of stages to compute.
    pub fn misses(&self) -> usize {
        self.status.iter().filter(|status| matches!(status, Status::Miss(_))).count()
    }
}

/// Where things lie that an experiment does not name.
#[derive(Clone, Debug)]
pub struct Places {
    /// Relative paths of the experiment start here.
    pub project: PathBuf,
    /// What set-up fetched.
    pub dependencies: PathBuf,
}

impl Places {
    /// For an experiment of this project.
    pub fn of(project: &Path) -> Self {
        Self { project: project.to_owned(), dependencies: dependencies(project) }
    }
}

/// Plans an experiment against a store.
///
/// # Errors
/// The data set, a weights file or a features file is not there or is not what it should be.
pub fn plan(resolved: &Resolved, store: &Store, places: &Places) -> Result<Plan, PlanError> {
    let mut graph = Graph::default();
    let built = pipeline::build(&mut graph, &resolved.experiment, store, places)?;
    let history = store.history(&resolved.experiment.name);
    let mut status = Vec::with_capacity(graph.nodes().len());
    for node in graph.nodes() {
        status.push(match store.look_up(node.name, node.key)? {
            Lookup::Hit(record) => Status::Hit(record),
            Lookup::Absent => Status::Miss(explain::explain(node, &graph, &history)),
            Lookup::Damaged(reason) => Status::Miss(vec![Reason::Damaged { reason }]),
        });
    }
    store.hints().save()?;
    let pipeline::Built { report, notices, stand_in, data, fits } = built;
    Ok(Plan { graph, status, report, notices, stand_in, data, fits })
}
