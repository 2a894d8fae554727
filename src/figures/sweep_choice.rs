//! `best.csv`: the point that each fold of a sweep chose without its test images, and what it came to on them.

use std::fmt::Write as _;

use serde_json::Value;

use super::sweep_table::plain;
use super::tables::field;
use crate::metrics::Interval;

/// One fold's choice, or all folds together.
#[derive(Clone, Debug, PartialEq)]
pub struct ChoiceRow {
    /// The method.
    pub method: String,
    /// The repetition, from 0; none for all of them.
    pub repeat: Option<usize>,
    /// The fold, from 0; none for all of them.
    pub fold: Option<usize>,
    /// The point chosen.
    pub point: Option<usize>,
    /// Its value on each axis.
    pub values: Vec<Value>,
    /// Its mean true positive rate inside the training images.
    pub rate_inside: Option<f64>,
    /// Its mean true positive rate on the test images.
    pub rate_on_test: Option<f64>,
    /// Of that rate, for all folds together.
    pub interval: Option<Interval>,
    /// Which images the numbers are about.
    pub data_set: String,
}

/// The table; `fold` is a fold's number from 0, or `pooled`.
pub fn best_csv(axes: &[String], rows: &[ChoiceRow]) -> String {
    let names: Vec<String> = axes.iter().map(|axis| field(axis)).collect();
    let mut table = format!(
        "method,repeat,fold,point,{},mean_true_positive_rate_inside,mean_true_positive_rate,low,high,data_set\n",
        names.join(",")
    );
    for row in rows {
        let value = |value: &Value| if value.is_null() { String::new() } else { field(&plain(value)) };
        let number = |value: Option<f64>| value.map(|value| format!("{value:.6}")).unwrap_or_default();
        // Writing to a string cannot fail.
        let _ = writeln!(
            table,
            "{},{},{},{},{},{},{},{},{},{}",
            field(&row.method),
            row.repeat.map_or_else(|| "pooled".to_owned(), |repeat| repeat.to_string()),
            row.fold.map_or_else(|| "pooled".to_owned(), |fold| fold.to_string()),
            row.point.map(|point| point.to_string()).unwrap_or_default(),
            row.values.iter().map(value).collect::<Vec<_>>().join(","),
            number(row.rate_inside),
            number(row.rate_on_test),
            number(row.interval.map(|interval| interval.low)),
            number(row.interval.map(|interval| interval.high)),
            field(&row.data_set),
        );
    }
    table
}
