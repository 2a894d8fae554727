//! What a run's data set holds.

use serde::Serialize;

use super::table::{Cell, Column, Table};
use super::tested::Tested;
use crate::dataset::card::Card;
use crate::results::RunRecord;
use crate::stages::inspect::Manifest;
use crate::types::Emotion;

/// Bad images that are named; the results list all.
const NAMED: usize = 20;
/// Folds that have a column.
const FOLDS: usize = 20;

/// The data.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Data {
    /// Images per emotion: by the card, as found, tested in each fold.
    counts: Table,
    /// What else there is to say.
    notes: Vec<String>,
}

/// From what the run tested and, where the store still has it, from the list of usable images.
pub fn data(record: &RunRecord, tested: &Tested, manifest: Option<&Manifest>, card: Option<&Card>) -> Data {
    let mut columns = vec![("emotion".to_owned(), false)];
    let mut counts: Vec<[usize; 8]> = Vec::new();
    let mut add = |name: String, column: [usize; 8]| {
        columns.push((name, true));
        counts.push(column);
    };
    if let Some(card) = card.filter(|card| card.counts != [0; 8]) {
        add(format!("{} (card)", card.title), card.counts);
    }
    if let Some(manifest) = manifest {
        let found = if record.stand_in.is_some() { "stand-in images" } else { "found" };
        add(found.to_owned(), manifest.counts());
    }
    for (fold, column) in by_fold(tested).into_iter().enumerate() {
        add(format!("tested in fold {fold}"), column);
    }
    let rows = Emotion::ALL.into_iter().map(|emotion| {
        let cells = counts.iter().map(|column| Cell::count(column[emotion.index()]));
        [Cell::text(emotion.name())].into_iter().chain(cells).collect()
    });
    let sums = counts.iter().map(|column| Cell::count(column.iter().sum::<usize>()));
    let sum = [Cell::text("sum")].into_iter().chain(sums).collect();
    let columns = columns.into_iter().map(|(name, numeric)| Column { name, numeric });
    let counts = Table {
        caption: "Images per emotion".to_owned(),
        note: String::new(),
        columns: columns.collect(),
        rows: rows.collect(),
        foot: vec![sum],
    };
    Data { counts, notes: notes(manifest) }
}

/// Tested images per fold and emotion, as the first method saw them.
fn by_fold(tested: &Tested) -> Vec<[usize; 8]> {
    let mut folds: Vec<[usize; 8]> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for answer in tested.methods.first().iter().flat_map(|method| &method.answers) {
        // Under repeats an image is tested once in each; its first is counted.
        let fold = answer.fold as usize;
        if seen.insert(answer.image) && fold < FOLDS {
            if folds.len() <= fold {
                folds.resize(fold + 1, [0; 8]);
            }
            folds[fold][answer.label] += 1;
        }
    }
    folds
}

fn notes(manifest: Option<&Manifest>) -> Vec<String> {
    let Some(manifest) = manifest else {
        return vec![
            "The store holds the run's list of images no more; what is shown is what was tested.".to_owned(),
        ];
    };
    let mut notes = Vec::new();
    if !manifest.skipped.is_empty() {
        let (bad, listed) = (manifest.skipped.len(), manifest.listed);
        notes.push(format!("{bad} of {listed} listed files were left out as bad images:"));
        let named = manifest.skipped.iter().take(NAMED);
        notes.extend(named.map(|skipped| format!("{}: {}", skipped.path, skipped.reason)));
        if bad > NAMED {
            notes.push(format!("and {} more, in skipped.json.", bad - NAMED));
        }
    }
    notes
}
