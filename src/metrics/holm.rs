//! Holm's correction of several p values (Holm 1979, *A simple sequentially rejective multiple test procedure*).
//!
//! With the p values in ascending order, p_(1) to p_(m), the adjusted i-th is the largest of (m - j + 1) p_(j) over
//! j up to i, at most 1. To reject where it is below 5 % is wrong for any of the m with at most that probability.

/// The adjusted p values, in the order given.
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let mut adjusted = vec![0.0; p_values.len()];
    let mut largest = 0.0_f64;
    for (rank, &at) in order.iter().enumerate() {
        largest = largest.max((p_values.len() - rank) as f64 * p_values[at]).min(1.0);
        adjusted[at] = largest;
    }
    adjusted
}
