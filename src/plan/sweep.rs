//! All points of a sweep in one graph: stages with equal keys merge, so points share what they can.

use std::collections::BTreeMap;

use super::data::repeat_label;
use super::graph::Graph;
use super::pipeline::{self, Built, Shared, Wired, WiredMethod, pca_code, svm_code};
use super::{Failures, Places, PlanError, PlannedPoint, Reported, protocol};
use crate::config::experiment::Penalty;
use crate::config::sweep::{Axis, Point, Sweep};
use crate::config::{Resolved, Shown};
use crate::solvers::pca::Keep;
use crate::stages::inside::RateInside;
use crate::stages::pca::level;
use crate::stages::svm::{PenaltyOf, Tried};
use crate::stages::sweep::{
    AxisEntry, Choice, FoldChoice, MakeSweepReport, MethodEntry, Outcome, PointData, PointEntry, Rated,
};
use crate::store::{Key, Store};
use crate::types::Digest;

/// Every point and the report over them.
pub(super) fn build(
    graph: &mut Graph,
    resolved: &Resolved,
    sweep: &Sweep,
    failures: &Failures,
    context: (&Store, &Places),
) -> Result<Built, PlanError> {
    let shared = sweep.points.iter().filter_map(|point| point.experiment.pca.components.number()).max();
    let shared = shared.unwrap_or(0);
    let mut wired: Vec<Option<Wired>> = Vec::with_capacity(sweep.points.len());
    for (number, point) in sweep.points.iter().enumerate() {
        let has_failed = |name: &str| failures.of(number, name).is_some();
        if point.experiment.methods.iter().all(|method| has_failed(&method.name)) {
            wired.push(None);
            continue;
        }
        graph.begin_point(briefly(sweep, point));
        let without = failures.methods.get(&number).into_iter().flat_map(BTreeMap::keys).cloned().collect();
        let shared = Shared { components: shared, alike: alike(sweep, point), without };
        let one = pipeline::wire(graph, &point.experiment, &shared, context)
            .map_err(|source| PlanError::AtPoint { point: sweep.label(point), source: Box::new(source) })?;
        wired.push(Some(one));
    }
    let choices = match sweep.inner_folds {
        Some(inner_folds) if failures.choice.is_none() => choices(graph, sweep, &wired, shared, inner_folds),
        _ => Vec::new(),
    };
    let report = report(resolved, sweep, &wired, failures, choices);
    graph.begin_point(Vec::new());
    let report = graph.add("report", report);
    let points = sweep.points.iter().zip(&wired).map(|(point, wired)| {
        let method = |method: &WiredMethod| {
            let predictions = method.entry.repeats.iter().map(|repeat| repeat.predictions.key());
            (method.entry.name.clone(), graph.needed_for(predictions))
        };
        let methods = wired.iter().flat_map(|wired| &wired.methods).map(method).collect();
        PlannedPoint { label: sweep.label(point), methods }
    });
    let points = points.collect();
    let built = wired.into_iter().flatten().collect::<Vec<_>>();
    let data = built.iter().map(|wired| wired.data.digest.to_hex()).collect::<Vec<_>>();
    Ok(Built {
        report: Reported::Sweep(report),
        figures: Vec::new(),
        notices: once(built.iter().flat_map(|wired| wired.notices.iter().cloned())),
        stand_in: joined(&once(built.iter().filter_map(|wired| wired.data.stand_in.clone()))),
        data: digest(&once(data.into_iter())),
        fits: built.into_iter().flat_map(|wired| wired.fits).collect(),
        points,
    })
}

/// Of one data set its own digest, of several that of their digests.
fn digest(all: &[String]) -> Digest {
    match all {
        [one] => Digest::from_hex(one).unwrap_or(crate::store::key::digest(one.as_bytes())),
        all => crate::store::key::digest(all.join("\n").as_bytes()),
    }
}

/// Numbers of components of the points that differ in nothing else from one whose C is given, ascending.
fn alike(sweep: &Sweep, point: &Point) -> Vec<Keep> {
    let Some(axis) = sweep.axes.iter().position(|axis| axis.path == "pca.components") else {
        return Vec::new();
    };
    if !matches!(point.experiment.svm.c, Penalty::Fixed(_)) {
        return Vec::new();
    }
    let is_alike = |other: &&Point| {
        let values = other.values.iter().zip(&point.values).enumerate();
        values.into_iter().all(|(at, (other, own))| at == axis || other == own)
    };
    let keeps = sweep.points.iter().filter(is_alike).map(|other| other.experiment.pca.components);
    let mut keeps: Vec<Keep> = keeps.filter(|keep| keep.number().is_some()).collect();
    keeps.sort_by_key(|keep| keep.number());
    keeps
}

fn briefly(sweep: &Sweep, point: &Point) -> Vec<String> {
    sweep.axes.iter().zip(&point.values).map(|(axis, value)| brief(axis, value)).collect()
}

/// `components = 5`: the last word of the axis is enough to tell points apart.
fn brief(axis: &Axis, value: &Shown) -> String {
    let name = axis.path.rsplit('.').next().unwrap_or(&axis.path);
    match value {
        Shown::Text(text) => format!("{name} = {text}"),
        other => format!("{name} = {other}"),
    }
}

/// Each once, in the order of their first.
fn once(all: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen = Vec::new();
    for one in all {
        if !seen.contains(&one) {
            seen.push(one);
        }
    }
    seen
}

fn joined(all: &[String]) -> Option<String> {
    (!all.is_empty()).then(|| all.join("; "))
}

fn report(
    resolved: &Resolved,
    sweep: &Sweep,
    wired: &[Option<Wired>],
    failures: &Failures,
    choices: Vec<Choice>,
) -> MakeSweepReport {
    let value = |shown: &Shown| serde_json::json!(shown);
    let axes = sweep.axes.iter().map(|axis| AxisEntry {
        path: axis.path.clone(),
        values: axis.values.iter().map(value).collect(),
        is_log: axis.is_log,
    });
    let points = sweep.points.iter().zip(wired).enumerate().map(|(number, (point, wired))| {
        let data = wired.as_ref().map(|wired| PointData {
            manifest: wired.data.images.manifest,
            split: wired.data.split,
            overlaps: wired.overlaps.clone(),
            data_set: wired.data.data_set(),
            at_most: point.experiment.pca.components.at_most(),
        });
        let done = || wired.iter().flat_map(|wired| &wired.methods).map(|method| &method.entry);
        let method = |name: &String| {
            let outcome = match done().find(|entry| entry.name == *name) {
                Some(entry) => Outcome::Done(entry.clone()),
                None => Outcome::Failed { reason: failures.of(number, name).unwrap_or_default().to_owned() },
            };
            MethodEntry { name: name.clone(), outcome }
        };
        let methods = point.experiment.methods.iter().map(|own| method(&own.name)).collect();
        PointEntry { values: point.values.iter().map(value).collect(), methods, data }
    });
    let is_none_chosen = sweep.inner_folds.is_some() && choices.is_empty();
    let done = || wired.iter().flatten();
    let varied = |path: &str| sweep.axes.iter().any(|axis| axis.path == path);
    MakeSweepReport {
        axes: axes.collect(),
        dimensions: sweep.dimensions.clone(),
        points: points.collect(),
        choices,
        columns: resolved.experiment.figure.columns,
        title: resolved.experiment.title.clone(),
        protocol: protocol::of(&resolved.experiment, varied),
        warnings: once(done().flat_map(|wired| wired.warnings.iter().cloned())),
        seed: resolved.experiment.seed,
        inner_folds: sweep.inner_folds,
        no_choice: failures.choice.clone().or(is_none_chosen.then(|| why_none(wired).to_owned())),
    }
}

/// Why there is nothing to choose from.
fn why_none(wired: &[Option<Wired>]) -> &'static str {
    if wired.iter().flatten().count() < 2 {
        "there are no two points to choose from"
    } else if wired.iter().flatten().any(|wired| wired.methods.iter().any(|method| method.is_fitted)) {
        "the points differ in their images or folds, so that none can be compared inside a fold"
    } else {
        "no method has a classifier that is fitted here"
    }
}

/// Where points have the same images and the same folds, the best of them is chosen for each fold and method by an
/// inner cross validation of the fold's training images.
fn choices(
    graph: &mut Graph,
    sweep: &Sweep,
    wired: &[Option<Wired>],
    shared: usize,
    inner_folds: usize,
) -> Vec<Choice> {
    let mut blocks: Vec<((Key, Key, usize), Vec<usize>)> = Vec::new();
    for (number, wired) in wired.iter().enumerate() {
        let Some(wired) = wired else { continue };
        let same = (wired.data.images.manifest.key(), wired.data.split.key(), wired.data.splits.len());
        match blocks.iter_mut().find(|(block, _)| *block == same) {
            Some((_, points)) => points.push(number),
            None => blocks.push((same, vec![number])),
        }
    }
    let mut choices = Vec::new();
    for (_, points) in blocks.into_iter().filter(|(_, points)| points.len() > 1) {
        let point = |number: &usize| Some((&sweep.points[*number].experiment, wired[*number].as_ref()?));
        let Some((_, first)) = points.first().and_then(point) else { continue };
        let methods = once(points.iter().filter_map(point).flat_map(|(_, wired)| {
            let fitted = wired.methods.iter().filter(|method| method.is_fitted);
            fitted.map(|method| method.entry.name.clone()).collect::<Vec<_>>()
        }));
        for name in methods {
            let folds = first.data.division.folds();
            let folds = (0..first.data.splits.len())
                .flat_map(|repeat| (0..folds).map(move |fold| (repeat, fold)))
                .map(|(repeat, fold)| FoldChoice {
                    repeat,
                    fold,
                    rated: rate(graph, sweep, wired, &points, &name, (repeat, fold), (shared, inner_folds)),
                })
                .collect();
            choices.push(Choice {
                method: name,
                manifest: first.data.images.manifest,
                data_set: first.data.data_set(),
                folds,
            });
        }
    }
    choices
}

/// The stages that rate the points inside one fold, one for all points that are fitted to the same features alike.
fn rate(
    graph: &mut Graph,
    sweep: &Sweep,
    wired: &[Option<Wired>],
    points: &[usize],
    name: &str,
    (repeat, fold): (usize, usize),
    (shared, inner_folds): (usize, usize),
) -> Vec<Rated> {
    let mut stages: Vec<(RateInside, Vec<usize>)> = Vec::new();
    for &number in points {
        let Some(own) = &wired[number] else { continue };
        let method = own.methods.iter().find(|method| method.is_fitted && method.entry.name == name);
        let Some(method) = method else { continue };
        let repeats = method.entry.repeats.get(repeat).zip(own.data.splits.get(repeat));
        let Some((own_repeat, split)) = repeats else { continue };
        let experiment = &sweep.points[number].experiment;
        let (pca, svm) = (experiment.pca, &experiment.svm);
        let c = match &svm.c {
            Penalty::Fixed(c) => PenaltyOf::Experiment(*c),
            Penalty::InnerCrossValidation { .. } => match own_repeat.selections.get(fold) {
                Some(selection) => PenaltyOf::Selection(*selection),
                None => continue,
            },
        };
        let stage = RateInside {
            manifest: own.data.images.manifest,
            features: method.features,
            products: method.products,
            split: *split,
            fold,
            tried: vec![Tried { components: pca.components, c }],
            inner_folds,
            stratified: experiment.split.stratified,
            grouped: experiment.split.grouped,
            seed: experiment.seed,
            level: level(pca.components, pca.solver, shared),
            pca_solver: pca.solver,
            class_weight: svm.class_weight,
            scale: svm.scale,
            solver: svm.solver,
            code: [pca_code(pca.solver), svm_code(svm.solver)],
        };
        match stages.iter_mut().find(|(other, _)| other.fits_as(&stage)) {
            Some((other, numbers)) => {
                other.tried.extend(stage.tried);
                numbers.push(number);
            }
            None => stages.push((stage, vec![number])),
        }
    }
    let mut rated = Vec::new();
    for (stage, numbers) in stages {
        if let Some(first) = numbers.first() {
            graph.begin_point(briefly(sweep, &sweep.points[*first]));
        }
        let repeats = wired.iter().flatten().map(|wired| wired.data.splits.len()).max().unwrap_or(1);
        let label = format!("rate-inside {name}{} fold {fold}", repeat_label(repeat, repeats));
        let handle = graph.add(label, stage);
        rated.extend(numbers.into_iter().enumerate().map(|(at, point)| Rated { point, rates: handle, at }));
    }
    rated.sort_by_key(|rated| rated.point);
    rated
}
