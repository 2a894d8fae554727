//! Finished runs, drawn again from what the store holds of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::cli::run::{RunOptions, announce, finish};
use crate::cli::{Global, Printer};
use crate::config::{self, Overrides, Resolved};
use crate::error::Error;
use crate::figures;
use crate::fs;
use crate::plan::{Failures, Places, Plan, Status, plan_without};
use crate::results::{self, Written};
use crate::stage::{Cancel, Handle};
use crate::store::Store;

/// A project's finished runs.
pub(super) struct Finished<'a> {
    pub project: &'a Path,
    pub global: &'a Global,
    pub printer: &'a Printer,
    pub cancel: &'a Cancel,
}

impl Finished<'_> {
    pub(super) fn store(&self) -> Store {
        self.global.open_store(self.project)
    }

    pub(super) fn options(&self) -> RunOptions {
        RunOptions { threads: Some(1), ..RunOptions::new(self.cancel.clone()) }
    }

    /// Names of all results folders.
    pub(super) fn all(&self) -> Result<Vec<String>, Error> {
        let all = self.project.join("results");
        let folders = if all.is_dir() { fs::children(&all)? } else { Vec::new() };
        let folders = folders.into_iter().filter(|folder| folder.join("run.json").is_file());
        let names: Vec<String> =
            folders.filter_map(|folder| Some(folder.file_name()?.to_string_lossy().into_owned())).collect();
        if names.is_empty() {
            let message = format!("there are no results in `{}`; run an experiment first", all.display());
            return Err(Error::Arguments(message));
        }
        Ok(names)
    }

    /// Brings a results folder to what its experiment file says, computing nothing but drawings.
    pub(super) fn redraw(&self, name: &str) -> Result<Written, Error> {
        let folder = self.project.join("results").join(name);
        let record = results::read_record(&folder).ok_or_else(|| {
            let message = format!("`{}` is no results folder: it has no readable run.json", folder.display());
            Error::Arguments(message)
        })?;
        let resolved = self.load(Path::new(&record.file), &record.set)?;
        self.draw(&resolved, (&record.file, &record.set), &record.failed)?
            .map_err(|stage| Error::Arguments(missing(&record.experiment, &stage, &record.file)))
    }

    /// The same for an experiment file, with the `--set` arguments of its last run; the label of a stage where one
    /// that is no drawing must be computed first.
    pub(super) fn redraw_file(&self, file: &str) -> Result<Result<Written, String>, Error> {
        let plain = self.load(Path::new(file), &[])?;
        let folder = results::folder(self.project, &plain.experiment.name);
        let Some(record) = results::read_record(&folder).filter(|record| record.file == file) else {
            return self.draw(&plain, (file, &[]), &BTreeMap::new());
        };
        let resolved = self.load(Path::new(file), &record.set)?;
        self.draw(&resolved, (file, &record.set), &record.failed)
    }

    pub(super) fn load(&self, file: &Path, set: &[String]) -> Result<Resolved, Error> {
        let overrides = Overrides { arguments: set.to_vec(), ..Overrides::from_process(&[]) };
        config::load(&self.project.join(file), &overrides).map_err(Error::Experiment)
    }

    fn draw(
        &self,
        resolved: &Resolved,
        (file, set): (&str, &[String]),
        failed: &BTreeMap<usize, BTreeMap<String, String>>,
    ) -> Result<Result<Written, String>, Error> {
        let store = self.store();
        let failures = Failures { methods: failed.clone(), choice: None };
        let planned = plan_without(resolved, &store, &Places::of(self.project), &failures)?;
        if let Some(stage) = not_computed(&planned) {
            return Ok(Err(stage));
        }
        announce(&planned, self.printer);
        let (written, ..) = finish(resolved, planned, &store, (file, set), &self.options(), self.printer)?;
        Ok(Ok(written))
    }
}

/// What is said of a figure that cannot be drawn yet.
pub(super) fn missing(what: &str, stage: &str, file: &str) -> String {
    format!("`{stage}` must be computed before the figures of `{what}` can be drawn; run: emolab run {file}")
}

/// The first stage that must be computed and is no drawing.
fn not_computed(planned: &Plan) -> Option<String> {
    let drawings = planned.figures.iter().map(Handle::key);
    let drawings: Vec<_> = drawings.chain(planned.report.key()).collect();
    let nodes = planned.graph.nodes().iter().zip(&planned.status);
    let mut stale =
        nodes.filter(|(node, status)| matches!(status, Status::Miss(_)) && !drawings.contains(&node.key));
    stale.next().map(|(node, _)| node.label.clone())
}

/// Where the paper's figures go.
pub(super) fn paper_folder(project: &Path) -> PathBuf {
    project.join("results").join(figures::FOLDER)
}
