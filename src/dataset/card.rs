//! Data set cards: what a set holds, whom to cite, what its licence is and how to get it.
//!
//! A card is a TOML file in the project's `datasets/`; those of the paper's sets are built in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::fs;
use crate::types::Emotion;

const BUILT_IN: [(&str, &str); 5] = [
    ("abstract", include_str!("../../datasets/abstract.toml")),
    ("artphoto", include_str!("../../datasets/artphoto.toml")),
    ("fi", include_str!("../../datasets/fi.toml")),
    ("fi-weak", include_str!("../../datasets/fi-weak.toml")),
    ("iaps-subset", include_str!("../../datasets/iaps-subset.toml")),
];

/// A data set's card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// As figures and messages call the set.
    pub title: String,
    /// Images per emotion, in the paper's order.
    pub counts: [usize; 8],
    /// Whom to cite.
    pub citation: Vec<String>,
    /// What may be done with the images.
    pub licence: String,
    /// How to get them and where to put them.
    pub how_to_get: String,
}

/// A class with another number of images than the card says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The class.
    pub emotion: Emotion,
    /// The card's number.
    pub expected: usize,
    /// The number found.
    pub found: usize,
}

/// What is wrong with a card.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum CardError {
    #[error("the data set card `{}` cannot be read: {source}", path.display())]
    Unreadable { path: PathBuf, source: fs::FsError },
    #[error("the data set card `{}` is wrong:\n{}", path.display(), source.to_string().trim_end())]
    Wrong { path: PathBuf, source: Box<toml::de::Error> },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCard {
    title: String,
    #[serde(default)]
    counts: BTreeMap<Emotion, usize>,
    #[serde(default)]
    citation: Vec<String>,
    #[serde(default)]
    licence: String,
    #[serde(default)]
    how_to_get: String,
}

/// The card of a data set: the project's own in `folder` if there is one, else the one built in.
///
/// # Errors
/// The project's card cannot be read or is no card.
pub fn find(name: &str, folder: Option<&Path>) -> Result<Option<Card>, CardError> {
    let own = folder.map(|folder| folder.join(format!("{name}.toml"))).filter(|path| path.is_file());
    if let Some(path) = own {
        let text =
            fs::read_text(&path).map_err(|source| CardError::Unreadable { path: path.clone(), source })?;
        return parse(&text).map(Some).map_err(|source| CardError::Wrong { path, source: Box::new(source) });
    }
    let built_in = BUILT_IN.iter().find(|(known, _)| *known == name);
    // The built-in cards are parsed in a test.
    Ok(built_in.and_then(|(_, text)| parse(text).ok()))
}

fn parse(text: &str) -> Result<Card, toml::de::Error> {
    let RawCard { title, counts, citation, licence, how_to_get } = toml::from_str(text)?;
    let counts = Emotion::ALL.map(|emotion| counts.get(&emotion).copied().unwrap_or(0));
    Ok(Card { title, counts, citation, licence, how_to_get: how_to_get.trim().to_owned() })
}

impl Card {
    /// Classes whose number of images is another than the card's; none for a card without counts.
    pub fn differences(&self, found: &[usize; 8]) -> Vec<Difference> {
        if self.counts == [0; 8] {
            return Vec::new();
        }
        let pairs = Emotion::ALL.into_iter().map(|emotion| Difference {
            emotion,
            expected: self.counts[emotion.index()],
            found: found[emotion.index()],
        });
        pairs.filter(|difference| difference.expected != difference.found).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_cards_hold_tables_1_and_2() {
        let sums = [("iaps-subset", 395), ("artphoto", 806), ("abstract", 228)];
        let mut total = [0; 8];
        for (name, sum) in sums {
            let card = find(name, None).unwrap().unwrap();
            assert_eq!(card.counts.iter().sum::<usize>(), sum, "{name}");
            assert!(!card.citation.is_empty() && !card.licence.is_empty() && !card.how_to_get.is_empty());
            total.iter_mut().zip(card.counts).for_each(|(total, count)| *total += count);
        }
        assert_eq!(total, [163, 88, 171, 196, 162, 196, 193, 260], "the last row of Table 1");
        let fi = find("fi", None).unwrap().unwrap();
        assert_eq!(fi.counts.iter().sum::<usize>(), 23_308, "the sum of Table 2");
        assert_eq!(find("emotion-6", None).unwrap(), None);
    }

    #[test]
    fn a_projects_own_card_wins_and_a_wrong_one_is_told_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("artphoto.toml");
        std::fs::write(&path, "title = \"Mine\"\n[counts]\nfear = 2\n").unwrap();
        let card = find("artphoto", Some(folder.path())).unwrap().unwrap();
        let mut found = [0; 8];
        found[Emotion::Fear.index()] = 3;
        let difference = Difference { emotion: Emotion::Fear, expected: 2, found: 3 };
        assert_eq!((card.title.as_str(), card.differences(&found)), ("Mine", vec![difference]));

        std::fs::write(&path, "title = \"Mine\"\n[counts]\njoy = 2\n").unwrap();
        let error = find("artphoto", Some(folder.path())).unwrap_err().to_string();
        assert!(
            error.contains("artphoto.toml") && error.contains("line 3") && error.contains("joy"),
            "{error}"
        );
    }
}
