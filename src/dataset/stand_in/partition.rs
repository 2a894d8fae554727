//! Which code points are trained on and which are for cross validation: no group is in two corpora.
//!
//! The groups of an emotion are dealt out in the order of their codes: of six on which both keyword lists agree, three
//! go to the five-fold sets, two to the strong corpus and one to the weak one; of five that only one list names, two go
//! to the five-fold sets and three to the weak corpus. So every emotion is on every side.

use std::collections::{BTreeMap, HashMap};

use super::Corpus;
use super::code_point::CodePoint;
use crate::types::Emotion;

/// A code point that names one emotion.
#[derive(Debug)]
pub(super) struct Labelled {
    pub code_point: CodePoint,
    pub label: Emotion,
    /// Whether each keyword list by itself names it.
    pub agreed: bool,
}

const AGREED: [Corpus; 6] =
    [Corpus::FiveFold, Corpus::FiveFold, Corpus::Strong, Corpus::FiveFold, Corpus::Strong, Corpus::Weak];
const NAMED_BY_ONE: [Corpus; 5] =
    [Corpus::FiveFold, Corpus::Weak, Corpus::Weak, Corpus::FiveFold, Corpus::Weak];

/// The corpus of every group.
pub(super) fn partition(labelled: &[Labelled]) -> HashMap<String, Corpus> {
    // A group is agreed on if all its code points are.
    let mut groups: BTreeMap<(Emotion, &str), bool> = BTreeMap::new();
    for Labelled { code_point, label, agreed } in labelled {
        *groups.entry((*label, &code_point.group)).or_insert(true) &= agreed;
    }
    let mut dealt: HashMap<(Emotion, bool), usize> = HashMap::new();
    let mut corpora = HashMap::new();
    for ((label, group), agreed) in groups {
        let number = dealt.entry((label, agreed)).or_insert(0);
        let hands = if agreed { &AGREED[..] } else { &NAMED_BY_ONE };
        // A group of two labels, which a test refuses, would stay where it was put first.
        corpora.entry(group.to_owned()).or_insert(hands[*number % hands.len()]);
        *number += 1;
    }
    corpora
}
