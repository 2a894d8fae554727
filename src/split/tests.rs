//! Properties of the splits.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::types::{Emotion, Seed};

const PAPER: Fractions = Fractions { train: 0.80, test: 0.15, validation: 0.05 };

fn names(groups: &[usize]) -> Vec<String> {
    groups.iter().map(|group| format!("group {group}")).collect()
}

/// One group per sample.
fn singletons(count: usize) -> Vec<String> {
    names(&(0..count).collect::<Vec<_>>())
}

/// `counts[i]` samples of the i-th emotion.
fn labels_of(counts: &[usize]) -> Vec<Emotion> {
    Emotion::ALL.into_iter().zip(counts).flat_map(|(label, &count)| vec![label; count]).collect()
}

fn count(labels: &[Emotion], places: &[u32], class: Emotion, place: u32) -> usize {
    labels.iter().zip(places).filter(|(label, at)| **label == class && **at == place).count()
}

/// Samples as (label, group), several to a group.
fn samples() -> impl Strategy<Value = Vec<(usize, usize)>> {
    prop::collection::vec((0usize..4, 0usize..40), 30..150)
}

fn columns(samples: &[(usize, usize)]) -> (Vec<Emotion>, Vec<String>) {
    let labels = samples.iter().map(|&(label, _)| Emotion::ALL[label]).collect();
    (labels, names(&samples.iter().map(|&(_, group)| group).collect::<Vec<_>>()))
}

proptest! {
    #[test]
    fn groups_stay_whole_and_every_class_is_trained(samples in samples(), stratified: bool, seed: u64) {
        let (labels, groups) = columns(&samples);
        let Ok(fold_of) = k_fold(&labels, &groups, 4, stratified, true, Seed(seed)) else {
            // With up to 40 groups only a rare class can make it impossible.
            let groups_of = |class: Emotion| {
                labels.iter().zip(&groups).filter(|(label, _)| **label == class).map(|(_, group)| group)
                    .collect::<BTreeSet<_>>().len()
            };
            prop_assert!(Emotion::ALL.into_iter().any(|class| (1..6).contains(&groups_of(class))));
            return Ok(());
        };
        prop_assert_eq!(fold_of.len(), labels.len());
        prop_assert!(fold_of.iter().all(|fold| *fold < 4));
        let mut home = BTreeMap::new();
        for (group, fold) in groups.iter().zip(&fold_of) {
            prop_assert_eq!(home.entry(group).or_insert(*fold), fold);
        }
        for label in &labels {
            let classes_folds: BTreeSet<_> =
                labels.iter().zip(&fold_of).filter(|(other, _)| *other == label).map(|(_, fold)| fold).collect();
            prop_assert!(classes_folds.len() > 1);
        }
    }

    #[test]
    fn single_samples_are_spread_evenly(
        counts in prop::collection::vec(5usize..60, 8), folds in 2usize..=5, grouped: bool, seed: u64,
    ) {
        let labels = labels_of(&counts);
        let groups = singletons(labels.len());
        let fold_of = k_fold(&labels, &groups, folds, true, grouped, Seed(seed)).unwrap();
        let spread = |sizes: Vec<usize>| sizes.iter().max().unwrap() - sizes.iter().min().unwrap();
        for class in Emotion::ALL {
            prop_assert!(spread((0..folds).map(|fold| count(&labels, &fold_of, class, fold as u32)).collect()) <= 1);
        }
        let size = |fold: usize| fold_of.iter().filter(|at| **at == fold as u32).count();
        prop_assert!(spread((0..folds).map(size).collect()) <= 1);
    }

    #[test]
    fn holdout_parts_are_within_one_of_their_share(
        counts in prop::collection::vec(20usize..200, 8), stratified: bool, seed: u64,
    ) {
        let labels = labels_of(&counts);
        let part_of = holdout(&labels, &singletons(labels.len()), PAPER, stratified, false, Seed(seed)).unwrap();
        for (part, share) in Part::ALL.into_iter().zip([0.80, 0.15, 0.05]) {
            let held = |class: Option<Emotion>| {
                labels.iter().zip(&part_of)
                    .filter(|(label, at)| **at == part && class.is_none_or(|class| class == **label)).count() as f64
            };
            if stratified {
                for (class, count) in Emotion::ALL.into_iter().zip(&counts) {
                    prop_assert!((held(Some(class)) - share * *count as f64).abs() <= 1.0);
                }
            } else {
                prop_assert!((held(None) - share * labels.len() as f64).abs() <= 1.0);
            }
        }
    }

    #[test]
    fn permuting_the_rows_permutes_the_answer(
        samples in samples().prop_shuffle(), rotate in 0usize..30, stratified: bool, seed: u64,
    ) {
        let (labels, groups) = columns(&samples);
        let before = k_fold(&labels, &groups, 3, stratified, true, Seed(seed));
        let mut moved: Vec<usize> = (0..labels.len()).rev().collect();
        moved.rotate_left(rotate);
        let labels: Vec<_> = moved.iter().map(|&row| labels[row]).collect();
        let groups: Vec<_> = moved.iter().map(|&row| groups[row].clone()).collect();
        let after = k_fold(&labels, &groups, 3, stratified, true, Seed(seed));
        prop_assert_eq!(after, before.map(|fold_of| moved.iter().map(|&row| fold_of[row]).collect::<Vec<_>>()));
    }

    #[test]
    fn another_seed_gives_another_split(seed: u64, stratified: bool, grouped: bool) {
        let labels = labels_of(&[20; 8]);
        let groups = singletons(labels.len());
        let split = |seed| k_fold(&labels, &groups, 5, stratified, grouped, Seed(seed)).unwrap();
        prop_assert_eq!(split(seed), split(seed));
        prop_assert_ne!(split(seed), split(seed.wrapping_add(1)));
    }
}

#[test]
fn groups_are_balanced_as_well_as_can_be_when_they_fit() {
    // 40 groups of 3 (two classes each) and 20 of 6: eight and four to a fold.
    let mut samples = Vec::new();
    for group in 0..40 {
        samples.extend([(group % 2, group), (group % 2, group), (2, group)]);
    }
    for group in 40..60 {
        samples.extend([(0, group), (1, group), (2, group), (0, group), (1, group), (2, group)]);
    }
    let (labels, groups) = columns(&samples);
    let fold_of = k_fold(&labels, &groups, 5, true, true, Seed(2016)).unwrap();
    for class in Emotion::ALL.into_iter().take(3) {
        for fold in 0..5 {
            assert_eq!(count(&labels, &fold_of, class, fold), 16, "{class} in fold {fold}");
        }
    }
}

#[test]
fn a_split_of_ungrouped_samples_ignores_the_group() {
    let labels = labels_of(&[30, 30]);
    let fold_of = k_fold(&labels, &vec!["same".to_owned(); 60], 5, true, false, Seed(1)).unwrap();
    for fold in 0..5 {
        assert_eq!(count(&labels, &fold_of, Emotion::Amusement, fold), 6);
    }
}

/// The order must never change: every cached result of every project hangs on it.
#[test]
fn the_split_of_a_seed_is_fixed_for_good() {
    let labels = labels_of(&[6, 6]);
    let fold_of = k_fold(&labels, &singletons(12), 3, true, true, Seed(2016)).unwrap();
    assert_eq!(fold_of, FIXED_K_FOLD);
    let part_of = holdout(
        &labels,
        &singletons(12),
        Fractions { train: 0.5, test: 0.5, validation: 0.0 },
        true,
        true,
        Seed(2016),
    )
    .unwrap();
    let trained: Vec<usize> = (0..12).filter(|&row| part_of[row] == Part::Train).collect();
    assert_eq!(trained, FIXED_TRAINING_PART);
}

const FIXED_K_FOLD: [u32; 12] = [1, 2, 1, 0, 2, 0, 1, 0, 2, 0, 1, 2];
const FIXED_TRAINING_PART: [usize; 6] = [0, 1, 5, 7, 8, 11];

#[test]
fn impossible_splits_are_errors_that_name_the_class() {
    let fold = |counts: &[usize], folds, stratified, grouped, groups: Option<Vec<String>>| {
        let labels = labels_of(counts);
        let groups = groups.unwrap_or_else(|| singletons(labels.len()));
        k_fold(&labels, &groups, folds, stratified, grouped, Seed(1)).unwrap_err()
    };
    assert_eq!(fold(&[], 5, true, true, None), SplitError::Empty);
    assert_eq!(fold(&[9], 1, true, true, None), SplitError::TooFewFolds { folds: 1 });
    assert_eq!(fold(&[2], 2, true, true, Some(vec![])), SplitError::Lengths { labels: 2, groups: 0 });
    assert_eq!(
        fold(&[2, 1], 5, false, false, None),
        SplitError::TooFewUnits { units: "samples", count: 3, folds: 5 }
    );
    assert_eq!(
        fold(&[9, 3], 5, true, false, None).to_string(),
        "`anger` has 3 samples, fewer than the 5 folds it must be spread over"
    );
    // Six of anger in two groups.
    let groups: Vec<usize> = (0..10).chain([20, 20, 20, 21, 21, 21]).collect();
    assert_eq!(
        fold(&[10, 6], 5, true, true, Some(names(&groups))).to_string(),
        "`anger` has 2 groups, fewer than the 5 folds it must be spread over"
    );
    let groups: Vec<usize> = (0..10).chain([20, 20, 20]).collect();
    assert!(matches!(
        fold(&[10, 3], 5, false, true, Some(names(&groups))),
        SplitError::ClassNotTrained { class: Emotion::Anger, count: 3, .. }
    ));
}

#[test]
fn impossible_holdouts_are_errors_that_name_the_part() {
    let hold = |counts: &[usize], fractions, stratified| {
        let labels = labels_of(counts);
        holdout(&labels, &singletons(labels.len()), fractions, stratified, true, Seed(1)).unwrap_err()
    };
    let with = |train, test, validation| Fractions { train, test, validation };
    assert_eq!(
        hold(&[9], with(1.2, -0.2, 0.0), true),
        SplitError::FractionRange { part: "train", value: 1.2 }
    );
    assert!(matches!(hold(&[9], with(f64::NAN, 0.5, 0.5), true), SplitError::FractionRange { .. }));
    assert_eq!(hold(&[9], with(0.0, 0.9, 0.1), true), SplitError::FractionZero { part: "train" });
    assert_eq!(hold(&[9], with(0.5, 0.25, 0.0), true), SplitError::FractionSum { sum: 0.75 });
    assert_eq!(hold(&[2], PAPER, false), SplitError::EmptyPart { part: "test", units: "groups", count: 2 });
    assert_eq!(
        hold(&[40, 3], PAPER, true),
        SplitError::ClassNotInPart { class: Emotion::Anger, part: "test", count: 3 }
    );
}

#[test]
fn folds_select_rows_and_leave_out_what_has_no_place() {
    let all = ndarray::arr2(&[[0.0], [1.0], [2.0], [3.0]]);
    let fold_of = [Some(0), None, Some(1), Some(0)];
    let fold = Fold::of_k_fold(&fold_of, 0).unwrap();
    assert_eq!(fold.test_rows(all.view()).unwrap().get(), &ndarray::arr2(&[[0.0], [3.0]]));
    assert_eq!(fold.train_rows(all.view()).unwrap().get(), &ndarray::arr2(&[[2.0]]));
    assert_eq!(fold.leaking_rows(all.view()).unwrap().get(), &ndarray::arr2(&[[0.0], [2.0], [3.0]]));
    assert_eq!(fold.train_of(&["a", "b", "c", "d"]).unwrap().get(), &["c"]);
    assert_eq!(fold.test_of(&["a", "b"]).unwrap_err(), SplitError::Rows { split: 4, rows: 2 });
    assert_eq!(Fold::of_k_fold(&fold_of, 7).unwrap_err(), SplitError::EmptySide { fold: 7, side: "test" });
    let parts = [Some(Part::Train), Some(Part::Validation), Some(Part::Test), None];
    let fold = Fold::of_holdout(&parts).unwrap();
    assert_eq!((fold.train(), fold.test()), (&[0][..], &[2][..]));
}
