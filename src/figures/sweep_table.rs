//! The results of a sweep in long form: a row per point, method and class, and one for the mean of the classes.

use std::fmt::Write as _;

use serde_json::Value;

use super::tables::field;
use crate::metrics::Interval;
use crate::types::Emotion;

/// One row.
#[derive(Clone, Debug, PartialEq)]
pub struct SweepRow {
    /// Number of the point, from 0.
    pub point: usize,
    /// Its value on each axis.
    pub values: Vec<Value>,
    /// The method.
    pub method: String,
    /// The class; none for the mean over the classes.
    pub emotion: Option<Emotion>,
    /// What was found; none where the method failed.
    pub found: Option<Found>,
    /// Why it failed.
    pub reason: Option<String>,
    /// Which images the numbers are about.
    pub data_set: String,
}

/// What a method came to at a point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
    /// Tested images.
    pub images: u64,
    /// Those of them that are told rightly.
    pub correct: u64,
    /// True positive rate of the class, or the mean of the classes' rates.
    pub rate: Option<f64>,
    /// Wilson's for a class, a bootstrap over groups for the mean.
    pub interval: Option<Interval>,
    /// Principal components, fewest and most of a fold.
    pub components: Option<[usize; 2]>,
    /// Share of the variance that they keep, mean over folds.
    pub kept_variance: Option<f64>,
    /// Penalty C, smallest and largest of a fold.
    pub c: Option<[f64; 2]>,
}

/// Names of the columns after those of the axes.
const COLUMNS: &str = "method,emotion,images,correct,true_positive_rate,low,high,components,components_most,\
    kept_variance,c,c_largest,status,reason,data_set";

/// `point` and the axes: the columns that come first in a sweep's tables.
pub fn point_columns(axes: &[String]) -> String {
    axes.iter().fold("point".to_owned(), |names, axis| names + "," + &field(axis))
}

/// What stands in them: a point's number and its values.
pub fn point_fields(point: usize, values: &[Value]) -> String {
    values.iter().fold(point.to_string(), |fields, value| fields + "," + &field(&plain(value)))
}

/// `sweep.csv`: `point`, a column per axis, then the rest; numbers are empty where a method failed.
pub fn sweep_csv(axes: &[String], rows: &[SweepRow]) -> String {
    let mut table = format!("{},{COLUMNS}\n", point_columns(axes));
    for row in rows {
        let found = row.found.as_ref();
        let number = |value: Option<f64>| value.map(|value| format!("{value:.6}")).unwrap_or_default();
        let whole = |value: Option<u64>| value.map(|value| value.to_string()).unwrap_or_default();
        let rate = number(found.and_then(|found| found.rate));
        let interval = found.and_then(|found| found.interval);
        let components = found.and_then(|found| found.components);
        let c = found.and_then(|found| found.c);
        let exact = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
        // Writing to a string cannot fail.
        let _ = writeln!(
            table,
            "{},{},{},{},{},{rate},{},{},{},{},{},{},{},{},{},{}",
            point_fields(row.point, &row.values),
            field(&row.method),
            row.emotion.map_or("mean", Emotion::name),
            whole(found.map(|found| found.images)),
            whole(found.map(|found| found.correct)),
            number(interval.map(|interval| interval.low)),
            number(interval.map(|interval| interval.high)),
            whole(components.map(|[fewest, _]| fewest as u64)),
            whole(components.map(|[_, most]| most as u64)),
            number(found.and_then(|found| found.kept_variance)),
            exact(c.map(|[smallest, _]| smallest)),
            exact(c.map(|[_, largest]| largest)),
            status(row),
            field(row.reason.as_deref().unwrap_or_default()),
            field(&row.data_set),
        );
    }
    table
}

/// `done` or `failed`.
pub fn status(row: &SweepRow) -> &'static str {
    if row.found.is_some() { "done" } else { "failed" }
}

/// A value without the quotes of JSON.
pub fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A point's settings: `pca.components = 5, svm.c = 1`.
pub fn settings<'a>(paths: impl IntoIterator<Item = &'a String>, values: &[Value]) -> String {
    let named = paths.into_iter().zip(values).map(|(path, value)| format!("{path} = {}", plain(value)));
    named.collect::<Vec<_>>().join(", ")
}
