//! What is known of each stage while a run goes on.

use std::collections::{BTreeSet, HashMap};

use super::budget::Budget;
use super::scheduler::{RunError, StageRun};
use crate::plan::{Plan, Status};
use crate::stage::{Occupies, Output};
use crate::store::{Key, Record};

pub(super) enum Progress {
    Waiting,
    Running,
    Done(StageRun),
    /// It failed, or one that it needs did.
    Failed,
}

/// An output in memory.
struct Held {
    output: Output,
    bytes: u64,
}

/// Shared by the run's threads, under a lock.
pub(super) struct State {
    pub stages: Vec<Progress>,
    outputs: HashMap<Key, Held>,
    /// Positions of the stages that use each stage's output.
    users: Vec<Vec<usize>>,
    /// How many inputs of each stage are not done.
    missing: Vec<usize>,
    /// Stages whose inputs are done, in the order of the graph.
    ready: BTreeSet<usize>,
    /// What each running stage may need, in bytes.
    running: HashMap<usize, u64>,
    /// Whether a running stage has all threads.
    is_occupied: bool,
    waiting: usize,
    /// How often each stage's result was found damaged; a disk that keeps damaging ends the run.
    repairs: Vec<u32>,
    /// What ends the run.
    pub failure: Option<RunError>,
    /// The stage that ends it, where it is one's own failure.
    ended_by: Option<usize>,
    /// What does not, by stage.
    pub failures: Vec<(usize, RunError)>,
}

/// What a thread may do.
pub(super) enum Next {
    /// Compute this stage.
    Run(usize),
    /// Nothing for now.
    Wait,
    /// This stage can never run: what it needs, and what there is.
    TooLarge(usize, u64, u64),
}

impl State {
    pub fn new(plan: &Plan) -> Self {
        let nodes = plan.graph.nodes();
        let stages = plan.status.iter().map(|status| match status {
            Status::Hit(record) => Progress::Done(StageRun { record: record.clone(), hit: true }),
            Status::Miss(_) => Progress::Waiting,
        });
        let mut users = vec![Vec::new(); nodes.len()];
        for (at, node) in nodes.iter().enumerate() {
            for input in node.inputs.iter().filter_map(|key| plan.graph.position(*key)) {
                users[input].push(at);
            }
        }
        let mut state = Self {
            stages: stages.collect(),
            outputs: HashMap::new(),
            users,
            missing: Vec::new(),
            ready: BTreeSet::new(),
            running: HashMap::new(),
            is_occupied: false,
            waiting: 0,
            repairs: vec![0; nodes.len()],
            failure: None,
            ended_by: None,
            failures: Vec::new(),
        };
        state.count(plan);
        state
    }

    /// Counts anew what waits for what.
    fn count(&mut self, plan: &Plan) {
        let is_done = |at: usize| matches!(self.stages[at], Progress::Done(_));
        let missing = |node: &crate::plan::Node| {
            let inputs = node.inputs.iter().filter_map(|key| plan.graph.position(*key));
            inputs.filter(|at| !is_done(*at)).count()
        };
        self.missing = plan.graph.nodes().iter().map(missing).collect();
        let is_waiting = |at: &usize| matches!(self.stages[*at], Progress::Waiting);
        let waiting: Vec<usize> = (0..self.stages.len()).filter(is_waiting).collect();
        self.waiting = waiting.len();
        self.ready = waiting.into_iter().filter(|at| self.missing[*at] == 0).collect();
    }

    pub fn record(&self, position: usize) -> Option<&Record> {
        match self.stages.get(position) {
            Some(Progress::Done(run)) => Some(&run.record),
            _ => None,
        }
    }

    pub fn output(&self, key: Key) -> Option<Output> {
        self.outputs.get(&key).map(|held| held.output.clone())
    }

    /// Keeps an output for the stages that will ask for it.
    pub fn remember(&mut self, position: usize, key: Key, output: Output) {
        if self.is_needed(position) {
            let bytes = self.record(position).map_or(0, size);
            self.outputs.insert(key, Held { output, bytes });
        }
    }

    fn is_needed(&self, position: usize) -> bool {
        let pending = |at: &usize| matches!(self.stages[*at], Progress::Waiting | Progress::Running);
        self.users[position].iter().any(pending)
    }

    /// What a thread may do next. An output that no running stage uses can be read again, so that it makes room
    /// where memory is short.
    pub fn next(&mut self, plan: &Plan, budget: &Budget) -> Next {
        if self.is_occupied {
            return Next::Wait;
        }
        let mut too_large = None;
        let ready: Vec<usize> = self.ready.iter().copied().collect();
        for at in ready {
            let node = &plan.graph.nodes()[at];
            if node.occupies() == Occupies::AllThreads && !self.running.is_empty() {
                // It is next in line: the others end first.
                return Next::Wait;
            }
            let inputs: u64 = node.inputs.iter().map(|key| self.input_bytes(plan, *key)).sum();
            let needed = node.memory(inputs);
            if let Some(most) = budget.memory {
                let others: u64 = self.running.values().sum();
                let free = most.saturating_sub(budget.base + others);
                let own: BTreeSet<Key> = node.inputs.iter().copied().collect();
                self.make_room(plan, free.saturating_sub(needed), &own);
                if needed > free || self.held_beside(&own) > free - needed {
                    too_large = too_large.or(Some((at, needed + budget.base, most)));
                    continue;
                }
            }
            self.ready.remove(&at);
            self.waiting -= 1;
            self.stages[at] = Progress::Running;
            self.running.insert(at, needed);
            self.is_occupied = node.occupies() == Occupies::AllThreads;
            return Next::Run(at);
        }
        match too_large {
            Some((at, needed, most)) if self.running.is_empty() => Next::TooLarge(at, needed, most),
            _ => Next::Wait,
        }
    }

    fn input_bytes(&self, plan: &Plan, key: Key) -> u64 {
        plan.graph.position(key).and_then(|at| self.record(at)).map_or(0, size)
    }

    /// Bytes held that are inputs neither of a running stage, which counts them itself, nor in `own`.
    fn held_beside(&self, own: &BTreeSet<Key>) -> u64 {
        self.outputs.iter().filter(|(key, _)| !own.contains(*key)).map(|(_, held)| held.bytes).sum()
    }

    /// Drops outputs, the largest first, until no more than `most` bytes are held beside the inputs in use.
    fn make_room(&mut self, plan: &Plan, most: u64, own: &BTreeSet<Key>) {
        while self.held_beside(own) > most {
            let in_use =
                |key: &Key| self.running.keys().any(|at| plan.graph.nodes()[*at].inputs.contains(key));
            let droppable = self.outputs.iter().filter(|(key, _)| !own.contains(*key) && !in_use(key));
            let largest = droppable.max_by_key(|(key, held)| (held.bytes, **key)).map(|(key, _)| *key);
            let Some(largest) = largest else { return };
            self.outputs.remove(&largest);
        }
    }

    /// A running stage is done.
    pub fn finish(&mut self, position: usize, run: StageRun, plan: &Plan) {
        self.stop_running(position);
        self.stages[position] = Progress::Done(run);
        for user in self.users[position].clone() {
            self.missing[user] = self.missing[user].saturating_sub(1);
            if self.missing[user] == 0 && matches!(self.stages[user], Progress::Waiting) {
                self.ready.insert(user);
            }
        }
        self.forget_unneeded(position, plan);
    }

    /// A running stage goes back into the queue, unless one that it needs failed meanwhile.
    pub fn put_back(&mut self, position: usize, plan: &Plan) {
        self.stop_running(position);
        self.stages[position] = Progress::Waiting;
        let inputs = &plan.graph.nodes()[position].inputs;
        let mut inputs = inputs.iter().filter_map(|key| plan.graph.position(*key));
        if inputs.any(|input| matches!(self.stages[input], Progress::Failed)) {
            self.give_up(position, plan);
        } else {
            self.count(plan);
        }
    }

    /// A stage failed, and with it all that wait for it; the others go on.
    pub fn fail(&mut self, position: usize, error: RunError, plan: &Plan) {
        self.stop_running(position);
        self.failures.push((position, error));
        self.stages[position] = Progress::Waiting;
        self.give_up(position, plan);
    }

    /// A stage's failure ends the run. Of several under way it is the first in the order of the graph, in which they were
    /// begun, so that which one is told does not hang on which is the fastest.
    pub fn end(&mut self, position: usize, error: RunError) {
        let is_first = self.ended_by.is_some_and(|other| position < other);
        if self.failure.is_none() || (is_first && error.is_of_one_stage()) {
            self.ended_by = error.is_of_one_stage().then_some(position);
            self.failure = Some(error);
        }
    }

    /// Marks a waiting stage and all that wait for it as failed. One that read its output before that was found damaged
    /// runs on, or is done.
    fn give_up(&mut self, position: usize, plan: &Plan) {
        let mut open = vec![position];
        while let Some(at) = open.pop() {
            if matches!(self.stages[at], Progress::Waiting) {
                self.stages[at] = Progress::Failed;
                open.extend(&self.users[at]);
            }
        }
        self.count(plan);
        for at in 0..self.stages.len() {
            self.forget_unneeded(at, plan);
        }
    }

    fn stop_running(&mut self, position: usize) {
        if self.running.remove(&position).is_some() {
            // One that has all threads runs alone.
            self.is_occupied = false;
        }
    }

    /// Whether no stage waits any more.
    pub fn have_all_begun(&self) -> bool {
        self.waiting == 0
    }

    pub fn is_over(&self) -> bool {
        self.running.is_empty() && (self.waiting == 0 || self.failure.is_some())
    }

    /// Puts a damaged stage back in the queue; `false` when that happened too often.
    pub fn repair(&mut self, position: usize, plan: &Plan) -> bool {
        self.repairs[position] += 1;
        self.stages[position] = Progress::Waiting;
        self.count(plan);
        self.repairs[position] <= 3
    }

    /// Drops the inputs of a stage that has ended, where no other will ask for them.
    fn forget_unneeded(&mut self, position: usize, plan: &Plan) {
        for key in &plan.graph.nodes()[position].inputs {
            if plan.graph.position(*key).is_some_and(|input| !self.is_needed(input)) {
                self.outputs.remove(key);
            }
        }
    }
}

/// Bytes of an artifact's files, which is what it takes in memory but for a factor near one.
fn size(record: &Record) -> u64 {
    record.files.values().map(|blob| blob.bytes).sum()
}

#[cfg(test)]
mod tests;
