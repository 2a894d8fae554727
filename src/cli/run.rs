//! `emolab run`

use std::collections::BTreeMap;
use std::path::Path;

use clap::Args;
use serde_json::json;

use super::plan::show;
use super::progress::Progress;
use super::{ExperimentArguments, Global, Printer, stop_on_signal, sweep, table};
use crate::config::Resolved;
use crate::dataset::csv::Csv;
use crate::error::Error;
use crate::plan::{Failures, Places, Plan, Status, history, plan, plan_without};
use crate::results::{self, Found, RunRecord, Written};
use crate::run::{Live, Options, Outcome, run};
use crate::stage::{Cancel, StageError};
use crate::stages::summary::Summary;
use crate::store::Store;
use crate::types::Bytes;

/// Run an experiment.
#[derive(Args)]
pub struct Run {
    #[command(flatten)]
    experiment: ExperimentArguments,
    /// Only show what would be computed
    #[arg(long)]
    dry_run: bool,
    /// Threads that compute [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Most memory that it may take, as in 4GiB [default: `memory` in `[compute]`, else no limit]
    #[arg(long, value_name = "BYTES")]
    memory: Option<Bytes>,
    /// End a sweep with the first point that fails, instead of going on with the others
    #[arg(long)]
    fail_fast: bool,
}

impl Run {
    pub(super) fn run(&self, global: &Global, printer: &Printer) -> Result<(), Error> {
        let cancel = stop_on_signal();
        let resolved = self.experiment.load()?;
        let store = self.experiment.open_store(global, &resolved);
        let planned = plan(&resolved, &store, &Places::of(&resolved.project))?;
        if self.dry_run {
            show(&planned, printer);
            return Ok(());
        }
        announce(&planned, printer);
        if planned.misses() > 0 {
            results::check_folder(&results::folder(&resolved.project, &resolved.experiment.name))?;
        }
        let options = RunOptions {
            threads: self.threads,
            memory: self.memory.or(resolved.experiment.memory),
            keep_going: resolved.sweep.is_some() && !self.fail_fast,
            cancel,
        };
        let file = self.experiment.file.strip_prefix(&resolved.project).unwrap_or(&self.experiment.file);
        let name = file.display().to_string();
        let (written, computed, failures) =
            finish(&resolved, planned, &store, (&name, &self.experiment.set), &options, printer)?;
        show_written(&written, computed, printer);
        if let (true, Some(reason)) = (failures.methods.is_empty(), failures.choice) {
            return Err(Error::NoChoice { reason });
        }
        if failures.methods.is_empty() {
            return Ok(());
        }
        let points = resolved.sweep.map_or(0, |sweep| sweep.points.len());
        Err(Error::FailedPoints {
            failed: failures.methods.len(),
            points,
            table: written.folder.join("sweep.csv"),
        })
    }
}

/// What a run may use.
pub(super) struct RunOptions {
    pub threads: Option<u16>,
    pub memory: Option<Bytes>,
    pub keep_going: bool,
    pub cancel: Cancel,
}

impl RunOptions {
    /// All cores, and no limit to memory; the first failure ends it.
    pub fn new(cancel: Cancel) -> Self {
        Self { threads: None, memory: None, keep_going: false, cancel }
    }
}

/// Runs a plan and writes its results: those of the methods that did not fail at a point, if it is to keep going. Gives
/// the number of stages computed, too, and what failed.
pub(super) fn finish(
    resolved: &Resolved,
    planned: Plan,
    store: &Store,
    (file, set): (&str, &[String]),
    options: &RunOptions,
    printer: &Printer,
) -> Result<(Written, usize, Failures), Error> {
    // What another process computed meanwhile does not count.
    let count = |outcome: &Outcome| outcome.stages.iter().filter(|stage| !stage.hit).count();
    let mut planned = planned;
    let (live, mut outcome) = compute(&resolved.experiment.name, &planned, store, options, printer)?;
    let mut computed = count(&outcome);
    // The results of what did not fail have a report of their own.
    while !outcome.failures.is_empty() {
        let reasons = outcome.failures.iter().map(|failure| (failure.stage, failure.error.full()));
        let failures = planned.failures_of(&reasons.collect());
        // What fails without them too has no results.
        if failures == planned.failures
            && let Some(first) = outcome.failures.into_iter().next()
        {
            return Err(first.error.into());
        }
        planned = plan_without(resolved, store, &Places::of(&resolved.project), &failures)?;
        outcome = compute(&resolved.experiment.name, &planned, store, options, printer)?.1;
        computed += count(&outcome);
    }
    store.write_history(&resolved.experiment.name, &history(&planned.graph))?;
    let record = RunRecord::new(resolved, file, set, &planned, &outcome);
    let folder = results::folder(&resolved.project, &resolved.experiment.name);
    if planned.has_no_results() && folder.exists() {
        let reasons = planned.failures.methods.into_values().flat_map(BTreeMap::into_values);
        let first = reasons.into_iter().next().unwrap_or_default();
        return Err(Error::NoPoint { points: planned.points.len(), first, folder });
    }
    let written = results::write(&planned, &outcome, store, &folder, record)?;
    drop(live);
    Ok((written, computed, planned.failures))
}

/// Computes what is missing; the lock keeps a garbage collection out while the outcome is used.
pub(super) fn compute(
    experiment: &str,
    planned: &Plan,
    store: &Store,
    options: &RunOptions,
    printer: &Printer,
) -> Result<(crate::fs::Lock, Outcome), Error> {
    let live = enter(store, &options.cancel)?;
    let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let progress = Progress::new(printer);
    let shown = Live::begin(experiment, planned, store, &progress);
    let run_options = Options {
        threads: options.threads.map_or_else(cores, usize::from),
        memory: options.memory.map(|memory| memory.0),
        keep_going: options.keep_going,
        cancel: options.cancel.clone(),
        sink: &shown,
    };
    for (node, status) in planned.graph.nodes().iter().zip(&planned.status) {
        if let Status::Miss(reasons) = status {
            for reason in reasons {
                if let crate::plan::Reason::Damaged { .. } = reason {
                    printer.note(&format!("{}: {reason}; computing it again", node.label));
                }
            }
        }
    }
    Ok((live, run(planned, store, &run_options)?))
}

/// Waits out a garbage collection.
fn enter(store: &Store, cancel: &Cancel) -> Result<crate::fs::Lock, Error> {
    loop {
        if let Some(lock) = store.enter()? {
            return Ok(lock);
        }
        if cancel.is_raised() {
            let stage = "run".to_owned();
            return Err(crate::run::RunError::Stage { stage, source: StageError::Cancelled }.into());
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

/// What the user must know before the numbers come.
pub(super) fn announce(planned: &Plan, printer: &Printer) {
    if let Some(stand_in) = &planned.stand_in {
        printer.note(&format!("*** {stand_in} ***"));
    }
    for notice in &planned.notices {
        printer.note(&format!("warning: {notice}"));
    }
}

fn show_written(written: &Written, computed: usize, printer: &Printer) {
    if printer.wants_json() {
        let (stand_in, summary) = match &written.found {
            Found::Experiment(summary) => (json!(summary.stand_in), json!(summary)),
            Found::Sweep(summary) => (json!(summary.warnings.first()), json!(summary)),
        };
        printer.json(&json!({
            "results": written.folder,
            "files": written.files,
            "up_to_date": written.up_to_date,
            "computed": computed,
            "stand_in": stand_in,
            "summary": summary,
        }));
        return;
    }
    let mut text = match &written.found {
        Found::Experiment(summary) => experiment(summary, &written.folder),
        Found::Sweep(summary) => sweep::render(summary),
    };
    let state = match (computed, written.up_to_date) {
        (0, true) => "up to date, nothing computed".to_owned(),
        (0, false) => "written again, nothing computed".to_owned(),
        (1, _) => "1 stage computed".to_owned(),
        (count, _) => format!("{count} stages computed"),
    };
    text.push_str(&format!("\n{state}\n"));
    for file in &written.files {
        let path = written.folder.join(file);
        let shown =
            std::env::current_dir().ok().and_then(|here| path.strip_prefix(here).ok().map(ToOwned::to_owned));
        text.push_str(&format!("{}\n", shown.unwrap_or(path).display()));
    }
    printer.summary(&text);
}

fn experiment(summary: &Summary, folder: &Path) -> String {
    let mut text = table::rates(summary);
    let comparisons = crate::fs::read(&folder.join("comparisons.csv")).ok();
    let pairs = comparisons.and_then(|bytes| table::pairs(&Csv::parse(&bytes).ok()?).ok());
    if let Some(pairs) = pairs {
        text.push_str(&format!("\n{pairs}(by emotion: comparisons.csv)\n\n"));
    }
    if let Some(stand_in) = &summary.stand_in {
        text.push_str(&format!("*** {stand_in} ***\n"));
    }
    text.push_str(&format!("{}\n", table::leakage(summary.leakage.as_ref())));
    // The stand-in stands above.
    for warning in summary.warnings.iter().filter(|warning| Some(*warning) != summary.stand_in.as_ref()) {
        text.push_str(&format!("warning: {warning}\n"));
    }
    text.push_str(&table::skipped(summary.skipped));
    text
}
