//! Metrics counted by hand.

use proptest::prelude::*;

use super::*;
use crate::types::{Emotion, Seed};

const LABELS: [usize; 10] = [0, 0, 0, 0, 2, 2, 5, 5, 5, 7];
const PREDICTED: [usize; 10] = [0, 0, 0, 1, 2, 0, 7, 7, 7, 7];
const FOLDS: [u32; 10] = [0, 1, 0, 1, 0, 1, 0, 1, 0, 1];

fn emotions(indices: &[usize]) -> Vec<Emotion> {
    indices.iter().map(|&index| Emotion::ALL[index]).collect()
}

fn evaluation() -> Evaluation {
    Evaluation::of(&emotions(&LABELS), &emotions(&PREDICTED), &FOLDS, 2).unwrap()
}

#[test]
fn rates_are_those_counted_by_hand() {
    let pooled = evaluation().pooled();
    let rates = [Some(0.75), None, Some(0.5), None, None, Some(0.0), None, Some(1.0)];
    assert_eq!(true_positive_rate(&pooled), rates);
    assert_eq!(accuracy(&pooled), Some(0.5));
    assert_eq!(mean_true_positive_rate(&pooled), Some(0.5625));
    let rows = pooled.row_normalised();
    assert_eq!(rows[0], Some([0.75, 0.25, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]));
    assert_eq!(rows[1], None);
}

#[test]
fn folds_are_counted_apart() {
    let evaluation = evaluation();
    let [first, second] = evaluation.folds.as_slice() else { panic!("two folds") };
    assert_eq!(first.images(Emotion::Amusement), 2);
    assert_eq!(true_positive_rate(first)[0], Some(1.0));
    assert_eq!(true_positive_rate(second)[0], Some(0.5));
    assert_eq!(true_positive_rate(first)[7], None);
    assert_eq!((first.total(), second.total()), (5, 5));
}

#[test]
fn nothing_tested_is_no_rate() {
    let empty = ConfusionMatrix::default();
    assert_eq!(accuracy(&empty), None);
    assert_eq!(mean_true_positive_rate(&empty), None);
    assert_eq!(true_positive_rate(&empty), [None; 8]);
}

#[test]
fn lists_that_do_not_match_are_errors() {
    let (labels, predicted) = (emotions(&LABELS), emotions(&PREDICTED));
    assert_eq!(
        Evaluation::of(&labels, &predicted[1..], &FOLDS, 2),
        Err(EvaluationError::Lengths { labels: 10, predicted: 9, folds: 10 })
    );
    assert_eq!(
        Evaluation::of(&labels, &predicted, &FOLDS, 1),
        Err(EvaluationError::Fold { fold: 1, folds: 1 })
    );
}

proptest! {
    #[test]
    fn the_order_of_samples_does_not_matter(
        samples in prop::collection::vec((0usize..8, 0usize..8, 0u32..3), 0..100),
    ) {
        let evaluate = |samples: &[(usize, usize, u32)]| {
            let labels: Vec<Emotion> = samples.iter().map(|sample| Emotion::ALL[sample.0]).collect();
            let predicted: Vec<Emotion> = samples.iter().map(|sample| Emotion::ALL[sample.1]).collect();
            let folds: Vec<u32> = samples.iter().map(|sample| sample.2).collect();
            Evaluation::of(&labels, &predicted, &folds, 3).unwrap()
        };
        let mut sorted = samples.clone();
        sorted.sort_unstable();
        let evaluation = evaluate(&samples);
        prop_assert_eq!(&evaluation, &evaluate(&sorted));
        prop_assert_eq!(evaluation.pooled().total(), samples.len() as u64);
        let pairs = samples.iter().map(|sample| (Emotion::ALL[sample.0], Emotion::ALL[sample.1]));
        prop_assert_eq!(evaluation.pooled(), ConfusionMatrix::of(pairs));
    }
}

fn answers(samples: &[(usize, usize, usize)]) -> Vec<(Emotion, Emotion, String)> {
    let emotion = |at: usize| Emotion::ALL[at];
    samples
        .iter()
        .map(|&(label, predicted, group)| (emotion(label), emotion(predicted), group.to_string()))
        .collect()
}

fn measured(rows: &[(Emotion, Emotion, String)], repeats: usize, seed: u64) -> measures::Measures {
    let mut all = Vec::new();
    for repeat in 0..repeats {
        for (label, predicted, group) in rows {
            let mut scores = [Some(0.0); 8];
            scores[predicted.index()] = Some(1.0);
            let fold = (group.len() % 2) as u32;
            all.push(measures::Answer { repeat, fold, label: *label, predicted: *predicted, scores, group });
        }
    }
    measures::measure(&all, repeats, Seed(seed))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn intervals_ignore_row_order_and_repetition_and_hold_their_value(
        samples in prop::collection::vec((0usize..8, 0usize..8, 0usize..30), 1..80), seed: u64,
    ) {
        let rows = answers(&samples);
        let measures = measured(&rows, 1, seed);
        let mut reversed = rows.clone();
        reversed.reverse();
        // The sums of a sigmoid's fit round with the order; nothing else does.
        let exact = |measures: &measures::Measures| {
            let mut measures = *measures;
            measures.estimates[measures::Measure::CalibrationError as usize] = None;
            measures
        };
        prop_assert_eq!(exact(&measures), exact(&measured(&reversed, 1, seed)));
        let repeated = measured(&rows, 3, seed);
        prop_assert_eq!(&measures.true_positive_rate, &repeated.true_positive_rate);
        for measure in [measures::Measure::Accuracy, measures::Measure::MeanTruePositiveRate] {
            let (once, thrice) = (measures.get(measure).unwrap(), repeated.get(measure).unwrap());
            prop_assert!((once.interval.low - thrice.interval.low).abs() < 1e-12);
            prop_assert!((once.interval.high - thrice.interval.high).abs() < 1e-12);
            prop_assert!((0.0..=1.0).contains(&once.interval.low) && once.interval.low <= once.interval.high);
        }
    }
}

#[test]
fn a_bootstrap_does_not_depend_on_the_number_of_threads() {
    let rows = answers(&(0..120).map(|at| (at % 5, at % 7, at / 3)).collect::<Vec<_>>());
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| measured(&rows, 1, 9))
    };
    assert_eq!(on(1), on(3));
}

#[test]
fn images_of_one_group_count_as_one_draw() {
    // Ten groups of twelve equal answers say as much as ten images.
    let grouped: Vec<_> = (0..120).map(|at| (0, usize::from(at / 12 >= 5), at / 12)).collect();
    let alone: Vec<_> = (0..10).map(|at| (0, usize::from(at >= 5), at)).collect();
    let width = |rows: &[(usize, usize, usize)]| {
        let interval = measured(&answers(rows), 1, 3).get(measures::Measure::Accuracy).unwrap().interval;
        interval.high - interval.low
    };
    assert!((width(&grouped) - width(&alone)).abs() < 1e-12);
    assert!(width(&alone) > 0.5);
}

#[test]
fn equal_methods_differ_by_nothing_and_opposite_ones_by_all() {
    let image = |at: usize, right: [f64; 2]| comparison::PairedImage {
        label: Emotion::ALL[at % 2],
        group: ["a", "b", "c", "d", "e", "f"][at % 6],
        right,
    };
    let images: Vec<_> = (0..24).map(|at| image(at, [1.0, 1.0])).collect();
    let equal = comparison::compare(&images, Seed(1)).unwrap();
    assert_eq!((equal.overall.mcnemar_p, equal.mean_true_positive_rate.p), (1.0, 1.0));
    assert_eq!(equal.mean_true_positive_rate.interval, Interval { low: 0.0, high: 0.0 });
    let images: Vec<_> = (0..24).map(|at| image(at, [1.0, 0.0])).collect();
    let opposite = comparison::compare(&images, Seed(1)).unwrap();
    assert_eq!(opposite.mean_true_positive_rate.interval, Interval { low: -1.0, high: -1.0 });
    assert_eq!((opposite.overall.first_only, opposite.overall.second_only), (24, 0));
    assert!(opposite.overall.mcnemar_p < 1e-6 && opposite.mean_true_positive_rate.p < 1e-3);
    assert!(comparison::compare(&[], Seed(1)).is_none());
}

#[test]
fn holms_correction_is_monotone_and_at_most_one() {
    assert_eq!(holm(&[0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02]);
    assert_eq!(holm(&[0.9, 0.8]), [1.0, 1.0]);
    assert!(holm(&[]).is_empty());
}

#[test]
fn the_second_largest_score_counts_and_ties_go_to_the_first_class() {
    let mut scores = [Some(0.0); 8];
    scores[3] = Some(2.0);
    scores[5] = Some(1.0);
    assert!(is_in_top_2(Emotion::ALL[5], &scores) && is_in_top_2(Emotion::ALL[3], &scores));
    assert!(!is_in_top_2(Emotion::ALL[0], &scores));
    let tied = [Some(1.0); 8];
    assert_eq!(
        Emotion::ALL.map(|label| is_in_top_2(label, &tied)).iter().filter(|inside| **inside).count(),
        2
    );
    assert!(!is_in_top_2(Emotion::ALL[0], &[None; 8]));
}
