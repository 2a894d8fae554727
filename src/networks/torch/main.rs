//! The worker that runs CNNs: `emolab` starts it and talks to it over its standard streams.
//!
//! All code that touches libtorch is in this program's own crate, below this folder. Were it in the library, the
//! linker would keep libtorch's initialisers, and every start of `emolab` would load 450 MB.

#[cfg(test)]
mod fixture;
mod efficientnet_lite;
mod server;

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
