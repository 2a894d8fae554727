//! `emolab config`

use clap::Args;
use serde_json::json;

use super::{ExperimentArguments, Printer};
use crate::error::Error;

/// Print the resolved experiment.
#[derive(Args)]
pub struct Config {
    #[command(flatten)]
    experiment: ExperimentArguments,
}

impl Config {
    pub(super) fn run(&self, printer: &Printer) -> Result<(), Error> {
        let resolved = self.experiment.load()?;
        if printer.wants_json() {
            printer.json(&json!({ "settings": resolved.settings, "project": resolved.project }));
            return Ok(());
        }
        let lines: Vec<(String, &str)> = resolved
            .settings
            .iter()
            .map(|setting| (format!("{} = {}", setting.path, setting.value), setting.origin.as_str()))
            .collect();
        let width = lines.iter().map(|(line, _)| line.chars().count()).max().unwrap_or(0);
        let text: String =
            lines.iter().map(|(line, origin)| format!("{line:width$}  # {origin}\n")).collect();
        printer.result(&text);
        Ok(())
    }
}
