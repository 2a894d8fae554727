//! Drawings that stand in for a data set that cannot be shipped.
//!
//! Emoji, drawn in several houses' styles and labelled by what two independent keyword sources say of the code
//! point. Real, small and imbalanced like the paper's sets, and nothing else like them: whatever is computed from
//! them says so. The three sets use disjoint styles; images of one code point are one group.

mod draw;
mod label;
mod packages;

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::types::Emotion;

/// What decides the bytes of a drawing besides its SVG.
pub const RENDERER: &str = "resvg 0.49, image 0.25.10, ours 1";

const WORDS: &str = include_str!("../../../datasets/stand-in/emotions.toml");
const STYLES: &str = include_str!("../../../datasets/stand-in/styles.toml");

/// Which data set is stood in for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum StandInSet {
    IapsSubset,
    Abstract,
    #[serde(rename = "artphoto")]
    ArtPhoto,
}

impl StandInSet {
    /// All three.
    pub const ALL: [Self; 3] = [Self::IapsSubset, Self::Abstract, Self::ArtPhoto];

    /// Name of the data set's card.
    pub const fn card(self) -> &'static str {
        match self {
            Self::IapsSubset => "iaps-subset",
            Self::Abstract => "abstract",
            Self::ArtPhoto => "artphoto",
        }
    }

    /// The set that stands in for the data set of that card.
    pub fn of_card(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|set| set.card() == name)
    }
}

/// One drawing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawing {
    /// `sadness/noto-1f622.png`.
    pub name: String,
    /// The one emotion that its words name.
    pub label: Emotion,
    /// Its code point without variants, `1f622`.
    pub group: String,
    /// RGB, 8 bit, on white.
    pub png: Vec<u8>,
}

/// A drawing that could not be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// As the drawing would have been called.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// A drawn set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StandIn {
    /// Sorted by name.
    pub drawings: Vec<Drawing>,
    /// Sorted by name.
    pub left_out: Vec<LeftOut>,
}

/// Why a set cannot be drawn.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum StandInError {
    #[error("the stand-in images are drawn from `{}`, which is not there; run `just setup`", path.display())]
    Missing { path: PathBuf },
    #[error("`{}` is damaged: {reason}; remove it and run `just setup`", path.display())]
    Damaged { path: PathBuf, reason: String },
    #[error("the list `{name}` is wrong: {reason}")]
    List { name: &'static str, reason: String },
    #[error("stopped")]
    Cancelled,
}

/// The lists that decide labels and styles; they belong into the key of whatever is drawn.
pub fn word_lists() -> String {
    format!("{WORDS}\n{STYLES}")
}

/// Every file whose bytes decide the drawings.
///
/// # Errors
/// One of them is not there.
pub fn sources(packages: &Path, set: StandInSet) -> Result<Vec<PathBuf>, StandInError> {
    let files = packages::files(packages, &styles(set)?);
    match files.iter().find(|path| !path.is_file()) {
        Some(path) => Err(StandInError::Missing { path: path.clone() }),
        None => Ok(files),
    }
}

/// Draws a set: `size` x `size` pixels each, sorted by name, the same bytes whatever the number of threads.
///
/// # Errors
/// A package is missing or damaged, or `cancelled` said so.
pub fn draw(
    packages: &Path,
    set: StandInSet,
    size: u32,
    progress: &(dyn Fn(usize, usize) + Sync),
    cancelled: &(dyn Fn() -> bool + Sync),
) -> Result<StandIn, StandInError> {
    let labelled = label::label(&packages::read_words(packages)?, &label::WordLists::parse(WORDS)?);
    let mut sketches = Vec::new();
    for style in styles(set)? {
        if cancelled() {
            return Err(StandInError::Cancelled);
        }
        sketches.extend(packages::sketches(packages, &style, &labelled)?);
    }
    sketches.sort_by(|a, b| a.name.cmp(&b.name));
    draw::draw_all(sketches, size, progress, cancelled)
}

fn styles(set: StandInSet) -> Result<Vec<String>, StandInError> {
    let wrong = |reason: String| StandInError::List { name: "datasets/stand-in/styles.toml", reason };
    let mut styles: std::collections::BTreeMap<String, Vec<String>> =
        toml::from_str(STYLES).map_err(|error| wrong(error.to_string()))?;
    styles.remove(set.card()).ok_or_else(|| wrong(format!("`{}` is missing", set.card())))
}

#[cfg(test)]
mod tests;
