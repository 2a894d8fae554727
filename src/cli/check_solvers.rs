//! `emolab check-solvers`

use clap::Args;
use serde_json::json;

use super::run::{RunOptions, announce, compute};
use super::{ExperimentArguments, Global, Printer, stop_on_signal, table};
use crate::error::Error;
use crate::plan::{Places, plan};
use crate::run::{ProblemComparison, compare_solvers};
use crate::solvers::svm::{FitReport, Solved};

/// Fit an experiment's support vector machines with both solvers.
#[derive(Args)]
pub struct CheckSolvers {
    #[command(flatten)]
    experiment: ExperimentArguments,
    /// Threads that compute what the machines are fitted on; each fit runs on one [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

impl CheckSolvers {
    pub(super) fn run(&self, global: &Global, printer: &Printer) -> Result<(), Error> {
        let options = RunOptions { threads: self.threads, ..RunOptions::new(stop_on_signal()) };
        let resolved = self.experiment.load()?;
        let store = self.experiment.open_store(global, &resolved);
        // Not the fits themselves: one that fails is to be seen, too.
        let planned = plan(&resolved, &store, &Places::of(&resolved.project))?.up_to_fits();
        announce(&planned, printer);
        let (_live, outcome) = compute(&resolved.experiment.name, &planned, &store, &options, printer)?;
        let mut all = Vec::new();
        compare_solvers(&planned, &store, &outcome, &options.cancel, |problem| {
            printer.note(&format!(
                "done  {} fold {} {}  {:.4} s, linfa-svm {:.4} s",
                problem.method,
                problem.fold + 1,
                problem.comparison.class,
                problem.comparison.interior_point.seconds,
                problem.comparison.linfa.seconds
            ));
            all.push(problem);
        })?;
        if printer.wants_json() {
            printer.json(&all.iter().map(to_json).collect::<Vec<_>>());
        } else {
            printer.result(&render(&all));
        }
        Ok(())
    }
}

fn render(all: &[ProblemComparison]) -> String {
    let header = [
        "problem",
        "C",
        "samples",
        "interior point",
        "gap",
        "steps",
        "linfa-svm",
        "gap",
        "steps",
        "values differ",
        "times faster",
    ];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    let mut reasons = Vec::new();
    let (mut own, mut other, mut largest) = (0.0, 0.0, 0.0f64);
    for ProblemComparison { method, fold, c, comparison } in all {
        let mut row = vec![
            format!("{method} fold {} {}", fold + 1, comparison.class),
            c.to_string(),
            comparison.samples.to_string(),
        ];
        for solved in [&comparison.interior_point, &comparison.linfa] {
            match &solved.fit {
                Ok(fit) => row.extend([
                    format!("{:.6}", fit.primal),
                    format!("{:.0e}", fit.gap().max(0.0)),
                    fit.iterations.to_string(),
                ]),
                Err(error) => {
                    reasons.push(format!("fold {}: {error}", fold + 1));
                    row.extend(["failed".to_owned(), String::new(), String::new()]);
                }
            }
        }
        let difference = comparison.largest_difference;
        row.push(difference.map_or_else(String::new, |difference| format!("{difference:.1e}")));
        row.push(format!("{:.0}", comparison.linfa.seconds / comparison.interior_point.seconds));
        rows.push(row);
        own += comparison.interior_point.seconds;
        other += comparison.linfa.seconds;
        largest = largest.max(difference.unwrap_or(0.0));
    }
    let mut text = table::align(&rows);
    for reason in reasons {
        text.push_str(&format!("{reason}\n"));
    }
    text.push_str(&format!(
        "\n{} problems, each on one thread: interior point {own:.3} s, linfa-svm {other:.3} s; \
         decision values differ by at most {largest:.1e}\n",
        all.len()
    ));
    text
}

fn to_json(problem: &ProblemComparison) -> serde_json::Value {
    let fit = |fit: &FitReport| {
        json!({
            "primal": fit.primal, "dual": fit.dual, "relative_gap": fit.gap().max(0.0),
            "iterations": fit.iterations, "support_vectors": fit.support_vectors,
        })
    };
    let solved = |solved: &Solved| {
        json!({
            "seconds": solved.seconds,
            "fit": solved.fit.as_ref().map_or(serde_json::Value::Null, fit),
            "error": solved.fit.as_ref().err().map(ToString::to_string),
        })
    };
    let comparison = &problem.comparison;
    json!({
        "method": problem.method, "fold": problem.fold, "emotion": comparison.class.name(), "c": problem.c,
        "samples": comparison.samples, "largest_difference": comparison.largest_difference,
        "interior_point": solved(&comparison.interior_point), "linfa": solved(&comparison.linfa),
    })
}
