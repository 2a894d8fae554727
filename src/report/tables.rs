//! Which of a run's tables the page shows, and what it says about each.

use std::path::Path;

use serde::Serialize;

use super::ReportError;
use super::table::{Csv, Table};
use crate::fs::Beneath;

/// What is said about a table.
struct Known {
    file: &'static str,
    caption: &'static str,
    note: &'static str,
    /// Whether it is seen without being opened.
    open: bool,
}

/// In the order of the page. Tables that are not named here come after these, by name.
const KNOWN: [Known; 18] = [
    Known {
        file: "measures.csv",
        caption: "Further measures by method",
        note: "Mean true positive rate and balanced accuracy are one number. In brackets: 95 % intervals, by bootstrap \
               over groups; that of the calibration error lies high, for each resample adds to the noise of its bins, and can \
               lie above the value.",
        open: true,
    },
    Known {
        file: "comparisons.csv",
        caption: "Pairs of methods on the same images",
        note: "McNemar's exact test, its p adjusted over the classes by Holm's method; paired bootstrap of the mean rate.",
        open: true,
    },
    Known {
        file: "repeats.csv",
        caption: "Spread over repeats of the cross validation",
        note: "Each repeat divides the images anew, by a seed of its own.",
        open: true,
    },
    Known {
        file: "leakage.csv",
        caption: "Images that are equal or nearly so",
        note: "Found before anything was fitted; the column of kinds says how near.",
        open: true,
    },
    Known {
        file: "best.csv",
        caption: "The best point of the sweep",
        note: "Chosen inside the training images, never on those that are tested.",
        open: true,
    },
    Known { file: "sweep.csv", caption: "Points of the sweep", note: "", open: false },
    Known {
        file: "inside.csv",
        caption: "How the points did inside the folds",
        note: "By cross validation inside the training images of each fold; fits, gap, iterations and support vectors are of \
               all machines there.",
        open: false,
    },
    Known {
        file: "penalties.csv",
        caption: "How the penalty C was chosen",
        note: "By cross validation inside the training images of each fold.",
        open: false,
    },
    Known {
        file: "fits.csv",
        caption: "Certificates of the support vector machines",
        note: "The relative gap between the primal and the dual objective bounds how far a fit is from the optimum.",
        open: false,
    },
    Known {
        file: "inside_fits.csv",
        caption: "Certificates of the machines that rated the points inside the folds",
        note: "",
        open: false,
    },
    Known {
        file: "penalty_fits.csv",
        caption: "Certificates of the machines that chose the penalty C",
        note: "",
        open: false,
    },
    Known { file: "training.csv", caption: "Training of the networks, by epoch", note: "", open: false },
    Known {
        file: "per_class_tpr.csv",
        caption: "True positive rates by fold",
        note: "Folds are counted from 0.",
        open: false,
    },
    Known {
        file: "confusion.csv",
        caption: "Confusion counts by fold",
        note: "Folds are counted from 0.",
        open: false,
    },
    Known {
        file: "table3.csv",
        caption: "Table 3: right answers and accuracy",
        note: "Beside the paper's own, which are CaffeNet's.",
        open: true,
    },
    Known { file: "table.csv", caption: "Right answers and accuracy", note: "", open: true },
    Known { file: "table1.csv", caption: "Table 1: images of the three small sets", note: "", open: true },
    Known {
        file: "table2.csv",
        caption: "Table 2: images of the new set, submitted to workers and labelled by them",
        note: "",
        open: true,
    },
];

/// A table and how it is shown.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ShownTable {
    /// Its file.
    pub file: String,
    /// Its content.
    pub table: Table,
    /// Whether it is seen without being opened.
    pub open: bool,
}

/// Every CSV file of a results folder, and those of others that cannot be read.
///
/// # Errors
/// One of emolab's own cannot be read.
pub fn tables(folder: &Beneath, names: &[String]) -> Result<(Vec<ShownTable>, Vec<String>), ReportError> {
    let place = |name: &str| KNOWN.iter().position(|known| known.file == name).unwrap_or(KNOWN.len());
    let mut files: Vec<&String> = names
        .iter()
        .filter(|name| Path::new(name).extension().is_some_and(|extension| extension == "csv"))
        .collect();
    files.sort_by_key(|name| (place(name), name.as_str()));
    let (mut tables, mut unreadable) = (Vec::new(), Vec::new());
    for file in files {
        let known = KNOWN.get(place(file));
        let csv = match Csv::parse(file, &folder.read(file)?) {
            Ok(csv) => csv,
            Err(_) if known.is_none() => {
                unreadable.push(file.clone());
                continue;
            }
            Err(error) => return Err(error),
        };
        let caption = known.map_or(file.as_str(), |known| known.caption);
        let table = Table::of(&csv, caption, known.map_or("", |known| known.note));
        let open = known.is_some_and(|known| known.open);
        tables.push(ShownTable { file: file.clone(), table, open });
    }
    // Those to be opened come last, so that what is seen is in one piece.
    tables.sort_by_key(|table| !table.open);
    Ok((tables, unreadable))
}
