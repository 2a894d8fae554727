//! Rows that do not depend on each other, chosen among some that may, and their equations.

use super::expansion::Expansion;

/// A row is a combination of the chosen ones if it is within this share of its length from their span.
const DEPENDENT: f64 = 1e-12;

/// Of rows whose shares outside the span, squared, differ by no more than this factor, the preferred one is chosen.
const ALIKE: f64 = 0.25;

/// Which share of the largest factor of a combination is none.
const NONE: f64 = 1e-20;

/// As many rows as do not depend on each other, `A = R' Q'` with orthonormal columns `Q` and an upper triangle `R`.
///
/// `A A' = R' R` is not formed, whose condition is that of `A` squared.
pub(super) struct Independent {
    /// Which of the rows, `[r]`, in the order in which they were chosen.
    pub chosen: Vec<usize>,
    /// Columns of `Q`, `[r]` of the rows' length.
    directions: Vec<Vec<f64>>,
    /// Columns of `R`, `[r]`, each down to the diagonal.
    triangle: Vec<Vec<f64>>,
}

impl Independent {
    /// Of rows `[m]` of one length, none of them 0. The next is always one of those of which most is outside the span
    /// of the ones before.
    pub fn of(rows: &[Vec<f64>], preference: &[f64]) -> Self {
        let mut found = Self { chosen: Vec::new(), directions: Vec::new(), triangle: Vec::new() };
        let squares: Vec<f64> = rows.iter().map(|row| product(row, row)).collect();
        let mut outside = rows.to_vec();
        let mut shares = vec![1.0; rows.len()];
        loop {
            let most = shares.iter().fold(0.0f64, |most, share| most.max(*share));
            if most <= DEPENDENT * DEPENDENT {
                return found;
            }
            let alike = (0..rows.len()).filter(|i| shares[*i] >= ALIKE * most);
            let best =
                alike.reduce(|best, next| if preference[next] > preference[best] { next } else { best });
            let Some(next) = best else { return found };
            shares[next] = 0.0;
            // What is left of the row has lost digits, the row has not.
            let (mut column, mut direction) = found.split(&rows[next]);
            let length = product(&direction, &direction).sqrt();
            if length <= DEPENDENT * squares[next].sqrt() {
                continue;
            }
            for value in &mut direction {
                *value /= length;
            }
            let others = outside.iter_mut().zip(&mut shares).zip(&squares);
            for ((left, share), square) in others.filter(|((_, share), _)| **share > 0.0) {
                let part = product(left, &direction);
                take(left, part, &direction);
                *share = product(left, left) / square;
            }
            column.push(length);
            found.chosen.push(next);
            found.directions.push(direction);
            found.triangle.push(column);
        }
    }

    /// A row's part in each direction and what is left of it.
    fn split(&self, row: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let (mut parts, mut left) = (vec![0.0; self.directions.len()], row.to_vec());
        // Twice is enough to be orthogonal.
        for _ in 0..2 {
            for (part, direction) in parts.iter_mut().zip(&self.directions) {
                let more = product(&left, direction);
                take(&mut left, more, direction);
                *part += more;
            }
        }
        (parts, left)
    }

    /// Replaces a right side by the solution of `A A' z = right`, in the order of the chosen.
    pub fn solve(&self, right: &mut [f64]) {
        for (k, column) in self.triangle.iter().enumerate() {
            right[k] = (right[k] - product(&column[..k], &right[..k])) / column[k];
        }
        self.solve_upper(right);
    }

    /// Factors of the chosen ones of `rows` in a row that depends on them, `[r]`, with `N` times the digits: one that
    /// should be 0 is.
    pub fn combination<const N: usize>(&self, rows: &[Vec<f64>], of: &[f64]) -> Vec<Expansion<N>> {
        let mut factors = vec![Expansion::ZERO; self.chosen.len()];
        // Each on what the last ones left, of which it finds more than half of the digits of an f64.
        for _ in 0..=N {
            let mut left: Vec<Expansion<N>> = of.iter().map(|value| Expansion::from(*value)).collect();
            for (factor, &i) in factors.iter().zip(&self.chosen) {
                for (left, value) in left.iter_mut().zip(&rows[i]) {
                    *left = left.plus_multiple(*factor, -value);
                }
            }
            let left: Vec<f64> = left.into_iter().map(Expansion::round).collect();
            let (mut more, _) = self.split(&left);
            self.solve_upper(&mut more);
            for (factor, more) in factors.iter_mut().zip(more) {
                *factor = factor.plus(more);
            }
        }
        let largest = factors.iter().fold(0.0f64, |largest, factor| largest.max(factor.round().abs()));
        for factor in &mut factors {
            if factor.round().abs() <= NONE * largest {
                *factor = Expansion::ZERO;
            }
        }
        factors
    }

    fn solve_upper(&self, right: &mut [f64]) {
        for (k, column) in self.triangle.iter().enumerate().rev() {
            right[k] /= column[k];
            let value = right[k];
            take(&mut right[..k], value, &column[..k]);
        }
    }
}

fn product(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Takes a multiple of a row from another.
fn take(from: &mut [f64], factor: f64, row: &[f64]) {
    for (from, value) in from.iter_mut().zip(row) {
        *from -= factor * value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_largest_independent_subset_is_chosen_and_tells_the_others() {
        let rows: Vec<Vec<f64>> = [[1.0, 0.0, 1.0], [2.0, 0.0, 2.0], [0.0, 1e-9, 1.0], [1.0, 3e-9, 4.0]]
            .into_iter()
            .map(Vec::from)
            .collect();
        let found = Independent::of(&rows, &[0.5, 1.0, 0.5, 0.5]);
        assert_eq!((found.chosen.len(), found.chosen[0]), (2, 1), "the preferred one is first");
        for row in &rows {
            let factors = found.combination::<2>(&rows, row);
            for column in 0..3 {
                let sum: f64 =
                    factors.iter().zip(&found.chosen).map(|(f, i)| f.round() * rows[*i][column]).sum();
                assert!((sum - row[column]).abs() < 1e-14, "{row:?}");
            }
        }
        let mut solution = vec![1.0, 2.0];
        found.solve(&mut solution);
        for (k, &i) in found.chosen.iter().enumerate() {
            let pairs = solution.iter().zip(&found.chosen);
            let sum: f64 = pairs.map(|(z, j)| z * product(&rows[i], &rows[*j])).sum();
            assert!((sum - (k + 1) as f64).abs() < 1e-9, "{sum}");
        }
    }
}
