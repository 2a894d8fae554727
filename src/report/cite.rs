//! Whom to cite, and under which terms images may be passed on.

use serde::Serialize;

use crate::dataset::card::Card;
use crate::results::RunRecord;

const PAPER: &str = "\
@inproceedings{you2016building,
  author    = {You, Quanzeng and Luo, Jiebo and Jin, Hailin and Yang, Jianchao},
  title     = {Building a Large Scale Dataset for Image Emotion Recognition: The Fine Print and The Benchmark},
  booktitle = {Proceedings of the Thirtieth AAAI Conference on Artificial Intelligence},
  year      = {2016}
}";

const NOTICE: &str = include_str!("../../NOTICE");

/// What a text that uses the run cites.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cite {
    /// `BibTeX` of the paper and of this program.
    bibtex: String,
    /// Of the data set.
    data_set: Vec<String>,
    /// Terms of the images.
    licence: String,
    /// Sources of the drawings, where they stand in for the data set.
    drawings: Option<&'static str>,
}

impl Cite {
    /// Terms of the images; empty where nothing is known of them.
    pub fn licence(&self) -> &str {
        &self.licence
    }
}

/// For a run on that data set.
pub fn cite(record: &RunRecord, card: Option<&Card>) -> Cite {
    let version = record.versions.get("emolab").map_or(env!("CARGO_PKG_VERSION"), String::as_str);
    let software = format!(
        "@software{{emolab,\n  title   = {{emolab: a declarative experiment runner for visual emotion research}},\n  \
         version = {{{version}}}\n}}"
    );
    let bibtex = format!("{PAPER}\n\n{software}");
    match &record.stand_in {
        Some(_) => Cite {
            bibtex,
            data_set: Vec::new(),
            licence: "The images are changed drawings of the sources below. Someone who publishes them names these \
                      sources; those made from the CC-BY-SA sets stay under CC-BY-SA-4.0."
                .to_owned(),
            drawings: Some(drawings()),
        },
        None => Cite {
            bibtex,
            data_set: card.map(|card| card.citation.clone()).unwrap_or_default(),
            licence: card.map(|card| card.licence.clone()).unwrap_or_default(),
            drawings: None,
        },
    }
}

/// The part of `NOTICE` about the drawings and the words that label them.
fn drawings() -> &'static str {
    let from = NOTICE.find("Drawings that").unwrap_or(0);
    let to = NOTICE.find("\nWeights\n").unwrap_or(NOTICE.len());
    NOTICE.get(from..to).unwrap_or(NOTICE).trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sources_of_the_drawings_are_those_of_the_notice_and_no_more() {
        let text = drawings();
        assert!(text.starts_with("Drawings that the stand-in images are made from"));
        for source in ["twemoji", "OpenMoji", "CC-BY-SA-4.0", "emojilib"] {
            assert!(text.contains(source), "{source}");
        }
        assert!(!text.contains("libtorch") && !text.contains("Weights"));
    }
}
