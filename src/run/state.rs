//! What is known of each stage while a run goes on.

use std::collections::HashMap;

use super::scheduler::{RunError, StageRun};
use crate::plan::{Plan, Status};
use crate::stage::Output;
use crate::store::{Key, Record};

pub(super) enum Progress {
    Waiting,
    Running,
    Done(StageRun),
}

/// Shared by the run's threads, under a lock.
pub(super) struct State {
    pub stages: Vec<Progress>,
    outputs: HashMap<Key, Output>,
    /// How often each stage's result was found damaged; a disk that keeps damaging ends the run.
    repairs: Vec<u32>,
    pub failure: Option<RunError>,
}

impl State {
    pub fn new(plan: &Plan) -> Self {
        let stages = plan.status.iter().map(|status| match status {
            Status::Hit(record) => Progress::Done(StageRun { record: record.clone(), hit: true }),
            Status::Miss(_) => Progress::Waiting,
        });
        Self {
            stages: stages.collect(),
            outputs: HashMap::new(),
            repairs: vec![0; plan.status.len()],
            failure: None,
        }
    }

    pub fn record(&self, position: usize) -> Option<&Record> {
        match self.stages.get(position) {
            Some(Progress::Done(run)) => Some(&run.record),
            _ => None,
        }
    }

    pub fn output(&self, key: Key) -> Option<Output> {
        self.outputs.get(&key).cloned()
    }

    pub fn remember(&mut self, key: Key, output: Output) {
        self.outputs.insert(key, output);
    }

    /// A stage whose inputs are done and which nobody runs.
    pub fn next(&self, plan: &Plan) -> Option<usize> {
        let done = |key: &Key| {
            plan.graph.position(*key).is_some_and(|at| matches!(self.stages[at], Progress::Done(_)))
        };
        let nodes = plan.graph.nodes().iter().enumerate();
        let mut ready = nodes.filter(|(at, node)| {
            matches!(self.stages[*at], Progress::Waiting) && node.inputs.iter().all(done)
        });
        ready.next().map(|(at, _)| at)
    }

    pub fn is_over(&self) -> bool {
        let running = self.stages.iter().any(|stage| matches!(stage, Progress::Running));
        let waiting = self.stages.iter().any(|stage| matches!(stage, Progress::Waiting));
        !running && (!waiting || self.failure.is_some())
    }

    /// Puts a damaged stage back in the queue; `false` when that happened too often.
    pub fn repair(&mut self, position: usize) -> bool {
        self.repairs[position] += 1;
        self.stages[position] = Progress::Waiting;
        self.repairs[position] <= 3
    }

    /// Drops outputs that no waiting or running stage will ask for.
    pub fn forget_unneeded(&mut self, plan: &Plan) {
        let pending = |at: &usize| !matches!(self.stages[*at], Progress::Done(_));
        let nodes = plan.graph.nodes().iter().enumerate();
        let needed: std::collections::HashSet<Key> =
            nodes.filter(|(at, _)| pending(at)).flat_map(|(_, node)| node.inputs.iter().copied()).collect();
        self.outputs.retain(|key, _| needed.contains(key));
    }
}
