//! One statement against the runs that there are.

use super::run::{FinishedRun, SweepPoint};
use super::statements::{ALMOST, Criterion, Statement, TOLERANCE};
use super::{Row, Verdict};
use crate::dataset::card;
use crate::metrics::Interval;
use crate::stages::report::{MethodSummary, Summary};
use crate::types::Emotion;

/// What a run says of a statement.
struct Finding {
    found: String,
    holds: bool,
    /// Whether drawings are part of what was found.
    stand_in: bool,
}

/// Judges a statement by the first run that speaks of it; real images before drawings.
pub(super) fn judge(statement: &Statement, runs: &[&FinishedRun]) -> Row {
    let findings = runs.iter().filter_map(|run| Some((run, finding(statement, run)?)));
    let best = findings.min_by_key(|(_, finding)| finding.stand_in);
    let Statement { place, says, criterion, experiment, .. } = *statement;
    let (found, run, verdict) = match best {
        None => (format!("emolab run {experiment}"), None, Verdict::NotRun),
        Some((run, Finding { found, holds, stand_in })) => {
            let verdict = match (stand_in, holds) {
                (true, _) => Verdict::StandIn,
                (false, true) => Verdict::Reproduced,
                (false, false) => Verdict::NotReproduced,
            };
            (found, Some(run.name.clone()), verdict)
        }
    };
    Row { place, says, criterion: criterion.to_string(), found, run, verdict }
}

fn finding(statement: &Statement, run: &FinishedRun) -> Option<Finding> {
    if let Criterion::AlmostTheSame { method } = statement.criterion {
        let points = &run.sweep.as_ref()?.points;
        // Tables call a data set by its title.
        let title = card::find(statement.data_set, None).ok().flatten()?.title;
        let is_of = |point: &&SweepPoint| point.data_set == title && point.method == method;
        return almost_the_same(method, &points.iter().filter(is_of).collect::<Vec<_>>());
    }
    let summary = run.summary.as_ref()?;
    if run.data_set() != Some(statement.data_set) {
        return None;
    }
    let stand_in = run.used_stand_in();
    let (found, holds) = match statement.criterion {
        // Only the data set itself counts here, not what networks were trained on.
        Criterion::Counts(paper) => {
            let (found, holds) = counts(summary, paper);
            return Some(Finding { found, holds, stand_in: run.record.stand_in.is_some() });
        }
        Criterion::TestImages(paper) => {
            let images = tested_images(run, summary)?;
            let holds = images.abs_diff(paper) * 50 <= paper;
            return Some(Finding {
                found: format!("{images} test images"),
                holds,
                stand_in: run.record.stand_in.is_some(),
            });
        }
        Criterion::Accuracy { method, correct, of } => {
            let method = by_name(summary, method)?;
            is_holdout(run).then_some(())?;
            let paper = correct as f64 / of as f64;
            same(method.accuracy?, method.accuracy_interval, paper)
        }
        Criterion::MeanRate { method, rate } => {
            let method = by_name(summary, method)?;
            is_holdout(run).then_some(())?;
            same(method.mean_true_positive_rate?, method.mean_true_positive_rate_interval, rate)
        }
        Criterion::HigherAccuracy { of, than } => {
            higher(by_name(summary, of)?.accuracy?, by_name(summary, than)?.accuracy?)
        }
        Criterion::HigherRate { emotion, of, than } => {
            let rate = |name| by_name(summary, name)?.true_positive_rate[emotion.index()];
            higher(rate(of)?, rate(than)?)
        }
        Criterion::KeptVariance { method, components, at_least } => {
            let method = by_name(summary, method)?;
            (method.components? == [components, components]).then_some(())?;
            let kept = method.kept_variance?;
            (format!("{kept:.3}"), kept >= at_least)
        }
        Criterion::AlmostTheSame { .. } => return None,
    };
    Some(Finding { found, holds, stand_in })
}

fn by_name<'a>(summary: &'a Summary, name: &str) -> Option<&'a MethodSummary> {
    summary.methods.iter().find(|method| method.name == name)
}

fn is_holdout(run: &FinishedRun) -> bool {
    run.setting("split.kind").and_then(|kind| kind.as_str()) == Some("holdout")
}

/// Images of a holdout's test part, from the table that the run left.
fn tested_images(run: &FinishedRun, summary: &Summary) -> Option<u64> {
    is_holdout(run).then_some(())?;
    let share = run.setting("split.test")?.as_f64()?;
    run.tested.or_else(|| {
        let all: usize = summary.images.iter().sum();
        Some((share * all as f64).round() as u64)
    })
}

fn counts(summary: &Summary, paper: [usize; 8]) -> (String, bool) {
    let sum = |counts: [usize; 8]| counts.iter().sum::<usize>();
    let differ =
        Emotion::ALL.into_iter().filter(|emotion| summary.images[emotion.index()] != paper[emotion.index()]);
    let differ: Vec<String> =
        differ.map(|emotion| format!("{emotion} {}", summary.images[emotion.index()])).collect();
    let total = format!("{} images", sum(summary.images));
    if differ.is_empty() { (total, true) } else { (format!("{total}: {}", differ.join(", ")), false) }
}

fn same(ours: f64, interval: Option<Interval>, paper: f64) -> (String, bool) {
    let within = interval.is_some_and(|Interval { low, high }| (low..=high).contains(&paper));
    let shown = interval.map(|Interval { low, high }| format!(" ({low:.3} to {high:.3})"));
    (format!("{ours:.3}{}", shown.unwrap_or_default()), within || (ours - paper).abs() <= TOLERANCE)
}

fn higher(of: f64, than: f64) -> (String, bool) {
    (format!("{of:.3} against {than:.3}"), of > than)
}

/// Of the points that differ in their components alone, those with the most numbers of them.
fn almost_the_same(method: &str, points: &[&SweepPoint]) -> Option<Finding> {
    let mut best: Option<(Vec<&str>, &[String])> = None;
    for point in points {
        let alike = points.iter().filter(|other| other.others == point.others && other.mean_rate.is_some());
        let mut numbers: Vec<&str> = alike.map(|point| point.components.as_str()).collect();
        // A number that the data do not have is the same fit as the largest that they have.
        numbers.dedup();
        if best.as_ref().is_none_or(|(most, _)| numbers.len() > most.len()) {
            best = Some((numbers, &point.others));
        }
    }
    let (numbers, others) = best.filter(|(numbers, _)| numbers.len() > 1)?;
    let alike = || points.iter().filter(|point| point.others == others);
    let rates = || alike().filter_map(|point| point.mean_rate);
    let (low, high) = (rates().fold(f64::INFINITY, f64::min), rates().fold(0.0, f64::max));
    let failed: Vec<&str> =
        alike().filter(|at| at.mean_rate.is_none()).map(|at| at.components.as_str()).collect();
    let mut found =
        format!("{method}: mean rates of {low:.3} to {high:.3} with {} components", numbers.join(", "));
    if !failed.is_empty() {
        found.push_str(&format!("; it failed with {}", failed.join(", ")));
    }
    Some(Finding { found, holds: high - low <= ALMOST, stand_in: alike().any(|point| point.stand_in) })
}
