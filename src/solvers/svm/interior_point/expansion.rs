//! Sums of several times the digits of an f64.
//!
//! Sources: Priest, *Algorithms for arbitrary precision floating point arithmetic*, ARITH 10, 1991; Ogita, Rump and Oishi,
//! *Accurate sum and dot product*, SIAM J. Sci. Comput. 26(6), 2005.

/// The unevaluated sum of `N` f64, each at most a rounding error of the one before, but for those that are 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::solvers::svm) struct Expansion<const N: usize>([f64; N]);

/// Twice the digits.
pub(in crate::solvers::svm) type Double = Expansion<2>;

impl<const N: usize> Expansion<N> {
    /// 0.
    pub const ZERO: Self = Self([0.0; N]);

    /// The sum of the products of pairs.
    pub fn product<'a>(pairs: impl Iterator<Item = (&'a f64, &'a f64)>) -> Self {
        pairs.fold(Self::ZERO, |sum, (a, b)| sum.plus_product(*a, *b))
    }

    /// Plus an f64.
    pub fn plus(mut self, value: f64) -> Self {
        self.add(value);
        self.in_order()
    }

    /// Plus a product.
    pub fn plus_product(mut self, a: f64, b: f64) -> Self {
        self.add_product(a, b);
        self.in_order()
    }

    /// Plus the product of an expansion and an f64.
    pub fn plus_multiple(mut self, of: Self, factor: f64) -> Self {
        for part in of.0 {
            self.add_product(part, factor);
        }
        self.in_order()
    }

    /// With the other sign.
    pub fn negative(self) -> Self {
        Self(self.0.map(|part| -part))
    }

    /// To one f64.
    pub fn round(self) -> f64 {
        self.0.iter().rev().sum()
    }

    fn add_product(&mut self, a: f64, b: f64) {
        let product = a * b;
        self.add(product);
        self.add(a.mul_add(b, -product));
    }

    /// What rounding takes from one part goes to the next; the parts may overlap then.
    fn add(&mut self, mut value: f64) {
        for part in &mut self.0 {
            (*part, value) = sum_and_error(*part, value);
        }
    }

    /// The same sum, the largest part first: where the first ones cancel, those that are left move up.
    fn in_order(self) -> Self {
        let Self(mut parts) = self;
        for at in (1..N).rev() {
            (parts[at - 1], parts[at]) = sum_and_error(parts[at - 1], parts[at]);
        }
        if N == 2 {
            return Self(parts);
        }
        let mut ordered = [0.0; N];
        let (mut at, mut sum) = (0, parts[0]);
        for part in &parts[1..] {
            let (next, error) = sum_and_error(sum, *part);
            if error == 0.0 {
                sum = next;
            } else {
                ordered[at] = next;
                (at, sum) = (at + 1, error);
            }
        }
        ordered[at] = sum;
        Self(ordered)
    }
}

impl<const N: usize> From<f64> for Expansion<N> {
    fn from(value: f64) -> Self {
        Self::ZERO.plus(value)
    }
}

/// The rounded sum of two numbers and what rounding took from it.
fn sum_and_error(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let part = sum - a;
    (sum, (a - (sum - part)) + (b - part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cancels_in_64_bits_is_kept() {
        let (large, small) = (2.0f64.powi(53), 2.0f64.powi(-40));
        let sum = Double::from(large).plus(1.0).plus(small).plus(-large);
        assert_eq!(sum.plus(-1.0).round().to_bits(), small.to_bits());
        // (1 + 2^-30)^2 = 1 + 2^-29 + 2^-60, of which an f64 keeps no 2^-60.
        let near_one = 1.0 + 2.0f64.powi(-30);
        let square = Double::product([(&near_one, &near_one)].into_iter());
        let rest = square.plus(-1.0).plus(-2.0f64.powi(-29)).round();
        assert_eq!(rest.to_bits(), 2.0f64.powi(-60).to_bits());
        let small = 2.0f64.powi(-70);
        let above_one = Double::from(1.0).plus(small);
        let thrice = Double::ZERO.plus_multiple(above_one, 3.0);
        assert_eq!(thrice.plus(-3.0).round().to_bits(), (3.0 * small).to_bits());
        assert_eq!(above_one.negative().plus(1.0).round().to_bits(), (-small).to_bits());
    }

    #[test]
    fn eight_parts_keep_400_bits_however_often_the_first_ones_cancel() {
        let steps = [150, 40, -10, -60, -120, -180, -230];
        let powers = || steps.into_iter().map(|exponent| 2.0f64.powi(exponent));
        let sum = powers().fold(Expansion::<8>::ZERO, Expansion::plus);
        let mut left = powers().rev().fold(sum, |left, power| left.plus_multiple(sum, 3.0).plus(power));
        // 23 times the sum, of which 22 are taken again.
        left = powers().fold(left, |left, power| left.plus_product(power, -22.0));
        for (power, exponent) in powers().zip(steps) {
            assert_eq!(
                left.round().to_bits(),
                powers().filter(|other| *other <= power).sum::<f64>().to_bits(),
                "{exponent}"
            );
            left = left.plus(-power);
        }
        assert_eq!(left, Expansion::ZERO);
    }
}
