//! Events of a run as progress bars on a terminal, as plain lines elsewhere.

use std::collections::HashMap;
use std::io::IsTerminal as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Printer;
use crate::run::{Event, Sink};

/// Shows what a run does.
pub struct Progress<'a> {
    printer: &'a Printer,
    bars: Option<MultiProgress>,
    running: Mutex<HashMap<usize, ProgressBar>>,
}

impl<'a> Progress<'a> {
    /// Bars where standard error is a terminal.
    pub fn new(printer: &'a Printer) -> Self {
        let terminal = std::io::stderr().is_terminal() && !printer.is_quiet();
        let bars = terminal.then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(10)));
        Self { printer, bars, running: Mutex::default() }
    }

    fn line(&self, text: &str) {
        match &self.bars {
            // Printing past the bars would tear them.
            Some(bars) => drop(bars.println(text)),
            None => self.printer.note(text),
        }
    }

    fn bar(&self, stage: usize) -> Option<ProgressBar> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).get(&stage).cloned()
    }
}

fn spinning() -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {msg}  {elapsed}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
}

fn counting() -> ProgressStyle {
    let template = "{spinner} {msg}  [{bar:30}] {pos}/{len}  {per_sec}  {eta} left";
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    style.progress_chars("=> ")
}

impl Sink for Progress<'_> {
    fn event(&self, event: Event) {
        match event {
            Event::Started { stage, label } => {
                if let Some(bars) = &self.bars {
                    let bar = bars.add(ProgressBar::new_spinner().with_style(spinning()).with_message(label));
                    bar.enable_steady_tick(Duration::from_millis(100));
                    self.running.lock().unwrap_or_else(PoisonError::into_inner).insert(stage, bar);
                }
            }
            Event::Progress { stage, done, total } => {
                if let Some(bar) = self.bar(stage) {
                    if bar.length().is_none() {
                        bar.set_style(counting());
                    }
                    bar.set_length(total);
                    bar.set_position(done);
                }
            }
            Event::Finished { stage, label, seconds } => {
                if let Some(bar) = self.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&stage)
                {
                    bar.finish_and_clear();
                }
                self.line(&format!("done  {label}  {seconds:.2} s"));
            }
            Event::Failed { stage, label: _, reason } => {
                if let Some(bar) = self.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&stage)
                {
                    bar.finish_and_clear();
                }
                self.line(&format!("failed  {reason}"));
            }
            Event::Waiting { label } => self.line(&format!("wait  {label}: another run is computing it")),
            Event::Damaged { label, reason } => {
                self.line(&format!("damaged  {label}: {reason}; computing it again"));
            }
            Event::Notice(message) => self.line(&format!("note  {message}")),
        }
    }
}
