//! Reads the keyword sources and icon sets as their npm packages lay them out.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::StandInError;
use super::label::Words;
use crate::fs;
use crate::types::Emotion;

const LABELS: &str = "emojibase-data/en/data.json";
const KEYWORDS: &str = "emojilib/dist/emoji-en-US.json";
/// The set whose names of code points fit the sets that name none.
const NAMING: &str = "noto";
/// emojibase's number of the group of flags.
const FLAGS: u32 = 9;

/// A drawing before it is drawn.
pub(super) struct Sketch {
    pub name: String,
    pub label: Emotion,
    pub group: String,
    pub svg: String,
}

#[derive(Deserialize)]
struct Labelled {
    label: String,
    hexcode: String,
    emoji: String,
    #[serde(default)]
    tags: Vec<String>,
    group: Option<u32>,
}

#[derive(Deserialize)]
struct IconSet {
    icons: HashMap<String, Icon>,
    #[serde(default)]
    aliases: HashMap<String, Alias>,
    width: Option<f64>,
    height: Option<f64>,
}

#[derive(Deserialize)]
struct Icon {
    body: String,
    left: Option<f64>,
    top: Option<f64>,
    width: Option<f64>,
    height: Option<f64>,
}

#[derive(Deserialize)]
struct Alias {
    parent: String,
}

pub(super) fn files(packages: &Path, styles: &[String]) -> Vec<PathBuf> {
    let mut files = vec![packages.join(LABELS), packages.join(KEYWORDS), chars(packages, NAMING)];
    for style in styles {
        files.push(icons(packages, style));
        let chars = chars(packages, style);
        if chars.is_file() && !files.contains(&chars) {
            files.push(chars);
        }
    }
    files
}

/// Words of every code point sequence but flags.
pub(super) fn read_words(packages: &Path) -> Result<Vec<Words>, StandInError> {
    let labels: Vec<Labelled> = read(&packages.join(LABELS))?;
    let keywords: HashMap<String, Vec<String>> = read(&packages.join(KEYWORDS))?;
    let keywords: HashMap<String, Vec<String>> =
        keywords.into_iter().map(|(emoji, words)| (emoji.replace('\u{fe0f}', ""), words)).collect();
    let words = |entry: Labelled| {
        let keywords = keywords.get(&entry.emoji.replace('\u{fe0f}', "")).cloned().unwrap_or_default();
        let phrases = std::iter::once(entry.label).chain(entry.tags).chain(keywords).collect();
        Words { sequence: sequence(&entry.hexcode), phrases }
    };
    Ok(labels.into_iter().filter(|entry| entry.group != Some(FLAGS)).map(words).collect())
}

/// What a style draws of the labelled code points.
pub(super) fn sketches(
    packages: &Path,
    style: &str,
    labelled: &BTreeMap<String, Emotion>,
) -> Result<Vec<Sketch>, StandInError> {
    let set: IconSet = read(&icons(packages, style))?;
    let own = chars(packages, style);
    let mut names = if own.is_file() { read_names(&own)? } else { HashMap::new() };
    if names.is_empty() {
        names = read_names(&chars(packages, NAMING))?;
    }
    let mut sketches = Vec::new();
    for (sequence, label) in labelled {
        let Some(icon) = names.get(sequence).and_then(|name| set.find(name)) else { continue };
        let number = |value: Option<f64>, default: Option<f64>| value.or(default).unwrap_or(16.0);
        let (left, top) = (icon.left.unwrap_or(0.0), icon.top.unwrap_or(0.0));
        let (width, height) = (number(icon.width, set.width), number(icon.height, set.height));
        let svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\" \
             viewBox=\"{left} {top} {width} {height}\" width=\"{width}\" height=\"{height}\">{}</svg>",
            icon.body
        );
        sketches.push(Sketch {
            name: format!("{label}/{style}-{sequence}.png"),
            label: *label,
            group: group(sequence),
            svg,
        });
    }
    Ok(sketches)
}

impl IconSet {
    /// By name, through aliases, and as sets with names of their own write it: without hyphens, or numbered.
    fn find(&self, name: &str) -> Option<&Icon> {
        let (joined, numbered) = (name.replace('-', ""), format!("{name}-1"));
        [name, &joined, &numbered].into_iter().find_map(|name| {
            let parent = self.aliases.get(name).map_or(name, |alias| alias.parent.as_str());
            self.icons.get(parent)
        })
    }
}

fn read_names(path: &Path) -> Result<HashMap<String, String>, StandInError> {
    let chars: BTreeMap<String, String> = read(path)?;
    Ok(chars.into_iter().map(|(code, name)| (sequence(&code), name)).collect())
}

/// Lower-case code points without variation selectors.
fn sequence(code: &str) -> String {
    let lower = code.to_lowercase();
    lower.split('-').filter(|point| *point != "fe0f").collect::<Vec<_>>().join("-")
}

/// The base code point: skin tones, genders and other joined parts draw the same thing again.
fn group(sequence: &str) -> String {
    sequence.split('-').next().unwrap_or(sequence).to_owned()
}

fn icons(packages: &Path, style: &str) -> PathBuf {
    packages.join("@iconify-json").join(style).join("icons.json")
}

fn chars(packages: &Path, style: &str) -> PathBuf {
    packages.join("@iconify-json").join(style).join("chars.json")
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T, StandInError> {
    let bytes = fs::read(path).map_err(|_| StandInError::Missing { path: path.to_owned() })?;
    serde_json::from_slice(&bytes)
        .map_err(|error| StandInError::Damaged { path: path.to_owned(), reason: error.to_string() })
}
