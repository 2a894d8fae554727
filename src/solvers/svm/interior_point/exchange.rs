//! From the multipliers of a like problem to the optimum, one sample after another.
//!
//! With one number of components more, or a few, most support vectors stay what they are. So the multipliers of the smaller
//! problem are a good start for the larger one: they are feasible there, since only the scores differ. From there on the
//! dual objective grows step by step. With `F` the samples strictly inside their bounds,
//!
//! ```text
//! y_i (w x_i + b) = 1  for i in F     w = sum alpha_i y_i x_i     sum alpha_i y_i = 0
//! ```
//!
//! has one solution, all others at their bounds. On the way there a multiplier that meets a bound leaves `F`; once there,
//! samples on the wrong side of their margin enter, those furthest from it first. A change of `F` is one of rank 1 of the
//! inverse of its products, so that a step costs `O(n d)`, where a step of the interior point costs `O(n d^2)`.
//!
//! The inverse loses digits as it goes, so it only finds the sets: what is returned is solved for anew, as after
//! [`crossover`](super::crossover), and depends on the sets alone.
//!
//! Source: Scheinberg, *An efficient implementation of an active set method for SVMs*, JMLR 7, 2006.

mod inverse;
#[cfg(test)]
mod tests;
pub(super) mod vectors;

use super::crossover::{self, Place};
use super::point::Point;
use super::{Design, Samples};
use inverse::Inverse;
use vectors::{Rows, filled};

/// Samples up to which it is tried: there are so many steps that with more of them the interior point is faster.
const MOST_SAMPLES: usize = 512;

/// Steps before giving up, by sample; half of one is usual.
const MOST_STEPS: usize = 2;

/// With so many times more multipliers at their penalties than inside their bounds, most will leave them: the way is long.
const FAR: usize = 4;

/// Samples that enter together: a quarter fewer steps than one by one.
const TOGETHER: usize = 8;

/// Of those, the least is this share of the furthest from its margin.
const ALIKE: f64 = 0.5;

/// A margin this near to 1 is at it.
const AT_MARGIN: f64 = 1e-9;

/// The optimum from shares of the penalties, `[n]`, each from 0 to 1, with `sum y alpha = 0`, and the steps taken; nothing
/// where there are too many samples, or where it is not reached.
pub(super) fn optimum(design: &Design<'_>, samples: &Samples, shares: &[f64]) -> Option<(Point, usize)> {
    let mut exchange = Exchange::new(design, samples, shares)?;
    for steps in 1..=MOST_STEPS * shares.len() {
        if exchange.step()? {
            return Some((crossover::at(design, samples, &exchange.places())?, steps));
        }
    }
    None
}

struct Exchange<'a, 's> {
    design: &'a Design<'s>,
    samples: &'a Samples,
    /// `A`, `[n, r + 1]`.
    rows: &'a Rows,
    /// `alpha`, `[n]`.
    alpha: Vec<f64>,
    /// `w`, then `b`, filled up.
    plane: Vec<f64>,
    /// `F`, in the order of the inverse.
    free: Vec<usize>,
    is_free: Vec<bool>,
    /// Of `A A'` for `F`.
    inverse: Inverse,
    /// Memory of a step: by free sample, and as the plane.
    change: Vec<f64>,
    change_of_plane: Vec<f64>,
}

impl<'a, 's> Exchange<'a, 's> {
    fn new(design: &'a Design<'s>, samples: &'a Samples, shares: &[f64]) -> Option<Self> {
        let at_penalty = shares.iter().filter(|share| **share >= 1.0).count();
        let inside = shares.iter().filter(|share| **share > 0.0 && **share < 1.0).count();
        let count = shares.len();
        if count > MOST_SAMPLES || at_penalty > FAR * inside {
            return None;
        }
        let (most, length) = (crossover::most_free(design), filled(design.width() + 1));
        let alpha: Vec<f64> =
            shares.iter().zip(&samples.penalty).map(|(share, penalty)| share * penalty).collect();
        let signed: Vec<f64> = alpha.iter().zip(&samples.sign).map(|(alpha, sign)| alpha * sign).collect();
        let mut plane = design.transposed_times(&signed);
        plane[design.width()] = 0.0;
        plane.resize(length, 0.0);
        let mut exchange = Self {
            design,
            samples,
            rows: design.rows(),
            plane,
            free: Vec::with_capacity(most),
            is_free: vec![false; count],
            inverse: Inverse::new(most),
            change: vec![0.0; most],
            change_of_plane: vec![0.0; length],
            alpha,
        };
        for i in (0..count).filter(|i| shares[*i] > 0.0 && shares[*i] < 1.0) {
            // With more of them, or such that depend on each other, there is no one solution.
            exchange.enter(i).then_some(())?;
        }
        (!exchange.free.is_empty()).then_some(exchange)
    }

    /// One change of the sets; true at the optimum, nothing where there is no way on.
    fn step(&mut self) -> Option<bool> {
        let sign = &self.samples.sign;
        let count = self.free.len();
        let mut lacking = Vec::with_capacity(count);
        let free = || self.free.iter().copied();
        self.rows.times(free(), &self.plane, |i, value| lacking.push(sign[i] - value));
        let change = &mut self.change[..count];
        self.inverse.times(&lacking, change);
        let of_ones = self.inverse.sums();
        // Such that `sum y alpha` stays 0.
        let change_of_bias = change.iter().sum::<f64>() / of_ones.iter().sum::<f64>();
        let mut way = 1.0;
        let mut leaving = None;
        for (at, &i) in self.free.iter().enumerate() {
            change[at] -= change_of_bias * of_ones[at];
            let own = sign[i] * change[at];
            let room = if own < 0.0 { -self.alpha[i] } else { self.samples.penalty[i] - self.alpha[i] };
            if own != 0.0 && room / own < way {
                way = (room / own).max(0.0);
                leaving = Some(at);
            }
        }
        for (&i, change) in self.free.iter().zip(&*change) {
            self.alpha[i] += way * sign[i] * change;
        }
        self.change_of_plane.fill(0.0);
        self.rows.add_to(free().zip(change.iter().copied()), &mut self.change_of_plane);
        self.change_of_plane[self.design.width()] = change_of_bias;
        for (value, change) in self.plane.iter_mut().zip(&self.change_of_plane) {
            *value += way * change;
        }
        if !change_of_bias.is_finite() {
            return None;
        }
        match leaving {
            Some(at) => self.leave(at),
            None => self.enter_worst(),
        }
    }

    fn leave(&mut self, at: usize) -> Option<bool> {
        let i = self.free.swap_remove(at);
        self.inverse.remove(at);
        self.is_free[i] = false;
        let is_down = self.samples.sign[i] * self.change[at] < 0.0;
        self.alpha[i] = if is_down { 0.0 } else { self.samples.penalty[i] };
        (!self.free.is_empty()).then_some(false)
    }

    /// Lets in those furthest on the wrong side of their margin; true where there are none.
    fn enter_worst(&mut self) -> Option<bool> {
        let mut worst: Vec<(f64, usize)> = Vec::new();
        let fixed = (0..self.alpha.len()).filter(|i| !self.is_free[*i]);
        self.rows.times(fixed, &self.plane, |i, value| {
            let beyond = self.samples.sign[i] * value - 1.0;
            let wrong = if self.alpha[i] == 0.0 { -beyond } else { beyond };
            if wrong > AT_MARGIN {
                worst.push((wrong, i));
            }
        });
        worst.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let Some(&(furthest, _)) = worst.first() else { return Some(true) };
        let alike = worst.into_iter().take_while(|(wrong, _)| *wrong >= ALIKE * furthest).take(TOGETHER);
        let entered = alike.filter(|(_, i)| self.enter(*i)).count();
        (entered > 0).then_some(false)
    }

    /// False, and nothing done, where the sample depends on the free ones.
    fn enter(&mut self, i: usize) -> bool {
        let mut products = Vec::with_capacity(self.free.len());
        self.rows.times(self.free.iter().copied(), self.rows.row(i), |_, product| products.push(product));
        let is_in = self.inverse.add(&products, self.design.squared_norms()[i] + 1.0);
        if is_in {
            self.free.push(i);
            self.is_free[i] = true;
        }
        is_in
    }

    fn places(&self) -> Vec<Place> {
        let place = |i: usize| match (self.is_free[i], self.alpha[i] == 0.0) {
            (true, _) => Place::Free,
            (false, true) => Place::AtZero,
            (false, false) => Place::AtPenalty,
        };
        (0..self.alpha.len()).map(place).collect()
    }
}
