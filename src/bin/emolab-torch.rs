//! The worker that runs CNNs: `emolab` starts it and talks to it over its standard streams.

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

fn main() -> ExitCode {
    if io::stdin().is_terminal() {
        let _ =
            writeln!(io::stderr(), "emolab starts this program by itself; there is nothing to do by hand");
        return ExitCode::from(2);
    }
    match emolab::networks::worker::serve(io::stdin(), io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
