//! The share of samples that are predicted right, whatever their class.

use super::ConfusionMatrix;
use crate::types::Emotion;

/// Correct predictions among all; `None` without samples.
pub fn accuracy(matrix: &ConfusionMatrix) -> Option<f64> {
    let total = matrix.total();
    let correct: u64 = Emotion::ALL.into_iter().map(|class| matrix.correct(class)).sum();
    (total > 0).then(|| correct as f64 / total as f64)
}
