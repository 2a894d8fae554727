//! The best point of each method: chosen fold by fold by a cross validation inside the fold's training images, then
//! tested on the fold's test images. The rate of that whole procedure is what one may report for a method whose
//! settings were chosen on the same data; the highest rate among the points is not.
//!
//! Source: Varma and Simon, *Bias in error estimation when using cross-validation for model selection*, BMC
//! Bioinformatics 7:91, 2006.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::evaluate::Prediction;
use super::fit_rows::{InnerRows, far_inside};
use super::sweep::{Choice, FoldChoice, MakeSweepReport, Outcome};
use super::sweep_intervals::intervals_of_means;
use super::sweep_points::PointAt;
use super::to_json;
use crate::figures::sweep_choice::{self, ChoiceRow};
use crate::metrics::{ConfusionMatrix, Interval, mean_true_positive_rate, true_positive_rate, wilson};
use crate::stage::{ArtifactError, Context, Files, StageError};
use crate::types::{Emotion, Seed};

/// The best point of a method.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BestSummary {
    /// The method.
    pub method: String,
    /// What tables call its data set.
    pub data_set: String,
    /// Settings in which the points that it is chosen from are alike: their data set, their seed.
    pub alike: BTreeMap<String, Value>,
    /// Fold by fold.
    pub folds: Vec<BestOfFold>,
    /// Mean true positive rate of the procedure, over all folds.
    pub mean_true_positive_rate: Option<f64>,
    /// From a bootstrap over groups.
    pub interval: Option<Interval>,
    /// Rate of each class.
    pub true_positive_rate: BTreeMap<Emotion, BestRate>,
}

/// A fold's choice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BestOfFold {
    /// The repetition, from 0.
    pub repeat: usize,
    /// Its fold, from 0.
    pub fold: usize,
    /// The point chosen, from 0.
    pub point: usize,
    /// Its value on each axis.
    pub values: BTreeMap<String, Value>,
    /// Its mean true positive rate inside the training images.
    pub rate_inside: f64,
    /// Its mean true positive rate on the test images, which were not asked.
    pub rate_on_test: Option<f64>,
    /// From a bootstrap over the groups of those images.
    pub interval: Option<Interval>,
    /// What every point that could be fitted came to inside: number and rate. `inside.csv` has those that could not, too.
    pub considered: Vec<(usize, f64)>,
}

/// A class's rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BestRate {
    /// Tested images.
    pub images: u64,
    /// Share of them told rightly.
    pub rate: f64,
    /// Wilson's.
    pub interval: Option<Interval>,
}

/// Chooses; a point wins a fold with the highest rate inside, of equals the first.
pub(super) fn choose(
    report: &MakeSweepReport,
    context: &Context<'_>,
    points: &[PointAt],
) -> Result<Vec<BestSummary>, StageError> {
    report.choices.iter().map(|choice| best(report, context, points, choice)).collect()
}

fn best(
    report: &MakeSweepReport,
    context: &Context<'_>,
    points: &[PointAt],
    choice: &Choice,
) -> Result<BestSummary, StageError> {
    let mut folds = Vec::new();
    let mut tested: Vec<Prediction> = Vec::new();
    for FoldChoice { repeat, fold, rated } in &choice.folds {
        let (repeat, fold) = (*repeat, *fold);
        let mut considered = Vec::new();
        for rated in rated {
            let rates = context.get(&rated.rates)?;
            let rate = rates.points.get(rated.at).and_then(|point| point.mean_true_positive_rate);
            considered.extend(rate.map(|rate| (rated.point, rate)));
        }
        let highest = |best: (usize, f64), next: (usize, f64)| if next.1 > best.1 { next } else { best };
        let Some((point, rate_inside)) = considered.iter().copied().reduce(highest) else { continue };
        let method = points.get(point).and_then(|at| at.methods.iter().find(|at| at.name == choice.method));
        let method = method.ok_or_else(|| StageError::Failed("a chosen point has no results".to_owned()))?;
        let rows = method.repeats.get(repeat).map(|repeat| repeat.rows.as_slice()).unwrap_or_default();
        let own = rows.iter().filter(|row| row.fold as usize == fold);
        let own: Vec<Prediction> = own.cloned().collect();
        let values = report.values(point).into_iter().map(|(path, value)| (path.to_owned(), value.clone()));
        folds.push(BestOfFold {
            repeat,
            fold,
            point,
            values: values.collect(),
            rate_inside,
            rate_on_test: mean_true_positive_rate(&matrix(&own)),
            interval: interval_of(context, &own, report.seed),
            considered,
        });
        tested.extend(own);
    }
    // A fold without a choice has no answers: the rate of the others is not that of the procedure.
    if folds.len() < choice.folds.len() {
        tested.clear();
    }
    let matrix = matrix(&tested);
    let rates = true_positive_rate(&matrix);
    let repeats = choice.folds.iter().map(|fold| fold.repeat as u64 + 1).max().unwrap_or(1);
    let of_class = |emotion: Emotion| {
        let (rate, images) = (rates[emotion.index()]?, matrix.images(emotion));
        Some((emotion, BestRate { images, rate, interval: wilson(rate, images / repeats) }))
    };
    let mut from: Vec<usize> = choice.folds.iter().flat_map(|fold| &fold.rated).map(|at| at.point).collect();
    from.sort_unstable();
    from.dedup();
    let value = |point: usize, axis: usize| report.points.get(point).and_then(|entry| entry.values.get(axis));
    let alike = report.axes.iter().enumerate().filter_map(|(axis, entry)| {
        let first = value(*from.first()?, axis)?;
        let is_alike = from.iter().all(|point| value(*point, axis) == Some(first));
        is_alike.then(|| (entry.path.clone(), first.clone()))
    });
    Ok(BestSummary {
        method: choice.method.clone(),
        data_set: choice.data_set.clone(),
        alike: alike.collect(),
        folds,
        mean_true_positive_rate: mean_true_positive_rate(&matrix),
        interval: interval_of(context, &tested, report.seed),
        true_positive_rate: Emotion::ALL.into_iter().filter_map(of_class).collect(),
    })
}

/// Of the mean rate.
fn interval_of(context: &Context<'_>, rows: &[Prediction], seed: Seed) -> Option<Interval> {
    let intervals = context.parallel(|| intervals_of_means(&[rows.iter().collect()], seed));
    intervals.into_iter().next().flatten()
}

fn matrix(rows: &[Prediction]) -> ConfusionMatrix {
    ConfusionMatrix::of(rows.iter().map(|row| (row.label, row.predicted)))
}

/// How a point did inside a fold, and its machines.
pub(super) struct RatedPoint<'a> {
    pub point: usize,
    pub rows: InnerRows,
    pub data_set: &'a str,
}

/// How every point did inside every fold, by method.
pub(super) fn inside<'a>(
    report: &'a MakeSweepReport,
    context: &Context<'_>,
    best: &[BestSummary],
) -> Result<Vec<RatedPoint<'a>>, StageError> {
    let mut all = Vec::new();
    for (choice, best) in report.choices.iter().zip(best) {
        for FoldChoice { repeat, fold, rated } in &choice.folds {
            let own = best.folds.iter().find(|own| (own.repeat, own.fold) == (*repeat, *fold));
            for rated in rated {
                let rates = context.get(&rated.rates)?;
                let Some(inside) = rates.points.get(rated.at) else { continue };
                let mut rows = InnerRows::default();
                let chosen = own.is_some_and(|own| own.point == rated.point);
                rows.add(&choice.method, (*repeat, *fold), inside, chosen);
                all.push(RatedPoint { point: rated.point, rows, data_set: &choice.data_set });
            }
        }
    }
    Ok(all)
}

/// Methods whose machines inside the folds ended far from their optimum, said.
pub(super) fn unsure(report: &MakeSweepReport, inside: &[RatedPoint<'_>]) -> Vec<String> {
    let of = |method: &String| {
        let fits = inside.iter().flat_map(|rated| &rated.rows.fits);
        far_inside(method, fits.filter(|row| row.fit.method == *method))
    };
    report.method_names().iter().filter_map(of).collect()
}

const NONE_INSIDE: &str =
    "no point could be fitted in the cross validation inside the folds; `inside.csv` says why";

/// Folds of a method in which no point could be chosen, said.
pub(super) fn unchosen(report: &MakeSweepReport, best: &[BestSummary]) -> Vec<String> {
    let say = |(choice, best): (&Choice, &BestSummary)| {
        let has = |fold: &&FoldChoice| {
            best.folds.iter().any(|own| (own.repeat, own.fold) == (fold.repeat, fold.fold))
        };
        let without: Vec<String> =
            choice.folds.iter().filter(|fold| !has(fold)).map(|fold| fold.fold.to_string()).collect();
        (!without.is_empty()).then(|| {
            format!(
                "{}, {}: no best point in fold {}, where no point could be fitted inside, and so no rate of the \
                 procedure: see inside.csv",
                choice.method,
                choice.data_set,
                without.join(", ")
            )
        })
    };
    let nowhere = failed_everywhere(report).into_iter().filter(|_| !report.choices.is_empty());
    let nowhere = nowhere.map(|method| format!("{method}: no best point, for it failed at every point"));
    report.choices.iter().zip(best).filter_map(say).chain(nowhere).collect()
}

/// Methods without a result.
fn failed_everywhere(report: &MakeSweepReport) -> Vec<String> {
    let is_done = |name: &String| {
        let mut methods = report.points.iter().flat_map(|point| &point.methods);
        methods.any(|method| method.name == *name && matches!(method.outcome, Outcome::Done(_)))
    };
    report.method_names().into_iter().filter(|name| !is_done(name)).collect()
}

/// `best.json` and `best.csv`; where nothing can be chosen, why; none where nothing is to be.
pub(super) fn files(report: &MakeSweepReport, best: &[BestSummary]) -> Result<Files, ArtifactError> {
    if !best.is_empty() && best.iter().all(|best| best.folds.is_empty()) {
        let record = json!({ "none_chosen_because": NONE_INSIDE, "best": best });
        return Ok(Files::from([("best.json".to_owned(), to_json(&record)?)]));
    }
    if best.is_empty() {
        let record = report.no_choice.iter().map(|why| json!({ "none_chosen_because": why, "best": [] }));
        return record.map(|record| Ok(("best.json".to_owned(), to_json(&record)?))).collect();
    }
    let Some(inner_folds) = report.inner_folds else { return Ok(Files::new()) };
    let how = format!(
        "the point with the highest mean true positive rate in a {inner_folds}-fold cross validation inside each \
         fold's training images, of equals the first; the fold's test images had no part in it"
    );
    let mut record = json!({ "chosen_by": how, "best": best });
    let nowhere = failed_everywhere(report);
    if !nowhere.is_empty() {
        record["failed_at_every_point"] = json!(nowhere);
    }
    let axes = report.paths();
    let row = |best: &BestSummary, fold: &BestOfFold| ChoiceRow {
        method: best.method.clone(),
        repeat: Some(fold.repeat),
        fold: Some(fold.fold),
        point: Some(fold.point),
        values: axes.iter().map(|axis| fold.values.get(axis).cloned().unwrap_or_default()).collect(),
        rate_inside: Some(fold.rate_inside),
        rate_on_test: fold.rate_on_test,
        interval: fold.interval,
        data_set: best.data_set.clone(),
    };
    let all = |best: &BestSummary| ChoiceRow {
        method: best.method.clone(),
        repeat: None,
        fold: None,
        point: None,
        values: axes.iter().map(|axis| best.alike.get(axis).cloned().unwrap_or_default()).collect(),
        rate_inside: None,
        rate_on_test: best.mean_true_positive_rate,
        interval: best.interval,
        data_set: best.data_set.clone(),
    };
    let rows: Vec<ChoiceRow> = best
        .iter()
        .flat_map(|best| best.folds.iter().map(move |fold| row(best, fold)).chain([all(best)]))
        .collect();
    Ok(Files::from([
        ("best.json".to_owned(), to_json(&record)?),
        ("best.csv".to_owned(), sweep_choice::best_csv(&axes, &rows).into_bytes()),
    ]))
}
