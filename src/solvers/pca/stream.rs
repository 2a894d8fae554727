//! Principal directions of more rows than fit into memory, in one pass.
//!
//! The covariance matrix is summed block by block, each block centred on its own mean; what lies between the means is
//! added as one more row per block, so that nothing large is ever taken away from something large. Memory: two matrices
//! `[d, d]` and one block, whatever the number of rows. One pass tells no more than the covariance matrix holds: a
//! singular value below 1e-7 of the first counts as 0, and one near that has few digits.
//!
//! Source: Chan, Golub and `LeVeque`, *Updating formulae and a pairwise algorithm for computing sample variances*, 1979.

use faer::{Mat, MatRef};
use ndarray::{Array1, ArrayView2};
use rayon::prelude::*;

use super::exact::{leading, singular_values};
use super::matrix::{Tile, add_tile, tiles};
use super::{Decomposition, Found, PcaError};

/// What one pass leaves.
pub(super) struct Moments {
    samples: usize,
    /// Mean of the rows so far, `[d]`.
    mean: Vec<f64>,
    /// Sum of the products of the centred rows, by tile.
    tiles: Vec<(Tile, Mat<f64>)>,
    /// The current block, centred, row after row.
    centred: Vec<f64>,
}

impl Moments {
    pub fn new(features: usize) -> Self {
        let zeros = |tile: Tile| (tile, Mat::zeros(tile.size.0, tile.size.1));
        Self {
            samples: 0,
            mean: vec![0.0; features],
            tiles: tiles(features).into_iter().map(zeros).collect(),
            centred: Vec::new(),
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
        let mean = self.mean_of(block)?;
        // The last row is what lies between the mean of the block and that of the rows before it.
        self.centred.resize((rows + 1) * features, 0.0);
        for (row, centred) in block.rows().into_iter().zip(self.centred.chunks_mut(features)) {
            for ((centred, value), mean) in centred.iter_mut().zip(row).zip(&mean) {
                *centred = f64::from(*value) - mean;
            }
        }
        let (before, own) = (self.samples as f64, rows as f64);
        let all = before + own;
        let between = (before * own / all).sqrt();
        for ((centred, mean), own_mean) in
            self.centred[rows * features..].iter_mut().zip(&mut self.mean).zip(&mean)
        {
            *centred = between * (own_mean - *mean);
            *mean += (own_mean - *mean) * (own / all);
        }
        let columns = MatRef::from_column_major_slice(&self.centred, features, rows + 1);
        self.tiles.par_iter_mut().for_each(|(tile, part)| add_tile(columns, *tile, part));
        self.samples += rows;
        Ok(())
    }

    /// Mean of a block's rows.
    fn mean_of(&self, block: ArrayView2<'_, f32>) -> Result<Vec<f64>, PcaError> {
        let rows = block.nrows() as f64;
        let mut mean = vec![0.0; block.ncols()];
        for (number, row) in block.rows().into_iter().enumerate() {
            let mut is_finite = true;
            for (mean, value) in mean.iter_mut().zip(row) {
                is_finite &= value.is_finite();
                *mean += f64::from(*value);
            }
            if !is_finite {
                let column = row.iter().position(|value| !value.is_finite()).unwrap_or(0);
                return Err(PcaError::NotFinite { row: self.samples + number, column });
            }
        }
        for mean in &mut mean {
            *mean /= rows;
        }
        Ok(mean)
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
        let features = self.mean.len();
        let mut products = Mat::zeros(features, features);
        for (tile, part) in self.tiles {
            let (i, j) = tile.corner;
            products.submatrix_mut(i, j, part.nrows(), part.ncols()).copy_from(part);
        }
        let squares = (0..features).map(|j| products[(j, j)]).sum();
        let eigen = leading(products.as_ref(), most)?;
        let singular_values = singular_values(&eigen.values);
        let found = Found {
            components: eigen.vectors.subcols(0, singular_values.len()).to_owned(),
            singular_values,
            left: None,
            decomposition: Decomposition::Exact,
        };
        Ok((self.mean.into(), squares, found))
    }
}
