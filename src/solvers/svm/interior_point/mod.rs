//! The weighted linear C-SVC by a primal-dual interior point, to a certified optimum.
//!
//! The problem is LIBSVM's: hinge loss, a penalty per sample, an unpenalised bias.
//!
//! ```text
//! primal   minimise   |w|^2 / 2 + sum C_i max(0, 1 - y_i (w x_i + b))
//! dual     maximise   sum alpha_i - |sum alpha_i y_i x_i|^2 / 2,    0 <= alpha_i <= C_i,  sum y_i alpha_i = 0
//! ```
//!
//! With `u_i`, `v_i` the multipliers of `alpha_i >= 0` and `alpha_i <= C_i`, the optimum is where
//!
//! ```text
//! w = sum alpha_i y_i x_i     y_i (w x_i + b) = 1 + u_i - v_i     alpha_i u_i = 0     (C_i - alpha_i) v_i = 0
//! ```
//!
//! Newton's method goes there along products equal to `mu > 0` that shrink to 0, with Mehrotra's predictor and
//! corrector. The kernel is never formed. With `D = diag(u / alpha + v / (C - alpha))` and `A = [X 1]`, `[n, d+1]`,
//! every step solves
//!
//! ```text
//! (A' D^-1 A + diag(1, ..., 1, 0)) [dw; db] = right side
//! ```
//!
//! of size `d + 1`: `O(n d^2)` time and `O(n d)` memory. Where `n < d` the rows are first written in a basis of
//! their own span, which takes `O(n^2 d)` once and leaves `d = n`; and where `n` is hardly above `d` the same step is
//! solved for the samples instead (`factor`).
//!
//! Long before the products are 0, it shows which multipliers are; from there on the optimum is a matter of a few small systems
//! (`crossover`), and the last half of the steps need not be taken.
//!
//! Where the multipliers of a like problem are known, the interior point is not needed (`exchange`).
//!
//! What is returned is not the iterate but its certificate (`certificate`): a feasible `alpha`, and a plane in the units
//! of the scores with the objective that it has there, rounding of its evaluation included, so that the distance of the
//! two objectives bounds the error whatever rounding did on the way. Where that is above [`GAP`] the plane's last digits are
//! aligned, and the answer is polished (`polish`); where it still is, that is an error.
//!
//! The result does not depend on the number of threads: sums run over chunks of rows whose bounds depend on
//! the shape alone, and chunks are added in their order.
//!
//! Sources: Mehrotra, *On the implementation of a primal-dual interior point method*, SIAM J. Optim. 2(4), 1992;
//! Ferris and Munson, *Interior-point methods for massive support vector machines*, SIAM J. Optim. 13(3), 2002;
//! Woodsend and Gondzio, *Exploiting separability in large-scale linear SVM training*, Comput. Optim. Appl. 49, 2011.

mod certificate;
mod crossover;
mod design;

mod exchange;
mod expansion;
mod factor;
mod independent;
mod newton;
mod point;
mod polish;
mod scores;

#[cfg(test)]
mod stress_tests;
#[cfg(test)]
mod tests;

pub use certificate::Certificate;
pub(super) use design::Design;
pub(super) use expansion::Double;
pub(super) use point::Warm;

use super::Unsolved;
use certificate::{Estimate, Multipliers, Plane, relative_gap};
use factor::System;
use newton::Newton;
use point::Point;
use polish::polish;

/// Largest relative gap of a returned answer.
pub const GAP: f64 = 1e-8;

/// The relative gap at which the iteration stops; it is mostly reached, since the last steps converge quadratically.
const AIM: f64 = 1e-11;

/// From this gap of the iterate on, it is estimated what a certificate would say.
const ESTIMATE_BELOW: f64 = 1e-6;

/// A gap of the iterate from which on steps change nothing.
const SPENT: f64 = 1e-14;

/// The gap of the iterate that warm-starts the next penalty. On several data sets 0.3 saved a tenth to a half of
/// the iterations; from 0.03 on the iterate is too close to its bounds, and they become more.
const WARM_GAP: f64 = 0.3;

/// Penalties whose squares, or the sums of those, 64 bits do not hold.
const MOST_PENALTY: f64 = 1e140;

/// Iterations before giving up; 5 to 30 is usual.
const MOST_ITERATIONS: usize = 200;

/// The optimum is sought from the iterates of every second step from this one on. Earlier ones rarely lead there.
const CROSS_FROM: usize = 3;

/// Certificates in a row that are no better than the best, after which rounding is taken to be the limit.
const STALLED: usize = 3;

/// One class against the others, on a design that all classes share.
#[derive(Clone, Copy)]
pub(super) struct Problem<'a> {
    /// Whether a row belongs to the class; both occur.
    pub positive: &'a [bool],
    /// Penalty of the class's samples.
    pub c_positive: f64,
    /// Penalty of the others.
    pub c_negative: f64,
}

/// Signs and penalties by sample, in the design's units.
struct Samples {
    /// `y`, `[n]`: 1 or -1.
    sign: Vec<f64>,
    /// `C`, `[n]`.
    penalty: Vec<f64>,
}

impl Samples {
    fn new(design: &Design<'_>, problem: &Problem<'_>) -> Self {
        let (positive, negative) = (design.penalty(problem.c_positive), design.penalty(problem.c_negative));
        let choose = |yes: f64, no: f64| problem.positive.iter().map(move |own| if *own { yes } else { no });
        Self { sign: choose(1.0, -1.0).collect(), penalty: choose(positive, negative).collect() }
    }

    /// `sum C_i max(0, 1 - s (y_i (value_i + b) - error_i))`: the loss of a plane stretched by `s`, of values `w x` and
    /// what they may be off by, `[n]` each.
    fn loss(&self, (values, errors): (&[f64], &[f64]), bias: f64, stretch: f64) -> f64 {
        let one = |i: usize| 1.0 - stretch * (self.sign[i] * (values[i] + bias) - errors[i]);
        (0..values.len()).map(|i| self.penalty[i] * one(i).max(0.0)).sum()
    }

    /// Sums of a value per sample over the positive samples and over the others.
    fn sums_of_sides(&self, values: &[f64]) -> (f64, f64) {
        let side = |positive: bool| -> f64 {
            let own = values.iter().zip(&self.sign).filter(|(_, sign)| (**sign > 0.0) == positive);
            own.map(|(value, _)| value).sum()
        };
        (side(true), side(false))
    }
}

/// The certified answer from the shares of the penalties that a like problem's multipliers have, `[n]`
/// ([`Certificate::shares`]), if it is reached from there.
pub(super) fn solve_from(design: &Design<'_>, problem: &Problem<'_>, shares: &[f64]) -> Option<Certificate> {
    let samples = Samples::new(design, problem);
    let (mut optimum, steps) = exchange::optimum(design, &samples, shares)?;
    let multipliers = Multipliers::of(design, &samples, &optimum);
    // Of an exact optimum its own plane is as good as any, and its gap mostly says so.
    let weights = design.unfold(multipliers.weights());
    let plane = Plane::new(design.scores(), &samples, &weights, optimum.bias());
    // Not a number fails, as it must.
    if relative_gap(plane.primal, multipliers.dual).abs() <= AIM {
        return Some(certificate(design, plane, &multipliers, steps));
    }
    let estimate = Estimate::of(design, &samples, &mut optimum);
    (estimate.gap.abs() <= AIM).then_some(())?;
    let certificate = certify(design, &samples, &optimum, estimate, steps);
    (certificate.gap().abs() <= GAP).then_some(certificate)
}

/// The certified answer, and where the next penalty may start.
pub(super) fn solve(
    design: &Design<'_>,
    problem: &Problem<'_>,
    warm: Option<&Warm>,
) -> Result<(Certificate, Warm), Unsolved> {
    optimum(design, &Samples::new(design, problem), warm)
}

/// As [`solve`], for penalties by sample.
fn optimum(
    design: &Design<'_>,
    samples: &Samples,
    warm: Option<&Warm>,
) -> Result<(Certificate, Warm), Unsolved> {
    let is_out = |penalty: &&f64| !penalty.is_normal() || **penalty > MOST_PENALTY;
    if let Some(penalty) = samples.penalty.iter().find(is_out) {
        return Err(Unsolved::Range { size: design.scores().scale(), is_small: *penalty < 1.0 });
    }
    let mut point = match warm {
        Some(warm) => Point::warm(design, samples, warm),
        None => Point::start(design, samples),
    };
    let mut newton = Newton::new(design, samples);
    let mut system = System::new(design);
    let mut start_of_next = None;
    let mut best: Option<Estimate> = None;
    let mut stalled = 0;
    let mut iterations = 0;
    loop {
        let gap = point.gap();
        if gap < WARM_GAP && start_of_next.is_none() {
            start_of_next = Some(point.keep(samples));
        }
        if gap < ESTIMATE_BELOW {
            let estimate = Estimate::of(design, samples, &mut point);
            let improved = best.as_ref().is_none_or(|best| estimate.gap.abs() < best.gap.abs());
            stalled = if improved { 0 } else { stalled + 1 };
            if improved {
                best = Some(estimate);
            }
        }
        if iterations >= CROSS_FROM
            && (iterations - CROSS_FROM).is_multiple_of(2)
            && let Some(mut optimum) = crossover::optimum(design, samples, &point)
        {
            let estimate = Estimate::of(design, samples, &mut optimum);
            if estimate.gap.abs() <= AIM {
                start_of_next.get_or_insert_with(|| point.keep(samples));
                (best, point) = (Some(estimate), optimum);
                break;
            }
        }
        let reached = best.as_ref().map_or(f64::INFINITY, |best| best.gap.abs());
        let hopeless = iterations == MOST_ITERATIONS || !gap.is_finite() || gap < SPENT;
        if reached <= AIM || (reached <= GAP && stalled >= STALLED) || hopeless {
            break;
        }
        if newton.step(&mut system, &mut point, gap).is_err() {
            break;
        }
        iterations += 1;
    }
    let Some(best) = best else {
        return Err(Unsolved::Gap { gap: point.gap(), iterations });
    };
    let certificate = certify(design, samples, &point, best, iterations);
    let gap = certificate.gap().abs();
    if gap <= GAP {
        return Ok((certificate, start_of_next.unwrap_or_else(|| point.keep(samples))));
    }
    Err(Unsolved::Gap { gap, iterations })
}

/// The plane for the scores as they came, polished if it must be.
fn certify(
    design: &Design<'_>,
    samples: &Samples,
    point: &Point,
    best: Estimate,
    iterations: usize,
) -> Certificate {
    let scores = design.scores();
    let Estimate { weights, bias, mut multipliers, .. } = best;
    let weights = design.unfold(&weights);
    let mut plane = Plane::new(scores, samples, &weights, bias);
    if relative_gap(plane.primal, multipliers.dual) > GAP {
        plane = plane.or_better(Plane::aligned(scores, samples, &weights, bias));
    }
    if relative_gap(plane.primal, multipliers.dual) > GAP
        && let Some(polished) = polish(scores, samples, point, &weights)
    {
        plane = plane.or_better(Plane::new(scores, samples, &polished.weights, polished.bias));
        if polished.dual > multipliers.dual {
            (multipliers.dual, multipliers.alpha) = (polished.dual, polished.alpha);
            // Those at 0 are 0, to the last digit.
            multipliers.support_vectors = multipliers.alpha.iter().filter(|alpha| **alpha > 0.0).count();
        }
        if relative_gap(plane.primal, multipliers.dual) > GAP {
            plane = plane.or_better(Plane::aligned(scores, samples, &polished.weights, polished.bias));
        }
    }
    certificate(design, plane, &multipliers, iterations)
}

/// In the units of the scores as they came.
fn certificate(
    design: &Design<'_>,
    plane: Plane,
    multipliers: &Multipliers,
    iterations: usize,
) -> Certificate {
    let unit = design.scores().scale() * design.scores().scale();
    Certificate {
        weights: plane.weights,
        bias: plane.bias,
        primal: plane.primal / unit,
        dual: multipliers.dual / unit,
        multipliers: multipliers.alpha.iter().map(|alpha| alpha / unit).collect(),
        support_vectors: multipliers.support_vectors,
        iterations,
    }
}
