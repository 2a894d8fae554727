//! The true positive rate averaged over classes, each class weighing the same; also called balanced accuracy.

use super::{ConfusionMatrix, true_positive_rate};

/// The mean of the rates of the classes that have samples; `None` when none has.
pub fn mean_true_positive_rate(matrix: &ConfusionMatrix) -> Option<f64> {
    let rates: Vec<f64> = true_positive_rate(matrix).into_iter().flatten().collect();
    (!rates.is_empty()).then(|| rates.iter().sum::<f64>() / rates.len() as f64)
}
