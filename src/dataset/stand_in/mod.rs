//! Images with an emotional meaning that anyone may have: a stand-in for the paper's licensed sets.
//!
//! Emoji, drawn by seven houses in ten styles. Two independent keyword lists say what each one means; one that
//! names exactly one of the eight emotions gets that label ([`word_lists`]), one that names two or more is
//! dropped, as the paper drops images whose tags disagree. Three sets are for cross validation; each has styles of
//! its own and no house draws for two of them, so that they share meanings but no pictures, as the paper's do. Two
//! more are to train networks on, and share no code point with the three or with each other. Drawings of one code
//! point share a group: cross validation that separates groups never tests on an emoji that it has trained on.
//!
//! The images are a function of the installed packages ([`sources`]), the word lists, the size and
//! [`RENDERER`]; never of the number of threads.

mod code_point;
mod draw;
mod error;
mod label;
mod package;
mod partition;
mod picture;
mod style;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use draw::draw;
pub use error::StandInError;

use crate::types::Emotion;

/// What shapes the bytes besides the packages: the crates that draw and encode, and the version of our part.
pub const RENDERER: &str = "resvg 0.49, image 0.25, drawing 2";

/// The style whose names for the code points serve the styles that have none of their own.
const NAMING_STYLE: &str = "noto";

/// One of the sets; each stands in for one of the paper's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StandInSet {
    /// For the IAPS-Subset.
    IapsSubset,
    /// For the abstract paintings.
    Abstract,
    /// For ArtPhoto. In configurations `artphoto`, like its card.
    #[serde(rename = "artphoto")]
    ArtPhoto,
    /// For FI: strong labels, on which both keyword lists agree.
    Fi,
    /// For the images that were found by an emotion's name and not verified: weak labels.
    FiWeak,
}

/// Which sets share code points. Those of different corpora never do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Corpus {
    /// The three small sets, for cross validation.
    FiveFold,
    /// To train on, with labels that both keyword lists give.
    Strong,
    /// To train on, with labels that either keyword list gives.
    Weak,
}

impl StandInSet {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::IapsSubset, Self::Abstract, Self::ArtPhoto, Self::Fi, Self::FiWeak];

    /// The set that stands in for the data set of that card.
    pub fn of_card(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|set| set.card() == name)
    }

    /// The name of the card that the set stands in for.
    pub const fn card(self) -> &'static str {
        match self {
            Self::IapsSubset => "iaps-subset",
            Self::Abstract => "abstract",
            Self::ArtPhoto => "artphoto",
            Self::Fi => "fi",
            Self::FiWeak => "fi-weak",
        }
    }

    /// Whose code points it draws.
    pub const fn corpus(self) -> Corpus {
        match self {
            Self::IapsSubset | Self::Abstract | Self::ArtPhoto => Corpus::FiveFold,
            Self::Fi => Corpus::Strong,
            Self::FiWeak => Corpus::Weak,
        }
    }

    /// The icon sets that draw it; no house draws for two of the five-fold sets, no style for both training corpora.
    pub const fn styles(self) -> &'static [&'static str] {
        match self {
            Self::IapsSubset => &["fluent-emoji", "fluent-emoji-flat", "twemoji"],
            Self::Abstract => &["emojione", "emojione-v1", "fxemoji", "streamline-emojis"],
            Self::ArtPhoto => &["noto", "noto-v1", "openmoji"],
            Self::Fi => &["emojione", "fluent-emoji", "fxemoji", "noto", "openmoji"],
            Self::FiWeak => &["emojione-v1", "fluent-emoji-flat", "noto-v1", "streamline-emojis", "twemoji"],
        }
    }
}

/// The images of a set and what is known about them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandIn {
    /// Sorted by name.
    pub drawings: Vec<Drawing>,
    /// What could not be used, sorted by name.
    pub left_out: Vec<LeftOut>,
    /// Who drew, in the order of [`StandInSet::styles`].
    pub attributions: Vec<Attribution>,
}

/// One image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawing {
    /// A relative path, `sadness/noto-1f622.png`.
    pub name: String,
    /// The only emotion that its keywords name.
    pub label: Emotion,
    /// The code point without gender, direction and skin tone: what near-duplicates share.
    pub group: String,
    /// An RGB PNG file.
    pub png: Vec<u8>,
}

/// A drawing that is not in the set, or a code point whose words contradict each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// The path that the drawing would have, or a bare code such as `1f605`.
    pub name: String,
    /// A predicate: `is blank`, `names contentment and sadness`.
    pub reason: String,
}

/// Whose drawings they are and on what terms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribution {
    /// Name of the icon set, `fluent-emoji`.
    pub style: String,
    /// Its name for people, `Fluent Emoji`.
    pub title: String,
    /// Who drew.
    pub author: String,
    /// Where the author publishes.
    pub author_url: String,
    /// SPDX identifier.
    pub licence: String,
    /// The licence's text.
    pub licence_url: String,
}

/// Every installed file whose bytes decide the drawings of `set`, sorted; a missing one is an error.
pub fn sources(packages: &Path, set: StandInSet) -> Result<Vec<PathBuf>, StandInError> {
    let mut files = code_point::sources(packages).to_vec();
    files.push(style::names_source(packages, NAMING_STYLE));
    files.extend(set.styles().iter().flat_map(|style| style::sources(packages, style)));
    files.sort();
    files.dedup();
    match files.iter().find(|file| !file.is_file()) {
        Some(file) => Err(StandInError::MissingPackage { file: file.clone() }),
        None => Ok(files),
    }
}

/// The style of the drawing of that name, `sadness/noto-1f622.png`.
pub fn style_of(name: &str) -> Option<&'static str> {
    let file = name.rsplit('/').next()?;
    let styles = StandInSet::ALL.into_iter().flat_map(StandInSet::styles);
    // `fluent-emoji-flat` begins as `fluent-emoji` does; a code follows the style.
    let is_style = |style: &&&str| file.strip_prefix(**style).is_some_and(|rest| rest.starts_with('-'));
    styles.filter(is_style).max_by_key(|style| style.len()).copied()
}

/// The text of `datasets/stand-in/emotions.toml`: which words name which emotion.
pub const fn word_lists() -> &'static str {
    label::WORD_LISTS
}
