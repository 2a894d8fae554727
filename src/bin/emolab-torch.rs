//! The worker that runs CNNs: `emolab` starts it and talks to it over its standard streams.
//!
//! Its modules lie with the other networks, but only this program may name `tch`: see `emolab::networks`.

#[path = "../networks/worker/compute.rs"]
mod compute;
#[path = "../networks/efficientnet_lite.rs"]
mod efficientnet_lite;
#[cfg(test)]
#[path = "../networks/fixture.rs"]
mod fixture;
#[path = "../networks/worker/server.rs"]
mod server;
#[cfg(test)]
#[path = "../networks/worker/server_tests.rs"]
mod server_tests;

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

fn main() -> ExitCode {
    if io::stdin().is_terminal() {
        let _ =
            writeln!(io::stderr(), "emolab starts this program by itself; there is nothing to do by hand");
        return ExitCode::from(2);
    }
    match server::serve(io::stdin(), io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
