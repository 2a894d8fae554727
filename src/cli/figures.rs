//! `emolab figures`

mod finished;
mod paper;

use clap::{Args, ValueEnum};
use serde_json::json;

use super::{Global, Printer, stop_on_signal};
use crate::config;
use crate::error::Error;
use crate::figures::{FIGURES, PaperFigure};
use finished::Finished;

/// Render the figures and tables of finished results again.
#[derive(Args)]
pub struct Figures {
    /// The paper's figures 1 to 7, `table1` to `table3`, `all` of these; or names of results folders
    /// [default: every results folder]
    #[arg(value_name = "FIGURE")]
    names: Vec<String>,
    /// Formats of the paper's figures in `results/paper`; a results folder holds all three
    #[arg(long, value_enum, value_delimiter = ',', default_value = "svg,png,pdf")]
    format: Vec<Format>,
}

/// How a figure is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Svg,
    Png,
    Pdf,
}

impl Format {
    const fn ending(self) -> &'static str {
        match self {
            Self::Svg => "svg",
            Self::Png => "png",
            Self::Pdf => "pdf",
        }
    }
}

impl Figures {
    pub(super) fn run(&self, global: &Global, printer: &Printer) -> Result<(), Error> {
        let cancel = stop_on_signal();
        let project = config::project_here();
        let finished = Finished { project: &project, global, printer, cancel: &cancel };
        let (mut wanted, mut folders) = (Vec::new(), Vec::new());
        for name in &self.names {
            match PaperFigure::find(name) {
                Some(figure) => wanted.push(figure),
                None if name == "all" => wanted.extend(FIGURES),
                None => folders.push(name.clone()),
            }
        }
        if self.names.is_empty() {
            folders = finished.all()?;
        }
        for folder in folders {
            let written = finished.redraw(&folder)?;
            let is_drawing = |name: &&String| name.starts_with("figure") || name.starts_with("sweep.");
            let drawn: Vec<String> = written.files.iter().filter(is_drawing).cloned().collect();
            let state = if written.up_to_date { "up to date" } else { "drawn" };
            printer.summary(&format!("{}: {} {state}", written.folder.display(), drawn.join(", ")));
        }
        if wanted.is_empty() {
            return Ok(());
        }
        let drawn = paper::draw(&finished, &wanted, &self.format)?;
        if printer.wants_json() {
            printer.json(&json!({"written": drawn.files, "missing": drawn.missing}));
        }
        for file in &drawn.files {
            printer.summary(&file.display().to_string());
        }
        if drawn.missing.is_empty() { Ok(()) } else { Err(Error::Arguments(drawn.missing.join("\n"))) }
    }
}
