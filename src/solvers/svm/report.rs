//! How fits went.

use serde::{Deserialize, Serialize};

/// A relative gap above which a fit is said to be far from its optimum: linfa-svm's tolerance mostly leaves less.
pub const FAR: f64 = 1e-3;

/// How the fit of one class went.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
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
    /// `(primal - dual) / max(|primal|, |dual|)`: how far from the optimum the plane can be at most.
    pub fn gap(&self) -> f64 {
        (self.primal - self.dual) / self.primal.abs().max(self.dual.abs())
    }

    /// Whether the plane is no answer: further than [`FAR`] from the optimum, or not a number.
    pub fn is_far(&self) -> bool {
        self.gap().is_nan() || self.gap() > FAR
    }
}

/// How several fits went, taken together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FitTotals {
    /// How many there were.
    pub count: usize,
    /// The largest relative gap of one, at least 0.
    pub largest_gap: f64,
    /// Iterations of all.
    pub iterations: usize,
    /// Support vectors of all.
    pub support_vectors: usize,
}

impl FitTotals {
    /// Of these fits.
    pub fn of(fits: &[FitReport]) -> Self {
        Self {
            count: fits.len(),
            largest_gap: fits.iter().map(FitReport::gap).fold(0.0, f64::max),
            iterations: fits.iter().map(|fit| fit.iterations).sum(),
            support_vectors: fits.iter().map(|fit| fit.support_vectors).sum(),
        }
    }

    /// Of these and others.
    #[must_use]
    pub fn and(self, others: Self) -> Self {
        Self {
            count: self.count + others.count,
            largest_gap: self.largest_gap.max(others.largest_gap),
            iterations: self.iterations + others.iterations,
            support_vectors: self.support_vectors + others.support_vectors,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_of_parts_are_those_of_all() {
        let fit =
            |dual, support_vectors, iterations| FitReport { primal: 2.0, dual, support_vectors, iterations };
        // Rounding can put the dual above the primal.
        let fits = [fit(2.5, 3, 4), fit(1.5, 5, 7), fit(1.0, 2, 9)];
        let all = FitTotals::of(&fits);
        assert_eq!(all, FitTotals { count: 3, largest_gap: 0.5, iterations: 20, support_vectors: 10 });
        assert_eq!(FitTotals::of(&fits[..1]).and(FitTotals::of(&fits[1..])), all);
        assert!(FitTotals::of(&fits[..1]).largest_gap.abs() < f64::EPSILON);
    }
}
