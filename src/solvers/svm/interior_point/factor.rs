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
use faer::linalg::matmul::matmul;
use faer::reborrow::ReborrowMut;
use faer::{Accum, Mat, MatMut, MatRef, Par, Spec};

use super::Design;

/// What is added to the unit diagonal of a scaled matrix that has no Cholesky factor for rounding, first and last,
/// as a power of 10.
const REGULARISATION: std::ops::RangeInclusive<i32> = -15..=-6;

/// A sample whose `D` is this many times its diagonal of the kernel is decoupled from the others.
const DECOUPLED: f64 = 1e5;

/// No factor although regularised: the matrix is not a number.
#[derive(Debug)]
pub(super) struct NoFactor;

/// The equations that a step solves: a positive definite matrix, scaled to a unit diagonal and factored. Its memory is
/// reused from step to step, for fresh pages take as long as the factor itself.
pub(super) struct System {
    /// The matrix, then its factor, in the lower triangle of the first rows and columns.
    matrix: Mat<f64>,
    /// Weighted rows, where there is one chunk of them.
    weighted: Mat<f64>,
    /// By row of what is factored.
    scale: Vec<f64>,
    buffer: MemBuffer,
    /// Of the equations of the samples: how they are divided.
    samples: Option<Split>,
    /// Of the equations of the samples, what solves them for a right side of ones.
    pub ones: Option<Vec<f64>>,
}

/// The equations of the samples, `K + D`, near the optimum. Where a multiplier goes to a bound its `D` goes to infinity,
/// and `K` matters to it less and less. Such samples are solved for one by one, before and after the others, of which
/// alone a factor is made: often of a quarter of the samples. What that leaves out is of the size `|K| / D`.
struct Split {
    /// Samples that are solved for together.
    together: Vec<usize>,
    /// The others.
    alone: Vec<usize>,
    /// `K + D` of the others, their diagonal.
    diagonal: Vec<f64>,
    /// `K`, `[alone, together]`.
    between: Mat<f64>,
}

impl Split {
    fn new(kernel: &Mat<f64>, inverse: &[f64]) -> Self {
        let is_alone = |i: &usize| 1.0 > DECOUPLED * kernel[(*i, *i)] * inverse[*i];
        let (alone, together): (Vec<usize>, Vec<usize>) = (0..inverse.len()).partition(is_alone);
        Self {
            diagonal: alone.iter().map(|&i| kernel[(i, i)] + 1.0 / inverse[i]).collect(),
            between: Mat::from_fn(alone.len(), together.len(), |i, j| kernel[(alone[i], together[j])]),
            together,
            alone,
        }
    }
}

impl System {
    /// For a design, not factored yet.
    pub fn new(design: &Design<'_>) -> Self {
        let ones = design.kernel().map(|kernel| vec![1.0; kernel.nrows()]);
        Self { ones, ..Self::of_size(design.kernel().map_or(design.width() + 1, Mat::nrows)) }
    }

    /// For any equations of up to a size, not factored yet.
    pub fn of_size(size: usize) -> Self {
        let factor = cholesky_in_place_scratch::<f64>(size, Par::Seq, parameters());
        let solve = solve_in_place_scratch::<f64>(size, 1, Par::Seq);
        Self {
            matrix: Mat::zeros(size, size),
            weighted: Mat::zeros(0, 0),
            scale: Vec::with_capacity(size),
            buffer: MemBuffer::new(factor.or(solve)),
            samples: None,
            ones: None,
        }
    }

    /// Factors the matrix of a diagonal `D^-1`, `[n]`, regularised as little as it takes.
    pub fn factor(&mut self, design: &Design<'_>, inverse: &[f64]) -> Result<(), NoFactor> {
        let Some(kernel) = design.kernel() else {
            let width = design.width();
            return self.factor_of(width + 1, |mut matrix, weighted| {
                design.weighted_gram(inverse, weighted, matrix.rb_mut());
                for j in 0..width {
                    matrix[(j, j)] += 1.0;
                }
            });
        };
        let split = Split::new(kernel, inverse);
        let together = &split.together;
        self.factor_of(together.len(), |mut matrix, _| {
            for (j, &column) in together.iter().enumerate() {
                let column_of_kernel = kernel.col_as_slice(column);
                for (i, &row) in together.iter().enumerate().skip(j) {
                    matrix[(i, j)] = column_of_kernel[row];
                }
                matrix[(j, j)] += 1.0 / inverse[column];
            }
        })?;
        self.samples = Some(split);
        if let Some(mut ones) = self.ones.take() {
            ones.fill(1.0);
            self.solve(&mut ones);
            self.ones = Some(ones);
        }
        Ok(())
    }

    /// Factors a positive semidefinite matrix, regularised as little as it takes, whose lower triangle `form` writes; the
    /// second matrix is memory for it.
    pub fn factor_of(
        &mut self,
        size: usize,
        form: impl Fn(MatMut<'_, f64>, &mut Mat<f64>),
    ) -> Result<(), NoFactor> {
        let exponents = std::iter::once(None).chain(REGULARISATION.map(Some));
        for exponent in exponents {
            form(self.matrix.submatrix_mut(0, 0, size, size), &mut self.weighted);
            self.scale_to_unit_diagonal(size)?;
            for j in 0..size {
                self.matrix[(j, j)] = 1.0 + exponent.map_or(0.0, |exponent| 10.0f64.powi(exponent));
            }
            let stack = MemStack::new(&mut self.buffer);
            let matrix = self.matrix.submatrix_mut(0, 0, size, size);
            if cholesky_in_place(matrix, LltRegularization::default(), Par::Seq, stack, parameters()).is_ok()
            {
                return Ok(());
            }
        }
        Err(NoFactor)
    }

    fn scale_to_unit_diagonal(&mut self, size: usize) -> Result<(), NoFactor> {
        self.scale.clear();
        self.scale.extend((0..size).map(|j| self.matrix[(j, j)].sqrt().recip()));
        if self.scale.iter().any(|scale| !scale.is_normal()) {
            return Err(NoFactor);
        }
        for j in 0..size {
            let column = self.matrix.col_as_slice_mut(j)[j..size].iter_mut();
            for (value, scale_of_row) in column.zip(&self.scale[j..]) {
                *value *= scale_of_row * self.scale[j];
            }
        }
        Ok(())
    }

    /// Replaces a right side by the solution.
    pub fn solve(&mut self, right: &mut [f64]) {
        let Some(split) = self.samples.take() else {
            return self.solve_factored(right);
        };
        let Split { together, alone, diagonal, between } = &split;
        let mut first: Vec<f64> =
            alone.iter().zip(diagonal).map(|(&i, diagonal)| right[i] / diagonal).collect();
        let mut own: Vec<f64> = together.iter().map(|&i| right[i]).collect();
        take_product(between.transpose(), &first, &mut own);
        self.solve_factored(&mut own);
        for (first, &i) in first.iter_mut().zip(alone) {
            *first = right[i];
        }
        take_product(between.as_ref(), &own, &mut first);
        for ((first, diagonal), &i) in first.iter().zip(diagonal).zip(alone) {
            right[i] = first / diagonal;
        }
        for (own, &i) in own.iter().zip(together) {
            right[i] = *own;
        }
        self.samples = Some(split);
    }

    fn solve_factored(&mut self, right: &mut [f64]) {
        for (value, scale) in right.iter_mut().zip(&self.scale) {
            *value *= scale;
        }
        let size = right.len();
        let columns = MatMut::from_column_major_slice_mut(right, size, 1);
        let factor = self.matrix.submatrix(0, 0, size, size);
        solve_in_place(factor, columns, Par::Seq, MemStack::new(&mut self.buffer));
        for (value, scale) in right.iter_mut().zip(&self.scale) {
            *value *= scale;
        }
    }
}

/// Takes a product with a matrix from a sum.
fn take_product(matrix: MatRef<'_, f64>, by: &[f64], from: &mut [f64]) {
    let by = MatRef::from_column_major_slice(by, by.len(), 1);
    let rows = from.len();
    let from = MatMut::from_column_major_slice_mut(from, rows, 1);
    matmul(from, Accum::Add, matrix, by, -1.0, Par::Seq);
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
