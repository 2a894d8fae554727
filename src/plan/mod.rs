//! From an experiment to the graph of its stages, with what the store holds of each.
//!
//! The whole plan, with hits, misses and their reasons, is known before anything runs.

mod changed_images;
mod data;
mod data_sets;
mod embedding;
mod error;
mod explain;
mod graph;
mod networks;
mod pipeline;
mod protocol;
mod sources;
mod sweep;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

pub use data_sets::{DataSets, plan_data_sets};
pub use error::PlanError;
pub use explain::{Reason, history};
pub use graph::{Graph, Node};
pub use sources::{dependencies, weights_path};

use crate::config::{Experiment, Resolved};
use crate::solvers::pca::Keep;
use crate::solvers::scale::Scale;
use crate::solvers::svm::ClassWeight;
use crate::stage::Handle;
use crate::stages::drawing::Drawing;
use crate::stages::inspect::Manifest;
use crate::stages::pca::Reduction;
use crate::stages::report::Report;
use crate::stages::split::Split;
use crate::stages::svm::PenaltyOf;
use crate::stages::sweep::SweepReport;
use crate::store::{History, Key, Lookup, Record, Store};
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
    pub report: Reported,
    /// Stages whose files are put beside the report's.
    pub figures: Vec<Handle<Drawing>>,
    /// Things to know before it runs: data that differ from the card, leaks.
    pub notices: Vec<String>,
    /// Said everywhere when drawings stand in for the data set.
    pub stand_in: Option<String>,
    /// Digest of the data: of the listing, or of what the stand-in is drawn from.
    pub data: Digest,
    /// What the support vector machines are fitted on, by method and fold.
    pub fits: Vec<FitInputs>,
    /// Points, if it is a sweep.
    pub points: Vec<PlannedPoint>,
    /// What stands in the results as failed.
    pub failures: Failures,
}

/// The stage that sums up.
#[derive(Clone, Copy, Debug)]
pub enum Reported {
    /// Of one experiment.
    Experiment(Handle<Report>),
    /// Of an experiment at many points.
    Sweep(Handle<SweepReport>),
    /// None: the plan is of figures alone.
    Nothing,
}

impl Reported {
    /// Its key, where there is one.
    pub fn key(&self) -> Option<Key> {
        match self {
            Self::Experiment(report) => Some(report.key()),
            Self::Sweep(report) => Some(report.key()),
            Self::Nothing => None,
        }
    }
}

/// A point of a sweep.
#[derive(Clone, Debug)]
pub struct PlannedPoint {
    /// What a person reads: `pca.components = 5, svm.c = 1.0`.
    pub label: String,
    /// Its methods by name, and positions of the stages that each needs; those known to fail are left out.
    pub methods: Vec<(String, BTreeSet<usize>)>,
}

impl PlannedPoint {
    /// Positions of the stages that it needs.
    pub fn stages(&self) -> BTreeSet<usize> {
        self.methods.iter().flat_map(|(_, stages)| stages).copied().collect()
    }
}

/// What the support vector machines of a fold are fitted on.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "as in the stages")]
pub struct FitInputs {
    pub method: String,
    pub repeat: usize,
    pub fold: usize,
    pub manifest: Handle<Manifest>,
    pub split: Handle<Split>,
    pub reduction: Handle<Reduction>,
    pub components: Keep,
    pub c: PenaltyOf,
    pub class_weight: ClassWeight,
    pub scale: Scale,
}

impl FitInputs {
    /// Keys of the stages that yield them.
    fn keys(&self) -> impl Iterator<Item = Key> {
        let selection = match &self.c {
            PenaltyOf::Experiment(_) => None,
            PenaltyOf::Selection(selection) => Some(selection.key()),
        };
        [self.manifest.key(), self.split.key(), self.reduction.key()].into_iter().chain(selection)
    }
}

impl Plan {
    /// The part of it that yields what the support vector machines are fitted on, and nothing beyond: no report.
    #[must_use]
    pub fn up_to_fits(mut self) -> Self {
        let needed = self.graph.needed_for(self.fits.iter().flat_map(FitInputs::keys));
        let mut position = 0..;
        self.status.retain(|_| position.next().is_some_and(|position| needed.contains(&position)));
        self.graph.keep(&needed);
        Self { report: Reported::Nothing, figures: Vec::new(), points: Vec::new(), ..self }
    }

    /// What failed of a sweep, given the stages that did; a method fails at a point with any stage that it needs there.
    pub fn failures_of(&self, stages: &BTreeMap<usize, String>) -> Failures {
        let mut methods = self.failures.methods.clone();
        for (number, point) in self.points.iter().enumerate() {
            for (name, needed) in &point.methods {
                if let Some((_, reason)) = stages.iter().find(|(stage, _)| needed.contains(*stage)) {
                    methods.entry(number).or_default().insert(name.clone(), reason.clone());
                }
            }
        }
        // A stage that no method needs is there to choose the best points; without what failed it may do.
        let choice = stages.values().next().filter(|_| methods == self.failures.methods);
        Failures { choice: self.failures.choice.clone().or(choice.cloned()), methods }
    }

    /// Whether every method of a sweep is known to fail at every point.
    pub fn has_no_results(&self) -> bool {
        !self.points.is_empty() && self.points.iter().all(|point| point.methods.is_empty())
    }

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
    plan_without(resolved, store, places, &Failures::default())
}

/// What of a sweep failed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    /// By a point's number its methods that failed, and why.
    pub methods: BTreeMap<usize, BTreeMap<String, String>>,
    /// Why no best point can be chosen.
    pub choice: Option<String>,
}

impl Failures {
    /// Why a method failed at a point, if it did.
    pub fn of(&self, point: usize, method: &str) -> Option<&str> {
        self.methods.get(&point)?.get(method).map(String::as_str)
    }
}

/// As [`plan`], for a sweep in whose results some methods stand as failed at some points.
///
/// # Errors
/// As [`plan`].
pub fn plan_without(
    resolved: &Resolved,
    store: &Store,
    places: &Places,
    failures: &Failures,
) -> Result<Plan, PlanError> {
    let mut graph = Graph::default();
    let context = (store, places);
    let built = match &resolved.sweep {
        Some(sweep) => sweep::build(&mut graph, resolved, sweep, failures, context)?,
        None => pipeline::build(&mut graph, &resolved.experiment, context)?,
    };
    graph.tell_apart();
    let history = store.history(&resolved.experiment.name);
    let status = look_up(&graph, &history, store)?;
    store.hints().save()?;
    let pipeline::Built { report, figures, mut notices, stand_in, data, fits, points } = built;
    notices.extend(unshown(&resolved.experiment));
    let failures = failures.clone();
    Ok(Plan { graph, status, report, figures, notices, stand_in, data, fits, points, failures })
}

/// Names that figures cannot show in full.
fn unshown(experiment: &Experiment) -> Option<String> {
    let names = experiment.methods.iter().map(|method| &method.name);
    let text: String =
        names.chain([&experiment.title, &experiment.dataset.name]).map(String::as_str).collect();
    let missing = crate::figures::unshown(&text);
    (!missing.is_empty())
        .then(|| format!("the font of the figures lacks `{missing}`, and shows boxes instead"))
}

/// What the store holds of each stage.
fn look_up(graph: &Graph, history: &History, store: &Store) -> Result<Vec<Status>, PlanError> {
    let mut status = Vec::with_capacity(graph.nodes().len());
    for node in graph.nodes() {
        status.push(match store.look_up(node.name, node.key)? {
            Lookup::Hit(record) => Status::Hit(record),
            Lookup::Absent => Status::Miss(explain::explain(node, graph, history, store)),
            Lookup::Damaged(reason) => Status::Miss(vec![Reason::Damaged { reason }]),
        });
    }
    Ok(status)
}
