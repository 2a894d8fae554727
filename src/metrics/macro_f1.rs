//! Macro F1: the harmonic mean of a class's precision and true positive rate, averaged over classes.
//!
//! F1 of a class = 2 TP / (2 TP + FP + FN); 0 for one that is never told rightly.

use super::ConfusionMatrix;
use crate::types::Emotion;

/// The mean over the classes that have samples; `None` when none has.
pub fn macro_f1(matrix: &ConfusionMatrix) -> Option<f64> {
    let predicted = |class: Emotion| matrix.counts.iter().map(|row| row[class.index()]).sum::<u64>();
    let score = |class: Emotion| {
        let (images, correct) = (matrix.images(class), matrix.correct(class));
        (images > 0).then(|| 2.0 * correct as f64 / (images + predicted(class)) as f64)
    };
    let scores: Vec<f64> = Emotion::ALL.into_iter().filter_map(score).collect();
    (!scores.is_empty()).then(|| scores.iter().sum::<f64>() / scores.len() as f64)
}
