//! What the points of a sweep came to, as read from their stages.

use std::sync::Arc;

use super::evaluate::{Prediction, Predictions};
use super::fit_rows::{InnerRows, fit_rows, fit_warnings, penalty_rows};
use super::overlap;
use super::report::Entry;
use super::sweep::{MakeSweepReport, Outcome, PointData, PointEntry};
use crate::figures::fit_tables::FitRow;
use crate::figures::sweep_table::settings;
use crate::metrics::{ConfusionMatrix, Interval, mean_true_positive_rate, true_positive_rate, wilson};
use crate::stage::{Context, StageError};
use crate::types::Emotion;

/// A point as read; nothing of methods that failed.
#[derive(Default)]
pub(super) struct PointAt {
    pub methods: Vec<MethodAt>,
    pub data_set: String,
    /// How the fits of all its methods went.
    pub fits: Vec<FitRow>,
    /// How C was chosen, where it was.
    pub penalties: InnerRows,
    /// Fewest components of a fold, where fewer than asked for.
    pub clamped: Option<usize>,
}

/// A method at a point.
pub(super) struct MethodAt {
    pub name: String,
    /// By repetition.
    pub repeats: Vec<Arc<Predictions>>,
    pub matrix: ConfusionMatrix,
    pub rates: [Option<f64>; 8],
    pub mean: Option<f64>,
    pub mean_interval: Option<Interval>,
    pub components: Option<[usize; 2]>,
    pub kept_variance: Option<f64>,
    pub c: Option<[f64; 2]>,
}

impl MethodAt {
    /// Wilson's interval of a class.
    pub fn interval(&self, emotion: Emotion) -> Option<Interval> {
        wilson(self.rates[emotion.index()]?, self.matrix.images(emotion) / self.repeats.len().max(1) as u64)
    }

    /// All answers, repetition after repetition.
    pub fn answers(&self) -> Vec<&Prediction> {
        self.repeats.iter().flat_map(|repeat| &repeat.rows).collect()
    }
}

/// All points, and what is to be known of their fits; adds the overlaps that were allowed to the warnings.
pub(super) fn read(
    report: &MakeSweepReport,
    context: &Context<'_>,
    warnings: &mut Vec<String>,
) -> Result<(Vec<PointAt>, Vec<String>), StageError> {
    let mut notes = Notes::default();
    let mut points = Vec::with_capacity(report.points.len());
    for (number, entry) in report.points.iter().enumerate() {
        let note = |note| notes.add(note, number);
        points.push(match &entry.data {
            Some(data) => read_point(context, entry, data, warnings, note)?,
            None => PointAt::default(),
        });
    }
    Ok((points, notes.written(report)))
}

fn read_point(
    context: &Context<'_>,
    entry: &PointEntry,
    PointData { overlaps, data_set, at_most, .. }: &PointData,
    warnings: &mut Vec<String>,
    mut note: impl FnMut(String),
) -> Result<PointAt, StageError> {
    for warning in overlap::warnings(context, overlaps)? {
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }
    let mut point = PointAt { data_set: data_set.clone(), ..PointAt::default() };
    for method in &entry.methods {
        let Outcome::Done(method) = &method.outcome else { continue };
        let (fits, penalties) = (fit_rows(context, method)?, penalty_rows(context, method)?);
        fit_warnings(&method.name, &fits, &penalties).into_iter().for_each(&mut note);
        point.methods.push(read_method(context, method, &fits)?);
        point.fits.extend(fits);
        point.penalties.extend(penalties);
    }
    let fewest = point.methods.iter().filter_map(|method| method.components);
    let fewest = fewest.map(|[fewest, _]| fewest).min();
    point.clamped = fewest.filter(|fewest| at_most.is_some_and(|asked| *fewest < asked));
    Ok(point)
}

fn read_method(context: &Context<'_>, method: &Entry, fits: &[FitRow]) -> Result<MethodAt, StageError> {
    let (mut repeats, mut matrices) = (Vec::new(), Vec::new());
    for repeat in &method.repeats {
        let predictions = context.get(&repeat.predictions)?;
        matrices.push(predictions.evaluation()?.pooled());
        repeats.push(predictions);
    }
    let matrix = ConfusionMatrix::pooled(&matrices);
    let components = || repeats.iter().flat_map(|repeat| &repeat.components);
    let kept: Vec<f64> = repeats.iter().flat_map(|repeat| repeat.kept_variance.clone()).collect();
    let c = || fits.iter().map(|row| row.c);
    Ok(MethodAt {
        name: method.name.clone(),
        rates: true_positive_rate(&matrix),
        mean: mean_true_positive_rate(&matrix),
        mean_interval: None,
        components: components().min().zip(components().max()).map(|(a, b)| [*a, *b]),
        kept_variance: (!kept.is_empty()).then(|| kept.iter().sum::<f64>() / kept.len() as f64),
        c: c().reduce(f64::min).zip(c().reduce(f64::max)).map(|(low, high)| [low, high]),
        matrix,
        repeats,
    })
}

/// Notes, each with the points that it is about.
#[derive(Default)]
struct Notes(Vec<(String, Vec<usize>)>);

impl Notes {
    fn add(&mut self, note: String, point: usize) {
        match self.0.iter_mut().find(|(other, _)| *other == note) {
            Some((_, points)) => points.push(point),
            None => self.0.push((note, vec![point])),
        }
    }

    /// With the points named, unless it is all of them.
    fn written(self, report: &MakeSweepReport) -> Vec<String> {
        let paths = report.paths();
        let label = |point: usize| {
            report.points.get(point).map_or_else(String::new, |entry| settings(&paths, &entry.values))
        };
        let written = |(note, points): (String, Vec<usize>)| match points[..] {
            _ if points.len() == report.points.len() => note,
            [] => note,
            [point] => format!("at {}: {note}", label(point)),
            [first, ..] => format!("at {} points, first {}: {note}", points.len(), label(first)),
        };
        self.0.into_iter().map(written).collect()
    }
}
