//! The only module that prints: results on standard output, everything else on standard error.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::OnceLock;

use super::render_problems;
use crate::error::Error;

/// Knows what the user wants to see.
pub struct Printer {
    quiet: bool,
    json: bool,
    unwritten: OnceLock<io::Error>,
}

impl Printer {
    /// As the options say.
    pub fn new(quiet: bool, json: bool) -> Self {
        Self { quiet, json, unwritten: OnceLock::new() }
    }

    /// Whether results are wanted as JSON.
    pub fn wants_json(&self) -> bool {
        self.json
    }

    /// Whether nothing but errors is wanted.
    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Text that was asked for.
    pub fn result(&self, text: &str) {
        match writeln!(io::stdout(), "{}", text.trim_end_matches('\n')) {
            // A reader that hangs up, such as `head`, is no error of ours.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                let _ = self.unwritten.set(error);
            }
            _ => {}
        }
    }

    /// Whether all results could be written; says why not otherwise.
    pub fn wrote_all(&self) -> bool {
        let Some(error) = self.unwritten.get() else { return true };
        let _ = writeln!(io::stderr(), "error: cannot write to standard output\n  because {error}");
        false
    }

    /// Text that goes with a finished command; not in quiet or JSON mode.
    pub fn summary(&self, text: &str) {
        if !self.quiet && !self.json {
            self.result(text);
        }
    }

    /// A JSON value that was asked for.
    pub fn json(&self, value: &impl serde::Serialize) {
        self.result(&serde_json::to_string_pretty(value).unwrap_or_default());
    }

    /// Something to know, on standard error.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            let _ = writeln!(io::stderr(), "{text}");
        }
    }

    /// What went wrong: message, causes, hint.
    pub fn error(&self, error: &Error) {
        let colours = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        let mut text = match error {
            Error::Experiment(problems) => render_problems(problems, colours),
            other => {
                let mut text = format!("error: {other}");
                for cause in other.causes() {
                    text.push_str(&format!("\n  because {cause}"));
                }
                text
            }
        };
        if let Some(hint) = error.hint() {
            for (at, line) in hint.lines().enumerate() {
                text.push_str(if at == 0 { "\nhint: " } else { "\n      " });
                text.push_str(line);
            }
        }
        let _ = writeln!(io::stderr(), "{text}");
    }
}
