//! One binary problem by linfa-svm.
//!
//! linfa-svm 0.8.1 gives LIBSVM's answer, but needs care:
//!
//! - `.shrinking(true)` panics or answers wrongly, so it stays off;
//! - reaching its cap of 10 million iterations is `Ok`, and the exit reason is private. It is read from the
//!   model's `Display`, and the optimality conditions are tested here from the multipliers alone;
//! - it holds the full `n x n` kernel, 8 n^2 bytes a problem, and copies two of its columns in every
//!   iteration, so its time grows with the iterations times n: scale the scores first.

use linfa::{DatasetBase, traits::Fit};
use linfa_svm::Svm;
use ndarray::{Array1, ArrayView1};

use super::model::Hyperplane;
use super::{Binary, FitReport, Unsolved};

/// How far the recomputed violation may exceed the tolerance: the solver updates its gradient step by step
/// and so drifts from the true one.
const DRIFT: f64 = 2.0;

/// The hyperplane of a problem.
pub(super) fn solve(problem: &Binary<'_>) -> Result<Hyperplane, Unsolved> {
    let (model, weights) = fit(problem)?;
    let summary = model.to_string();
    let iterations = iterations(&summary);
    if !summary.starts_with("Exited") {
        return Err(Unsolved::NotConverged(format!("the solver gave up after {iterations} iterations")));
    }
    let violation = violation(problem, &model.alpha, &weights);
    if violation.is_nan() || violation > DRIFT * problem.epsilon || !model.rho.is_finite() {
        return Err(Unsolved::NotConverged(format!(
            "after {iterations} iterations the optimality conditions are violated by {violation:.1e}, \
             the tolerance is {:.1e}",
            problem.epsilon
        )));
    }
    let bias = -model.rho;
    let support_vectors = model.alpha.iter().filter(|alpha| **alpha != 0.0).count();
    let (primal, dual) = objectives(problem, &model.alpha, &weights, bias);
    Ok(Hyperplane { weights, bias, fit: FitReport { primal, dual, support_vectors, iterations } })
}

/// Objectives of the plane and of its multipliers, which carry the sign of their samples.
fn objectives(problem: &Binary<'_>, signed_alpha: &[f64], weights: &Array1<f64>, bias: f64) -> (f64, f64) {
    let half_norm = 0.5 * weights.dot(weights);
    let loss = |(row, positive): (ArrayView1<'_, f64>, &bool)| {
        let value = row.dot(weights) + bias;
        if *positive {
            problem.c_positive * (1.0 - value).max(0.0)
        } else {
            problem.c_negative * (1.0 + value).max(0.0)
        }
    };
    let losses: f64 = problem.scores.rows().into_iter().zip(problem.positive).map(loss).sum();
    (half_norm + losses, signed_alpha.iter().map(|alpha| alpha.abs()).sum::<f64>() - half_norm)
}

/// linfa's model and `w = sum of alpha_i y_i x_i`; linfa's `alpha` has the sign of `y` already.
fn fit(problem: &Binary<'_>) -> Result<(Svm<f64, bool>, Array1<f64>), Unsolved> {
    let targets = ArrayView1::from(problem.positive);
    let model = Svm::<f64, bool>::params()
        .pos_neg_weights(problem.c_positive, problem.c_negative)
        .eps(problem.epsilon)
        .shrinking(false)
        .linear_kernel()
        .fit(&DatasetBase::new(problem.scores, targets))
        .map_err(|error| Unsolved::Failed(error.to_string()))?;
    let mut weights = Array1::zeros(problem.scores.ncols());
    for (&alpha, row) in model.alpha.iter().zip(problem.scores.rows()) {
        if alpha != 0.0 {
            weights.scaled_add(alpha, &row);
        }
    }
    Ok((model, weights))
}

/// The number in "... after 12 iterations ..." or "... iterations 12 with ...".
fn iterations(summary: &str) -> usize {
    summary.split_whitespace().find_map(|word| word.parse().ok()).unwrap_or(0)
}

/// LIBSVM's measure of how far multipliers are from the optimum: the largest `y_i - w x_i` over the samples
/// whose `y_i alpha_i` may still grow, minus the smallest over those where it may still shrink.
fn violation(problem: &Binary<'_>, signed_alpha: &[f64], weights: &Array1<f64>) -> f64 {
    let (mut up, mut low) = (f64::NEG_INFINITY, f64::INFINITY);
    for ((row, &positive), &alpha) in
        problem.scores.rows().into_iter().zip(problem.positive).zip(signed_alpha)
    {
        let (y, most, least) =
            if positive { (1.0, problem.c_positive, 0.0) } else { (-1.0, 0.0, -problem.c_negative) };
        let slope = y - row.dot(weights);
        if slope.is_nan() {
            return f64::NAN;
        }
        if alpha < most {
            up = up.max(slope);
        }
        if alpha > least {
            low = low.min(slope);
        }
    }
    up - low
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    fn scores() -> Array2<f64> {
        Array2::from_shape_fn((40, 3), |(i, j)| {
            ((i * 7 + j * 13) % 17) as f64 / 9.0 - 1.0 + f64::from(i < 12)
        })
    }

    #[test]
    fn our_decision_values_are_linfas_own() {
        let scores = scores();
        let positive: Vec<bool> = (0..40).map(|i| i < 12).collect();
        let problem = Binary {
            scores: scores.view(),
            positive: &positive,
            c_positive: 2.0,
            c_negative: 1.0,
            epsilon: 1e-3,
        };
        let (model, weights) = fit(&problem).unwrap();
        let plane = solve(&problem).unwrap();
        assert_eq!(plane.weights, weights);
        for row in scores.rows() {
            let own = row.dot(&plane.weights) + plane.bias;
            assert!((own - (model.weighted_sum(&row) - model.rho)).abs() < 1e-9);
        }
        assert!(plane.fit.iterations > 0);
        assert!(plane.fit.support_vectors > 0 && plane.fit.support_vectors < 40);
    }

    #[test]
    fn the_hard_margin_of_two_points_is_known() {
        // w = 2 (p - q) / |p - q|^2 and the plane halves the segment.
        let scores = array![[1.0, 1.0], [-1.0, -1.0]];
        let problem = Binary {
            scores: scores.view(),
            positive: &[true, false],
            c_positive: 100.0,
            c_negative: 100.0,
            epsilon: 1e-6,
        };
        let plane = solve(&problem).unwrap();
        assert!((&plane.weights - &array![0.5, 0.5]).iter().all(|error| error.abs() < 1e-6));
        assert!(plane.bias.abs() < 1e-6);
        assert_eq!(plane.fit.support_vectors, 2);
    }

    #[test]
    fn multipliers_off_the_optimum_are_a_violation() {
        let scores = array![[1.0, 1.0], [-1.0, -1.0]];
        let problem = Binary {
            scores: scores.view(),
            positive: &[true, false],
            c_positive: 100.0,
            c_negative: 100.0,
            epsilon: 1e-6,
        };
        assert!(violation(&problem, &[0.25, -0.25], &array![0.5, 0.5]) < 1e-12);
        assert!(violation(&problem, &[0.2, -0.2], &array![0.4, 0.4]) > 0.1);
        assert!(violation(&problem, &[f64::NAN, 0.0], &array![f64::NAN, 0.0]).is_nan());
    }

    #[test]
    fn both_of_linfas_summaries_give_the_iterations() {
        assert_eq!(iterations("Exited after 12 iterations with obj = -3 and 4 support vectors"), 12);
        assert_eq!(
            iterations("Reached maximal iterations 10000000 with obj = -3 and 4 support vectors"),
            10_000_000
        );
    }
}
