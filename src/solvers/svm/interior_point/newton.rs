//! One step of Newton's method: factor once, solve for the predictor and for the corrector.

use std::ops::Range;

use super::design::sum;
use super::factor::{NoFactor, System};
use super::point::{Direction, Own, Point, sum_by_lanes};
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
            last: f64::INFINITY,
            infeasible: Infeasible::default(),
        }
    }

    /// Predictor, corrector, and a step along their sum that stays inside; `gap` is the point's.
    pub fn step(&mut self, system: &mut System, point: &mut Point, gap: f64) -> Result<(), NoFactor> {
        self.residual = (RESIDUAL_PER_GAP * gap).clamp(RESIDUALS.0, RESIDUALS.1);
        let by_multipliers = self.begin(point);
        system.factor(self.design, &self.inverse)?;
        if system.ones.is_some() {
            self.measure_infeasibility(point);
        }
        // A rough direction predicts as well.
        self.solve(system, point, by_multipliers, 0);
        let products = point.complementarity();
        let target = self.predict(point, products);
        // The second-order terms of the predictor.
        let by_multipliers = self.aim(point, |own, i, _| {
            let change = own.change[i];
            let lower = target + change * own.lower[i] * (1.0 + change / own.alpha[i]);
            (lower, target - change * own.upper[i] * (1.0 - change / own.room[i]))
        });
        let mut longest = self.solve_for_aim(system, point, by_multipliers);
        for _ in 0..self.correctors {
            if longest >= 1.0 || !self.correct(system, point, target, &mut longest) {
                break;
            }
        }
        let is_slow = gap < CIRCLES_BELOW && products > SLOW * self.last;
        self.last = products;
        let inside = if is_slow { SHORT } else { 1.0 - (0.1 * gap).clamp(1e-4, 1e-2) };
        point.advance(self.design, (inside * longest).min(1.0), &self.direction);
        Ok(())
    }

    /// `D^-1` and the right side of the predictor, and `A' y` times the multipliers that it would have alone,
    /// which the equations of the samples do not need.
    fn begin(&mut self, point: &Point) -> Vec<f64> {
        let Self { design, samples, inverse, right, .. } = self;
        let is_by_sample = design.kernel().is_some();
        sum(design.visit([inverse, right], |chunk, [inverse, right]| {
            let (n, at) = (inverse.len(), &chunk.samples);
            let Own { alpha, room, lower, upper, .. } = Own::of_point(point, at);
            let (sign, values) = (&samples.sign[at.clone()][..n], &point.values[at.clone()][..n]);
            let (right, mut signed) = (&mut right[..n], vec![0.0; n]);
            for i in 0..n {
                inverse[i] = 1.0 / (lower[i] / alpha[i] + upper[i] / room[i]);
                right[i] = 1.0 - sign[i] * values[i];
                signed[i] = sign[i] * (alpha[i] + inverse[i] * right[i]);
            }
            if is_by_sample { Vec::new() } else { chunk.transposed_times(&signed) }
        }))
    }

    /// What the products are to become: the smaller, the further the predictor could go. It changes `u` by
    /// `-u (1 + d alpha / alpha)` and `v` by `-v (1 - d alpha / (C - alpha))`, so it need not be written down.
    fn predict(&self, point: &Point, complementarity: f64) -> f64 {
        let own =
            |at: &Range<usize>| Own { change: &self.direction.alpha[at.clone()], ..Own::of_point(point, at) };
        let ratios = self.design.visit([], |chunk, []| {
            let Own { alpha, room, change, .. } = own(&chunk.samples);
            largest(alpha.len(), 1.0, |i| {
                let (below, above) = (change[i] / alpha[i], change[i] / room[i]);
                larger(larger(-below, above), larger(1.0 + below, 1.0 - above))
            })
        });
        let step = 1.0 / ratios.into_iter().fold(1.0, larger);
        let products = self.design.visit([], |chunk, []| {
            let Own { alpha, room, lower, upper, change, .. } = own(&chunk.samples);
            sum_by_lanes(alpha.len(), |i| {
                let (below, above) = (change[i] / alpha[i], change[i] / room[i]);
                (alpha[i] + step * change[i]) * lower[i] * (1.0 - step * (1.0 + below))
                    + (room[i] - step * change[i]) * upper[i] * (1.0 - step * (1.0 - above))
            })
        });
        let predicted: f64 = products.iter().sum();
        complementarity * (predicted / (2 * point.alpha.len()) as f64 / complementarity).powi(3)
    }

    /// Gondzio's corrector: where a longer step would leave products far from the target, aim them back at it. Kept,
    /// and true, if it makes the step longer.
    fn correct(&mut self, system: &mut System, point: &Point, target: f64, longest: &mut f64) -> bool {
        let trial = (1.5 * *longest + 0.3).min(1.0);
        let (least, most) = (0.1 * target, 10.0 * target);
        let back = |product: f64| (product.clamp(least, most) - product).max(-most);
        let previous = (self.direction.clone(), self.aim.clone());
        let by_multipliers = self.aim(point, |own, i, (aim_lower, aim_upper)| {
            let change = trial * own.change[i];
            let lower = (own.alpha[i] + change) * (own.lower[i] + trial * own.lower_change[i]);
            let upper = (own.room[i] - change) * (own.upper[i] + trial * own.upper_change[i]);
            (aim_lower + back(lower), aim_upper + back(upper))
        });
        let corrected = self.solve_for_aim(system, point, by_multipliers);
        let is_longer = corrected.min(1.0) >= 1.05 * *longest;
        if is_longer {
            *longest = corrected;
        } else {
            (self.direction, self.aim) = previous;
        }
        is_longer
    }

    /// Aims at products, those of a sample as `aim` gives them for what they were aimed at before. `A' y` times the multipliers
    /// that the right side would give alone.
    fn aim(
        &mut self,
        point: &Point,
        aim: impl Fn(&Own<'_>, usize, (f64, f64)) -> (f64, f64) + Sync,
    ) -> Vec<f64> {
        let Self {
            design,
            samples,
            direction,
            inverse,
            right,
            aim: Aim { lower: aim_lower, upper: aim_upper },
            ..
        } = self;
        let is_by_sample = design.kernel().is_some();
        sum(design.visit([aim_lower, aim_upper, right], |chunk, [aim_lower, aim_upper, right]| {
            let (n, at) = (right.len(), &chunk.samples);
            let own = Own::of(point, direction, at);
            let (sign, values) = (&samples.sign[at.clone()][..n], &point.values[at.clone()][..n]);
            let (inverse, mut signed) = (&inverse[at.clone()][..n], vec![0.0; n]);
            let (aim_lower, aim_upper) = (&mut aim_lower[..n], &mut aim_upper[..n]);
            for i in 0..n {
                (aim_lower[i], aim_upper[i]) = aim(&own, i, (aim_lower[i], aim_upper[i]));
                let aims = aim_lower[i] / own.alpha[i] - aim_upper[i] / own.room[i];
                right[i] = 1.0 - sign[i] * values[i] + aims;
                signed[i] = sign[i] * (own.alpha[i] + inverse[i] * right[i]);
            }
            if is_by_sample { Vec::new() } else { chunk.transposed_times(&signed) }
        }))
    }

    /// The direction in which `alpha u` and `(C - alpha) v` go to what is [aimed](Self::aim) at, and the longest step along it
    /// that keeps everything at or above 0.
    fn solve_for_aim(&mut self, system: &mut System, point: &Point, by_multipliers: Vec<f64>) -> f64 {
        self.solve(system, point, by_multipliers, MOST_REFINEMENTS);
        let Self { design, direction: Direction { alpha, lower, upper, .. }, aim, .. } = self;
        let ratios = design.visit([lower, upper], |chunk, [new_lower, new_upper]| {
            let (n, at) = (new_lower.len(), &chunk.samples);
            let Own { alpha, room, lower, upper, change, .. } =
                Own { change: &alpha[at.clone()][..n], ..Own::of_point(point, at) };
            let (aim_lower, aim_upper) = (&aim.lower[at.clone()][..n], &aim.upper[at.clone()][..n]);
            let new_upper = &mut new_upper[..n];
            for i in 0..n {
                new_lower[i] = (aim_lower[i] - lower[i] * change[i]) / alpha[i] - lower[i];
                new_upper[i] = (aim_upper[i] + upper[i] * change[i]) / room[i] - upper[i];
            }
            largest(n, 0.0, |i| {
                let of_alpha = larger(-change[i] / alpha[i], change[i] / room[i]);
                larger(of_alpha, larger(-new_lower[i] / lower[i], -new_upper[i] / upper[i]))
            })
        });
        1.0 / ratios.into_iter().fold(0.0, larger)
    }

    fn solve(&mut self, system: &mut System, point: &Point, by_multipliers: Vec<f64>, refinements: usize) {
        if system.ones.is_some() {
            self.solve_for_samples(system, point, refinements);
        } else {
            self.solve_for_plane(system, point, by_multipliers, refinements);
        }
    }

    /// The direction of plane, values and `alpha` for the right side, refined against the equations
    /// `w = sum alpha y x` and `sum y alpha = 0` themselves: rounding in the factor leaves no trace.
    fn solve_for_plane(
        &mut self,
        system: &mut System,
        point: &Point,
        by_multipliers: Vec<f64>,
        refinements: usize,
    ) {
        let Self {
            design, samples, direction: Direction { alpha, plane, values, .. }, inverse, right, ..
        } = self;
        let mut residual = by_multipliers;
        for (residual, weight) in residual.iter_mut().zip(point.weights()) {
            *residual -= weight;
        }
        plane.fill(0.0);
        for refinement in 0..=refinements {
            system.solve(&mut residual);
            for (value, correction) in plane.iter_mut().zip(&residual) {
                *value += correction;
            }
            let is_last = refinement == refinements;
            residual = sum(design.visit([&mut *values, &mut *alpha], |chunk, [values, change]| {
                chunk.times(plane, values);
                let (n, at) = (values.len(), chunk.samples.clone());
                let (sign, alpha) = (&samples.sign[at.clone()][..n], &point.alpha[at.clone()][..n]);
                let (inverse, right, change) = (&inverse[at.clone()][..n], &right[at][..n], &mut change[..n]);
                for i in 0..n {
                    change[i] = inverse[i] * (right[i] - sign[i] * values[i]);
                }
                if is_last {
                    return Vec::new();
                }
                let signed: Vec<f64> = (0..n).map(|i| sign[i] * (alpha[i] + change[i])).collect();
                chunk.transposed_times(&signed)
            }));
            if is_last {
                break;
            }
            let mut size = residual.iter().fold(0.0f64, |size, value| size.max(value.abs()));
            for (j, weight) in point.weights().iter().enumerate() {
                let next = weight + plane[j];
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

/// The largest of so many values and `least`, in eight strands side by side.
fn largest(count: usize, least: f64, value: impl Fn(usize) -> f64) -> f64 {
    const LANES: usize = 8;
    let mut strands = [least; LANES];
    let whole = count - count % LANES;
    for first in (0..whole).step_by(LANES) {
        for (lane, strand) in strands.iter_mut().enumerate() {
            *strand = larger(value(first + lane), *strand);
        }
    }
    let of_rest = (whole..count).map(value).fold(least, |most, value| larger(value, most));
    strands.iter().fold(of_rest, |most, value| larger(*value, most))
}
