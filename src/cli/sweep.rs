//! A sweep for the terminal: the mean rate of every method at every point, and the best points.

use super::table::{align, leakage};
use crate::figures::sweep_table::plain;
use crate::metrics::Interval;
use crate::plan::Plan;
use crate::stages::sweep::{PointRate, SweepSummary};

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
        match &point.failure {
            Some(_) => row.push("failed".to_owned()),
            None => row.extend(methods.iter().map(|name| rate(&point.methods, name))),
        }
        rows.push(row);
    }
    let mut text = format!("mean true positive rate, 95 % interval\n{}", align(&rows));
    if summary.points.len() > MOST_ROWS {
        text.push_str(&format!("and {} points more: see sweep.csv\n", summary.points.len() - MOST_ROWS));
    }
    for point in summary.points.iter().filter(|point| point.failure.is_some()) {
        let values = summary.axes.iter().zip(&point.values).map(|(axis, value)| format!("{axis} = {value}"));
        let values = values.collect::<Vec<_>>().join(", ");
        text.push_str(&format!("failed at {values}: {}\n", point.failure.as_deref().unwrap_or_default()));
    }
    if !summary.best.is_empty() {
        text.push_str(&format!("\nbest point, chosen inside each fold's training images\n{}", best(summary)));
    }
    let several = summary.leakage.iter().any(|set| set.data_set != summary.leakage[0].data_set);
    let mut said: Vec<String> = Vec::new();
    for set in &summary.leakage {
        let of = if several { format!("{}: ", set.data_set) } else { String::new() };
        let line = format!("{of}{}\n", leakage(set.counts.as_ref()));
        if !said.contains(&line) {
            said.push(line);
        }
    }
    text.push_str(&said.concat());
    if summary.skipped > 0 {
        text.push_str(&format!("{} bad images left out: see skipped.json\n", summary.skipped));
    }
    for note in
        summary.warnings.iter().map(|warning| format!("*** {warning} ***")).chain(summary.notes.clone())
    {
        text.push_str(&format!("{note}\n"));
    }
    text
}

fn rate(methods: &[PointRate], name: &str) -> String {
    let method = methods.iter().find(|method| method.name == name);
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
    let points = planned.points.iter().filter(|point| !point.stages.is_empty()).count();
    if points == 0 {
        return None;
    }
    let mut uses = vec![0_usize; planned.graph.nodes().len()];
    for stage in planned.points.iter().flat_map(|point| &point.stages) {
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
