//! Two-group accuracy: how often a positive emotion is told as some positive one, and a negative as some negative.
//!
//! Positive are amusement, awe, contentment and excitement; negative are anger, disgust, fear and sadness (Mikels et
//! al. 2005).

use super::ConfusionMatrix;
use crate::types::Emotion;

/// The share of all samples; `None` without samples.
pub fn two_group_accuracy(matrix: &ConfusionMatrix) -> Option<f64> {
    let mut right = 0;
    for label in Emotion::ALL {
        for predicted in Emotion::ALL.into_iter().filter(|other| other.is_positive() == label.is_positive()) {
            right += matrix.counts[label.index()][predicted.index()];
        }
    }
    let total = matrix.total();
    (total > 0).then(|| right as f64 / total as f64)
}
