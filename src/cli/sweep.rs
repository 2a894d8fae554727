//! A sweep for the terminal: the mean rate of every method at every point, and the best points.

use std::collections::BTreeSet;

use super::table::{align, leakage, skipped};
use crate::figures::sweep_table::{plain, settings};
use crate::metrics::Interval;
use crate::plan::{Plan, PlannedPoint};
use crate::stages::sweep::{PointRate, PointSummary, SweepSummary};

/// Points shown one by one, at most; the tables have all.
const MOST_ROWS: usize = 100;

/// The table of mean rates, and what is to be known beside it.
pub fn render(summary: &SweepSummary) -> String {
    let mut methods: Vec<&str> = Vec::new();
    for method in summary.points.iter().flat_map(|point| &point.methods) {
        if !methods.contains(&method.name.as_str()) {
            methods.push(&method.name);
        }
    }
    let header = summary.axes.iter().map(String::as_str).chain(methods.iter().copied());
    let mut rows = vec![header.map(str::to_owned).collect::<Vec<_>>()];
    for point in summary.points.iter().take(MOST_ROWS) {
        let mut row: Vec<String> = point.values.iter().map(plain).collect();
        row.extend(methods.iter().map(|name| rate(&point.methods, name)));
        rows.push(row);
    }
    let mut text = format!("mean true positive rate, 95 % interval\n{}", align(&rows));
    if summary.points.len() > MOST_ROWS {
        text.push_str(&format!("and {} points more: see sweep.csv\n", summary.points.len() - MOST_ROWS));
    }
    for point in &summary.points {
        text.push_str(&failures(&summary.axes, point));
    }
    if !summary.best.is_empty() {
        text.push_str(&format!("\nbest point, chosen inside each fold's training images\n{}", best(summary)));
    }
    for set in summary.duplicates() {
        let of = set.of.map_or_else(String::new, |data_set| format!("{data_set}: "));
        text.push_str(&format!("{of}{}\n", leakage(set.counts)));
    }
    text.push_str(&skipped(summary.skipped));
    for note in
        summary.warnings.iter().map(|warning| format!("*** {warning} ***")).chain(summary.notes.clone())
    {
        text.push_str(&format!("{note}\n"));
    }
    text
}

/// A line for each reason why methods failed at a point.
fn failures(axes: &[String], point: &PointSummary) -> String {
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for method in &point.methods {
        let Some(reason) = &method.failure else { continue };
        match reasons.iter_mut().find(|(other, _)| other == reason) {
            Some((_, names)) => names.push(&method.name),
            None => reasons.push((reason, vec![&method.name])),
        }
    }
    let values = settings(axes, &point.values);
    let line = |(reason, names): (&str, Vec<&str>)| {
        let all = names.len() == point.methods.len();
        let of = if all { String::new() } else { format!(" of {}", names.join(", ")) };
        format!("failed at {values}{of}: {reason}\n")
    };
    reasons.into_iter().map(line).collect()
}

fn rate(methods: &[PointRate], name: &str) -> String {
    let method = methods.iter().find(|method| method.name == name);
    if method.is_some_and(|method| method.failure.is_some()) {
        return "failed".to_owned();
    }
    let rate = method.and_then(|method| Some((method.mean_true_positive_rate?, method.interval)));
    rate.map_or_else(|| "-".to_owned(), |(rate, interval)| format!("{rate:.3}{}", shown(interval)))
}

fn shown(interval: Option<Interval>) -> String {
    interval.map(|Interval { low, high }| format!(" [{low:.3}, {high:.3}]")).unwrap_or_default()
}

fn best(summary: &SweepSummary) -> String {
    let header = ["method", "data", "by fold", "rate of the procedure on test images"];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    for best in &summary.best {
        let chosen = |fold: &crate::stages::sweep_choice::BestOfFold| {
            let varied = summary.axes.iter().filter(|axis| !axis.starts_with("dataset."));
            let values = varied.filter_map(|axis| fold.values.get(axis)).map(plain).collect::<Vec<_>>();
            values.join("/")
        };
        let folds: Vec<String> = best.folds.iter().map(chosen).collect();
        let rate = best.mean_true_positive_rate.map_or_else(|| "-".to_owned(), |rate| format!("{rate:.3}"));
        let rate = format!("{rate}{}", shown(best.interval));
        let alike = best.alike.iter().filter(|(axis, _)| !axis.starts_with("dataset."));
        let data = alike
            .fold(best.data_set.clone(), |data, (axis, value)| format!("{data}, {axis} = {}", plain(value)));
        rows.push(vec![best.method.clone(), data, folds.join(" "), rate]);
    }
    align(&rows)
}

/// What the points of a planned sweep need, and what they share.
pub fn sharing(planned: &Plan) -> Option<String> {
    let stages: Vec<BTreeSet<usize>> = planned.points.iter().map(PlannedPoint::stages).collect();
    let points = stages.iter().filter(|stages| !stages.is_empty()).count();
    if points == 0 {
        return None;
    }
    let mut uses = vec![0_usize; planned.graph.nodes().len()];
    for stage in stages.iter().flatten() {
        uses[*stage] += 1;
    }
    let needed = uses.iter().filter(|uses| **uses > 0).count();
    let (shared, apart) = (uses.iter().filter(|uses| **uses > 1).count(), uses.iter().sum::<usize>());
    let beside = planned.graph.nodes().len() - needed;
    let new = planned.misses();
    Some(format!(
        "{points} points need {needed} stages, {shared} of them shared ({apart} one by one), and {beside} more sum them \
         up and choose the best; {new} are new\n"
    ))
}
