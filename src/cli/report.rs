//! `emolab report`

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::{Global, Printer};
use crate::config;
use crate::error::Error;
use crate::fs::{self, Beneath};
use crate::report::{Paper, Run, Shown, Sources, page};
use crate::results;

/// Images of a run that its page shows, unless told otherwise: some three megabytes.
pub(super) const THUMBNAILS: usize = 1000;

/// Write runs as one page of HTML.
#[derive(Args)]
pub struct Report {
    /// Names of results folders, or their paths [default: all]
    runs: Vec<String>,
    /// The page [default: results/RUN.html; of several runs results/report.html]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Images of each run that are embedded as thumbnails, at most; 0 for a page that may be passed on
    #[arg(long, value_name = "N", default_value_t = THUMBNAILS)]
    thumbnails: usize,
}

impl Report {
    pub(super) fn run(&self, global: &Global, printer: &Printer) -> Result<(), Error> {
        let project = config::project_here();
        let all = project.join("results");
        let folders = self.folders(&project)?;
        let store = global.open_store(&project);
        let sources = Sources { project: &project, store: &store, thumbnails: self.thumbnails };
        let mut runs = Vec::new();
        for folder in &folders {
            runs.push(Run::read(&Beneath::open(folder)?, &sources)?);
        }
        let path = self.output.clone().unwrap_or_else(|| match runs.as_slice() {
            [run] => all.join(format!("{}.html", run.name)),
            _ => all.join("report.html"),
        });
        // A page of one run is about that run.
        let paper = if runs.len() > 1 { Paper::read(&Beneath::open(&all)?)? } else { None };
        fs::write_atomic(&path, page(&runs, paper.as_ref(), Shown::Alone)?.as_bytes())?;
        if printer.wants_json() {
            let runs = runs.iter().map(|run| {
                let thumbnails = run.thumbnails();
                json!({
                    "name": run.name,
                    "stand_in": run.stand_in,
                    "thumbnails": thumbnails.count,
                    "tested": thumbnails.tested,
                })
            });
            printer.json(&json!({ "page": path, "runs": runs.collect::<Vec<_>>() }));
            return Ok(());
        }
        for run in &runs {
            let (name, thumbnails) = (&run.name, run.thumbnails());
            if let Some(stand_in) = &run.stand_in {
                printer.note(&format!("{name}: *** {stand_in} ***"));
            }
            if let Some(changed) = run.changed() {
                printer.note(&format!("warning: {name}: {changed}"));
            }
            printer.note(&format!("{name}: {}", thumbnails.words));
            if thumbnails.count > 0 && !run.licence().is_empty() {
                let licence = run.licence();
                printer.note(&format!("{name}: before you pass the page on: {licence} (or: --thumbnails 0)"));
            }
        }
        printer.summary(&path.display().to_string());
        Ok(())
    }

    /// A name means the folder below `results/`; what is not there is taken as a path.
    fn folders(&self, project: &Path) -> Result<Vec<PathBuf>, Error> {
        let all = project.join("results");
        let is_run = |folder: &PathBuf| folder.join(results::RECORD).is_file();
        if self.runs.is_empty() {
            let folders: Vec<PathBuf> = fs::children(&all)?.into_iter().filter(is_run).collect();
            if folders.is_empty() {
                let message = format!("there are no results in `{}`; run an experiment first", all.display());
                return Err(Error::Arguments(message));
            }
            return Ok(folders);
        }
        let mut folders: Vec<PathBuf> = Vec::new();
        for name in &self.runs {
            let candidates = [all.join(name), PathBuf::from(name)];
            let Some(folder) = candidates.into_iter().find(is_run) else {
                let known = fs::children(&all)?.into_iter().filter(is_run);
                let known: Vec<String> =
                    known.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect();
                let hint = if known.is_empty() {
                    "no experiment has been run yet".to_owned()
                } else {
                    format!("there are {}", known.join(", "))
                };
                return Err(Error::Arguments(format!(
                    "`{name}` is no results folder with a run.json; {hint}"
                )));
            };
            if !folders.contains(&folder) {
                folders.push(folder);
            }
        }
        Ok(folders)
    }
}
