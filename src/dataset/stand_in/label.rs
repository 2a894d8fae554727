//! Which emotion a code point evokes, by its words.
//!
//! A code point is labelled when its words name exactly one emotion. One that names two or more is dropped: the
//! rule by which the paper drops an image whose tags name two emotions.

use std::collections::BTreeMap;

use super::StandInError;
use crate::types::Emotion;

/// A code point sequence and what is said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Words {
    /// Lower-case hexadecimal code points joined by `-`, without variation selectors.
    pub sequence: String,
    /// Label, tags and keywords.
    pub phrases: Vec<String>,
}

/// The words that name each emotion.
pub(super) struct WordLists(Vec<(Emotion, Vec<String>)>);

impl WordLists {
    pub fn parse(text: &str) -> Result<Self, StandInError> {
        let lists: Result<BTreeMap<Emotion, Vec<String>>, _> = toml::from_str(text);
        let wrong = |reason: String| StandInError::List { name: "datasets/stand-in/emotions.toml", reason };
        let lists = lists.map_err(|error| wrong(error.to_string()))?;
        // Surrounded by blanks, a word is found only as a whole.
        let padded = |words: Vec<String>| words.iter().map(|word| plain(word)).collect();
        Ok(Self(lists.into_iter().map(|(emotion, words)| (emotion, padded(words))).collect()))
    }

    fn named_by(&self, words: &Words) -> Vec<Emotion> {
        let phrases: Vec<String> = words.phrases.iter().map(|phrase| plain(phrase)).collect();
        let names =
            |list: &[String]| list.iter().any(|word| phrases.iter().any(|phrase| phrase.contains(word)));
        self.0.iter().filter(|(_, list)| names(list)).map(|(emotion, _)| *emotion).collect()
    }
}

/// Emotion by code point sequence.
pub(super) fn label(all: &[Words], lists: &WordLists) -> BTreeMap<String, Emotion> {
    let one = |words: &Words| match lists.named_by(words).as_slice() {
        [only] => Some((words.sequence.clone(), *only)),
        _ => None,
    };
    all.iter().filter_map(one).collect()
}

/// Only lower-case letters, words set apart by one blank, and a blank at either end.
fn plain(phrase: &str) -> String {
    let lower = phrase.to_lowercase();
    let words = lower.split(|c: char| !c.is_ascii_lowercase()).filter(|word| !word.is_empty());
    words.fold(" ".to_owned(), |text, word| text + word + " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(sequence: &str, phrases: &[&str]) -> Words {
        Words {
            sequence: sequence.to_owned(),
            phrases: phrases.iter().map(|text| (*text).to_owned()).collect(),
        }
    }

    #[test]
    fn whole_words_label_and_two_emotions_drop() {
        let lists = WordLists::parse("fear = [\"scared\"]\nsadness = [\"sad\", \"broken heart\"]\n").unwrap();
        let all = [
            words("1", &["Scared-Face"]),
            words("2", &["saddle"]),
            words("3", &["sad", "scared"]),
            words("4", &["mending_broken_heart"]),
            words("5", &["broken", "heart"]),
        ];
        let labelled = label(&all, &lists);
        let expected = [("1", Emotion::Fear), ("4", Emotion::Sadness)];
        assert_eq!(labelled, expected.map(|(at, emotion)| (at.to_owned(), emotion)).into());
    }
}
