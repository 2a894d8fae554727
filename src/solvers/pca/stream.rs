//! Principal directions of more rows than fit into memory, in one pass.
//!
//! The covariance matrix is summed block by block, shifted by the mean of the first block so that nothing large
//! cancels. Memory: two matrices `[d, d]` and one block, whatever the number of rows. One pass tells no more than the
//! covariance matrix holds: a singular value below 1e-7 of the first counts as 0, and one near that has few digits.

use faer::{Mat, MatRef};
use ndarray::{Array1, ArrayView2};
use rayon::prelude::*;

use super::exact::{leading, singular_values};
use super::matrix::{Tile, add_tile, tiles};
use super::{Decomposition, Found, PcaError};

/// What one pass leaves.
pub(super) struct Moments {
    samples: usize,
    shift: Vec<f64>,
    /// Sum of the shifted rows, `[d]`.
    sum: Vec<f64>,
    /// Sum of the products of the shifted rows, by tile.
    tiles: Vec<(Tile, Mat<f64>)>,
    /// The current block, shifted, row after row.
    shifted: Vec<f64>,
}

impl Moments {
    pub fn new(features: usize) -> Self {
        let zeros = |tile: Tile| (tile, Mat::zeros(tile.size.0, tile.size.1));
        Self {
            samples: 0,
            shift: Vec::new(),
            sum: vec![0.0; features],
            tiles: tiles(features).into_iter().map(zeros).collect(),
            shifted: Vec::new(),
        }
    }

    /// Adds rows `[b, d]`.
    ///
    /// # Errors
    /// A value that is not finite.
    pub fn add(&mut self, block: ArrayView2<'_, f32>) -> Result<(), PcaError> {
        let (rows, features) = block.dim();
        if rows == 0 {
            return Ok(());
        }
        if self.shift.is_empty() {
            let mut mean = vec![0.0; features];
            for row in block.rows() {
                for (mean, value) in mean.iter_mut().zip(row) {
                    *mean += f64::from(*value) / rows as f64;
                }
            }
            self.shift = mean;
        }
        self.shifted.resize(rows * features, 0.0);
        for ((row, shifted), number) in
            block.rows().into_iter().zip(self.shifted.chunks_mut(features)).zip(0..)
        {
            let mut is_finite = true;
            for (j, (shifted, value)) in shifted.iter_mut().zip(row).enumerate() {
                is_finite &= value.is_finite();
                *shifted = f64::from(*value) - self.shift[j];
                self.sum[j] += *shifted;
            }
            if !is_finite {
                let column = row.iter().position(|value| !value.is_finite()).unwrap_or(0);
                return Err(PcaError::NotFinite { row: self.samples + number, column });
            }
        }
        let columns = MatRef::from_column_major_slice(&self.shifted, features, rows);
        self.tiles.par_iter_mut().for_each(|(tile, part)| add_tile(columns, *tile, part));
        self.samples += rows;
        Ok(())
    }

    /// Number of rows so far.
    pub const fn samples(&self) -> usize {
        self.samples
    }

    /// Mean of the rows, sum of the squares of the centred entries, and at most `most` directions.
    ///
    /// # Errors
    /// An eigenvalue solver that fails.
    pub fn directions(self, most: usize) -> Result<(Array1<f64>, f64, Found), PcaError> {
        let (n, features) = (self.samples as f64, self.sum.len());
        let mut products = Mat::zeros(features, features);
        for (tile, part) in self.tiles {
            let (i, j) = tile.corner;
            products.submatrix_mut(i, j, part.nrows(), part.ncols()).copy_from(part);
        }
        for j in 0..features {
            for i in j..features {
                products[(i, j)] -= self.sum[i] * self.sum[j] / n;
            }
        }
        let mean = self.shift.iter().zip(&self.sum).map(|(shift, sum)| shift + sum / n).collect();
        let squares = (0..features).map(|j| products[(j, j)]).sum();
        let eigen = leading(products.as_ref(), most)?;
        let singular_values = singular_values(&eigen.values);
        let found = Found {
            components: eigen.vectors.subcols(0, singular_values.len()).to_owned(),
            singular_values,
            decomposition: Decomposition::Exact,
        };
        Ok((mean, squares, found))
    }
}
