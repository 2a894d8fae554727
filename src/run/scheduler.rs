//! Which stage runs when, and what becomes of its output.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::budget::Budget;
use super::state::{Next, Progress, State};
use super::{Event, Options};
use crate::plan::{Node, Plan};
use crate::stage::{Context, Files, Occupies, Output, StageError};
use crate::store::{Finished, Key, Lookup, Record, Store, StoreError};
use crate::types::Bytes;

const POLL: Duration = Duration::from_millis(20);
const SYNC_EVERY: Duration = Duration::from_millis(300);

/// Bytes of a thread's stack, of which memory is what is used: a thread may stand in one stage inside another.
const STACK: usize = 16 << 20;

/// A finished run.
#[derive(Debug)]
pub struct Outcome {
    /// In the order of the graph, those that have a result.
    pub stages: Vec<StageRun>,
    /// What failed while others went on; nothing unless the run was to keep going.
    pub failures: Vec<Failure>,
}

/// A stage without a result.
#[derive(Debug)]
pub struct Failure {
    /// Its position in the graph.
    pub stage: usize,
    /// Why.
    pub error: RunError,
}

/// A stage and where its result came from.
#[derive(Clone, Debug)]
pub struct StageRun {
    /// What the store holds of it.
    pub record: Record,
    /// Whether it was there already.
    pub hit: bool,
}

/// Why a run did not finish.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum RunError {
    #[error("{stage}: {source}")]
    Stage { stage: String, source: StageError },
    #[error("{stage}: its stored result is damaged again and again: {reason}")]
    KeepsBreaking { stage: String, reason: String },
    #[error("{stage}: this is a defect of emolab: {panic}")]
    Panicked { stage: String, panic: String },
    #[error("{stage}: it may need {needed} of memory, and the run may use {most}")]
    Memory { stage: String, needed: Bytes, most: Bytes },
    #[error("cannot start {threads} threads: {reason}")]
    Threads { threads: usize, reason: String },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl RunError {
    /// Whether other stages can go on.
    pub(super) fn is_of_one_stage(&self) -> bool {
        match self {
            Self::Stage { source, .. } => matches!(source, StageError::BadInput(_) | StageError::Failed(_)),
            Self::Panicked { .. } | Self::Memory { .. } => true,
            Self::KeepsBreaking { .. } | Self::Threads { .. } | Self::Store(_) => false,
        }
    }

    /// In one line.
    pub fn full(&self) -> String {
        self.to_string().replace('\n', "; ")
    }
}

struct Scheduler<'a> {
    plan: &'a Plan,
    store: &'a Store,
    options: &'a Options<'a>,
    pool: rayon::ThreadPool,
    budget: Budget,
    state: Mutex<State>,
    changed: Condvar,
    synced: Mutex<Instant>,
}

pub(super) fn run(plan: &Plan, store: &Store, options: &Options<'_>) -> Result<Outcome, RunError> {
    let state = State::new(plan);
    if !state.is_over() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(options.threads).stack_size(STACK).build();
        let pool =
            pool.map_err(|error| RunError::Threads { threads: options.threads, reason: error.to_string() })?;
        let scheduler = Scheduler {
            plan,
            store,
            options,
            pool,
            budget: Budget::new(options.memory),
            state: Mutex::new(state),
            changed: Condvar::new(),
            synced: Mutex::new(Instant::now()),
        };
        std::thread::scope(|scope| {
            for _ in 0..takers(options.threads) {
                scope.spawn(|| scheduler.work());
            }
            scope.spawn(|| scheduler.keep_synced());
        });
        // What other stages finished is kept, however the run ended.
        store.sync()?;
        let state = scheduler.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        return finish(state);
    }
    finish(state)
}

/// How many stages are under way at once, on so many threads: a thread of the pool that waits for its share of one takes up
/// another meanwhile, and then there must be one more for a thread that is idle.
const fn takers(threads: usize) -> usize {
    if threads == 1 { 1 } else { 2 * threads }
}

fn finish(state: State) -> Result<Outcome, RunError> {
    if let Some(failure) = state.failure {
        return Err(failure);
    }
    let done = |stage| match stage {
        Progress::Done(run) => Some(run),
        Progress::Waiting | Progress::Running | Progress::Failed => None,
    };
    let failures = state.failures.into_iter().map(|(stage, error)| Failure { stage, error });
    Ok(Outcome { failures: failures.collect(), stages: state.stages.into_iter().filter_map(done).collect() })
}

impl Scheduler<'_> {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One thread of the run: takes stages until there are none left.
    fn work(&self) {
        loop {
            let Some(position) = self.take() else { return };
            let node = &self.plan.graph.nodes()[position];
            let computed = self.compute(position, node);
            self.settle(position, node, computed);
            self.changed.notify_all();
        }
    }

    fn take(&self) -> Option<usize> {
        let mut state = self.state();
        loop {
            if state.is_over() {
                return None;
            }
            if self.options.cancel.is_raised() && state.failure.is_none() {
                let stage = "run".to_owned();
                state.failure = Some(RunError::Stage { stage, source: StageError::Cancelled });
                continue;
            }
            if state.failure.is_none() {
                match state.next(self.plan, &self.budget) {
                    Next::Run(position) => {
                        if state.have_all_begun() {
                            self.changed.notify_all();
                        }
                        return Some(position);
                    }
                    Next::Wait => {}
                    Next::TooLarge(position, needed, most) => {
                        let stage = self.plan.graph.nodes()[position].label.clone();
                        let error = RunError::Memory { stage, needed: Bytes(needed), most: Bytes(most) };
                        self.refuse(&mut state, position, error);
                        continue;
                    }
                }
            }
            // The timeout is there for a cancellation, which notifies nobody.
            let waited = self.changed.wait_timeout(state, POLL);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// A stage has no result. It alone, and what needs it, if the others are to go on; else the run ends.
    fn refuse(&self, state: &mut State, position: usize, error: RunError) {
        if self.options.keep_going && error.is_of_one_stage() {
            let label = self.plan.graph.nodes()[position].label.clone();
            self.options.sink.event(Event::Failed { stage: position, label, reason: error.full() });
            state.fail(position, error, self.plan);
        } else {
            state.put_back(position, self.plan);
            state.end(position, error);
        }
    }

    fn settle(
        &self,
        position: usize,
        node: &Node,
        computed: Result<(Record, Option<Output>, bool), RunError>,
    ) {
        let mut state = self.state();
        match computed {
            Ok((record, output, hit)) => {
                state.finish(position, StageRun { record, hit }, self.plan);
                if let Some(output) = output {
                    state.remember(position, node.key, output);
                }
            }
            Err(RunError::Stage { source: StageError::DamagedInput { key, reason }, .. }) => {
                state.put_back(position, self.plan);
                let Some(producer) = self.plan.graph.position(key) else { return };
                let label = self.plan.graph.nodes()[producer].label.clone();
                self.options.sink.event(Event::Damaged { label: label.clone(), reason: reason.clone() });
                // Another consumer may have put it back already.
                let done = matches!(state.stages[producer], Progress::Done(_));
                if done && !state.repair(producer, self.plan) && state.failure.is_none() {
                    state.failure = Some(RunError::KeepsBreaking { stage: label, reason });
                }
            }
            Err(error) => self.refuse(&mut state, position, error),
        }
    }

    fn compute(&self, position: usize, node: &Node) -> Result<(Record, Option<Output>, bool), RunError> {
        let _claim = self.claim(node)?;
        // Another process, or another experiment's run, may have finished it since it was planned.
        if let Lookup::Hit(record) = self.store.look_up(node.name, node.key)? {
            return Ok((record, None, true));
        }
        let work = || self.run_stage(position, node);
        // A stage that runs on one thread takes one of the pool's, so that never more compute than the run may use.
        let guarded = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| match node.occupies() {
            Occupies::OneThread => self.pool.install(work),
            Occupies::AllThreads => work(),
        }));
        // A defect in one stage must not take down the others or lose what they finished.
        guarded.unwrap_or_else(|panic| {
            Err(RunError::Panicked { stage: node.label.clone(), panic: panic_message(panic.as_ref()) })
        })
    }

    fn run_stage(&self, position: usize, node: &Node) -> Result<(Record, Option<Output>, bool), RunError> {
        let failed = |source: StageError| RunError::Stage { stage: node.label.clone(), source };
        let sink = self.options.sink;
        sink.event(Event::Started { stage: position, label: node.label.clone() });
        let context = Context {
            key: node.key,
            inputs: &|key| self.input(key),
            store: self.store,
            pool: &self.pool,
            cancel: &self.options.cancel,
            progress: &|done, total| sink.event(Event::Progress { stage: position, done, total }),
            notice: &|message| sink.event(Event::Notice(message)),
        };
        let start = Instant::now();
        let output = node.run(&context).map_err(failed)?;
        let files = node.save(&output).map_err(|error| failed(StageError::Failed(error.to_string())))?;
        let finished = Finished {
            stage: node.name,
            version: node.version,
            parameters: &node.parameters,
            files: &files,
            elapsed: start.elapsed(),
        };
        let record = self.store.save(node.key, &finished)?;
        self.store.clear_scratch(node.key)?;
        let seconds = record.seconds;
        sink.event(Event::Finished { stage: position, label: node.label.clone(), seconds });
        Ok((record, Some(output), false))
    }

    /// Makes results safe while others are computed: a few times a second, and when the last stages have begun, so that little
    /// is left to do at the end.
    fn keep_synced(&self) {
        let mut state = self.state();
        let mut is_last_begun = false;
        while !state.is_over() {
            let waited = self.changed.wait_timeout(state, SYNC_EVERY);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            let begins = !is_last_begun && state.have_all_begun();
            if !begins && self.last_sync().elapsed() < SYNC_EVERY {
                continue;
            }
            is_last_begun |= begins;
            drop(state);
            // What cannot be synced now is told when the run ends.
            if let Err(error) = self.store.sync() {
                self.state().failure.get_or_insert(error.into());
            }
            *self.last_sync() = Instant::now();
            state = self.state();
        }
    }

    fn last_sync(&self) -> MutexGuard<'_, Instant> {
        self.synced.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until no other process computes this stage.
    fn claim(&self, node: &Node) -> Result<crate::fs::Lock, RunError> {
        let mut told = false;
        loop {
            if let Some(lock) = self.store.claim(node.key)? {
                return Ok(lock);
            }
            if !told {
                self.options.sink.event(Event::Waiting { label: node.label.clone() });
                told = true;
            }
            if self.options.cancel.is_raised() {
                return Err(RunError::Stage { stage: node.label.clone(), source: StageError::Cancelled });
            }
            std::thread::sleep(POLL);
        }
    }

    fn input(&self, key: Key) -> Result<Output, StageError> {
        if let Some(output) = self.state().output(key) {
            return Ok(output);
        }
        let position = self.plan.graph.position(key);
        let record = position.and_then(|position| self.state().record(position).cloned());
        let (Some(position), Some(record)) = (position, record) else {
            return Err(StageError::Failed("an input is not computed yet".to_owned()));
        };
        let damaged = |reason: String| StageError::DamagedInput { key, reason };
        let mut files = Files::new();
        for (name, blob) in &record.files {
            let bytes = self.store.read_blob(blob).map_err(|error| match error {
                StoreError::Missing { .. } | StoreError::Damaged { .. } => damaged(error.to_string()),
                other => other.into(),
            })?;
            files.insert(name.clone(), bytes);
        }
        let output =
            self.plan.graph.nodes()[position].load(&files).map_err(|error| damaged(error.to_string()))?;
        self.state().remember(position, key, output.clone());
        Ok(output)
    }
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "it panicked".to_owned())
}
