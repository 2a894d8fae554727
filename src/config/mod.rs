//! The experiment file: layers of settings in, one checked [`Experiment`] out.
//!
//! Three passes, each with a type of its own. `layers` parses the files, environment variables and `--set`
//! arguments and lays them over each other (figment), remembering where each value came from. `section` and
//! `field` read settings out of the merged values, check type, range and name, and collect every problem. [`experiment`]
//! holds one function per table of the file, in which each setting is stated once: key, type, range, default and
//! description. The JSON schema and the resolved listing come from the same statements.

mod document;
mod embedding;
pub mod experiment;
mod field;
mod layers;
mod methods;
mod names;
mod problem;
mod schema;
mod section;
mod setting;
pub mod sweep;
mod tables;
mod training;
mod training_layers;

use std::path::{Path, PathBuf};

pub use experiment::Experiment;
pub use layers::Overrides;
pub use problem::Problem;
pub use schema::schema;
pub use setting::{Setting, Shown};
pub use sweep::Sweep;

use crate::fs;

/// A checked experiment and where each of its settings came from.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// What will run; of a sweep the first point.
    pub experiment: Experiment,
    /// Every point of it, if it is a sweep.
    pub sweep: Option<Sweep>,
    /// Every setting with its value and origin, in the order of the file's tables.
    pub settings: Vec<Setting>,
    /// The folder that relative paths in the file start from.
    pub project: PathBuf,
}

/// Loads, lays over and checks an experiment file.
///
/// # Errors
/// Every problem found, not only the first: at least one.
pub fn load(file: &Path, overrides: &Overrides) -> Result<Resolved, Vec<Problem>> {
    let layers = layers::gather(file, overrides)?;
    let reader = section::Reader::new(&layers);
    let experiment = tables::read(&reader);
    // What the experiment lacks, a sweep may bring; each point is checked as a whole.
    let missing = reader.take_problems();
    let stated = sweep::declare(&reader);
    let descriptions = reader.descriptions.borrow().clone();
    let (settings, mut problems) = reader.finish();
    let project = project_of(file);
    let Some(stated) = stated else {
        return if missing.is_empty() {
            Ok(Resolved { experiment, sweep: None, settings, project })
        } else {
            Err(missing)
        };
    };
    if !problems.is_empty() {
        problems.splice(0..0, missing);
        return Err(problems);
    }
    let sweep = sweep::points(&layers, stated, &descriptions)?;
    let experiment = sweep.points.first().map_or(experiment, |point| point.experiment.clone());
    Ok(Resolved { experiment, sweep: Some(sweep), settings, project })
}

/// The project an experiment file belongs to: the nearest folder above it that holds `.emolab` or `.git`;
/// else the folder above `experiments/`; else the file's own.
pub fn project_of(file: &Path) -> PathBuf {
    let absolute = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    let folder = absolute.parent().unwrap_or(Path::new("."));
    let marked =
        folder.ancestors().find(|folder| folder.join(".emolab").is_dir() || folder.join(".git").exists());
    let above_experiments = || folder.parent().filter(|_| folder.ends_with("experiments"));
    marked.or_else(above_experiments).unwrap_or(folder).to_owned()
}

/// The project that the current folder belongs to.
pub fn project_here() -> PathBuf {
    project_of(Path::new("experiment.toml"))
}

fn read_document(file: &Path) -> Result<String, Problem> {
    let refuse = |reason: &str| {
        let message = format!("cannot read the experiment file `{}`: {reason}", file.display());
        Problem::elsewhere(message, file.display())
    };
    let bytes = fs::read(file).map_err(|error| {
        if error.is_missing() { refuse("no such file") } else { refuse(&error.source.to_string()) }
    })?;
    let text = fs::utf8(&bytes).map_err(|line| refuse(&format!("it is not UTF-8 at line {line}")))?;
    Ok(text.to_owned())
}
