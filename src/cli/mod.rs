//! The commands. One file each; `printer` is the only module that prints.

mod check_solvers;
mod compare;
mod config;
mod figures;
mod fit_pca;
mod parity;
mod plan;
mod printer;
mod progress;
mod report;
mod run;
mod serve;
mod store;
mod sweep;
mod table;
mod weights;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::{Overrides, Problem, Resolved};
use crate::error::Error;
use crate::run::RunError;
use crate::stage::{Cancel, StageError};
use crate::store::Store;

pub use printer::Printer;

/// Declarative experiments in visual emotion research.
#[derive(Parser)]
#[command(name = "emolab", version, about, max_term_width = 100, disable_help_subcommand = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    global: Global,
}

/// Options of every command.
#[derive(Args, Clone)]
pub struct Global {
    /// Where results of stages are kept [env: `EMOLAB_STORE`] [default: .emolab in the experiment's project]
    #[arg(long, global = true, value_name = "FOLDER")]
    store: Option<PathBuf>,
    /// Print results as JSON on standard output
    #[arg(long, global = true)]
    json: bool,
    /// Print nothing but errors and what was asked for
    #[arg(long, short, global = true)]
    quiet: bool,
}

impl Global {
    /// The store: as named, else that of the project.
    fn open_store(&self, project: &Path) -> Store {
        let variable = || std::env::var_os("EMOLAB_STORE").filter(|folder| !folder.is_empty());
        let named = self.store.clone().or_else(|| variable().map(PathBuf::from));
        Store::open(&named.unwrap_or_else(|| project.join(".emolab")))
    }
}

#[derive(Subcommand)]
enum Command {
    /// Run an experiment: compute what is missing, then write its figure and tables
    Run(run::Run),
    /// Show the stages of an experiment, which are computed already, and why the others are not
    Plan(plan::Plan),
    /// Print the resolved experiment with the origin of each value
    Config(config::Config),
    /// Print a JSON schema of experiment files, for editors
    Schema,
    /// Render the figures and tables of finished results again, without computing anything else
    Figures(figures::Figures),
    /// Write finished runs as one page of HTML that holds all there is to see
    Report(report::Report),
    /// Show results in a browser, and what runs now
    Serve(serve::Serve),
    /// Compare methods on the same images: two of one run, or those of two runs
    Compare(compare::Compare),
    /// Compare what the paper states with what runs found
    Parity(parity::Parity),
    /// Fit the support vector machines of an experiment with both solvers, and compare answers and times
    CheckSolvers(check_solvers::CheckSolvers),
    /// Fit principal components to a feature file of any size
    FitPca(fit_pca::FitPca),
    /// Look into a weights file, or convert it to safetensors
    Weights(weights::Weights),
    /// Look after the store of computed stages
    Store(store::StoreArguments),
}

/// An experiment and what changes it.
#[derive(Args, Clone)]
pub struct ExperimentArguments {
    /// The experiment file
    file: PathBuf,
    /// Change one setting, as in `--set svm.c=10`; may be given more than once
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Read every image and file again instead of trusting size and modification time
    #[arg(long)]
    rehash: bool,
}

impl ExperimentArguments {
    fn load(&self) -> Result<Resolved, Error> {
        let overrides = Overrides::from_process(&self.set);
        crate::config::load(&self.file, &overrides).map_err(Error::Experiment)
    }

    fn open_store(&self, global: &Global, resolved: &Resolved) -> Store {
        let store = global.open_store(&resolved.project);
        if self.rehash {
            store.hints().distrust();
        }
        store
    }
}

/// Parses the process's arguments, runs the command, and gives the exit code: 0 done, 1 failed, 2 bad input,
/// 130 stopped.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to standard output with code 0; a wrong argument is bad input.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let printer = Printer::new(cli.global.quiet, cli.global.json);
    match cli.run(&printer) {
        Ok(()) if printer.wrote_all() => ExitCode::SUCCESS,
        Ok(()) => ExitCode::FAILURE,
        Err(error) => {
            printer.error(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

impl Cli {
    fn run(self, printer: &Printer) -> Result<(), Error> {
        match self.command {
            Command::Run(command) => command.run(&self.global, printer),
            Command::Plan(command) => command.run(&self.global, printer),
            Command::Config(command) => command.run(printer),
            Command::Schema => {
                printer.json(&crate::config::schema());
                Ok(())
            }
            Command::Figures(command) => command.run(&self.global, printer),
            Command::Report(command) => command.run(&self.global, printer),
            Command::Serve(command) => command.run(&self.global, printer),
            Command::Compare(command) => command.run(printer),
            Command::Parity(command) => command.run(printer),
            Command::CheckSolvers(command) => command.run(&self.global, printer),
            Command::FitPca(command) => command.run(printer),
            Command::Weights(command) => command.run(printer),
            Command::Store(command) => command.run(&self.global, printer),
        }
    }
}

/// Turns Ctrl-C into a request to stop. Whoever has not stopped a moment later is not waited for: the store is
/// sound at every instant.
fn stop_on_signal() -> Cancel {
    let cancel = Cancel::default();
    let raised = cancel.clone();
    let handler = move || {
        raised.raise();
        std::thread::spawn(|| {
            std::thread::sleep(std::time::Duration::from_millis(700));
            let stopped = RunError::Stage { stage: "run".to_owned(), source: StageError::Cancelled };
            Printer::new(false, false).error(&stopped.into());
            std::process::exit(130);
        });
    };
    // A second handler in one process is the only way to fail, and there is none.
    let _ = ctrlc::set_handler(handler);
    cancel
}

/// All problems of an experiment, each with its place.
fn render_problems(problems: &[Problem], colours: bool) -> String {
    let rendered: Vec<String> = problems.iter().map(|problem| problem.render(colours)).collect();
    rendered.join("\n\n")
}
