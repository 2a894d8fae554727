//! A run in a few words.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::results::RunRecord;
use crate::stages::leakage::words;
use crate::stages::sweep::{Duplicates, SweepSummary};

/// One line of the overview.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fact {
    /// What it is about.
    pub name: &'static str,
    /// What is said.
    pub words: String,
}

/// Data, split, methods, reduction, classifier, seed, and of a sweep what became of its points; what a run does not have
/// is left out. `no_best` is why no best point of a sweep was chosen.
pub fn overview(record: &RunRecord, data_set: &str, tested: usize, no_best: Option<&str>) -> Vec<Fact> {
    let shown = |path: &str| swept(record, path).or_else(|| record.setting(path).map(plain));
    let mut facts = Vec::new();
    let mut say = |name, words: String| facts.push(Fact { name, words });
    let what = record.stand_in.clone().unwrap_or_else(|| data_set.to_owned());
    say("Data", if tested > 0 { format!("{what}; {tested} tested images") } else { what });
    let is_set = |path: &str| record.setting(path) == Some(&Value::Bool(true));
    let manner: Vec<&str> = [("split.stratified", "stratified"), ("split.grouped", "groups kept together")]
        .into_iter()
        .filter(|(path, _)| is_set(path))
        .map(|(_, word)| word)
        .collect();
    let split = match shown("split.kind").as_deref() {
        Some("k-fold") => shown("split.folds").map(|folds| format!("{folds}-fold cross validation")),
        Some("holdout") => Some(format!(
            "{} to train on, {} to test on, {} to validate on",
            share(record, "split.train"),
            share(record, "split.test"),
            share(record, "split.validation")
        )),
        _ => None,
    };
    if let Some(split) = split {
        say("Split", [vec![split.as_str()], manner].concat().join(", "));
    }
    let networks = record.settings.iter().filter(|setting| {
        setting.path.starts_with("method[")
            && setting.path.ends_with("].network")
            && setting.value.is_string()
    });
    let mut networks: Vec<String> = networks.map(|setting| plain(&setting.value)).collect();
    networks.dedup();
    if !networks.is_empty() {
        say("Networks", networks.join(", "));
    }
    if let (Some(components), Some(fit)) = (shown("pca.components"), shown("pca.fit")) {
        let on =
            if fit == "all" { "all images, so that the test images leak into it" } else { "training images" };
        say("Reduction", format!("PCA to {components} components, fitted on {on}"));
    }
    if let (Some(c), Some(weight)) = (shown("svm.c"), shown("svm.class_weight")) {
        say("Classifier", format!("linear SVM, one against all, C = {c}, class weight {weight}"));
    }
    say("Seed", record.seed.to_string());
    let failed: usize = record.failed.values().map(BTreeMap::len).sum();
    if failed > 0 {
        let (points, results) = (counted(record.failed.len(), "point"), counted(failed, "result"));
        say("Failed", format!("{points}, {results}; the reasons are in the points of the sweep"));
    }
    let found = duplicates(record);
    if !found.is_empty() {
        say("Duplicates", found.join("; "));
    }
    if let Some(why) = no_best {
        say("Best point", format!("none was chosen: {why}"));
    }
    facts
}

/// What was found of images that are the same in two groups, of each data set of a sweep.
fn duplicates(record: &RunRecord) -> Vec<String> {
    let of_set = |Duplicates { of, counts }| {
        let of = of.map_or_else(String::new, |data_set| format!("{data_set}: "));
        format!("{of}{}", words(counts))
    };
    let of_run = record.summary.iter().map(|summary| words(summary.leakage.as_ref()));
    of_run.chain(record.sweep.iter().flat_map(SweepSummary::duplicates).map(of_set)).collect()
}

/// `1 point`, `2 points`
fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// The values that a setting takes in a sweep: those of a list, or the bounds of a range.
fn swept(record: &RunRecord, path: &str) -> Option<String> {
    let quoted = format!("\"{path}\"");
    // `sweep."svm.c"[0]` or `sweep.svm.c[0]` of a list, `sweep."svm.c".from` of a range.
    let inside = |of: &str| {
        let rest = of.strip_prefix("sweep.")?;
        let rest = rest.strip_prefix(quoted.as_str()).or_else(|| rest.strip_prefix(path))?;
        rest.starts_with(['[', '.']).then(|| rest.to_owned())
    };
    let stated = record.settings.iter();
    let stated = stated.filter_map(|setting| Some((inside(&setting.path)?, plain(&setting.value))));
    let stated: Vec<(String, String)> = stated.collect();
    let bound = |name: &str| stated.iter().find(|(rest, _)| rest == name).map(|(_, value)| value);
    if let (Some(from), Some(to)) = (bound(".from"), bound(".to")) {
        return Some(format!("{from} to {to}"));
    }
    let values = stated.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>().join(", ");
    (!stated.is_empty()).then_some(values)
}

fn share(record: &RunRecord, path: &str) -> String {
    let share = record.setting(path).and_then(Value::as_f64);
    share.map_or_else(String::new, |share| format!("{:.0} %", share * 100.0))
}

/// A setting's value without quotes.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
