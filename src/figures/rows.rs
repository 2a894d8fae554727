//! Tables whose rows are written one after the other, of a run and of a sweep.

use std::fmt::Write as _;

use serde_json::Value;

use super::sweep_table::{point_columns, point_fields};
use super::tables::field;

/// A row of a table.
pub trait Row {
    /// Names of its columns.
    const COLUMNS: &'static str;

    /// Its values in their order, quoted where they must be.
    fn fields(&self) -> String;
}

/// Rows of a point of a sweep.
#[derive(Debug)]
pub struct PointRows<'a, R> {
    /// The point, from 0.
    pub point: usize,
    /// Its value on each axis.
    pub values: &'a [Value],
    /// Its rows.
    pub rows: &'a [R],
    /// Which images they are about.
    pub data_set: &'a str,
}

/// A table: the columns of [`Row`], then `data_set`.
pub fn csv<R: Row>(rows: &[R], data_set: &str) -> String {
    let data_set = field(data_set);
    let mut table = format!("{},data_set\n", R::COLUMNS);
    for row in rows {
        // Writing to a string cannot fail.
        let _ = writeln!(table, "{},{data_set}", row.fields());
    }
    table
}

/// The same of a sweep: `point` and a column per axis come first.
pub fn sweep_csv<'a, R: Row + 'a>(axes: &[String], points: impl Iterator<Item = PointRows<'a, R>>) -> String {
    let mut table = format!("{},{},data_set\n", point_columns(axes), R::COLUMNS);
    for PointRows { point, values, rows, data_set } in points {
        let (point, data_set) = (point_fields(point, values), field(data_set));
        for row in rows {
            let _ = writeln!(table, "{point},{},{data_set}", row.fields());
        }
    }
    table
}
