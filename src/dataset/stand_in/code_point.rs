//! What two independent keyword sources, emojibase and emojilib, say about each emoji.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::StandInError;
use super::label::whole_words;
use super::package;

/// Joins the parts of one emoji, as in man + rocket = astronaut.
const JOINER: u32 = 0x200d;
/// Emojibase's groups of signs rather than pictures: components, symbols, flags.
const SIGNS: [u32; 3] = [2, 8, 9];

/// An emoji without a chosen skin tone, and the words that its sources give it.
#[derive(Debug)]
pub(super) struct CodePoint {
    /// Lower-case hexadecimal parts joined by `-`, without variation selectors: `1f9d1-200d-1f680`.
    pub code: String,
    /// [`CodePoint::code`] without gender and direction: near-duplicates have one group.
    pub group: String,
    /// Names under which a style may file it, best first, words joined by `-`.
    pub names: Vec<String>,
    /// The whole words of emojibase's label and tags.
    pub emojibase: BTreeSet<String>,
    /// The whole words of emojilib's keywords.
    pub emojilib: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Entry {
    label: String,
    hexcode: String,
    emoji: String,
    #[serde(default)]
    tags: Vec<String>,
    group: Option<u32>,
}

/// The files that [`read`] reads.
pub(super) fn sources(packages: &Path) -> [PathBuf; 2] {
    [packages.join("emojibase-data/en/data.json"), packages.join("emojilib/dist/emoji-en-US.json")]
}

/// Every pictorial emoji, in the order of the standard.
pub(super) fn read(packages: &Path) -> Result<Vec<CodePoint>, StandInError> {
    let [emojibase, emojilib] = sources(packages);
    let (entries, keywords) = (package::read(&emojibase)?, package::read(&emojilib)?);
    let entries: Vec<Entry> = package::parse(&emojibase, &entries)?;
    let keywords: HashMap<String, Vec<String>> = package::parse(&emojilib, &keywords)?;
    let keywords: HashMap<String, Vec<String>> =
        keywords.into_iter().map(|(emoji, words)| (without_selectors(&emoji), words)).collect();
    Ok(entries
        .into_iter()
        .filter(|entry| entry.group.is_some_and(|group| !SIGNS.contains(&group)))
        .map(|entry| {
            let keywords = keywords.get(&without_selectors(&entry.emoji)).map_or(&[][..], Vec::as_slice);
            let words = |texts: &mut dyn Iterator<Item = &String>| -> BTreeSet<String> {
                texts.flat_map(|text| whole_words(text)).collect()
            };
            CodePoint {
                code: code(&entry.hexcode),
                group: group(&entry.hexcode),
                names: std::iter::once(&entry.label).chain(keywords.first()).map(|name| slug(name)).collect(),
                emojibase: words(&mut std::iter::once(&entry.label).chain(&entry.tags)),
                emojilib: words(&mut keywords.iter()),
            }
        })
        .collect())
}

fn without_selectors(emoji: &str) -> String {
    emoji.replace('\u{fe0f}', "")
}

fn slug(text: &str) -> String {
    whole_words(text).collect::<Vec<_>>().join("-")
}

/// `2639-FE0F` becomes `2639`.
pub(super) fn code(hexcode: &str) -> String {
    let parts = hexcode.split('-').map(str::to_lowercase).filter(|part| part != "fe0f");
    parts.collect::<Vec<_>>().join("-")
}

/// The code of the person, thing or face that is drawn, whatever its skin, gender or direction.
fn group(hexcode: &str) -> String {
    let mut parts = Vec::new();
    for part in code(hexcode).split('-') {
        match u32::from_str_radix(part, 16) {
            // Skin tones, female and male sign, arrow to the right, and the joiner before them.
            Ok(0x1f3fb..=0x1f3ff | 0x2640 | 0x2642 | 0x27a1 | JOINER) => {}
            // Man and woman become person.
            Ok(0x1f468 | 0x1f469) => parts.push("1f9d1".to_owned()),
            _ => parts.push(part.to_owned()),
        }
    }
    parts.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_duplicates_share_a_group() {
        assert_eq!(group("1F926"), "1f926");
        assert_eq!(group("1F926-1F3FD-200D-2642-FE0F"), "1f926");
        assert_eq!(group("1F468-200D-1F680"), group("1F9D1-1F3FB-200D-1F680"));
        assert_eq!(group("1F3C3-200D-2640-FE0F-200D-27A1-FE0F"), "1f3c3");
        assert_ne!(group("1F622"), group("1F62D"));
        assert_eq!(code("2639-FE0F"), "2639");
    }

    #[test]
    fn names_are_slugs() {
        assert_eq!(slug("rescue worker’s helmet"), "rescue-worker-s-helmet");
        assert_eq!(slug("see_no_evil: monkey"), "see-no-evil-monkey");
    }
}
