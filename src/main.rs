//! The `emolab` command: arguments in, exit code out. All else is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    emolab::cli::main()
}
