//! One step of Newton's method: factor once, solve for the predictor and for the corrector.

use super::factor::{NoFactor, System};
use super::point::{Direction, Point};
use super::{Design, Samples};

/// Residuals relative to the size of their terms at which a direction is not refined further: so many times the gap,
/// within these bounds. Far from the optimum a rough direction is as good.
const RESIDUAL_PER_GAP: f64 = 1e-6;
const RESIDUALS: (f64, f64) = (1e-12, 1e-9);

/// A step that leaves more than this share of the products' mean is slow. After one, [`SHORT`] of the way to the nearest
/// bound is taken: going nearly all of it time and again can go round in a circle, which this leaves.
const SLOW: f64 = 0.5;
const SHORT: f64 = 0.9;
/// Far from the optimum steps are slow without going in circles.
const CIRCLES_BELOW: f64 = 0.1;

/// Weights from which on a factor is worth more correctors than one. Up to there the optimum is crossed over to before
/// the steps that they save.
const CORRECTED_FROM: usize = 150;

/// Refinements of one direction.
const MOST_REFINEMENTS: usize = 3;

/// Products `alpha u` and `(C - alpha) v`, `[n]` each.
#[derive(Clone)]
struct Aim {
    lower: Vec<f64>,
    upper: Vec<f64>,
}

pub(super) struct Newton<'a, 's> {
    design: &'a Design<'s>,
    samples: &'a Samples,
    direction: Direction,
    /// What the products of a step are to become, before second-order terms.
    aim: Aim,
    /// Residual at which a direction is not refined further.
    residual: f64,
    /// Most correctors of a step beyond Mehrotra's.
    correctors: usize,
    /// Diagonal of `D^-1`, `[n]`.
    inverse: Vec<f64>,
    /// Right side by sample, `[n]`.
    right: Vec<f64>,
    /// `y (alpha + d alpha)`, `[n]`.
    signed: Vec<f64>,
    /// How far each sample lets a step go, inverted, `[n]`.
    ratios: Vec<f64>,
    /// Mean of the products before the last step.
    last: f64,
    /// How far the point is from `w = sum alpha y x` and `sum y alpha = 0`, for the equations of the samples.
    infeasible: Infeasible,
}

#[derive(Default)]
struct Infeasible {
    /// `X (X' y alpha - w)`, `[n]`.
    values: Vec<f64>,
    /// `sum y alpha`.
    balance: f64,
}

impl<'a, 's> Newton<'a, 's> {
    pub fn new(design: &'a Design<'s>, samples: &'a Samples) -> Self {
        let n = design.samples();
        let zeros = || vec![0.0; n];
        Self {
            design,
            samples,
            direction: Direction {
                alpha: zeros(),
                lower: zeros(),
                upper: zeros(),
                plane: vec![0.0; design.width() + 1],
                values: zeros(),
            },
            aim: Aim { lower: zeros(), upper: zeros() },
            residual: 0.0,
            correctors: if design.width() < CORRECTED_FROM { 0 } else { 3 },
            inverse: zeros(),
            right: zeros(),
            signed: zeros(),
            ratios: zeros(),
            last: f64::INFINITY,
            infeasible: Infeasible::default(),
        }
    }

    /// Predictor, corrector, and a step along their sum that stays inside; `gap` is the point's.
    pub fn step(&mut self, system: &mut System, point: &mut Point, gap: f64) -> Result<(), NoFactor> {
        let n = point.alpha.len();
        let (alpha, room, lower, upper) = point.per_sample();
        let inverse = &mut self.inverse[..n];
        for i in 0..n {
            inverse[i] = 1.0 / (lower[i] / alpha[i] + upper[i] / room[i]);
        }
        self.residual = (RESIDUAL_PER_GAP * gap).clamp(RESIDUALS.0, RESIDUALS.1);
        system.factor(self.design, &self.inverse)?;
        if system.ones.is_some() {
            self.measure_infeasibility(point);
        }

        for i in 0..n {
            self.right[i] = 1.0 - self.samples.sign[i] * point.values[i];
        }
        // A rough direction predicts as well.
        self.solve(system, point, 0);
        let target = self.predict(point);
        // The second-order terms of the predictor.
        let (alpha, room, lower, upper) = point.per_sample();
        let change = &self.direction.alpha[..n];
        let (aim_lower, aim_upper) = (&mut self.aim.lower[..n], &mut self.aim.upper[..n]);
        for i in 0..n {
            aim_lower[i] = target + change[i] * lower[i] * (1.0 + change[i] / alpha[i]);
            aim_upper[i] = target - change[i] * upper[i] * (1.0 - change[i] / room[i]);
        }
        let mut longest = self.aim_at(system, point);
        for _ in 0..self.correctors {
            if longest >= 1.0 || !self.correct(system, point, target, &mut longest) {
                break;
            }
        }
        let products = point.complementarity();
        let is_slow = gap < CIRCLES_BELOW && products > SLOW * self.last;
        self.last = products;
        let inside = if is_slow { SHORT } else { 1.0 - (0.1 * gap).clamp(1e-4, 1e-2) };
        point.advance((inside * longest).min(1.0), &self.direction);
        Ok(())
    }

    /// What the products are to become: the smaller, the further the predictor could go. It changes `u` by
    /// `-u (1 + d alpha / alpha)` and `v` by `-v (1 - d alpha / (C - alpha))`, so it need not be written down.
    fn predict(&mut self, point: &Point) -> f64 {
        let n = point.alpha.len();
        let (alpha, room, lower, upper) = point.per_sample();
        let (change, ratios) = (&self.direction.alpha[..n], &mut self.ratios[..n]);
        for i in 0..n {
            let (below, above) = (change[i] / alpha[i], change[i] / room[i]);
            ratios[i] = larger(larger(-below, above), larger(1.0 + below, 1.0 - above));
        }
        let step = 1.0 / largest(ratios, 1.0);
        let products = ratios;
        for i in 0..n {
            let (below, above) = (change[i] / alpha[i], change[i] / room[i]);
            products[i] = (alpha[i] + step * change[i]) * lower[i] * (1.0 - step * (1.0 + below))
                + (room[i] - step * change[i]) * upper[i] * (1.0 - step * (1.0 - above));
        }
        let predicted: f64 = products.iter().sum();
        let complementarity = point.complementarity();
        complementarity * (predicted / (2 * n) as f64 / complementarity).powi(3)
    }

    /// Gondzio's corrector: where a longer step would leave products far from the target, aim them back at it. Kept,
    /// and true, if it makes the step longer.
    fn correct(&mut self, system: &mut System, point: &Point, target: f64, longest: &mut f64) -> bool {
        let trial = (1.5 * *longest + 0.3).min(1.0);
        let (least, most) = (0.1 * target, 10.0 * target);
        let back = |product: f64| (product.clamp(least, most) - product).max(-most);
        let previous = (self.direction.clone(), self.aim.clone());
        for i in 0..point.alpha.len() {
            let change = trial * self.direction.alpha[i];
            let lower = (point.alpha[i] + change) * (point.lower[i] + trial * self.direction.lower[i]);
            let upper = (point.room[i] - change) * (point.upper[i] + trial * self.direction.upper[i]);
            self.aim.lower[i] += back(lower);
            self.aim.upper[i] += back(upper);
        }
        let corrected = self.aim_at(system, point);
        let is_longer = corrected.min(1.0) >= 1.05 * *longest;
        if is_longer {
            *longest = corrected;
        } else {
            (self.direction, self.aim) = previous;
        }
        is_longer
    }

    /// The direction in which `alpha u` and `(C - alpha) v` go to what is aimed at, and the longest step along it that
    /// keeps everything at or above 0.
    fn aim_at(&mut self, system: &mut System, point: &Point) -> f64 {
        let n = point.alpha.len();
        let (alpha, room, lower, upper) = point.per_sample();
        let (sign, values) = (&self.samples.sign[..n], &point.values[..n]);
        let (aim_lower, aim_upper) = (&self.aim.lower[..n], &self.aim.upper[..n]);
        let right = &mut self.right[..n];
        for i in 0..n {
            right[i] = 1.0 - sign[i] * values[i] + aim_lower[i] / alpha[i] - aim_upper[i] / room[i];
        }
        self.solve(system, point, MOST_REFINEMENTS);
        let (aim_lower, aim_upper) = (&self.aim.lower[..n], &self.aim.upper[..n]);
        let Direction { alpha: change, lower: new_lower, upper: new_upper, .. } = &mut self.direction;
        let (change, ratios) = (&change[..n], &mut self.ratios[..n]);
        let (new_lower, new_upper) = (&mut new_lower[..n], &mut new_upper[..n]);
        for i in 0..n {
            new_lower[i] = (aim_lower[i] - lower[i] * change[i]) / alpha[i] - lower[i];
            new_upper[i] = (aim_upper[i] + upper[i] * change[i]) / room[i] - upper[i];
            let of_alpha = larger(-change[i] / alpha[i], change[i] / room[i]);
            let of_multipliers = larger(-new_lower[i] / lower[i], -new_upper[i] / upper[i]);
            ratios[i] = larger(of_alpha, of_multipliers);
        }
        1.0 / largest(ratios, 0.0)
    }

    fn solve(&mut self, system: &mut System, point: &Point, refinements: usize) {
        if system.ones.is_some() {
            self.solve_for_samples(system, point, refinements);
        } else {
            self.solve_for_plane(system, point, refinements);
        }
    }

    /// The direction of plane, values and `alpha` for the right side, refined against the equations
    /// `w = sum alpha y x` and `sum y alpha = 0` themselves: rounding in the factor leaves no trace.
    fn solve_for_plane(&mut self, system: &mut System, point: &Point, refinements: usize) {
        let sign = &self.samples.sign;
        for (i, sign) in sign.iter().enumerate() {
            self.signed[i] = sign * (point.alpha[i] + self.inverse[i] * self.right[i]);
        }
        let mut residual = self.design.transposed_times(&self.signed);
        for (residual, weight) in residual.iter_mut().zip(point.weights()) {
            *residual -= weight;
        }
        self.direction.plane.fill(0.0);
        for refinement in 0..=refinements {
            system.solve(&mut residual);
            for (value, correction) in self.direction.plane.iter_mut().zip(&residual) {
                *value += correction;
            }
            let Direction { alpha, plane, values, .. } = &mut self.direction;
            let change = |i: usize, value: f64| self.inverse[i] * (self.right[i] - sign[i] * value);
            if refinement == refinements {
                self.design.times(plane, values);
                for (i, (alpha, value)) in alpha.iter_mut().zip(values).enumerate() {
                    *alpha = change(i, *value);
                }
                break;
            }
            let make = |i: usize, value: f64| {
                let change = change(i, value);
                (change, sign[i] * (point.alpha[i] + change))
            };
            residual = self.design.times_and_back(plane, values, alpha, make);
            let mut size = residual.iter().fold(0.0f64, |size, value| size.max(value.abs()));
            for (j, weight) in point.weights().iter().enumerate() {
                let next = weight + self.direction.plane[j];
                size = size.max(next.abs());
                residual[j] -= next;
            }
            if residual.iter().all(|value| value.abs() <= self.residual * size) {
                break;
            }
        }
    }

    fn measure_infeasibility(&mut self, point: &Point) {
        for (i, sign) in self.samples.sign.iter().enumerate() {
            self.signed[i] = sign * point.alpha[i];
        }
        let mut plane = self.design.transposed_times(&self.signed);
        self.infeasible.balance = std::mem::take(&mut plane[self.design.width()]);
        for (value, weight) in plane.iter_mut().zip(point.weights()) {
            *value -= weight;
        }
        self.infeasible.values.resize(self.signed.len(), 0.0);
        self.design.times(&plane, &mut self.infeasible.values);
    }

    /// As [`solve_for_plane`](Self::solve_for_plane), from the equations of the samples. With `e = y d alpha`,
    /// `(K + D) e + db = y right - X (X' y alpha - w)` and `sum e = -sum y alpha`; the plane follows from `e`, so
    /// what is refined is the first of these.
    fn solve_for_samples(&mut self, system: &mut System, point: &Point, refinements: usize) {
        let sign = &self.samples.sign;
        let width = self.design.width();
        let mut residual: Vec<f64> =
            (0..sign.len()).map(|i| sign[i] * self.right[i] - self.infeasible.values[i]).collect();
        let mut unbalanced = self.infeasible.balance;
        let ones = system.ones.clone().unwrap_or_default();
        let total: f64 = ones.iter().sum();
        self.direction.alpha.fill(0.0);
        let mut bias = 0.0;
        for refinement in 0..=refinements {
            system.solve(&mut residual);
            let change = (residual.iter().sum::<f64>() + unbalanced) / total;
            bias += change;
            for (i, sign) in sign.iter().enumerate() {
                self.direction.alpha[i] += sign * (residual[i] - ones[i] * change);
                self.signed[i] = sign * (point.alpha[i] + self.direction.alpha[i]);
            }
            let next = self.design.transposed_times(&self.signed);
            for (j, weight) in point.weights().iter().enumerate() {
                self.direction.plane[j] = next[j] - weight;
            }
            self.direction.plane[width] = bias;
            self.design.times(&self.direction.plane, &mut self.direction.values);
            if refinement == refinements {
                break;
            }
            unbalanced = next[width];
            let (mut size, mut largest) = (0.0f64, 0.0f64);
            for (i, sign) in sign.iter().enumerate() {
                let (aim, own) = (sign * self.right[i], sign * self.direction.alpha[i] / self.inverse[i]);
                residual[i] = aim - own - self.direction.values[i];
                size = size.max(aim.abs()).max(own.abs());
                largest = largest.max(residual[i].abs());
            }
            if largest <= self.residual * size {
                break;
            }
        }
    }
}

/// The larger of two numbers, as one instruction compares them.
const fn larger(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
}

/// The largest of some values and `least`, in eight strands side by side.
fn largest(values: &[f64], least: f64) -> f64 {
    let (chunks, rest) = values.as_chunks::<8>();
    let mut strands = [least; 8];
    for chunk in chunks {
        for (strand, value) in strands.iter_mut().zip(chunk) {
            *strand = larger(*value, *strand);
        }
    }
    strands.iter().chain(rest).fold(least, |most, value| larger(*value, most))
}
