//! The matrix of a Newton step, factored.
//!
//! Eliminating `alpha` leaves `A' D^-1 A + diag(1, ..., 1, 0)` of the size of the plane, `O(n d^2)` to form;
//! eliminating the plane leaves `K + D` of the size of the samples, whose `K = X X'` is the same in every step, of every
//! class and penalty. The second is less work where there are hardly more samples than columns.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor::{
    LltParams, LltRegularization, cholesky_in_place, cholesky_in_place_scratch,
};
use faer::linalg::cholesky::llt::solve::{solve_in_place, solve_in_place_scratch};
use faer::{Mat, MatMut, Par, Spec};

use super::Design;

/// What is added to the unit diagonal of a scaled matrix that has no Cholesky factor for rounding, first and last,
/// as a power of 10.
const REGULARISATION: std::ops::RangeInclusive<i32> = -15..=-6;

/// No factor although regularised: the matrix is not a number.
#[derive(Debug)]
pub(super) struct NoFactor;

/// The equations that a step solves: a positive definite matrix, scaled to a unit diagonal and factored. Its memory is
/// reused from step to step, for fresh pages take as long as the factor itself.
pub(super) struct System {
    /// The matrix, then its factor, in the lower triangle.
    matrix: Mat<f64>,
    /// Weighted rows, where there is one chunk of them.
    weighted: Mat<f64>,
    scale: Vec<f64>,
    buffer: MemBuffer,
    /// Of the equations of the samples, what solves them for a right side of ones.
    pub ones: Option<Vec<f64>>,
}

impl System {
    /// For a design, not factored yet.
    pub fn new(design: &Design) -> Self {
        let size = design.kernel().map_or(design.width() + 1, Mat::nrows);
        let factor = cholesky_in_place_scratch::<f64>(size, Par::Seq, parameters());
        let solve = solve_in_place_scratch::<f64>(size, 1, Par::Seq);
        Self {
            matrix: Mat::zeros(size, size),
            weighted: Mat::zeros(0, 0),
            scale: vec![1.0; size],
            buffer: MemBuffer::new(factor.or(solve)),
            ones: design.kernel().map(|_| vec![1.0; size]),
        }
    }

    /// Factors the matrix of a diagonal `D^-1`, `[n]`, regularised as little as it takes.
    pub fn factor(&mut self, design: &Design, inverse: &[f64]) -> Result<(), NoFactor> {
        let exponents = std::iter::once(None).chain(REGULARISATION.map(Some));
        for exponent in exponents {
            self.form(design, inverse)?;
            for j in 0..self.scale.len() {
                self.matrix[(j, j)] = 1.0 + exponent.map_or(0.0, |exponent| 10.0f64.powi(exponent));
            }
            let stack = MemStack::new(&mut self.buffer);
            let matrix = self.matrix.as_mut();
            if cholesky_in_place(matrix, LltRegularization::default(), Par::Seq, stack, parameters()).is_ok()
            {
                if let Some(mut ones) = self.ones.take() {
                    ones.fill(1.0);
                    self.solve(&mut ones);
                    self.ones = Some(ones);
                }
                return Ok(());
            }
        }
        Err(NoFactor)
    }

    /// The lower triangle of the matrix, scaled to a unit diagonal.
    fn form(&mut self, design: &Design, inverse: &[f64]) -> Result<(), NoFactor> {
        if let Some(kernel) = design.kernel() {
            self.matrix.copy_from_triangular_lower(kernel);
            for (i, inverse) in inverse.iter().enumerate() {
                self.matrix[(i, i)] += 1.0 / inverse;
            }
        } else {
            design.weighted_gram(inverse, &mut self.weighted, &mut self.matrix);
            for j in 0..design.width() {
                self.matrix[(j, j)] += 1.0;
            }
        }
        for (j, scale) in self.scale.iter_mut().enumerate() {
            *scale = self.matrix[(j, j)].sqrt().recip();
            if !scale.is_normal() {
                return Err(NoFactor);
            }
        }
        for j in 0..self.scale.len() {
            let column = self.matrix.col_as_slice_mut(j)[j..].iter_mut();
            for (value, scale_of_row) in column.zip(&self.scale[j..]) {
                *value *= scale_of_row * self.scale[j];
            }
        }
        Ok(())
    }

    /// Replaces a right side by the solution.
    pub fn solve(&mut self, right: &mut [f64]) {
        for (value, scale) in right.iter_mut().zip(&self.scale) {
            *value *= scale;
        }
        let size = right.len();
        let columns = MatMut::from_column_major_slice_mut(right, size, 1);
        solve_in_place(self.matrix.as_ref(), columns, Par::Seq, MemStack::new(&mut self.buffer));
        for (value, scale) in right.iter_mut().zip(&self.scale) {
            *value *= scale;
        }
    }
}

/// Replaces right sides, `[m, k]`, by their solutions for a positive definite matrix, `[m, m]`, of which the lower triangle is
/// given and becomes its factor.
pub(super) fn solve_definite(matrix: &mut Mat<f64>, right: &mut Mat<f64>) -> Result<(), NoFactor> {
    let (size, columns) = (matrix.nrows(), right.ncols());
    let factor = cholesky_in_place_scratch::<f64>(size, Par::Seq, parameters());
    let solve = solve_in_place_scratch::<f64>(size, columns, Par::Seq);
    let mut buffer = MemBuffer::new(factor.or(solve));
    let (regularization, stack) = (LltRegularization::default(), MemStack::new(&mut buffer));
    cholesky_in_place(matrix.as_mut(), regularization, Par::Seq, stack, parameters())
        .map_err(|_| NoFactor)?;
    solve_in_place(matrix.as_ref(), right.as_mut(), Par::Seq, MemStack::new(&mut buffer));
    Ok(())
}

/// Recursion down to 16 columns measured fastest from 20 to 400.
fn parameters() -> Spec<LltParams, f64> {
    let mut parameters = <LltParams as faer::Auto<f64>>::auto();
    parameters.recursion_threshold = 16;
    Spec::new(parameters)
}
