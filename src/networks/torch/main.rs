//! The worker that runs CNNs: `emolab` starts it and talks to it over its standard streams.
//!
//! All code that names `tch` is in this program's own crate, below this folder. In the library it would drag
//! libtorch into every program that uses any of it: the initialisers of tch's C++ part survive the linker's garbage
//! collection (measured), and every start of `emolab` would load 450 MB.

mod compile;
mod compute;
#[cfg(test)]
mod fixture;
mod inference;
mod kernels;
mod model;
mod operations;
#[cfg(test)]
mod oracle_tests;
mod server;
#[cfg(test)]
mod server_tests;
mod training;
mod weights;

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

#[cfg(target_os = "linux")]
use rustix::process::{Signal, set_parent_process_death_signal};

fn main() -> ExitCode {
    if io::stdin().is_terminal() {
        let _ =
            writeln!(io::stderr(), "emolab starts this program by itself; there is nothing to do by hand");
        return ExitCode::from(2);
    }
    // A parent that is killed, or ends without waiting, takes its extraction with it.
    #[cfg(target_os = "linux")]
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    match server::serve(io::stdin(), io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
