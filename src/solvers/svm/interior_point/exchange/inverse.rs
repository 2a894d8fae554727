//! The inverse of a symmetric positive definite matrix that grows and shrinks.

use super::vectors::{Rows, filled};

/// What is left of a new row's square outside the span of the others, as a share of it, from which on it counts as
/// depending on them.
const DEPENDENT: f64 = 1e-9;

/// The inverse, `[m, m]`, of up to a number of rows.
pub(super) struct Inverse {
    /// 0 beyond the last row and column.
    values: Rows,
    /// Its rows now.
    size: usize,
    most: usize,
    /// Sums of its rows, 0 beyond the last.
    sums: Vec<f64>,
    /// Memory for a row, 0 beyond what is held in it.
    row: Vec<f64>,
}

impl Inverse {
    /// Of nothing, with room for so many rows.
    pub fn new(most: usize) -> Self {
        let length = filled(most);
        Self {
            values: Rows::new(vec![0.0; most * length], length),
            size: 0,
            most,
            sums: vec![0.0; most],
            row: vec![0.0; length],
        }
    }

    /// The inverse times ones, `[m]`.
    pub fn sums(&self) -> &[f64] {
        &self.sums[..self.size]
    }

    /// The inverse times `v`, `[m]`.
    pub fn times(&mut self, v: &[f64], product: &mut [f64]) {
        self.row[..self.size].copy_from_slice(v);
        let by = &self.row[..filled(self.size)];
        self.values.times(0..self.size, by, |i, value| product[i] = value);
        self.row[..self.size].fill(0.0);
    }

    /// Takes in a row and column of the matrix, `products` and `square` on the diagonal. False, and nothing done, where there
    /// is no room or the row depends on the others.
    pub fn add(&mut self, products: &[f64], square: f64) -> bool {
        let size = self.size;
        if size == self.most {
            return false;
        }
        let mut row = vec![0.0; filled(size + 1)];
        self.times(products, &mut row);
        let outside = square - row.iter().zip(products).map(|(a, b)| a * b).sum::<f64>();
        let is_in = outside > DEPENDENT * square;
        if is_in {
            row[size] = -1.0;
            self.size += 1;
            self.add_square(&row, 1.0 / outside);
        }
        is_in
    }

    /// Takes out a row and column; the last moves there.
    pub fn remove(&mut self, at: usize) {
        let last = self.size - 1;
        if at != last {
            for j in 0..self.size {
                let (of_last, of_it) = (self.values.row(last)[j], self.values.row(at)[j]);
                self.values.row_mut(at)[j] = of_last;
                self.values.row_mut(last)[j] = of_it;
            }
            for i in 0..self.size {
                self.values.row_mut(i).swap(at, last);
            }
            self.sums.swap(at, last);
        }
        let row = self.values.row(last)[..filled(self.size)].to_vec();
        self.add_square(&row, -1.0 / row[last]);
        // For the next that is taken in.
        for i in 0..self.size {
            self.values.row_mut(i)[last] = 0.0;
        }
        self.values.row_mut(last).fill(0.0);
        self.sums[last] = 0.0;
        self.size = last;
    }

    /// Plus `factor row row'`; the row is filled up.
    fn add_square(&mut self, row: &[f64], factor: f64) {
        self.values.add_square(row, factor);
        let times = factor * row.iter().sum::<f64>();
        self.sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += times * value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dot(a: &[f64], b: &[f64]) -> f64 {
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    }

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
