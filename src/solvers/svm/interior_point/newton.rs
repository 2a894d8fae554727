//! One step of Newton's method: factor once, solve for the predictor and for the corrector.

use faer::linalg::solvers::{Llt, SolveCore as _};
use faer::{Conj, MatMut, Side};

use super::point::{Direction, Point};
use super::{Design, Samples};

/// Residual of the weights' equations, relative to their size, at which a direction is not refined further.
const RESIDUAL: f64 = 1e-12;

/// Refinements of one direction.
const MOST_REFINEMENTS: usize = 3;

/// What is added to the unit diagonal of a scaled matrix that has no Cholesky factor for rounding, first and last.
const REGULARISATION: std::ops::RangeInclusive<i32> = -15..=-6;

/// No factor although regularised: the matrix is not a number.
#[derive(Debug)]
pub(super) struct NoFactor;

pub(super) struct Newton<'a> {
    design: &'a Design,
    samples: &'a Samples,
    direction: Direction,
    /// Diagonal of `D^-1`, `[n]`.
    inverse: Vec<f64>,
    /// Right side by sample, `[n]`.
    right: Vec<f64>,
    /// `y (alpha + d alpha)`, `[n]`.
    signed: Vec<f64>,
}

impl<'a> Newton<'a> {
    pub fn new(design: &'a Design, samples: &'a Samples) -> Self {
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
            inverse: zeros(),
            right: zeros(),
            signed: zeros(),
        }
    }

    /// Predictor, corrector, and a step along their sum that stays inside; `gap` is the point's.
    pub fn step(&mut self, point: &mut Point, gap: f64) -> Result<(), NoFactor> {
        let n = point.alpha.len();
        for i in 0..n {
            self.inverse[i] = 1.0 / (point.lower[i] / point.alpha[i] + point.upper[i] / point.room[i]);
        }
        let factor = Factor::of(self.design, &self.inverse)?;

        let complementarity = point.complementarity();
        for i in 0..n {
            self.right[i] = 1.0 - self.samples.sign[i] * point.values[i];
        }
        self.solve(&factor, point);
        for i in 0..n {
            let change = self.direction.alpha[i];
            self.direction.lower[i] = -point.lower[i] - point.lower[i] / point.alpha[i] * change;
            self.direction.upper[i] = -point.upper[i] + point.upper[i] / point.room[i] * change;
        }
        let step = point.longest_step(&self.direction).min(1.0);
        let predicted = point.complementarity_after(step, &self.direction);
        let target = complementarity * (predicted / complementarity).powi(3);

        // The second-order terms of the predictor, kept where its multipliers were.
        for i in 0..n {
            let change = self.direction.alpha[i];
            let lower = target - change * self.direction.lower[i];
            let upper = target + change * self.direction.upper[i];
            self.right[i] =
                1.0 - self.samples.sign[i] * point.values[i] + lower / point.alpha[i] - upper / point.room[i];
            self.direction.lower[i] = lower;
            self.direction.upper[i] = upper;
        }
        self.solve(&factor, point);
        for i in 0..n {
            let change = self.direction.alpha[i];
            self.direction.lower[i] =
                (self.direction.lower[i] - point.lower[i] * change) / point.alpha[i] - point.lower[i];
            self.direction.upper[i] =
                (self.direction.upper[i] + point.upper[i] * change) / point.room[i] - point.upper[i];
        }
        let inside = 1.0 - (0.1 * gap).clamp(1e-4, 1e-2);
        let step = (inside * point.longest_step(&self.direction)).min(1.0);
        point.advance(step, &self.direction);
        Ok(())
    }

    /// The direction of plane, values and `alpha` for the right side, refined against the equations
    /// `w = sum alpha y x` and `sum y alpha = 0` themselves: rounding in the factor leaves no trace.
    fn solve(&mut self, factor: &Factor, point: &Point) {
        let sign = &self.samples.sign;
        for (i, sign) in sign.iter().enumerate() {
            self.signed[i] = sign * (point.alpha[i] + self.inverse[i] * self.right[i]);
        }
        let mut residual = self.design.transposed_times(&self.signed);
        for (residual, weight) in residual.iter_mut().zip(point.weights()) {
            *residual -= weight;
        }
        self.direction.plane.fill(0.0);
        for refinement in 0..=MOST_REFINEMENTS {
            factor.solve(&mut residual);
            for (value, correction) in self.direction.plane.iter_mut().zip(&residual) {
                *value += correction;
            }
            self.design.times(&self.direction.plane, &mut self.direction.values);
            for (i, sign) in sign.iter().enumerate() {
                let change = self.inverse[i] * (self.right[i] - sign * self.direction.values[i]);
                self.direction.alpha[i] = change;
                self.signed[i] = sign * (point.alpha[i] + change);
            }
            if refinement == MOST_REFINEMENTS {
                break;
            }
            residual = self.design.transposed_times(&self.signed);
            let mut size = residual.iter().fold(0.0f64, |size, value| size.max(value.abs()));
            for (j, weight) in point.weights().iter().enumerate() {
                let next = weight + self.direction.plane[j];
                size = size.max(next.abs());
                residual[j] -= next;
            }
            if residual.iter().all(|value| value.abs() <= RESIDUAL * size) {
                break;
            }
        }
    }
}

/// `A' D^-1 A + diag(1, ..., 1, 0)`, scaled to a unit diagonal and factored.
struct Factor {
    cholesky: Llt<f64>,
    scale: Vec<f64>,
}

impl Factor {
    fn of(design: &Design, inverse: &[f64]) -> Result<Self, NoFactor> {
        let mut matrix = design.weighted_gram(inverse);
        let size = matrix.nrows();
        for j in 0..design.width() {
            matrix[(j, j)] += 1.0;
        }
        let scale: Vec<f64> = (0..size).map(|j| matrix[(j, j)].sqrt().recip()).collect();
        if scale.iter().any(|scale| !scale.is_normal()) {
            return Err(NoFactor);
        }
        for j in 0..size {
            for i in j..size {
                matrix[(i, j)] *= scale[i] * scale[j];
            }
        }
        let exponents = std::iter::once(None).chain(REGULARISATION.map(Some));
        for exponent in exponents {
            for j in 0..size {
                matrix[(j, j)] = 1.0 + exponent.map_or(0.0, |exponent| 10.0f64.powi(exponent));
            }
            if let Ok(cholesky) = Llt::new(matrix.as_ref(), Side::Lower) {
                return Ok(Self { cholesky, scale });
            }
        }
        Err(NoFactor)
    }

    fn solve(&self, right: &mut [f64]) {
        for (value, scale) in right.iter_mut().zip(&self.scale) {
            *value *= scale;
        }
        let size = right.len();
        self.cholesky.solve_in_place_with_conj(Conj::No, MatMut::from_column_major_slice_mut(right, size, 1));
        for (value, scale) in right.iter_mut().zip(&self.scale) {
            *value *= scale;
        }
    }
}
