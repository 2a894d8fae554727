//! Arithmetic on rows that zeros fill up to whole vectors: the same sums on every processor.
//!
//! What is compiled for the processor's vectors is written with them. A closure would be called, not inlined, and so be
//! compiled for any processor.
#![expect(clippy::inline_always, reason = "what is not inlined is not compiled for the processor's vectors")]

use pulp::{Arch, Simd, WithSimd};

/// Partial sums of a product of two rows, of as many vectors as hold them; rows are as long as a multiple of it.
const LANES: usize = 8;

/// The length of a row of so many values, zeros included.
pub(in super::super) const fn filled(values: usize) -> usize {
    values.next_multiple_of(LANES)
}

/// Rows of one length, [`filled`].
pub(in super::super) struct Rows {
    values: Vec<f64>,
    length: usize,
    arch: Arch,
}

impl Rows {
    /// Of their values, row by row.
    pub fn new(values: Vec<f64>, length: usize) -> Self {
        debug_assert!(length.is_multiple_of(LANES) && values.len().is_multiple_of(length));
        Self { values, length, arch: Arch::new() }
    }

    /// Values of a row, zeros included.
    #[inline(always)]
    pub fn row(&self, number: usize) -> &[f64] {
        &self.values[number * self.length..][..self.length]
    }

    /// As [`row`](Self::row).
    pub fn row_mut(&mut self, number: usize) -> &mut [f64] {
        &mut self.values[number * self.length..][..self.length]
    }

    /// Gives the product of each of some rows with `by`, which may end before the rows do, in their order.
    pub fn times(&self, some: impl IntoIterator<Item = usize>, by: &[f64], give: impl FnMut(usize, f64)) {
        self.arch.dispatch(Times { rows: self, some: some.into_iter(), by, give });
    }

    /// Adds multiples of rows to `to`, which may end before the rows do.
    pub fn add_to(&self, multiples: impl IntoIterator<Item = (usize, f64)>, to: &mut [f64]) {
        self.arch.dispatch(AddTo { rows: self, multiples: multiples.into_iter(), to });
    }

    /// Adds `factor by[i] by` to each row `i` of the first ones, as many as there are in `by`, which may end before the rows do.
    pub fn add_square(&mut self, by: &[f64], factor: f64) {
        self.arch.dispatch(AddSquare { rows: self, by, factor });
    }
}

struct Times<'a, I, G> {
    rows: &'a Rows,
    some: I,
    by: &'a [f64],
    give: G,
}

impl<I: Iterator<Item = usize>, G: FnMut(usize, f64)> WithSimd for Times<'_, I, G> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let by = S::as_simd_f64s(self.by).0;
        let row = |number: usize| &S::as_simd_f64s(self.rows.row(number)).0[..by.len()];
        while let Some(a) = self.some.next() {
            // Four at once load a vector of `by` once, and their sums do not wait for each other.
            let next = [self.some.next(), self.some.next(), self.some.next()];
            if let [Some(b), Some(c), Some(d)] = next {
                let products = products(simd, [row(a), row(b), row(c), row(d)], by);
                (self.give)(a, products[0]);
                (self.give)(b, products[1]);
                (self.give)(c, products[2]);
                (self.give)(d, products[3]);
                continue;
            }
            for number in [Some(a), next[0], next[1]].into_iter().flatten() {
                let [product] = products(simd, [row(number)], by);
                (self.give)(number, product);
            }
        }
    }
}

/// Products of rows with another of their length.
#[inline(always)]
fn products<S: Simd, const N: usize>(simd: S, rows: [&[S::f64s]; N], by: &[S::f64s]) -> [f64; N] {
    let vectors = LANES / S::F64_LANES;
    let mut sums = [[simd.splat_f64s(0.0); LANES]; N];
    let mut first = 0;
    while first < by.len() {
        for vector in 0..vectors {
            let factor = by[first + vector];
            for i in 0..N {
                let product = simd.mul_f64s(rows[i][first + vector], factor);
                sums[i][vector] = simd.add_f64s(sums[i][vector], product);
            }
        }
        first += vectors;
    }
    let mut products = [0.0; N];
    for i in 0..N {
        let mut lanes = [0.0; LANES];
        S::as_mut_simd_f64s(&mut lanes).0.copy_from_slice(&sums[i][..vectors]);
        let pair = |lane: usize| lanes[lane] + lanes[lane + LANES / 2];
        products[i] = (pair(0) + pair(2)) + (pair(1) + pair(3));
    }
    products
}

struct AddTo<'a, I> {
    rows: &'a Rows,
    multiples: I,
    to: &'a mut [f64],
}

impl<I: Iterator<Item = (usize, f64)>> WithSimd for AddTo<'_, I> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let to = S::as_mut_simd_f64s(self.to).0;
        let length = to.len();
        let multiple = |(number, factor): (usize, f64)| {
            (simd.splat_f64s(factor), &S::as_simd_f64s(self.rows.row(number)).0[..length])
        };
        while let Some(a) = self.multiples.next() {
            // Four at once load and store a vector of `to` once.
            let next = [self.multiples.next(), self.multiples.next(), self.multiples.next()];
            if let [Some(b), Some(c), Some(d)] = next {
                let (a, b, c, d) = (multiple(a), multiple(b), multiple(c), multiple(d));
                for (i, to) in to.iter_mut().enumerate() {
                    let of_two = simd.add_f64s(simd.mul_f64s(a.0, a.1[i]), simd.mul_f64s(b.0, b.1[i]));
                    let of_others = simd.add_f64s(simd.mul_f64s(c.0, c.1[i]), simd.mul_f64s(d.0, d.1[i]));
                    *to = simd.add_f64s(*to, simd.add_f64s(of_two, of_others));
                }
                continue;
            }
            for one in [Some(a), next[0], next[1]].into_iter().flatten() {
                let (factor, row) = multiple(one);
                for (to, value) in to.iter_mut().zip(row) {
                    *to = simd.add_f64s(*to, simd.mul_f64s(factor, *value));
                }
            }
        }
    }
}

struct AddSquare<'a> {
    rows: &'a mut Rows,
    by: &'a [f64],
    factor: f64,
}

impl WithSimd for AddSquare<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let by = S::as_simd_f64s(self.by).0;
        for (row, value) in self.rows.values.chunks_exact_mut(self.rows.length).zip(self.by) {
            let factor = simd.splat_f64s(self.factor * value);
            for (to, value) in S::as_mut_simd_f64s(row).0.iter_mut().zip(by) {
                *to = simd.add_f64s(*to, simd.mul_f64s(factor, *value));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_multiplied_and_added_whatever_their_number() {
        let length = filled(19);
        assert_eq!(length, 24);
        let value = |i: usize, j: usize| if j < 19 { ((i * 19 + j) as f64).sin() } else { 0.0 };
        let values: Vec<f64> = (0..9 * length).map(|at| value(at / length, at % length)).collect();
        let mut rows = Rows::new(values, length);
        for count in 0..=9 {
            let by: Vec<f64> = (0..length).map(|j| value(j, count % 19)).collect();
            let mut products = Vec::new();
            rows.times(0..count, &by, |row, product| products.push((row, product)));
            assert_eq!(
                products.iter().map(|(row, _)| *row).collect::<Vec<_>>(),
                (0..count).collect::<Vec<_>>()
            );
            for (row, product) in products {
                let expected: f64 = (0..length).map(|j| value(row, j) * by[j]).sum();
                assert!((product - expected).abs() < 1e-13);
            }
            let mut sum = vec![1.0; 16];
            rows.add_to((0..count).map(|row| (row, 0.5 - row as f64)), &mut sum);
            for (j, sum) in sum.into_iter().enumerate() {
                let expected: f64 = 1.0 + (0..count).map(|i| (0.5 - i as f64) * value(i, j)).sum::<f64>();
                assert!((sum - expected).abs() < 1e-13);
            }
        }
        let by: Vec<f64> = (0..8).map(f64::from).collect();
        rows.add_square(&by, 2.0);
        for i in 0..9 {
            for j in 0..length {
                let added = if i < 8 && j < 8 { 2.0 * i as f64 * j as f64 } else { 0.0 };
                assert!((rows.row(i)[j] - value(i, j) - added).abs() < 1e-13, "{i} {j}");
            }
        }
    }
}
