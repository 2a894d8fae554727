//! Greedy assignment of units to bins, each class spread in proportion to the bins' shares.
//!
//! The idea is scikit-learn's `StratifiedGroupKFold`: the units that weigh most are placed first, each where
//! it keeps the classes' spread most even. With `n[b][c]` the samples of class `c` in bin `b`, `N[c]` all of
//! that class and `p[b]` the bin's share, the unevenness is
//!
//! ```text
//! sum over b, c of (n[b][c] - p[b] N[c])^2 / (p[b] N[c]^2)
//! ```
//!
//! and adding a unit with `g[c]` samples raises it, up to a term that is the same for all bins, by
//! `sum over c of g[c] (2 n[b][c] + g[c]) / (p[b] N[c]^2)`. For single samples that is Sainte-Laguë's rule,
//! so that every count is within 1 of its share; for equal shares it deals samples out in turn.

use std::cmp::{Ordering, Reverse};

use super::units::Unit;

/// The bin of every sample; `shares` are the bins' sizes relative to each other, all above 0.
///
/// Without `stratified` only the sizes of units count. Ties go to the bin with fewest samples for its share,
/// then to the first.
pub(super) fn assign(units: &[Unit], samples: usize, shares: &[f64], stratified: bool) -> Vec<usize> {
    let profile = |unit: &Unit| -> [usize; 8] {
        if stratified {
            unit.counts
        } else {
            let mut size_only = [0; 8];
            size_only[0] = unit.rows.len();
            size_only
        }
    };
    let mut totals = [0usize; 8];
    for unit in units {
        for (total, count) in totals.iter_mut().zip(profile(unit)) {
            *total += count;
        }
    }
    // Heaviest first; equal profiles stay together, in their random order.
    let weight = |counts: &[usize; 8]| -> f64 {
        counts.iter().zip(totals).map(|(&count, total)| share_of(count, total).powi(2)).sum()
    };
    let mut order: Vec<([usize; 8], &Unit)> = units.iter().map(|unit| (profile(unit), unit)).collect();
    order.sort_by(|(a, _), (b, _)| weight(b).total_cmp(&weight(a)).then_with(|| Reverse(a).cmp(&Reverse(b))));

    let mut bins = vec![[0usize; 8]; shares.len()];
    let mut sizes = vec![0usize; shares.len()];
    let mut bin_of = vec![0; samples];
    for (counts, unit) in order {
        let cost = |bin: usize| -> (f64, f64) {
            let uneven: f64 = (0..8)
                .map(|class| {
                    let moved = share_of(counts[class], totals[class]);
                    moved * share_of(2 * bins[bin][class] + counts[class], totals[class])
                })
                .sum();
            let crowded = (2 * sizes[bin] + unit.rows.len()) as f64;
            (uneven / shares[bin], crowded / shares[bin])
        };
        let best = (0..shares.len())
            .map(|bin| (bin, cost(bin)))
            .min_by(|(_, a), (_, b)| compare(*a, *b))
            .map_or(0, |(bin, _)| bin);
        for (filled, count) in bins[best].iter_mut().zip(counts) {
            *filled += count;
        }
        sizes[best] += unit.rows.len();
        for &row in &unit.rows {
            bin_of[row] = best;
        }
    }
    bin_of
}

fn share_of(count: usize, total: usize) -> f64 {
    if count == 0 { 0.0 } else { count as f64 / total as f64 }
}

fn compare(a: (f64, f64), b: (f64, f64)) -> Ordering {
    a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1))
}
