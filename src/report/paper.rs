//! What the paper states and shows beyond one run: its statements beside what runs found, and what is drawn from data
//! sets alone.

use std::path::Path;

use serde::Serialize;

use super::ReportError;
use super::figures::{Figure, figures};
use super::table::{Cell, Column, Table};
use super::tables::{ShownTable, tables};
use crate::figures::{FIGURES, FOLDER, Origin};
use crate::fs::Beneath;
use crate::parity::{self, FinishedRun, Verdict};

/// The paper's statements of which these runs say something; `None` where they say nothing.
pub(super) fn statements<'a>(runs: impl IntoIterator<Item = &'a FinishedRun>) -> Option<Table> {
    let judged = parity::compare(runs);
    let all = judged.len();
    let rows: Vec<Vec<Cell>> = judged
        .into_iter()
        .filter(|row| row.verdict != Verdict::NotRun)
        .map(|row| {
            let run = row.run.unwrap_or_default();
            let texts = [row.says.to_owned(), row.place.to_owned(), row.found, run, row.criterion];
            let [says, place, found, run, criterion] = texts.map(Cell::text);
            vec![says, place, found, run, criterion, Cell::text(row.verdict.words())]
        })
        .collect();
    let columns = ["the paper says", "where", "found", "run", "counts as the same", "verdict"];
    let column = |name: &str| Column { name: name.to_owned(), numeric: false };
    (!rows.is_empty()).then(|| Table {
        caption: "What the paper states beside what was found".to_owned(),
        note: if rows.len() < all {
            format!("{} of {all} statements; the others are about other experiments.", rows.len())
        } else {
            String::new()
        },
        columns: columns.map(column).to_vec(),
        rows,
        foot: Vec::new(),
    })
}

/// The paper's figures and tables that are drawn from data sets alone.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Paper {
    figures: Vec<Figure>,
    tables: Vec<ShownTable>,
}

impl Paper {
    /// Those that were drawn into `results/paper`; `None` where none was.
    ///
    /// # Errors
    /// A file there is not what its name says.
    pub fn read(results: &Beneath) -> Result<Option<Self>, ReportError> {
        let Ok(folder) = results.folder(FOLDER) else { return Ok(None) };
        let drawn = FIGURES.iter().filter(|figure| matches!(figure.from, Origin::DataSets(_)));
        let stems: Vec<&str> = drawn.flat_map(|figure| figure.files).copied().collect();
        let is_ours = |name: &String| {
            Path::new(name).file_stem().is_some_and(|stem| stems.iter().any(|one| stem == *one))
        };
        let names: Vec<String> = folder.files()?.0.into_iter().filter(is_ours).collect();
        // What lies beside a figure are its numbers, which it shows.
        let of_tables: Vec<String> = names.iter().filter(|name| name.starts_with("table")).cloned().collect();
        let found = Self { figures: figures(&folder, &names)?, tables: tables(&folder, &of_tables)?.0 };
        Ok((!found.figures.is_empty() || !found.tables.is_empty()).then_some(found))
    }
}
