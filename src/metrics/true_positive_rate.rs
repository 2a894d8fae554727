//! The per-class true positive rate: the diagonal of the row-normalised confusion matrix.

use super::ConfusionMatrix;
use crate::types::Emotion;

/// Of the samples of each class, the share that is predicted as it, by [`Emotion::index`]; `None` for a class
/// without samples.
pub fn true_positive_rate(matrix: &ConfusionMatrix) -> [Option<f64>; 8] {
    Emotion::ALL.map(|class| {
        let images = matrix.images(class);
        (images > 0).then(|| matrix.correct(class) as f64 / images as f64)
    })
}
