//! `emolab check-solvers`

use clap::Args;
use serde_json::json;

use super::run::{RunOptions, announce, compute};
use super::{ExperimentArguments, Global, Printer, stop_on_signal, table};
use crate::error::Error;
use crate::plan::{Places, plan};
use crate::run::{ProblemComparison, compare_solvers};
use crate::solvers::svm::{Comparison, FitReport, Solved, SvmError};
use crate::stages::fit_rows::far_from_optimum;

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
                problem.fold,
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
        if let Some(far) = far_of_linfa(&all) {
            printer.note(&format!("warning: linfa-svm: {far}"));
        }
        failed(&all)
    }
}

/// The fits of a problem, each with its solver's name.
fn fits(problem: &ProblemComparison) -> [(&'static str, &Result<FitReport, SvmError>); 2] {
    let Comparison { interior_point, linfa, .. } = &problem.comparison;
    [("the interior point", &interior_point.fit), ("linfa-svm", &linfa.fit)]
}

/// An error that names the first fit that failed, if any did.
fn failed(all: &[ProblemComparison]) -> Result<(), Error> {
    let mut failed = all.iter().flat_map(|problem| {
        fits(problem)
            .into_iter()
            .filter_map(move |(solver, fit)| Some((problem, solver, fit.as_ref().err()?)))
    });
    let Some((problem, solver, source)) = failed.next() else { return Ok(()) };
    Err(Error::FailedFits {
        failed: 1 + failed.count(),
        fits: 2 * all.len(),
        first: format!("{solver} for {} fold {}", problem.method, problem.fold),
        source: source.clone(),
    })
}

/// What is to be said of linfa-svm's fits that ended far from the optimum.
fn far_of_linfa(all: &[ProblemComparison]) -> Option<String> {
    let fits = all.iter().filter_map(|problem| Some((problem, *problem.comparison.linfa.fit.as_ref().ok()?)));
    far_from_optimum(
        fits,
        |(_, fit)| *fit,
        |(problem, _)| format!("{} fold {} {}", problem.method, problem.fold, problem.comparison.class),
    )
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
    for problem in all {
        let ProblemComparison { method, fold, c, comparison } = problem;
        let mut row = vec![
            format!("{method} fold {fold} {}", comparison.class),
            c.to_string(),
            comparison.samples.to_string(),
        ];
        for (solver, fit) in fits(problem) {
            match fit {
                Ok(fit) => row.extend([
                    format!("{:.6}", fit.primal),
                    format!("{:.0e}", fit.gap()),
                    fit.iterations.to_string(),
                ]),
                Err(error) => {
                    reasons.push(format!("{method} fold {fold}, {solver}: {error}"));
                    row.extend(["failed".to_owned(), String::new(), String::new()]);
                }
            }
        }
        let difference = comparison.largest_difference;
        row.push(difference.map_or_else(String::new, |difference| format!("{difference:.1e}")));
        let both = comparison.interior_point.fit.is_ok() && comparison.linfa.fit.is_ok();
        let faster = || format!("{:.0}", comparison.linfa.seconds / comparison.interior_point.seconds);
        row.push(if both { faster() } else { String::new() });
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
            "primal": fit.primal, "dual": fit.dual, "relative_gap": fit.gap(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Emotion;

    fn problem(fold: usize, dual_of_linfa: Result<f64, SvmError>) -> ProblemComparison {
        let solved = |dual: Result<f64, SvmError>| Solved {
            fit: dual.map(|dual| FitReport { primal: 2.0, dual, support_vectors: 3, iterations: 4 }),
            seconds: 0.1,
        };
        let comparison = Comparison {
            class: Emotion::Fear,
            samples: 9,
            interior_point: solved(Ok(2.0)),
            linfa: solved(dual_of_linfa),
            largest_difference: None,
        };
        ProblemComparison { method: "a".to_owned(), fold, c: 1.0, comparison }
    }

    fn not_converged() -> SvmError {
        SvmError::NotConverged { class: Emotion::Fear, reason: "the solver gave up".to_owned() }
    }

    #[test]
    fn a_fit_that_failed_is_an_error_that_names_it() {
        assert!(failed(&[problem(0, Ok(1.9))]).is_ok());
        let all = [problem(0, Ok(1.9)), problem(1, Err(not_converged())), problem(2, Err(not_converged()))];
        let error = failed(&all).unwrap_err();
        assert_eq!(error.exit_code(), 1);
        assert_eq!(error.to_string(), "2 of 6 fits failed, the first that of linfa-svm for a fold 1");
        assert_eq!(error.causes(), ["the SVM of `fear` did not converge: the solver gave up"]);
        assert!(error.hint().is_some_and(|hint| hint.contains("lower `c`")));
        let text = render(&all);
        assert!(text.contains("a fold 1, linfa-svm: the SVM of `fear` did not converge"), "{text}");
    }

    #[test]
    fn fits_of_linfa_far_from_the_optimum_are_warned_of() {
        assert_eq!(far_of_linfa(&[problem(0, Ok(1.999)), problem(1, Err(not_converged()))]), None);
        let far =
            far_of_linfa(&[problem(0, Ok(1.999)), problem(1, Ok(1.997)), problem(2, Ok(1.99))]).unwrap();
        assert!(
            far.starts_with("2 of 3 SVMs")
                && far.contains("that of a fold 2 fear by a relative gap of 5.0e-3"),
            "{far}"
        );
    }
}
