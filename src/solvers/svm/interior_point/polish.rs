//! The last digits of an answer that rounding stopped short of its certificate.
//!
//! Multipliers of 1e13 in 64 bits give `w = sum alpha y x` to two digits behind the point, and a penalty of 1e15 makes a
//! margin's last digit cost more than the objective. But which samples lie on their margin is nearly known by then. With
//! `F` those samples, and all others at a bound, the optimum is where the linear equations
//!
//! ```text
//! w = sum alpha y x     sum y alpha = 0     y_i (w x_i + b) = 1 + e_i  for i in F
//! ```
//!
//! hold. Residuals are taken with twice the digits, or more, and corrections solved for in 64 bits, as long as they shrink; the
//! multipliers are kept with as many. `e_i` is what evaluating `w x_i` may be off by: it costs `alpha_i e_i`,
//! where falling short of the margin would cost `C_i e_i`. On the way to that solution a multiplier that meets its bound
//! leaves `F`; there, the sample that is most on the wrong side of its margin enters. No step lowers the dual objective.
//!
//! Scores that are mostly 0, or few numbers, put many samples on the margin that depend on each other: equal rows, or more
//! than there are numbers in a plane. Then as many are solved for as do not ([`independent`](super::independent)), those
//! furthest from their bounds first, and the others keep their multipliers: their margins follow. Where one does not, the
//! objective grows as its multiplier changes and those that it depends on make up for it, until one meets its bound.
//!
//! Sources: Björck, *Iterative refinement of linear least squares solutions I*, BIT 7, 1967; Scheinberg, *An efficient
//! implementation of an active set method for SVMs*, JMLR 7, 2006.

mod equations;

use ndarray::Array1;

use super::Samples;
use super::expansion::Expansion;
use super::point::Point;
use super::scores::Scores;
use equations::{Dependence, Solution};

/// Products taken for samples that depend on each other, to solve for them and to tell which do, in all; a few seconds.
const MOST_DEPENDENCE: usize = 10_000_000_000;

/// Penalties, and so multipliers, up to which twice, or four times, the digits leave `w = sum alpha y x` enough behind the
/// point. Beyond the first are scores of 1e10 and more that nothing scales; eight times the digits suffice up to the largest
/// that a file of features holds.
const LARGEST_WITH_2: f64 = 1e20;
const LARGEST_WITH_4: f64 = 1e34;

/// Samples that enter or leave.
const MOST_CHANGES: usize = 300;

/// A plane and multipliers, for scaled rows.
pub(super) struct Polished {
    /// `w`, `[d]`.
    pub weights: Array1<f64>,
    /// `b`.
    pub bias: f64,
    /// Objective of the multipliers.
    pub dual: f64,
    /// `alpha`, `[n]`.
    pub alpha: Vec<f64>,
}

/// Polishes weights `[d]` for scaled scores that belong to a point near the optimum; nothing where no sample is known to
/// be on its margin.
pub(super) fn polish(
    scores: &Scores<'_>,
    samples: &Samples,
    point: &Point,
    weights: &Array1<f64>,
) -> Option<Polished> {
    let largest = samples.penalty.iter().fold(0.0f64, |largest, penalty| largest.max(*penalty));
    if largest <= LARGEST_WITH_2 {
        polish_with::<2>(scores, samples, point, weights)
    } else if largest <= LARGEST_WITH_4 {
        polish_with::<4>(scores, samples, point, weights)
    } else {
        polish_with::<8>(scores, samples, point, weights)
    }
}

/// With multipliers of `N` times the digits of an f64.
fn polish_with<const N: usize>(
    scores: &Scores<'_>,
    samples: &Samples,
    point: &Point,
    weights: &Array1<f64>,
) -> Option<Polished> {
    let mut polish = Polish::<N>::new(scores, samples, point, weights)?;
    let mut entered = None;
    // Samples whose multipliers stayed at their bounds, although they seem to be on the wrong side of their margins.
    let mut refused = Vec::new();
    for _ in 0..MOST_CHANGES {
        let Some((solution, dependence)) = polish.solution() else { break };
        match polish.go_to(solution, 1.0) {
            Arrival::Stopped(left) if entered == Some((left, polish.alpha[left])) => {
                refused.push(left);
                entered = None;
            }
            Arrival::Stopped(_) => {}
            Arrival::There => {
                if entered.take().is_some() {
                    refused.clear();
                }
                let worst = polish.worst_of_others(dependence.as_ref(), &refused);
                let Some((worst, direction)) = worst else { break };
                if let (Ok(at), Some(dependence)) = (polish.on_margin.binary_search(&worst), dependence) {
                    let slide = polish.slide(at, direction, &dependence);
                    polish.go_to(slide, f64::INFINITY);
                } else {
                    polish.enter(worst);
                    entered = Some((worst, polish.alpha[worst]));
                }
            }
        }
        if polish.on_margin.is_empty() {
            break;
        }
    }
    Some(polish.finish())
}

struct Polish<'a, 's, const N: usize> {
    scores: &'a Scores<'s>,
    samples: &'a Samples,
    /// `e`, `[n]`.
    errors: Vec<f64>,
    /// `F`, ascending.
    on_margin: Vec<usize>,
    alpha: Vec<Expansion<N>>,
    /// `sum y alpha x`, `[d]`, then `sum y alpha`, over the others.
    others: Vec<Expansion<N>>,
    weights: Array1<f64>,
    bias: f64,
    /// Products that samples which depend on each other may still take.
    work_left: usize,
}

/// Where a way to a solution ended.
enum Arrival {
    There,
    /// At a bound of this sample.
    Stopped(usize),
}

impl<'a, 's, const N: usize> Polish<'a, 's, N> {
    fn new(
        scores: &'a Scores<'s>,
        samples: &'a Samples,
        point: &Point,
        weights: &Array1<f64>,
    ) -> Option<Self> {
        let typical = point.alpha.iter().sum::<f64>() / point.alpha.len() as f64;
        let is_above_0 = |i: usize| point.alpha[i] / typical > point.lower[i];
        let is_below_c = |i: usize| point.room[i] / typical > point.upper[i];
        let count = point.alpha.len();
        let on_margin: Vec<usize> = (0..count).filter(|i| is_above_0(*i) && is_below_c(*i)).collect();
        if on_margin.is_empty() {
            return None;
        }
        let alpha = |i: usize| match (is_above_0(i), is_below_c(i)) {
            (true, true) => point.alpha[i].clamp(0.0, samples.penalty[i]),
            (true, false) => samples.penalty[i],
            (false, _) => 0.0,
        };
        let mut polish = Self {
            scores,
            samples,
            errors: scores.values(weights).errors.iter().map(|error| 2.0 * error).collect(),
            alpha: (0..count).map(|i| alpha(i).into()).collect(),
            others: Vec::new(),
            weights: weights.clone(),
            bias: point.plane.last().copied().unwrap_or_default(),
            on_margin,
            work_left: MOST_DEPENDENCE,
        };
        polish.others = polish.sums_over(|i| polish.on_margin.binary_search(&i).is_err());
        Some(polish)
    }

    /// How multipliers of `F` change that leave the plane where it is, such that the one at a place grows or shrinks,
    /// whose sample depends on others.
    fn slide(&self, at: usize, direction: f64, dependence: &Dependence) -> Solution<N> {
        let mut changes = vec![Expansion::ZERO; self.on_margin.len()];
        changes[at] = direction.into();
        let sign = |at: usize| self.samples.sign[self.on_margin[at]];
        let factors = dependence.equations.combination(&dependence.rows, &dependence.rows[at]);
        for (&other, factor) in dependence.equations.chosen.iter().zip(factors) {
            changes[other] = Expansion::ZERO.plus_multiple(factor, -direction * sign(at) * sign(other));
        }
        Solution { changes, weights: self.weights.clone(), bias: self.bias, last: 0.0, is_exact: true }
    }

    /// `sum y alpha x`, `[d]`, then `sum y alpha`, over some of the samples.
    fn sums_over(&self, is_one: impl Fn(usize) -> bool) -> Vec<Expansion<N>> {
        let width = self.weights.len();
        let mut sums = vec![Expansion::ZERO; width + 1];
        let mut row = vec![0.0; width];
        for i in (0..self.alpha.len()).filter(|i| is_one(*i)) {
            self.scores.row(i, &mut row);
            for (sum, value) in sums.iter_mut().zip(row.iter().chain([&1.0])) {
                *sum = sum.plus_multiple(self.alpha[i], self.samples.sign[i] * value);
            }
        }
        sums
    }

    /// Goes as far as `longest` times the changes, or to the first bound on the way there, whose sample leaves.
    fn go_to(&mut self, solution: Solution<N>, longest: f64) -> Arrival {
        let mut first: (f64, Option<usize>) = (longest, None);
        for (at, &i) in self.on_margin.iter().enumerate() {
            let (alpha, change) = (self.alpha[i].round(), solution.changes[at].round());
            let way = if change < 0.0 { -alpha / change } else { (self.samples.penalty[i] - alpha) / change };
            // A multiplier that cannot move leaves too.
            if way < first.0 {
                first = (way.max(0.0), Some(at));
            }
        }
        let (step, leaving) = first;
        for (at, &i) in self.on_margin.iter().enumerate() {
            self.alpha[i] = self.alpha[i].plus_multiple(solution.changes[at], step);
        }
        let Some(at) = leaving else {
            (self.weights, self.bias) = (solution.weights, solution.bias);
            return Arrival::There;
        };
        let i = self.on_margin.remove(at);
        let is_down = solution.changes[at].round() < 0.0;
        self.alpha[i] = if is_down { 0.0 } else { self.samples.penalty[i] }.into();
        self.add_to_others(i, 1.0);
        Arrival::Stopped(i)
    }

    /// The sample that is furthest on the wrong side of its margin, if any is by more than rounding, and whether its
    /// multiplier should grow, 1, or shrink, -1: of those at a bound, and of those that depend on others.
    fn worst_of_others(&self, dependence: Option<&Dependence>, refused: &[usize]) -> Option<(usize, f64)> {
        let values = self.scores.values(&self.weights).values;
        let mut is_free: Vec<Option<bool>> = vec![Some(false); values.len()];
        for &i in &self.on_margin {
            is_free[i] = dependence.map(|_| true);
        }
        for &at in dependence.iter().flat_map(|dependence| &dependence.equations.chosen) {
            is_free[self.on_margin[at]] = None;
        }
        let mut worst = (0.0, None);
        for i in 0..values.len() {
            let Some(is_free) = is_free[i] else { continue };
            let lacking = 1.0 - self.samples.sign[i] * (values[i] + self.bias);
            let direction = if is_free {
                lacking.signum()
            } else if self.alpha[i].round() == 0.0 {
                1.0
            } else {
                -1.0
            };
            let wrong = direction * lacking - 2.0 * self.errors[i];
            if wrong > worst.0 && !refused.contains(&i) {
                worst = (wrong, Some((i, direction)));
            }
        }
        worst.1
    }

    fn enter(&mut self, i: usize) {
        self.add_to_others(i, -1.0);
        let at = self.on_margin.partition_point(|other| *other < i);
        self.on_margin.insert(at, i);
    }

    fn add_to_others(&mut self, i: usize, factor: f64) {
        let mut row = vec![0.0; self.weights.len()];
        self.scores.row(i, &mut row);
        for (sum, value) in self.others.iter_mut().zip(row.iter().chain([&1.0])) {
            *sum = sum.plus_multiple(self.alpha[i], factor * self.samples.sign[i] * value);
        }
    }

    /// Balances the multipliers and takes their objective.
    fn finish(mut self) -> Polished {
        self.balance();
        let weights = self.sums_over(|_| true);
        let weights = weights[..self.weights.len()].iter().map(|weight| weight.round());
        let half = 0.5 * weights.map(|weight| weight * weight).sum::<f64>();
        let sum = self.alpha.iter().fold(Expansion::ZERO, |sum, alpha| sum.plus_multiple(*alpha, 1.0));
        let alpha = self.alpha.iter().map(|alpha| alpha.round()).collect();
        Polished { weights: self.weights, bias: self.bias, dual: sum.plus(-half).round(), alpha }
    }

    /// Scales the heavier side down, so that `sum y alpha = 0`.
    fn balance(&mut self) {
        let side = |positive: bool| {
            let own =
                self.alpha.iter().zip(&self.samples.sign).filter(|(_, sign)| (**sign > 0.0) == positive);
            own.fold(Expansion::ZERO, |sum, (alpha, _)| sum.plus_multiple(*alpha, 1.0))
        };
        let (positive, negative) = (side(true), side(false));
        let excess = positive.plus_multiple(negative, -1.0).round();
        let heavier = if excess > 0.0 { positive } else { negative };
        let share = excess.abs() / heavier.round();
        for (alpha, sign) in self.alpha.iter_mut().zip(&self.samples.sign) {
            if (*sign > 0.0) == (excess > 0.0) {
                *alpha = alpha.plus_multiple(*alpha, -share);
            }
        }
    }
}
