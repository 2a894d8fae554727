//! An iterate: strictly inside its bounds, on the way to the optimum.

use std::ops::Range;

use super::{Design, Samples};

/// `alpha`, `C - alpha`, `u`, `v` above 0, weights and bias.
pub(super) struct Point {
    /// `alpha`, `[n]`.
    pub alpha: Vec<f64>,
    /// `C - alpha`, `[n]`, kept apart so that a small one keeps its digits.
    pub room: Vec<f64>,
    /// Multipliers of `alpha >= 0`, `[n]`.
    pub lower: Vec<f64>,
    /// Multipliers of `alpha <= C`, `[n]`.
    pub upper: Vec<f64>,
    /// Weights and bias, `[r + 1]`.
    pub plane: Vec<f64>,
    /// `A plane`: decision values, `[n]`.
    pub values: Vec<f64>,
}

/// An earlier iterate of another penalty, relative to that penalty.
#[derive(Clone)]
pub(in crate::solvers::svm) struct Warm {
    share: Vec<f64>,
    lower: Vec<f64>,
    upper: Vec<f64>,
    plane: Vec<f64>,
}

/// How far the first multipliers stay from 0.
const START: f64 = 0.5 * (std::f64::consts::SQRT_2 - 1.0);

/// Largest multiplier of a start from small ones, where rows are about 1 long.
const SMALL: f64 = 3.0;

impl Point {
    /// In the middle of the box, with `sum y alpha = 0`, `w = 0`, and `u`, `v` such that `1 + u - v = 0`, the
    /// decision values of that plane. From there 15 to 25 iterations suffice for C from 1e-4 to 1e6;
    /// `w = sum alpha y x` as a start needs up to five times as many. Where the classes are likely separable few
    /// multipliers end near a large C, and small ones with equal products save a quarter of the iterations; elsewhere
    /// they take up to twice as many.
    pub fn start(design: &Design<'_>, samples: &Samples) -> Self {
        let (positive, negative) = samples.sums_of_sides(&samples.penalty);
        let smaller = positive.min(negative);
        let share = |sign: f64| 0.5 * smaller / if sign > 0.0 { positive } else { negative };
        let middle = samples.sign.iter().zip(&samples.penalty).map(|(sign, penalty)| share(*sign) * penalty);
        let mut alpha: Vec<f64> = middle.collect();
        let n = alpha.len();
        let largest = alpha.iter().fold(0.0f64, |largest, alpha| largest.max(*alpha));
        let is_small = design.is_likely_separable() && largest > SMALL;
        if is_small {
            for alpha in &mut alpha {
                *alpha *= SMALL / largest;
            }
        }
        let room: Vec<f64> =
            samples.penalty.iter().zip(&alpha).map(|(penalty, alpha)| penalty - alpha).collect();
        let (lower, upper) = if is_small {
            (vec![0.5; n], alpha.iter().zip(&room).map(|(alpha, room)| 0.5 * alpha / room).collect())
        } else {
            (vec![START; n], vec![1.0 + START; n])
        };
        Self { alpha, room, lower, upper, plane: vec![0.0; design.width() + 1], values: vec![0.0; n] }
    }

    /// From an iterate of another penalty: the same shares of the box, multipliers and plane. All products scale
    /// alike; those below their mean are raised to it, so that no sample starts near its bounds.
    pub fn warm(design: &Design<'_>, samples: &Samples, warm: &Warm) -> Self {
        let shares = || warm.share.iter().zip(&samples.penalty);
        let mut values = vec![0.0; samples.sign.len()];
        design.times(&warm.plane, &mut values);
        let mut point = Self {
            alpha: shares().map(|(share, penalty)| share * penalty).collect(),
            room: shares().map(|(share, penalty)| (1.0 - share) * penalty).collect(),
            lower: warm.lower.clone(),
            upper: warm.upper.clone(),
            plane: warm.plane.clone(),
            values,
        };
        let floor = point.complementarity();
        for i in 0..point.alpha.len() {
            point.lower[i] = point.lower[i].max(floor / point.alpha[i]);
            point.upper[i] = point.upper[i].max(floor / point.room[i]);
        }
        point
    }

    /// What a later penalty may start from.
    pub fn keep(&self, samples: &Samples) -> Warm {
        // Away from 0 and 1, so that neither `alpha` nor the room is 0 after scaling.
        let share = |alpha: &f64, penalty: &f64| (alpha / penalty).clamp(1e-9, 1.0 - 1e-9);
        Warm {
            share: self.alpha.iter().zip(&samples.penalty).map(|(alpha, c)| share(alpha, c)).collect(),
            lower: self.lower.clone(),
            upper: self.upper.clone(),
            plane: self.plane.clone(),
        }
    }

    /// `alpha`, `C - alpha`, `u` and `v`, of one length as the compiler can see.
    pub fn per_sample(&self) -> (&[f64], &[f64], &[f64], &[f64]) {
        let n = self.alpha.len();
        (&self.alpha[..n], &self.room[..n], &self.lower[..n], &self.upper[..n])
    }

    /// `w`, without the bias.
    pub fn weights(&self) -> &[f64] {
        self.plane.split_last().map_or(&[], |(_, weights)| weights)
    }

    /// `b`.
    pub fn bias(&self) -> f64 {
        self.plane.last().copied().unwrap_or_default()
    }

    /// Mean of `alpha u` and `(C - alpha) v`.
    pub fn complementarity(&self) -> f64 {
        let (alpha, room, lower, upper) = self.per_sample();
        let sum = sum_by_lanes(alpha.len(), |i| alpha[i] * lower[i] + room[i] * upper[i]);
        sum / (2 * alpha.len()) as f64
    }

    /// `sum alpha u + sum (C - alpha) v`, the distance of the objectives of a feasible point, relative to `sum alpha`,
    /// which ends between one and two times the dual objective. Neither has digits to lose, as the objectives have.
    pub fn gap(&self) -> f64 {
        let alpha = &self.alpha;
        2.0 * alpha.len() as f64 * self.complementarity() / sum_by_lanes(alpha.len(), |i| alpha[i])
    }

    /// Takes a step.
    pub fn advance(&mut self, design: &Design<'_>, step: f64, direction: &Direction) {
        let Self { alpha, room, lower, upper, values, .. } = self;
        design.visit([alpha, room, lower, upper, values], |chunk, [alpha, room, lower, upper, values]| {
            let at = || chunk.samples.clone();
            for ((alpha, room), change) in alpha.iter_mut().zip(room).zip(&direction.alpha[at()]) {
                *alpha += step * change;
                *room -= step * change;
            }
            let others = [(lower, &direction.lower), (upper, &direction.upper), (values, &direction.values)];
            for (own, changes) in others {
                own.iter_mut().zip(&changes[at()]).for_each(|(own, change)| *own += step * change);
            }
        });
        for (value, change) in self.plane.iter_mut().zip(&direction.plane) {
            *value += step * change;
        }
    }
}

/// The sum of so many terms, in eight strands side by side.
pub(super) fn sum_by_lanes(count: usize, term: impl Fn(usize) -> f64) -> f64 {
    const LANES: usize = 8;
    let mut sums = [0.0; LANES];
    let whole = count - count % LANES;
    for first in (0..whole).step_by(LANES) {
        for (lane, sum) in sums.iter_mut().enumerate() {
            *sum += term(first + lane);
        }
    }
    sums.iter().sum::<f64>() + (whole..count).map(term).sum::<f64>()
}

/// A change of a [`Point`]; the room changes by `-alpha`.
#[derive(Clone)]
pub(super) struct Direction {
    pub alpha: Vec<f64>,
    pub lower: Vec<f64>,
    pub upper: Vec<f64>,
    pub plane: Vec<f64>,
    pub values: Vec<f64>,
}

/// What some samples have at a point and in a direction, `[n]` each.
pub(super) struct Own<'a> {
    pub alpha: &'a [f64],
    pub room: &'a [f64],
    pub lower: &'a [f64],
    pub upper: &'a [f64],
    /// Of `alpha`.
    pub change: &'a [f64],
    pub lower_change: &'a [f64],
    pub upper_change: &'a [f64],
}

impl<'a> Own<'a> {
    pub fn of(point: &'a Point, direction: &'a Direction, at: &Range<usize>) -> Self {
        let n = at.len();
        let own = |all: &'a [f64]| &all[at.clone()][..n];
        Self {
            change: own(&direction.alpha),
            lower_change: own(&direction.lower),
            upper_change: own(&direction.upper),
            ..Self::of_point(point, at)
        }
    }

    pub fn of_point(point: &'a Point, at: &Range<usize>) -> Self {
        let n = at.len();
        let own = |all: &'a [f64]| &all[at.clone()][..n];
        let (alpha, room, lower, upper) =
            (own(&point.alpha), own(&point.room), own(&point.lower), own(&point.upper));
        Self { alpha, room, lower, upper, change: &[], lower_change: &[], upper_change: &[] }
    }
}
