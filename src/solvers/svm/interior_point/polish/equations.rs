//! The equations of the samples on the margin.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, Par, unzip, zip};
use ndarray::Array1;

use super::super::expansion::Expansion;
use super::super::factor::System;
use super::super::independent::Independent;
use super::super::scores::median;
use super::Polish;

/// Samples on the margin whose equations are solved at once, which takes `|F|^3 / 3` products.
const MOST_SOLVED: usize = 4096;

/// Corrections of one solution for each f64 of a multiplier, each some digits smaller than the last.
const MOST_CORRECTIONS: usize = 15;

/// Corrections in a row of more than this share of the smallest before, which say that no more will come of it.
const MOST_NO_SMALLER: usize = 5;
const SMALLER: f64 = 0.5;

/// Size of a correction relative to the multipliers, below which it is the last, and above which there is no solution.
/// Where multipliers have more digits, the last is smaller: one that moves `w`, of rows about 1 long, by [`LAST_MOVE`].
const LAST_CORRECTION: f64 = 1e-28;
const LAST_MOVE: f64 = 1e-16;
const UNSOLVED: f64 = 1e-14;

/// What the equations of `F` are solved by.
pub(super) struct Solution<const N: usize> {
    /// Changes of the multipliers of `F`, `[|F|]`.
    pub changes: Vec<Expansion<N>>,
    pub weights: Array1<f64>,
    pub bias: f64,
    /// Size of the last correction relative to the multipliers.
    pub last: f64,
    /// Whether it is as small as asked for.
    pub is_exact: bool,
}

/// Samples of `F`, some of which depend on the others.
pub(super) struct Dependence {
    pub equations: Independent,
    /// Square of what stands for the bias in each row.
    shift: f64,
    /// `[x, sqrt(shift)]`, `[|F|]`.
    pub rows: Vec<Vec<f64>>,
}

impl<const N: usize> Polish<'_, '_, N> {
    /// Solves the equations of `F`, or of as many of them as do not depend on each other.
    pub fn solution(&mut self) -> Option<(Solution<N>, Option<Dependence>)> {
        let count = self.on_margin.len();
        let rows = Mat::from_fn(count, self.weights.len(), |i, j| self.scores.get(self.on_margin[i], j));
        // More samples than numbers of a plane depend on each other, but mostly their equations agree: then none is left out,
        // whose margin would be wrong by rounding.
        let may_be_all = count <= MOST_SOLVED
            && (count <= self.weights.len() + 1 || self.spend(count.pow(3) / 3).is_some());
        let mut all = if may_be_all { self.solve(&rows) } else { None };
        if let Some(all) = all.take_if(|all| all.is_exact) {
            return Some((all, None));
        }
        let some = self.dependence(&rows).and_then(|dependence| {
            let equations = &dependence.equations;
            let solve = |right: &mut [f64]| equations.solve(right);
            let some = self.refine(&rows, &equations.chosen, dependence.shift, solve)?;
            Some((some, Some(dependence)))
        });
        match (all, some) {
            (Some(all), Some((some, _))) if !some.is_exact && all.last <= some.last => Some((all, None)),
            (all, some) => some.or_else(|| Some((all?, None))),
        }
    }

    /// Solves the equations of `F`; nothing where corrections do not shrink.
    fn solve(&self, rows: &Mat<f64>) -> Option<Solution<N>> {
        let count = self.on_margin.len();
        let mut kernel = Mat::zeros(count, count);
        matmul(&mut kernel, Accum::Replace, rows, rows.transpose(), 1.0, Par::Seq);
        // As the sum of the changes is given, a constant on the whole matrix moves the bias alone, and no row is 0.
        let shift = median((0..count).map(|i| kernel[(i, i)]).collect());
        let mut system = System::of_size(count);
        let form = |mut matrix: MatMut<'_, f64>, _: &mut Mat<f64>| {
            zip!(&mut matrix, &kernel).for_each(|unzip!(value, kernel)| *value = kernel + shift);
        };
        system.factor_of(count, form).ok()?;
        let all: Vec<usize> = (0..count).collect();
        self.refine(rows, &all, shift, |right| system.solve(right))
    }

    /// Which samples of `F` depend on which others; nothing where it would take too long to tell.
    fn dependence(&mut self, rows: &Mat<f64>) -> Option<Dependence> {
        let (count, width) = (rows.nrows(), rows.ncols());
        self.spend(count * count.min(width + 1) * (width + 1))?;
        let squares: Vec<f64> = rows.row_iter().map(|row| row.squared_norm_l2()).collect();
        let above_0: Vec<f64> = squares.iter().copied().filter(|square| *square > 0.0).collect();
        let shift = if above_0.is_empty() { 1.0 } else { median(above_0) };
        let row = |at: usize| (0..width).map(|j| rows[(at, j)]).chain([shift.sqrt()]).collect::<Vec<f64>>();
        let rows: Vec<Vec<f64>> = (0..count).map(row).collect();
        let distance = |(&i, square): (&usize, &f64)| {
            let alpha = self.alpha[i].round();
            alpha.min(self.samples.penalty[i] - alpha) * (square + shift).sqrt()
        };
        let preference: Vec<f64> = self.on_margin.iter().zip(&squares).map(distance).collect();
        Some(Dependence { equations: Independent::of(&rows, &preference), shift, rows })
    }

    /// Takes a number of products from those that are left; nothing where there are fewer.
    fn spend(&mut self, products: usize) -> Option<()> {
        self.work_left = self.work_left.checked_sub(products)?;
        Some(())
    }

    /// The solution of the equations of some of `F`, for which `solve` solves roughly. The other multipliers stay.
    fn refine(
        &self,
        rows: &Mat<f64>,
        some: &[usize],
        shift: f64,
        mut solve: impl FnMut(&mut [f64]),
    ) -> Option<Solution<N>> {
        let mut ones = vec![1.0; some.len()];
        solve(&mut ones);
        let total: f64 = ones.iter().sum();

        let mut solution = Solution {
            changes: vec![Expansion::ZERO; self.on_margin.len()],
            weights: self.weights.clone(),
            bias: self.bias,
            last: f64::INFINITY,
            is_exact: false,
        };
        let (mut smallest, mut no_smaller) = (f64::INFINITY, 0);
        for _ in 0..N * MOST_CORRECTIONS {
            let (mut missing, unbalanced) = self.missing_weights(rows, &solution);
            let mut right = self.missing_margins(rows, some, &solution, &missing);
            solve(&mut right);
            let bias = (right.iter().sum::<f64>() + unbalanced) / total;
            if !bias.is_finite() {
                return None;
            }
            let (mut largest, mut largest_alpha) = (0.0f64, 0.0f64);
            for (number, &at) in some.iter().enumerate() {
                let i = self.on_margin[at];
                let change = right[number] - ones[number] * bias;
                for (j, weight) in missing.iter_mut().enumerate() {
                    *weight += change * rows[(at, j)];
                }
                solution.changes[at] = solution.changes[at].plus(self.samples.sign[i] * change);
                largest = largest.max(change.abs());
                largest_alpha = largest_alpha.max(self.alpha[i].round().abs());
            }
            solution.weights += &missing;
            solution.bias += bias - shift * unbalanced;
            solution.last = largest / largest_alpha;
            solution.is_exact = solution.last <= LAST_CORRECTION && (N == 2 || largest <= LAST_MOVE);
            no_smaller = if largest <= SMALLER * smallest { 0 } else { no_smaller + 1 };
            smallest = smallest.min(largest);
            if solution.is_exact || no_smaller == MOST_NO_SMALLER {
                break;
            }
        }
        (solution.last <= UNSOLVED).then_some(solution)
    }

    /// `sum y alpha x - w`, `[d]`, and `sum y alpha`.
    fn missing_weights(&self, rows: &Mat<f64>, solution: &Solution<N>) -> (Array1<f64>, f64) {
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

    /// What decision values of some of `F` lack to be on the margin, once the missing weights are added.
    fn missing_margins(
        &self,
        rows: &Mat<f64>,
        some: &[usize],
        solution: &Solution<N>,
        missing: &Array1<f64>,
    ) -> Vec<f64> {
        let lacking = |&at: &usize| {
            let i = self.on_margin[at];
            let row: Vec<f64> = (0..rows.ncols()).map(|j| rows[(at, j)]).collect();
            let sign = self.samples.sign[i];
            let value = Expansion::<N>::product(row.iter().zip(&solution.weights)).plus(solution.bias);
            let lacking = value.negative().plus(sign).plus(sign * self.errors[i]).round();
            lacking - Expansion::<N>::product(row.iter().zip(missing)).round()
        };
        some.iter().map(lacking).collect()
    }
}
