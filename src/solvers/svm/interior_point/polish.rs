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
//! hold. Residuals are taken with twice the digits and corrections solved for in 64 bits, as long as they shrink; the
//! multipliers are kept with twice the digits. `e_i` is what evaluating `w x_i` may be off by: it costs `alpha_i e_i`,
//! where falling short of the margin would cost `C_i e_i`. On the way to that solution a multiplier that meets its bound
//! leaves `F`; there, the sample that is most on the wrong side of its margin enters. No step lowers the dual objective.
//!
//! Sources: Björck, *Iterative refinement of linear least squares solutions I*, BIT 7, 1967; Scheinberg, *An efficient
//! implementation of an active set method for SVMs*, JMLR 7, 2006.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, Par, unzip, zip};
use ndarray::Array1;

use super::Samples;
use super::double::Double;
use super::factor::System;
use super::point::Point;
use super::scores::{Scores, median};

/// More samples than this on the margin are left as they are: their equations take `|F|^3 / 3`.
const MOST_ON_MARGIN: usize = 4096;

/// Samples that enter or leave.
const MOST_CHANGES: usize = 100;

/// Corrections of one solution, each some digits smaller than the last.
const MOST_CORRECTIONS: usize = 30;

/// Size of a correction relative to the multipliers, below which it is the last, and above which there is no solution.
const LAST_CORRECTION: f64 = 1e-28;
const UNSOLVED: f64 = 1e-14;

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
/// be on its margin, too many are, or their equations have no one solution.
pub(super) fn polish(
    scores: &Scores<'_>,
    samples: &Samples,
    point: &Point,
    weights: &Array1<f64>,
) -> Option<Polished> {
    let mut polish = Polish::new(scores, samples, point, weights)?;
    let mut entered = None;
    for _ in 0..MOST_CHANGES {
        let Some(solution) = polish.solve() else { break };
        match polish.go_to(solution) {
            Arrival::Stopped(left) if entered == Some(left) => break,
            Arrival::Stopped(_) if polish.on_margin.is_empty() => break,
            Arrival::Stopped(_) => continue,
            Arrival::There => {}
        }
        entered = polish.worst_of_others().filter(|_| polish.on_margin.len() < MOST_ON_MARGIN);
        match entered {
            Some(worst) => polish.enter(worst),
            None => break,
        }
    }
    Some(polish.finish())
}

struct Polish<'a, 's> {
    scores: &'a Scores<'s>,
    samples: &'a Samples,
    /// `e`, `[n]`.
    errors: Vec<f64>,
    /// `F`, ascending.
    on_margin: Vec<usize>,
    alpha: Vec<Double>,
    /// `sum y alpha x`, `[d]`, then `sum y alpha`, over the others.
    others: Vec<Double>,
    weights: Array1<f64>,
    bias: f64,
}

/// What the equations of `F` are solved by.
struct Solution {
    /// Changes of the multipliers of `F`, `[|F|]`.
    changes: Vec<Double>,
    weights: Array1<f64>,
    bias: f64,
}

/// Where a way to a solution ended.
enum Arrival {
    There,
    /// At a bound of this sample.
    Stopped(usize),
}

impl<'a, 's> Polish<'a, 's> {
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
        if on_margin.is_empty() || on_margin.len() > MOST_ON_MARGIN {
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
        };
        polish.others = polish.sums_over(|i| polish.on_margin.binary_search(&i).is_err());
        Some(polish)
    }

    /// Solves the equations of `F`; nothing where corrections do not shrink.
    fn solve(&self) -> Option<Solution> {
        let count = self.on_margin.len();
        let rows = Mat::from_fn(count, self.weights.len(), |i, j| self.scores.get(self.on_margin[i], j));
        let mut kernel = Mat::zeros(count, count);
        matmul(&mut kernel, Accum::Replace, &rows, rows.transpose(), 1.0, Par::Seq);
        // As the sum of the changes is given, a constant on the whole matrix moves the bias alone, and no row is 0.
        let shift = median((0..count).map(|i| kernel[(i, i)]).collect());
        let mut system = System::of_size(count);
        let form = |mut matrix: MatMut<'_, f64>, _: &mut Mat<f64>| {
            zip!(&mut matrix, &kernel).for_each(|unzip!(value, kernel)| *value = kernel + shift);
        };
        system.factor_of(count, form).ok()?;
        let mut ones = vec![1.0; count];
        system.solve(&mut ones);
        let total: f64 = ones.iter().sum();

        let mut solution = Solution {
            changes: vec![Double::default(); count],
            weights: self.weights.clone(),
            bias: self.bias,
        };
        let mut last = f64::INFINITY;
        for _ in 0..MOST_CORRECTIONS {
            let (mut missing, unbalanced) = self.missing_weights(&rows, &solution);
            let mut right = self.missing_margins(&rows, &solution, &missing);
            system.solve(&mut right);
            let bias = (right.iter().sum::<f64>() + unbalanced) / total;
            let (mut largest, mut largest_alpha) = (0.0f64, 0.0f64);
            for (at, &i) in self.on_margin.iter().enumerate() {
                let change = right[at] - ones[at] * bias;
                for (j, weight) in missing.iter_mut().enumerate() {
                    *weight += change * rows[(at, j)];
                }
                solution.changes[at] = solution.changes[at].plus(self.samples.sign[i] * change);
                largest = largest.max(change.abs());
                largest_alpha = largest_alpha.max(self.alpha[i].round().abs());
            }
            solution.weights += &missing;
            solution.bias += bias - shift * unbalanced;
            last = largest / largest_alpha;
            if last <= LAST_CORRECTION {
                break;
            }
        }
        (last <= UNSOLVED).then_some(solution)
    }

    /// `sum y alpha x`, `[d]`, then `sum y alpha`, over some of the samples.
    fn sums_over(&self, is_one: impl Fn(usize) -> bool) -> Vec<Double> {
        let width = self.weights.len();
        let mut sums = vec![Double::default(); width + 1];
        let mut row = Array1::zeros(width);
        for i in (0..self.alpha.len()).filter(|i| is_one(*i)) {
            self.scores.row(i, &mut row);
            for (sum, value) in sums.iter_mut().zip(row.iter().chain([&1.0])) {
                *sum = sum.plus_multiple(self.alpha[i], self.samples.sign[i] * value);
            }
        }
        sums
    }

    /// `sum y alpha x - w`, `[d]`, and `sum y alpha`.
    fn missing_weights(&self, rows: &Mat<f64>, solution: &Solution) -> (Array1<f64>, f64) {
        let mut sums = self.others.clone();
        for (at, &i) in self.on_margin.iter().enumerate() {
            let alpha = self.alpha[i].plus_multiple(solution.changes[at], 1.0);
            let row = (0..rows.ncols()).map(|j| rows[(at, j)]).chain([1.0]);
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum = sum.plus_multiple(alpha, self.samples.sign[i] * value);
            }
        }
        let missing = sums.iter().zip(&solution.weights).map(|(sum, weight)| sum.plus(-weight).round());
        (missing.collect(), sums[rows.ncols()].round())
    }

    /// What decision values on the margin lack, `[|F|]`, once the missing weights are added.
    fn missing_margins(&self, rows: &Mat<f64>, solution: &Solution, missing: &Array1<f64>) -> Vec<f64> {
        let lacking = |(at, &i): (usize, &usize)| {
            let row: Vec<f64> = (0..rows.ncols()).map(|j| rows[(at, j)]).collect();
            let sign = self.samples.sign[i];
            let value = Double::product(row.iter().zip(&solution.weights)).plus(solution.bias);
            let lacking = value.negative().plus(sign).plus(sign * self.errors[i]).round();
            lacking - Double::product(row.iter().zip(missing)).round()
        };
        self.on_margin.iter().enumerate().map(lacking).collect()
    }

    /// Goes to a solution, or to the first bound on the way there, whose sample leaves.
    fn go_to(&mut self, solution: Solution) -> Arrival {
        let mut first: (f64, Option<usize>) = (1.0, None);
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

    /// The sample at a bound that is furthest on the wrong side of its margin, if any is by more than rounding.
    fn worst_of_others(&self) -> Option<usize> {
        let values = self.scores.values(&self.weights).values;
        let mut worst = (0.0, None);
        for i in (0..values.len()).filter(|i| self.on_margin.binary_search(i).is_err()) {
            let lacking = 1.0 - self.samples.sign[i] * (values[i] + self.bias);
            let wrong = if self.alpha[i].round() == 0.0 { lacking } else { -lacking } - 2.0 * self.errors[i];
            if wrong > worst.0 {
                worst = (wrong, Some(i));
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
        let mut row = Array1::zeros(self.weights.len());
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
        let sum = self.alpha.iter().fold(Double::default(), |sum, alpha| sum.plus_multiple(*alpha, 1.0));
        let alpha = self.alpha.iter().map(|alpha| alpha.round()).collect();
        Polished { weights: self.weights, bias: self.bias, dual: sum.plus(-half).round(), alpha }
    }

    /// Scales the heavier side down, so that `sum y alpha = 0`.
    fn balance(&mut self) {
        let side = |positive: bool| {
            let own =
                self.alpha.iter().zip(&self.samples.sign).filter(|(_, sign)| (**sign > 0.0) == positive);
            own.fold(Double::default(), |sum, (alpha, _)| sum.plus_multiple(*alpha, 1.0))
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
