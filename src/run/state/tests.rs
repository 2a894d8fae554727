//! What becomes of stages when others fail.

use std::collections::BTreeMap;

use serde::Serialize;

use super::*;
use crate::plan::{Failures, Graph, Reported};
use crate::stage::{Artifact, ArtifactError, Context, Files, Handle, Stage, StageError};
use crate::store::key;

struct Nothing;

impl Artifact for Nothing {
    fn save(&self) -> Result<Files, ArtifactError> {
        Ok(Files::new())
    }

    fn load(_: &Files) -> Result<Self, ArtifactError> {
        Ok(Self)
    }
}

#[derive(Serialize)]
struct Step(Option<Handle<Nothing>>);

impl Stage for Step {
    const NAME: &'static str = "step";
    const VERSION: u32 = 1;
    type Output = Nothing;

    fn run(&self, _: &Context<'_>) -> Result<Nothing, StageError> {
        Ok(Nothing)
    }
}

/// Three stages, each of which needs the one before.
fn chain() -> Plan {
    let mut graph = Graph::default();
    let first = graph.add("first", Step(None));
    let second = graph.add("second", Step(Some(first)));
    graph.add("third", Step(Some(second)));
    Plan {
        graph,
        status: (0..3).map(|_| Status::Miss(Vec::new())).collect(),
        report: Reported::Nothing,
        figures: Vec::new(),
        notices: Vec::new(),
        stand_in: None,
        data: key::digest(b""),
        fits: Vec::new(),
        points: Vec::new(),
        failures: Failures::default(),
    }
}

fn run_of(plan: &Plan, position: usize) -> StageRun {
    let node = &plan.graph.nodes()[position];
    let (stage, version, parameters) = (node.name.to_owned(), node.version, node.parameters.clone());
    let files = BTreeMap::new();
    let record = Record { stage, version, key: node.key, parameters, files, seconds: 0.0, finished: 0 };
    StageRun { record, hit: false }
}

fn begin(state: &mut State, plan: &Plan, position: usize) {
    let next = state.next(plan, &Budget::new(None));
    assert!(matches!(next, Next::Run(at) if at == position), "not {position}");
}

fn failure() -> RunError {
    RunError::Panicked { stage: "first".to_owned(), panic: "no".to_owned() }
}

/// The first stage is done and the second runs when the first is found damaged and computed again.
fn repaired() -> (Plan, State) {
    let plan = chain();
    let mut state = State::new(&plan);
    begin(&mut state, &plan, 0);
    state.finish(0, run_of(&plan, 0), &plan);
    begin(&mut state, &plan, 1);
    assert!(state.repair(0, &plan));
    begin(&mut state, &plan, 0);
    (plan, state)
}

#[test]
fn a_stage_under_way_outlives_the_failure_of_an_input_that_it_has_read() {
    let (plan, mut state) = repaired();
    state.fail(0, failure(), &plan);
    state.finish(1, run_of(&plan, 1), &plan);
    begin(&mut state, &plan, 2);
    state.finish(2, run_of(&plan, 2), &plan);
    assert!(state.is_over());
    assert!(state.record(0).is_none() && state.record(1).is_some() && state.record(2).is_some());
    assert_eq!(state.failures.len(), 1);
}

#[test]
fn of_stages_that_fail_the_first_of_the_graph_ends_the_run() {
    let plan = chain();
    let error = |stage: &str, panic: &str| RunError::Panicked { stage: stage.into(), panic: panic.into() };
    let stopped = || RunError::Stage { stage: "run".into(), source: StageError::Cancelled };
    let mut state = State::new(&plan);
    for (position, error) in [(1, error("b", "")), (2, error("c", "")), (0, error("a", ""))] {
        state.end(position, error);
    }
    state.end(0, stopped());
    assert!(matches!(&state.failure, Some(RunError::Panicked { stage, .. }) if stage == "a"));
    let mut state = State::new(&plan);
    state.end(2, stopped());
    state.end(0, error("a", ""));
    assert!(matches!(&state.failure, Some(RunError::Stage { source: StageError::Cancelled, .. })));
}

#[test]
fn a_stage_put_back_after_its_input_failed_waits_for_nothing() {
    let (plan, mut state) = repaired();
    state.fail(0, failure(), &plan);
    assert!(!state.is_over());
    state.put_back(1, &plan);
    assert!(state.is_over());
    assert!((0..3).all(|position| state.record(position).is_none()));
}
