//! `emolab parity`

use std::path::PathBuf;

use clap::Args;

use super::Printer;
use crate::config;
use crate::error::Error;
use crate::fs::{self, Beneath};
use crate::parity::{FinishedRun, ParityError, Row, Verdict, compare};

/// Compare what the paper states with what runs found.
#[derive(Args)]
pub struct Parity {
    /// Names of results folders [default: all]
    #[arg(value_name = "RUN")]
    runs: Vec<String>,
}

impl Parity {
    pub(super) fn run(&self, printer: &Printer) -> Result<(), Error> {
        let all = config::project_here().join("results");
        let folders = if !self.runs.is_empty() {
            self.runs.iter().map(|name| all.join(name)).collect()
        } else if all.is_dir() {
            fs::children(&all)?.into_iter().filter(|folder| folder.join("run.json").is_file()).collect()
        } else {
            Vec::new()
        };
        let read = |folder: &PathBuf| {
            let opened = Beneath::open(folder).map_err(|_| ParityError::NoRun { folder: folder.clone() })?;
            FinishedRun::read(&opened)
        };
        let runs = folders.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let rows = compare(&runs);
        if printer.wants_json() {
            printer.json(&rows);
        } else {
            printer.result(&show(&rows));
        }
        Ok(())
    }
}

fn show(rows: &[Row]) -> String {
    let mut text = String::new();
    for row in rows {
        text.push_str(&format!("{:<25} {:<12} {}\n", row.verdict.words(), row.place, row.says));
        let found = match &row.run {
            Some(run) => format!("{} ({run}); criterion: {}", row.found, row.criterion),
            None => row.found.clone(),
        };
        let lead = if row.run.is_some() { "found" } else { "to find out" };
        text.push_str(&format!("{:38} {lead}: {found}\n", ""));
    }
    let count = |verdict: Verdict| rows.iter().filter(|row| row.verdict == verdict).count();
    text.push_str(&format!(
        "\n{} statements: {} reproduced, {} not reproduced, {} not comparable because a stand-in was used, {} not run\n",
        rows.len(),
        count(Verdict::Reproduced),
        count(Verdict::NotReproduced),
        count(Verdict::StandIn),
        count(Verdict::NotRun),
    ));
    text
}
