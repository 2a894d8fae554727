//! Metrics counted by hand.

use proptest::prelude::*;

use super::*;
use crate::types::Emotion;

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
