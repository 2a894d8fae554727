//! The inverse of a symmetric positive definite matrix that grows and shrinks.
#![expect(clippy::inline_always, reason = "what is not inlined is not compiled for the processor's vectors")]

use faer::Mat;
use pulp::Arch;

/// Partial sums of a product of two rows: the same on every processor.
const LANES: usize = 16;

/// What is left of a new row's square outside the span of the others, as a share of it, from which on it counts as
/// depending on them.
const DEPENDENT: f64 = 1e-9;

/// The inverse, `[m, m]`, of up to a number of rows.
pub(super) struct Inverse {
    /// Row by row, each of the largest number.
    values: Vec<f64>,
    /// Its rows now.
    size: usize,
    most: usize,
    /// Sums of its rows, 0 beyond the last.
    sums: Vec<f64>,
    /// Memory for a row.
    row: Vec<f64>,
    arch: Arch,
}

impl Inverse {
    /// Of nothing, with room for so many rows.
    pub fn new(most: usize) -> Self {
        Self {
            values: vec![0.0; most * most],
            size: 0,
            most,
            sums: vec![0.0; most],
            row: vec![0.0; most],
            arch: Arch::new(),
        }
    }

    /// The inverse times ones, `[m]`.
    pub fn sums(&self) -> &[f64] {
        &self.sums[..self.size]
    }

    /// The inverse times `v`, `[m]`.
    pub fn times(&self, v: &[f64], product: &mut [f64]) {
        let rows = self.values.chunks_exact(self.most.max(1));
        self.arch.dispatch(
            #[inline(always)]
            || {
                for (row, to) in rows.zip(product) {
                    *to = dot(&row[..v.len()], v);
                }
            },
        );
    }

    /// Takes in a row and column of the matrix, `products` and `square` on the diagonal. False, and nothing done, where there
    /// is no room or the row depends on the others.
    pub fn add(&mut self, products: &[f64], square: f64) -> bool {
        let size = self.size;
        if size == self.most {
            return false;
        }
        let mut row = std::mem::take(&mut self.row);
        self.times(products, &mut row[..size]);
        let outside = square - dot(&row[..size], products);
        let is_in = outside > DEPENDENT * square;
        if is_in {
            row[size] = -1.0;
            self.size += 1;
            self.add_square(&row[..=size], 1.0 / outside);
        }
        self.row = row;
        is_in
    }

    /// Takes out a row and column; the last moves there.
    pub fn remove(&mut self, at: usize) {
        let (size, most) = (self.size, self.most);
        let last = size - 1;
        if at != last {
            for j in 0..size {
                self.values.swap(at * most + j, last * most + j);
            }
            for i in 0..size {
                self.values.swap(i * most + at, i * most + last);
            }
            self.sums.swap(at, last);
        }
        let mut row = std::mem::take(&mut self.row);
        row[..size].copy_from_slice(&self.values[last * most..last * most + size]);
        self.add_square(&row[..size], -1.0 / row[last]);
        self.row = row;
        // For the next that is taken in.
        for i in 0..size {
            self.values[i * most + last] = 0.0;
            self.values[last * most + i] = 0.0;
        }
        self.sums[last] = 0.0;
        self.size = last;
    }

    /// Plus `factor row row'`.
    fn add_square(&mut self, row: &[f64], factor: f64) {
        let rows = self.values.chunks_exact_mut(self.most);
        self.arch.dispatch(
            #[inline(always)]
            || {
                for (to, value) in rows.zip(row) {
                    add_multiple(to, factor * value, row);
                }
            },
        );
        add_multiple(&mut self.sums, factor * row.iter().sum::<f64>(), row);
    }
}

/// Columns that are added together: less is loaded and stored than by one and one.
const COLUMNS: usize = 4;

/// Adds multiples of columns, by number.
pub(super) fn add_columns(matrix: &Mat<f64>, multiples: impl Iterator<Item = (usize, f64)>, to: &mut [f64]) {
    Arch::new().dispatch(
        #[inline(always)]
        || {
            let mut some = [(0, 0.0); COLUMNS];
            let mut held = 0;
            for multiple in multiples {
                some[held] = multiple;
                held += 1;
                if held == COLUMNS {
                    add_multiples(to, some.map(|(column, factor)| (factor, matrix.col_as_slice(column))));
                    held = 0;
                }
            }
            for &(column, factor) in &some[..held] {
                add_multiple(to, factor, matrix.col_as_slice(column));
            }
        },
    );
}

#[inline(always)]
fn add_multiples(to: &mut [f64], [a, b, c, d]: [(f64, &[f64]); COLUMNS]) {
    for ((((to, of_a), of_b), of_c), of_d) in to.iter_mut().zip(a.1).zip(b.1).zip(c.1).zip(d.1) {
        *to += a.0 * of_a + b.0 * of_b + (c.0 * of_c + d.0 * of_d);
    }
}

#[inline(always)]
fn add_multiple(to: &mut [f64], factor: f64, values: &[f64]) {
    for (to, value) in to.iter_mut().zip(values) {
        *to += factor * value;
    }
}

#[inline(always)]
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; LANES];
    let ((rows_a, rest_a), (rows_b, rest_b)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (a, b) in rows_a.iter().zip(rows_b) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f64 = rest_a.iter().zip(rest_b).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_and_go() {
        let points: Vec<Vec<f64>> =
            (0..7).map(|i| (0..5).map(|j| f64::from(i * i + 3 * j * i + j).sin()).collect()).collect();
        let product = |i: usize, j: usize| dot(&points[i], &points[j]);
        let mut inverse = Inverse::new(5);
        let mut held: Vec<usize> = Vec::new();
        let enter = |inverse: &mut Inverse, held: &mut Vec<usize>, i: usize| {
            let products: Vec<f64> = held.iter().map(|&j| product(i, j)).collect();
            let is_in = inverse.add(&products, product(i, i));
            if is_in {
                held.push(i);
            }
            is_in
        };
        for i in 0..4 {
            assert!(enter(&mut inverse, &mut held, i));
        }
        assert!(!enter(&mut inverse, &mut held, 2), "a row twice");
        inverse.remove(1);
        held.swap_remove(1);
        for i in [5, 6] {
            assert!(enter(&mut inverse, &mut held, i));
        }
        assert!(!enter(&mut inverse, &mut held, 4), "no room");
        assert_eq!(held, [0, 3, 2, 5, 6]);
        let mut of_ones = vec![0.0; held.len()];
        inverse.times(&vec![1.0; held.len()], &mut of_ones);
        assert!(of_ones.iter().zip(inverse.sums()).all(|(a, b)| (a - b).abs() < 1e-9 * a.abs()));
        for (at, &i) in held.iter().enumerate() {
            let column: Vec<f64> = held.iter().map(|&j| product(i, j)).collect();
            let mut found = vec![0.0; held.len()];
            inverse.times(&column, &mut found);
            for (j, value) in found.iter().enumerate() {
                assert!((value - f64::from(u8::from(j == at))).abs() < 1e-9, "{found:?}");
            }
        }
    }
}
