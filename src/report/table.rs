//! Tables as the page shows them, most of them read from the CSV files that a run left.

use serde::Serialize;

use super::ReportError;
use super::rates::Estimate;
use crate::stage::ArtifactError;
use crate::stages::table::ReadTable;

/// Rows that are shown of a table; the file beside the page has them all.
const MOST_ROWS: usize = 1000;

/// A CSV file's content.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Csv {
    /// Names of its columns.
    pub columns: Vec<String>,
    /// As many fields each as there are columns.
    pub rows: Vec<Vec<String>>,
}

impl Csv {
    /// Reads RFC 4180, as our own tables are written.
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Self, ReportError> {
        let wrong =
            |error: ArtifactError| ReportError::Table { name: name.to_owned(), reason: error.to_string() };
        let table = ReadTable::from_csv(bytes).map_err(wrong)?;
        let columns = table.columns();
        let fields = columns.iter().map(|column| table.text(column));
        let fields = fields.collect::<Result<Vec<_>, _>>().map_err(wrong)?;
        let height = fields.first().map_or(0, Vec::len);
        let row = |at: usize| fields.iter().filter_map(|column| column.get(at).cloned()).collect();
        Ok(Self { columns, rows: (0..height).map(row).collect() })
    }

    /// Position of a column.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }

    /// A field; empty where there is no such column.
    pub fn field<'a>(&self, row: &'a [String], name: &str) -> &'a str {
        self.column(name).and_then(|at| row.get(at)).map_or("", String::as_str)
    }

    /// A field that holds a number.
    pub fn number(&self, row: &[String], name: &str) -> Option<f64> {
        self.field(row, name).parse().ok()
    }
}

/// A table of the page.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Table {
    /// What it shows.
    pub caption: String,
    /// What one should know to read it.
    pub note: String,
    /// The first column names the rows.
    pub columns: Vec<Column>,
    /// As many cells each as there are columns.
    pub rows: Vec<Vec<Cell>>,
    /// The same of rows that sum the others up, and stay below them however they are sorted.
    pub foot: Vec<Vec<Cell>>,
}

/// A column's head.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Column {
    /// As shown.
    pub name: String,
    /// Whether its cells are numbers.
    pub numeric: bool,
}

/// What stands in a cell.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Cell {
    /// As shown.
    pub text: String,
    /// What it is sorted by, where that is a number.
    pub value: Option<f64>,
    /// Smaller, behind it: an interval.
    pub aside: String,
}

impl Cell {
    /// Words.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// A whole number.
    pub fn count(count: impl TryInto<u64>) -> Self {
        let count = count.try_into().unwrap_or(u64::MAX);
        Self { text: count.to_string(), value: Some(count as f64), aside: String::new() }
    }

    /// A rate from 0 to 1 with its interval; a dash where there is none.
    pub fn rate(rate: Estimate) -> Self {
        let Some(value) = rate.value else { return Self::text("–") };
        let aside = rate.interval.map(|[low, high]| format!("[{low:.3}, {high:.3}]")).unwrap_or_default();
        Self { text: format!("{value:.3}"), value: Some(value), aside }
    }

    /// What stands in a CSV file, rounded for reading.
    fn of(field: &str) -> Self {
        match field.parse::<f64>() {
            Ok(value) if value.is_finite() => {
                let shown = if field.contains(['.', 'e', 'E']) { short(value) } else { field.to_owned() };
                Self { text: shown, value: Some(value), aside: String::new() }
            }
            _ => Self::text(field),
        }
    }
}

/// Four significant digits.
fn short(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if !(1e-3..1e6).contains(&size) => format!("{value:.1e}"),
        size => {
            let decimals = (3 - size.log10().floor() as i32).clamp(0, 4) as usize;
            format!("{value:.decimals$}")
        }
    }
}

impl Table {
    /// A CSV file as it is, but for three things: an interval stands behind its value, what a column says in every
    /// row alike about the data set is left to the page's banner, and numbers are rounded.
    pub fn of(csv: &Csv, caption: &str, note: &str) -> Self {
        let shown: Vec<usize> = (0..csv.columns.len())
            .filter(|at| !is_bound(csv, *at))
            .filter(|at| csv.columns[*at] != "data_set" || !is_one_value(csv, *at))
            .collect();
        let rows = csv.rows.iter().take(MOST_ROWS);
        let rows: Vec<Vec<Cell>> =
            rows.map(|row| shown.iter().map(|at| cell(csv, row, *at)).collect()).collect();
        let numeric = |position: usize| {
            let mut cells =
                rows.iter().filter_map(|row| row.get(position)).filter(|cell| !cell.text.is_empty());
            cells.clone().next().is_some() && cells.all(|cell| cell.value.is_some())
        };
        let columns = shown.iter().enumerate().map(|(position, at)| Column {
            name: csv.columns[*at].replace('_', " "),
            numeric: numeric(position),
        });
        let columns = columns.collect();
        let mut note = note.to_owned();
        if csv.rows.len() > MOST_ROWS {
            note.push_str(&format!(
                " The first {MOST_ROWS} of {} rows; the file beside the page has all.",
                csv.rows.len()
            ));
        }
        Self { caption: caption.to_owned(), note: note.trim().to_owned(), columns, rows, foot: Vec::new() }
    }
}

/// The columns that hold the bounds of the value in column `at`: `x_low` and `x_high`, or `low` and `high` behind it.
fn bounds(csv: &Csv, at: usize) -> Option<[usize; 2]> {
    let name = &csv.columns[at];
    let own = [format!("{name}_low"), format!("{name}_high")].map(|bound| csv.column(&bound));
    let plain = ["low", "high"].map(|bound| csv.column(bound));
    match (own, plain) {
        ([Some(low), Some(high)], _) => Some([low, high]),
        (_, [Some(low), Some(high)]) if low == at + 1 => Some([low, high]),
        _ => None,
    }
}

fn is_one_value(csv: &Csv, at: usize) -> bool {
    csv.rows.iter().all(|row| row.get(at) == csv.rows[0].get(at))
}

fn is_bound(csv: &Csv, at: usize) -> bool {
    (0..csv.columns.len())
        .any(|other| other != at && bounds(csv, other).is_some_and(|both| both.contains(&at)))
}

fn cell(csv: &Csv, row: &[String], at: usize) -> Cell {
    let field = |at: usize| row.get(at).map_or("", String::as_str);
    let mut cell = Cell::of(field(at));
    if let Some([low, high]) = bounds(csv, at).map(|both| both.map(|at| Cell::of(field(at))))
        && low.value.is_some()
        && high.value.is_some()
    {
        cell.aside = format!("[{}, {}]", low.text, high.text);
    }
    cell
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_stand_behind_their_values_and_the_data_set_is_said_once() {
        let text = "method,accuracy,accuracy_low,accuracy_high,p,data_set\n\
            \"a, b\",0.4125,0.30,0.52,1.5e-9,x\nc,,,,1,x\n";
        let table = Table::of(&Csv::parse("measures.csv", text.as_bytes()).unwrap(), "Measures", "");
        let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names, ["method", "accuracy", "p"]);
        assert_eq!(
            table.columns.iter().map(|column| column.numeric).collect::<Vec<_>>(),
            [false, true, true]
        );
        let shown: Vec<(&str, &str)> =
            table.rows[0].iter().map(|cell| (cell.text.as_str(), cell.aside.as_str())).collect();
        assert_eq!(shown, [("a, b", ""), ("0.4125", "[0.3000, 0.5200]"), ("1.5e-9", "")]);
        assert_eq!(table.rows[1][1], Cell::text(""));
    }

    #[test]
    fn data_sets_that_differ_are_said_in_their_rows() {
        let csv = Csv::parse("sweep.csv", b"rate,data_set\n0.5,x\n0.25,y\n").unwrap();
        assert_eq!(Table::of(&csv, "", "").rows[1][1], Cell::text("y"));
    }

    #[test]
    fn plain_bounds_belong_to_the_column_before_them() {
        let csv = Csv::parse("rates.csv", b"emotion,rate,low,high\nfear,0.5,0.25,0.75\n").unwrap();
        let table = Table::of(&csv, "", "");
        assert_eq!(table.rows[0][1].aside, "[0.2500, 0.7500]");
        assert_eq!(table.columns.len(), 2);
    }

    #[test]
    fn numbers_are_shown_with_four_digits() {
        let shown = [0.0, 0.123_456, 12.345_678, 12_345.678, 1e-7, -0.5].map(short);
        assert_eq!(shown, ["0", "0.1235", "12.35", "12346", "1.0e-7", "-0.5000"]);
    }

    #[test]
    fn what_is_no_table_is_an_error_that_names_it() {
        let error = Csv::parse("fits.csv", b"a,b\n1,2,3,4\n").unwrap_err();
        assert!(error.to_string().contains("fits.csv"), "{error}");
    }
}
