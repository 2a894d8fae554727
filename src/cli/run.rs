//! `emolab run`

use clap::Args;
use serde_json::json;

use super::plan::show;
use super::progress::Progress;
use super::{ExperimentArguments, Global, Printer, stop_on_signal, table};
use crate::config::Resolved;
use crate::error::Error;
use crate::plan::{Places, Plan, Status, history, plan};
use crate::results::{self, RunRecord, Written};
use crate::run::{Live, Options, Outcome, run};
use crate::stage::{Cancel, StageError};
use crate::store::Store;

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
        let options = RunOptions { threads: self.threads, cancel };
        let file = self.experiment.file.strip_prefix(&resolved.project).unwrap_or(&self.experiment.file);
        let name = file.display().to_string();
        let written = finish(&resolved, &planned, &store, &name, &self.experiment.set, &options, printer)?;
        show_written(&planned, &written, printer);
        Ok(())
    }
}

/// What a run may use.
pub(super) struct RunOptions {
    pub threads: Option<u16>,
    pub cancel: Cancel,
}

/// Runs a plan and writes its results.
pub(super) fn finish(
    resolved: &Resolved,
    planned: &Plan,
    store: &Store,
    file: &str,
    set: &[String],
    options: &RunOptions,
    printer: &Printer,
) -> Result<Written, Error> {
    let (_live, outcome) = compute(&resolved.experiment.name, planned, store, options, printer)?;
    store.write_history(&resolved.experiment.name, &history(&planned.graph))?;
    let record = RunRecord::new(resolved, file, set, planned, &outcome);
    let folder = results::folder(&resolved.project, &resolved.experiment.name);
    Ok(results::write(planned, &outcome, store, &folder, record)?)
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

fn show_written(planned: &Plan, written: &Written, printer: &Printer) {
    if printer.wants_json() {
        printer.json(&json!({
            "results": written.folder,
            "files": written.files,
            "up_to_date": written.up_to_date,
            "computed": planned.misses(),
            "stand_in": written.summary.stand_in,
            "summary": written.summary,
        }));
        return;
    }
    let mut text = table::rates(&written.summary);
    if let Some(stand_in) = &written.summary.stand_in {
        text.push_str(&format!("*** {stand_in} ***\n"));
    }
    text.push_str(&format!("{}\n", table::leakage(&written.summary)));
    if written.summary.skipped > 0 {
        let line = format!("{} bad images left out: see skipped.json\n", written.summary.skipped);
        text.push_str(&line);
    }
    let state = match (planned.misses(), written.up_to_date) {
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
