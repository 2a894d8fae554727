//! The paper's figures and tables, collected in `results/paper`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::Format;
use super::finished::{Finished, missing, paper_folder};
use crate::cli::run::{announce, compute};
use crate::config::Experiment;
use crate::error::Error;
use crate::figures::{NEW_SET, OfDataSets, Origin, PaperFigure, SMALL_SETS};
use crate::fs;
use crate::plan::{DataSets, Places, plan_data_sets};
use crate::results;
use crate::stage::Files;

/// What was drawn, and what could not be.
pub(super) struct Drawn {
    pub files: Vec<PathBuf>,
    /// One line each.
    pub missing: Vec<String>,
}

/// Draws what can be drawn from the store's results; of runs nothing else is computed.
pub(super) fn draw(
    finished: &Finished<'_>,
    wanted: &[&PaperFigure],
    formats: &[Format],
) -> Result<Drawn, Error> {
    let mut drawn = Drawn { files: Vec::new(), missing: Vec::new() };
    let mut found = Files::new();
    let mut runs: BTreeMap<&str, Vec<&PaperFigure>> = BTreeMap::new();
    let mut of_data_sets: Vec<OfDataSets> = Vec::new();
    for figure in wanted {
        match figure.from {
            Origin::Run(file) => runs.entry(file).or_default().push(figure),
            Origin::DataSets(what) if of_data_sets.contains(&what) => {}
            Origin::DataSets(what) => of_data_sets.push(what),
        }
    }
    for (file, figures) in runs {
        match of_run(finished, file)? {
            Ok(files) => found.extend(files),
            Err(reason) => {
                let mut names: Vec<String> = figures.iter().map(|figure| figure.name()).collect();
                names.dedup();
                drawn.missing.push(reason.replace("NAMES", &names.join(", ")));
            }
        }
    }
    if !of_data_sets.is_empty() {
        match data_sets(finished, &of_data_sets) {
            Ok(files) => found.extend(files),
            // One of them lacks its data set: the others are drawn all the same.
            Err(Error::Plan(error)) if error.is_bad_input() => {
                for what in &of_data_sets {
                    match data_sets(finished, &[*what]) {
                        Ok(files) => found.extend(files),
                        Err(Error::Plan(error)) if error.is_bad_input() => {
                            drawn.missing.push(format!("{}: {error}", names_of(wanted, *what)));
                        }
                        Err(error) => return Err(error),
                    }
                }
            }
            Err(error) => return Err(error),
        }
    }
    let folder = paper_folder(finished.project);
    for figure in wanted {
        for stem in figure.files {
            for (name, bytes) in found.iter().filter(|(name, _)| belongs(name, stem, formats)) {
                let path = folder.join(name);
                if !drawn.files.contains(&path) {
                    fs::write_atomic(&path, bytes)?;
                    drawn.files.push(path);
                }
            }
        }
    }
    Ok(drawn)
}

/// What is drawn so.
fn names_of(wanted: &[&PaperFigure], what: OfDataSets) -> String {
    let is_drawn_so = |figure: &&&PaperFigure| matches!(figure.from, Origin::DataSets(own) if own == what);
    let mut names: Vec<String> = wanted.iter().filter(is_drawn_so).map(|figure| figure.name()).collect();
    names.dedup();
    names.join(", ")
}

/// Whether a file is `stem` in a format that is asked for; tables come in all of theirs.
fn belongs(name: &str, stem: &str, formats: &[Format]) -> bool {
    let Some(ending) = name.strip_prefix(stem).and_then(|rest| rest.strip_prefix('.')) else { return false };
    match ending {
        "csv" | "md" | "tex" => true,
        ending => formats.iter().any(|format| format.ending() == ending),
    }
}

/// The results of an experiment file; what is missing where it has none.
fn of_run(finished: &Finished<'_>, file: &str) -> Result<Result<Files, String>, Error> {
    if !finished.project.join(file).is_file() {
        return Ok(Err(format!("NAMES: drawn from `{file}`, which this project does not have")));
    }
    let written = match finished.redraw_file(file)? {
        Ok(written) => written,
        Err(stage) => return Ok(Err(missing("NAMES", &stage, file))),
    };
    let read = |name: &String| Ok((name.clone(), fs::read(&written.folder.join(name))?));
    written.files.iter().map(read).collect::<Result<_, Error>>().map(Ok)
}

/// What is drawn from data sets alone.
fn data_sets(finished: &Finished<'_>, wanted: &[OfDataSets]) -> Result<Files, Error> {
    let load = |file: &str| -> Result<Option<Experiment>, Error> {
        let path = finished.project.join(file);
        if path.is_file() { Ok(Some(finished.load(&path, &[])?.experiment)) } else { Ok(None) }
    };
    let new_set = load(NEW_SET)?;
    let small = SMALL_SETS.into_iter().map(load).collect::<Result<Vec<_>, _>>()?;
    let small: Vec<Experiment> = small.into_iter().flatten().collect();
    let sets = DataSets { new_set: new_set.as_ref(), small: &small };
    let store = finished.store();
    let planned = plan_data_sets(wanted, &sets, &store, &Places::of(finished.project))?;
    announce(&planned, finished.printer);
    let (_live, outcome) = compute("paper", &planned, &store, &finished.options(), finished.printer)?;
    let mut files = Files::new();
    for figure in &planned.figures {
        files.extend(results::artifact(figure.key(), &outcome, &store)?);
    }
    Ok(files)
}
