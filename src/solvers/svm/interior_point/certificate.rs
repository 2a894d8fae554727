//! What bounds the error of an answer: a feasible point of the dual and a plane, with their objectives.

use ndarray::Array1;

use super::point::Point;
use super::{Design, Samples};

/// A plane and how far from the optimum it can be.
#[derive(Clone, Debug, PartialEq)]
pub struct Certificate {
    /// `w`, `[d]`.
    pub weights: Array1<f64>,
    /// `b`. Where an interval of biases is optimal, its middle.
    pub bias: f64,
    /// Objective of the plane.
    pub primal: f64,
    /// Objective of feasible multipliers: no plane has a smaller objective than this.
    pub dual: f64,
    /// Feasible multipliers, `alpha`, `[n]`.
    pub multipliers: Vec<f64>,
    /// Number of samples whose multiplier is not 0.
    pub support_vectors: usize,
    /// Newton steps taken.
    pub iterations: usize,
}

impl Certificate {
    /// `(primal - dual) / max(|primal|, |dual|)`; rounding can make it negative.
    pub fn gap(&self) -> f64 {
        (self.primal - self.dual) / self.primal.abs().max(self.dual.abs())
    }
}

/// Of a point near the optimum.
pub(super) fn certify(design: &Design, samples: &Samples, point: &Point, iterations: usize) -> Certificate {
    let alpha = feasible(&point.alpha, samples);
    let signed: Vec<f64> = alpha.iter().zip(&samples.sign).map(|(alpha, sign)| alpha * sign).collect();
    let own = design.transposed_times(&signed);
    let own = &own[..design.width()];
    let dual = alpha.iter().sum::<f64>() - 0.5 * own.iter().map(|weight| weight * weight).sum::<f64>();

    // The plane of these multipliers, or the iterate's own, whichever is better.
    let mut best = (f64::INFINITY, own, 0.0);
    let mut values = vec![0.0; samples.sign.len()];
    for weights in [own, point.weights()] {
        let mut plane = weights.to_vec();
        plane.push(0.0);
        design.times(&plane, &mut values);
        let bias = best_bias(&values, samples);
        let loss: f64 = (0..values.len())
            .map(|i| samples.penalty[i] * (1.0 - samples.sign[i] * (values[i] + bias)).max(0.0))
            .sum();
        let primal = 0.5 * weights.iter().map(|weight| weight * weight).sum::<f64>() + loss;
        if primal < best.0 {
            best = (primal, weights, bias);
        }
    }
    let (primal, weights, bias) = best;

    // Near the optimum one of `alpha` and `u` is far smaller than the other; `u` is in units of the margin.
    let typical = alpha.iter().sum::<f64>() / alpha.len() as f64;
    let support_vectors =
        alpha.iter().zip(&point.lower).filter(|(alpha, lower)| **alpha / typical > **lower).count();
    let (weights, bias) = design.restore(weights, bias);
    let unit = design.scale() * design.scale();
    let multipliers = alpha.iter().map(|alpha| alpha / unit).collect();
    let (primal, dual) = (primal / unit, dual / unit);
    Certificate { weights, bias, primal, dual, multipliers, support_vectors, iterations }
}

/// Multipliers within their bounds with `sum y alpha = 0`: the heavier side is scaled down.
fn feasible(alpha: &[f64], samples: &Samples) -> Vec<f64> {
    let mut alpha: Vec<f64> =
        alpha.iter().zip(&samples.penalty).map(|(alpha, penalty)| alpha.clamp(0.0, *penalty)).collect();
    let (positive, negative) = samples.sums_of_sides(&alpha);
    let smaller = positive.min(negative);
    for (alpha, sign) in alpha.iter_mut().zip(&samples.sign) {
        *alpha *= smaller / if *sign > 0.0 { positive } else { negative };
    }
    alpha
}

/// The bias of least loss for decision values without one, `[n]`; the middle where an interval has it, as LIBSVM.
///
/// The loss is piecewise linear in the bias. Its slope starts at minus the penalties of all positive samples,
/// and rises by a sample's penalty where that sample reaches its margin, at `y_i - value_i`.
fn best_bias(values: &[f64], samples: &Samples) -> f64 {
    let mut turns: Vec<(f64, f64)> =
        (0..values.len()).map(|i| (samples.sign[i] - values[i], samples.penalty[i])).collect();
    turns.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let mut slope = -samples.sums_of_sides(&samples.penalty).0;
    let flat = 1e-12 * samples.penalty.iter().sum::<f64>();
    let mut flat_from = None;
    for (bias, penalty) in turns {
        if let Some(from) = flat_from {
            return 0.5 * (from + bias);
        }
        slope += penalty;
        if slope > flat {
            return bias;
        }
        if slope >= -flat {
            flat_from = Some(bias);
        }
    }
    flat_from.unwrap_or(0.0)
}
