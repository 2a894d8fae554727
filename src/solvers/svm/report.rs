//! How fits went.

use serde::{Deserialize, Serialize};

/// A relative gap above which a fit is said to be far from its optimum: linfa-svm's tolerance mostly leaves less.
pub const FAR: f64 = 1e-3;

/// How the fit of one class went.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FitReport {
    /// Objective of the plane.
    pub primal: f64,
    /// Objective of feasible multipliers; no plane has a smaller objective.
    pub dual: f64,
    /// Number of samples whose multiplier is not 0: at least one on each side.
    pub support_vectors: usize,
    /// Number of iterations.
    pub iterations: usize,
}

impl FitReport {
    /// `(primal - dual) / max(|primal|, |dual|)`: how far from the optimum the plane can be at most. Rounding can put the
    /// dual above the primal, which is 0; not a number where an objective is none.
    pub fn gap(&self) -> f64 {
        let gap = (self.primal - self.dual) / self.primal.abs().max(self.dual.abs());
        if gap < 0.0 { 0.0 } else { gap }
    }

    /// Whether the plane is no answer: further than [`FAR`] from the optimum, or not a number.
    pub fn is_far(&self) -> bool {
        self.gap().is_nan() || self.gap() > FAR
    }
}

/// How several fits went, taken together.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FitTotals {
    /// How many there were.
    pub count: usize,
    /// The largest relative gap of one; not a number where that of one is none.
    pub largest_gap: f64,
    /// Iterations of all.
    pub iterations: usize,
    /// Support vectors of all.
    pub support_vectors: usize,
}

impl FitTotals {
    /// Of these fits.
    pub fn of<'a>(fits: impl Iterator<Item = &'a FitReport>) -> Self {
        fits.fold(Self::default(), |all, fit| Self {
            count: all.count + 1,
            largest_gap: larger(all.largest_gap, fit.gap()),
            iterations: all.iterations + fit.iterations,
            support_vectors: all.support_vectors + fit.support_vectors,
        })
    }
}

/// The larger gap, of which not a number is the largest.
fn larger(a: f64, b: f64) -> f64 {
    if a.is_nan() || a > b { a } else { b }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(primal: f64, dual: f64) -> FitReport {
        FitReport { primal, dual, support_vectors: 3, iterations: 4 }
    }

    #[test]
    fn totals_are_sums_and_the_largest_gap() {
        // Rounding can put the dual above the primal.
        let fits = [fit(2.0, 2.5), fit(2.0, 1.0), fit(2.0, 1.5)];
        let all = FitTotals { count: 3, largest_gap: 0.5, iterations: 12, support_vectors: 9 };
        assert_eq!(FitTotals::of(fits.iter()), all);
        assert!(FitTotals::of(fits[..1].iter()).largest_gap.abs() < f64::EPSILON);
        assert_eq!(FitTotals::of([].iter()), FitTotals::default());
    }

    #[test]
    fn a_gap_that_is_no_number_is_not_lost() {
        for fits in [[fit(f64::NAN, 1.0), fit(2.0, 1.0)], [fit(2.0, 1.0), fit(2.0, f64::NAN)]] {
            assert!(FitTotals::of(fits.iter()).largest_gap.is_nan());
            assert!(fits.iter().any(FitReport::is_far));
        }
    }
}
