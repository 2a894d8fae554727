//! The labelling rule: the emotion that a code point's words name.
//!
//! Exactly one emotion named is a label. Two or more are a conflict and the code point is dropped, as
//! You et al. (2016) drop an image whose tags name two different emotions.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Deserialize;

use super::StandInError;
use crate::types::Emotion;

/// The lists themselves, so that a change in them changes every key made from the drawings.
pub(super) const WORD_LISTS: &str = include_str!("../../../datasets/stand-in/emotions.toml");

/// What a set of words says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// No emotion is named.
    Nothing,
    /// Exactly one is named.
    One(Emotion),
    /// Two or more are named.
    Conflict(BTreeSet<Emotion>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lists {
    words: Vec<String>,
    elicitors: Vec<String>,
}

/// From a word to the emotion that it names.
pub(super) struct Labels(HashMap<String, Emotion>);

impl Labels {
    /// Reads `emotions.toml`; a word that stands under two emotions is an error.
    pub(super) fn parse(text: &str) -> Result<Self, StandInError> {
        let lists: BTreeMap<Emotion, Lists> = toml::from_str(text)?;
        let mut labels = HashMap::new();
        for (emotion, lists) in lists {
            for word in lists.words.into_iter().chain(lists.elicitors) {
                if let Some(first) = labels.insert(word.clone(), emotion).filter(|first| *first != emotion) {
                    return Err(StandInError::SharedWord { word, first, second: emotion });
                }
            }
        }
        Ok(Self(labels))
    }

    /// Applies the rule to the words of one code point.
    pub(super) fn verdict(&self, words: &BTreeSet<String>) -> Verdict {
        let named: BTreeSet<Emotion> = words.iter().filter_map(|word| self.0.get(word)).copied().collect();
        match (named.first(), named.len()) {
            (None, _) => Verdict::Nothing,
            (Some(&only), 1) => Verdict::One(only),
            _ => Verdict::Conflict(named),
        }
    }
}

/// The whole words of a label, tag or keyword, lower-cased; `see-no-evil_monkey` has four.
pub(super) fn whole_words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(text: &str) -> Verdict {
        Labels::parse(WORD_LISTS).unwrap().verdict(&whole_words(text).collect())
    }

    #[test]
    fn one_emotion_labels_and_two_conflict() {
        assert_eq!(verdict("Loudly SOBBING face, sad"), Verdict::One(Emotion::Sadness));
        assert_eq!(
            verdict("sad_but_relieved"),
            Verdict::Conflict([Emotion::Sadness, Emotion::Contentment].into_iter().collect())
        );
        assert_eq!(verdict("saddle, angrybird, awesome"), Verdict::Nothing);
    }

    #[test]
    fn every_emotion_has_its_own_name_and_synonyms() {
        let labels = Labels::parse(WORD_LISTS).unwrap();
        for emotion in Emotion::ALL {
            assert_eq!(labels.0.get(emotion.name()), Some(&emotion));
            assert!(labels.0.values().filter(|named| **named == emotion).count() >= 20, "{emotion}");
        }
        assert!(labels.0.keys().all(|word| whole_words(word).eq([word.clone()])));
    }

    #[test]
    fn a_word_of_two_emotions_is_refused() {
        let text =
            "[fear]\nwords = [\"eek\"]\nelicitors = []\n[disgust]\nwords = []\nelicitors = [\"eek\"]\n";
        assert!(matches!(
            Labels::parse(text),
            Err(StandInError::SharedWord { first: Emotion::Disgust, second: Emotion::Fear, .. })
        ));
    }
}
