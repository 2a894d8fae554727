//! Cohen's kappa (Cohen 1960, *A coefficient of agreement for nominal scales*): how much of the agreement with the
//! labels that chance leaves open is reached.
//!
//! kappa = (o - e) / (1 - e), with o the accuracy and e the sum over classes of the share of labels times the share of
//! predictions: what a guesser who keeps those shares would reach.

use super::ConfusionMatrix;

/// 1 for no error, 0 for chance, below 0 for worse; `None` without samples, or where chance alone is always right.
pub fn cohen_kappa(matrix: &ConfusionMatrix) -> Option<f64> {
    let total = matrix.total() as f64;
    let share = |count: u64| count as f64 / total;
    let (mut observed, mut expected) = (0.0, 0.0);
    for (class, row) in matrix.counts.iter().enumerate() {
        let labelled: u64 = row.iter().sum();
        let predicted: u64 = matrix.counts.iter().map(|row| row[class]).sum();
        observed += share(row[class]);
        expected += share(labelled) * share(predicted);
    }
    (total > 0.0 && expected < 1.0).then(|| (observed - expected) / (1.0 - expected))
}
