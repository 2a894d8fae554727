//! `emolab figures`

use std::path::PathBuf;

use clap::Args;

use super::run::{RunOptions, announce, finish};
use super::{Global, Printer, stop_on_signal};
use crate::config::{self, Overrides};
use crate::error::Error;
use crate::fs;
use crate::plan::{Failures, Places, Status, plan_without};
use crate::results;
use crate::store::Store;

/// Render the figures and tables of finished results again.
#[derive(Args)]
pub struct Figures {
    /// Names of results folders [default: all]
    names: Vec<String>,
}

impl Figures {
    pub(super) fn run(&self, global: &Global, printer: &Printer) -> Result<(), Error> {
        let cancel = stop_on_signal();
        let project = config::project_here();
        let all = project.join("results");
        let folders: Vec<PathBuf> = if self.names.is_empty() {
            fs::children(&all)?.into_iter().filter(|folder| folder.join("run.json").is_file()).collect()
        } else {
            self.names.iter().map(|name| all.join(name)).collect()
        };
        if folders.is_empty() {
            return Err(Error::Arguments(format!(
                "there are no results in `{}`; run an experiment first",
                all.display()
            )));
        }
        for folder in folders {
            let record = results::read_record(&folder).ok_or_else(|| {
                Error::Arguments(format!(
                    "`{}` is no results folder: it has no readable run.json",
                    folder.display()
                ))
            })?;
            let overrides = Overrides { arguments: record.set.clone(), ..Overrides::from_process(&[]) };
            let resolved =
                config::load(&project.join(&record.file), &overrides).map_err(Error::Experiment)?;
            let store = Store::open(&global.store.clone().unwrap_or_else(|| project.join(".emolab")));
            let failures = Failures { points: record.failures.clone(), choice: None };
            let planned = plan_without(&resolved, &store, &Places::of(&project), &failures)?;
            let stale =
                planned.graph.nodes().iter().zip(&planned.status).find(|(node, status)| {
                    matches!(status, Status::Miss(_)) && node.key != planned.report.key()
                });
            if let Some((node, _)) = stale {
                let message = format!(
                    "`{}` must be computed before the figures of `{}` can be drawn; run: emolab run {}",
                    node.label, record.experiment, record.file
                );
                return Err(Error::Arguments(message));
            }
            announce(&planned, printer);
            let options = RunOptions { threads: Some(1), ..RunOptions::new(cancel.clone()) };
            let (written, ..) =
                finish(&resolved, planned, &store, (&record.file, &record.set), &options, printer)?;
            let drawn: Vec<String> = written
                .files
                .iter()
                .filter(|name| name.starts_with("figure") || name.starts_with("sweep."))
                .cloned()
                .collect();
            let state = if written.up_to_date { "up to date" } else { "drawn" };
            printer.summary(&format!("{}: {} {state}", written.folder.display(), drawn.join(", ")));
        }
        Ok(())
    }
}
