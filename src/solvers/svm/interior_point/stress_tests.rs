//! Problems whose digits run out: penalties from 1e-4 to 1e6, weights up to 1:10,000, and scores of every bad shape.
//! Each answer is judged by its objective for the scores as they came, computed anew with twice the digits.

use ndarray::{Array2, Axis, s};

use super::expansion::Double;
use super::*;

/// Splitmix64.
struct Random(u64);

impl Random {
    /// Below 1.
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let bits = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// About normal.
    fn normal(&mut self) -> f64 {
        (0..4).map(|_| self.uniform() - 0.5).sum::<f64>() * 1.732
    }

    /// A power of 10 with an exponent in a range.
    fn power(&mut self, least: f64, most: f64) -> f64 {
        10f64.powf(least + (most - least) * self.uniform())
    }
}

/// What is wrong with the scores.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    ColumnsOfAllSizes,
    ColumnsNearlyAlike,
    OneRowFarAway,
    CentredAwayByOneRow,
    RowsOfAllSizes,
    FarFromTheOrigin,
    AnyUnit,
    SparseRows,
    DuplicateRows,
    WholeNumbers,
}

const TROUBLES: [Trouble; 10] = [
    Trouble::ColumnsOfAllSizes,
    Trouble::ColumnsNearlyAlike,
    Trouble::OneRowFarAway,
    Trouble::CentredAwayByOneRow,
    Trouble::RowsOfAllSizes,
    Trouble::FarFromTheOrigin,
    Trouble::AnyUnit,
    Trouble::SparseRows,
    Trouble::DuplicateRows,
    Trouble::WholeNumbers,
];

struct Case {
    scores: Array2<f64>,
    positive: Vec<bool>,
    c_positive: f64,
    c_negative: f64,
}

impl Case {
    fn new(trouble: Trouble, random: &mut Random) -> Self {
        let (n, d) = (6 + (random.uniform() * 100.0) as usize, 1 + (random.uniform() * 30.0) as usize);
        let (share, distance) = (0.02 + 0.6 * random.uniform(), 4.0 * random.uniform() * random.uniform());
        let mut positive: Vec<bool> = (0..n).map(|_| random.uniform() < share).collect();
        (positive[0], positive[1]) = (true, false);
        let mut scores = Array2::from_shape_simple_fn((n, d), || random.normal());
        for (mut row, own) in scores.rows_mut().into_iter().zip(&positive) {
            row[0] += if *own { distance } else { 0.0 };
        }
        match trouble {
            Trouble::ColumnsOfAllSizes => {
                scores.columns_mut().into_iter().for_each(|mut column| column *= random.power(-4.0, 4.0));
            }
            Trouble::ColumnsNearlyAlike => {
                let first = scores.column(0).to_owned();
                for (j, mut column) in scores.columns_mut().into_iter().enumerate().skip(1) {
                    column *= 10f64.powi(-(j as i32 % 6));
                    column.scaled_add(j as f64, &first);
                }
            }
            Trouble::OneRowFarAway => {
                let row = (random.uniform() * n as f64) as usize;
                let mut row = scores.row_mut(row);
                row *= random.power(0.0, 7.0);
            }
            Trouble::CentredAwayByOneRow => {
                for (mut row, own) in scores.rows_mut().into_iter().zip(&positive) {
                    row[0] += if *own { 20.0 } else { 0.0 };
                }
                let row = (random.uniform() * n as f64) as usize;
                let mut row = scores.row_mut(row);
                row *= random.power(3.0, 7.0);
                scores *= random.power(0.0, 4.0);
                scores = &scores - &scores.sum_axis(Axis(0)) / n as f64;
            }
            Trouble::RowsOfAllSizes => {
                scores.rows_mut().into_iter().for_each(|mut row| row *= random.power(-2.0, 2.0));
            }
            Trouble::FarFromTheOrigin => scores += random.power(0.0, 4.0),
            Trouble::AnyUnit => scores *= random.power(-37.0, 37.0),
            Trouble::SparseRows => {
                let (kept, unit) = (0.02 + 0.48 * random.uniform(), random.power(-37.0, 37.0));
                scores.mapv_inplace(|value| if random.uniform() < kept { unit * value.abs() } else { 0.0 });
            }
            Trouble::DuplicateRows => {
                let distinct = 1 + (random.uniform() * n as f64 / 4.0) as usize;
                for i in distinct..n {
                    let of = scores.row((random.uniform() * distinct as f64) as usize).to_owned();
                    scores.row_mut(i).assign(&of);
                }
            }
            Trouble::WholeNumbers => {
                let (width, most) = (1 + (random.uniform() * 4.0) as usize, random.power(0.0, 1.0));
                scores = scores.slice(s![.., ..width.min(d)]).mapv(|value| (most * value).round());
            }
        }
        let (c, weight) = (random.power(-4.0, 6.0), random.power(-4.0, 4.0));
        let (c_positive, c_negative) = (c * weight.max(1.0), c / weight.min(1.0));
        Self { scores, positive, c_positive, c_negative }
    }

    /// `(primal - dual) / primal`, with the plane's objective to twice the digits.
    fn gap(&self, found: &Certificate) -> f64 {
        let mut primal = Double::product(found.weights.iter().zip(&found.weights)).round() / 2.0;
        for (row, own) in self.scores.rows().into_iter().zip(&self.positive) {
            let value = Double::product(row.iter().zip(&found.weights)).plus(found.bias);
            let (lacking, penalty) = if *own {
                (value.negative().plus(1.0), self.c_positive)
            } else {
                (value.plus(1.0), self.c_negative)
            };
            primal += penalty * lacking.round().max(0.0);
        }
        (primal - found.dual) / primal
    }
}

#[test]
fn every_fit_ends_with_the_gap_that_its_plane_has() {
    let mut random = Random(2016);
    for number in 0..5000 {
        let trouble = TROUBLES[number % TROUBLES.len()];
        let case = Case::new(trouble, &mut random);
        let Case { scores, positive, c_positive, c_negative } = &case;
        let what = format!("{number} {trouble:?} {:?} {c_positive:e} {c_negative:e}", scores.dim());
        let problem = Problem { positive, c_positive: *c_positive, c_negative: *c_negative };
        let (found, _) = solve(&Design::new(scores.view()), &problem, None)
            .unwrap_or_else(|unsolved| panic!("{what}: {unsolved:?}"));
        assert!(found.gap().abs() <= GAP, "{what}: {:e}", found.gap());
        let gap = case.gap(&found);
        assert!(gap <= GAP && gap > -1e-12, "{what}: {gap:e} instead of {:e}", found.gap());
    }
}

#[test]
fn one_row_far_beyond_the_others_costs_none_of_their_digits() {
    let mut random = Random(1917);
    for number in 0..400 {
        let (n, d) = (10 + (random.uniform() * 90.0) as usize, 1 + (random.uniform() * 12.0) as usize);
        let mut positive: Vec<bool> = (0..n).map(|_| random.uniform() < 0.4).collect();
        (positive[0], positive[1]) = (true, false);
        let mut scores = Array2::from_shape_simple_fn((n, d), || random.normal());
        for (mut row, own) in scores.rows_mut().into_iter().zip(&positive) {
            row[0] += f64::from(u8::from(*own));
        }
        let (far, factor) = ((random.uniform() * n as f64) as usize, random.power(7.0, 12.0));
        scores.row_mut(far).mapv_inplace(|value| factor * value);
        // An analysis of principal components makes it the direction of the first.
        if number % 2 == 0 {
            scores.row_mut(far).slice_mut(s![1..]).fill(0.0);
        }
        scores = &scores - &scores.sum_axis(Axis(0)) / n as f64;
        let (c, weight) = (random.power(-2.0, 2.0), random.power(0.0, 1.0));
        let case = Case { scores, positive, c_positive: c * weight, c_negative: c };
        let Case { scores, positive, .. } = &case;
        let what = format!("{number} {:?} {factor:e} {c:e} {weight:e}", scores.dim());
        let problem = Problem { positive, c_positive: case.c_positive, c_negative: c };
        let (found, _) = solve(&Design::new(scores.view()), &problem, None)
            .unwrap_or_else(|unsolved| panic!("{what}: {unsolved:?}"));
        let gap = case.gap(&found);
        assert!(gap <= GAP && gap > -1e-12, "{what}: {gap:e} instead of {:e}", found.gap());
    }
}

#[test]
fn a_matrix_that_is_not_a_number_is_an_error() {
    let mut scores = Array2::from_shape_fn((20, 3), |(i, j)| ((7 * i + 3 * j) % 11) as f64);
    scores[[3, 1]] = f64::NAN;
    let positive: Vec<bool> = (0..20).map(|i| i < 8).collect();
    let problem = Problem { positive: &positive, c_positive: 1.0, c_negative: 1.0 };
    assert!(solve(&Design::new(scores.view()), &problem, None).is_err());
}
