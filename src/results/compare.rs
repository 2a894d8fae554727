//! Methods of finished runs against each other, from what their results folders hold.

use std::path::{Path, PathBuf};

use crate::fs;
use crate::metrics::comparison::{Comparison, compare};
use crate::stages::measure::Rights;
use crate::stages::predictions::{NamedPredictions, read_predictions_table};
use crate::types::Seed;

/// Images named in an error; the rest are counted.
const NAMED: usize = 5;

/// Why methods cannot be compared.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum CompareError {
    #[error("`{}` is no results folder: it has no readable `predictions.parquet` ({reason})", folder.display())]
    NoPredictions { folder: PathBuf, reason: String },
    #[error("`{}` has no method `{method}`; it has {}", folder.display(), known.join(", "))]
    NoMethod { folder: PathBuf, method: String, known: Vec<String> },
    #[error("{count} of the {both} images in both are labelled differently:{named}")]
    Labels { count: usize, both: usize, named: String },
    #[error(
        "no image is in both: the first has {first}, the second {second}, and images are matched by their names"
    )]
    NothingInBoth { first: usize, second: usize },
}

/// The answers of a results folder.
pub struct Answers {
    folder: PathBuf,
    methods: Vec<NamedPredictions>,
}

/// Two methods on the images that both answered.
#[derive(Clone, Debug)]
pub struct Matched {
    /// The second against the first.
    pub comparison: Comparison,
    /// Images that both answered.
    pub both: usize,
    /// Images that only the first, and only the second answered.
    pub alone: [usize; 2],
}

impl Answers {
    /// Reads a results folder.
    ///
    /// # Errors
    /// A folder without a readable `predictions.parquet`.
    pub fn read(folder: &Path) -> Result<Self, CompareError> {
        let missing = |reason: String| CompareError::NoPredictions { folder: folder.to_owned(), reason };
        let bytes = fs::read(&folder.join("predictions.parquet"));
        let bytes = bytes.map_err(|error| missing(error.source.to_string()))?;
        let methods = read_predictions_table(&bytes).map_err(|error| missing(error.to_string()))?;
        Ok(Self { folder: folder.to_owned(), methods })
    }

    /// Names of the methods, in their order.
    pub fn methods(&self) -> Vec<String> {
        self.methods.iter().map(|(name, _)| name.clone()).collect()
    }

    fn rights(&self, method: &str) -> Result<Rights<'_>, CompareError> {
        let found = self.methods.iter().find(|(name, _)| name == method);
        let (_, repeats) = found.ok_or_else(|| CompareError::NoMethod {
            folder: self.folder.clone(),
            method: method.to_owned(),
            known: self.methods().iter().map(|name| format!("`{name}`")).collect(),
        })?;
        Ok(Rights::of(repeats.iter().map(Vec::as_slice)))
    }
}

/// Compares a method of one results folder with one of another, or of the same; images are matched by name.
///
/// # Errors
/// A method that is not there, images that the two label differently, or no image in both.
pub fn compare_methods(
    (first, first_method): (&Answers, &str),
    (second, second_method): (&Answers, &str),
    seed: Seed,
) -> Result<Matched, CompareError> {
    let (first, second) = (first.rights(first_method)?, second.rights(second_method)?);
    let images = first.paired(&second);
    let disputed = first.disputed(&second);
    if !disputed.is_empty() {
        let named = disputed.iter().take(NAMED);
        let named = named.map(|(image, [one, other])| format!("\n  `{image}`: {one} and {other}")).collect();
        return Err(CompareError::Labels { count: disputed.len(), both: images.len(), named });
    }
    let nothing = || CompareError::NothingInBoth { first: first.count(), second: second.count() };
    let comparison = compare(&images, seed).ok_or_else(nothing)?;
    let alone = [first.count() - images.len(), second.count() - images.len()];
    Ok(Matched { comparison, both: images.len(), alone })
}
