//! Sums of twice the digits of an f64.
//!
//! Source: Ogita, Rump and Oishi, *Accurate sum and dot product*, SIAM J. Sci. Comput. 26(6), 2005.

/// The unevaluated sum of two f64, the second at most a rounding error of the first.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Double {
    high: f64,
    low: f64,
}

impl Double {
    /// The sum of the products of pairs.
    pub fn product<'a>(pairs: impl Iterator<Item = (&'a f64, &'a f64)>) -> Self {
        pairs.fold(Self::default(), |sum, (a, b)| sum.plus_product(*a, *b))
    }

    /// Plus an f64.
    pub fn plus(self, value: f64) -> Self {
        let sum = self.high + value;
        let part = sum - self.high;
        let error = (self.high - (sum - part)) + (value - part);
        let low = self.low + error;
        let high = sum + low;
        Self { high, low: low - (high - sum) }
    }

    /// Plus a product.
    pub fn plus_product(self, a: f64, b: f64) -> Self {
        let product = a * b;
        self.plus(product).plus(a.mul_add(b, -product))
    }

    /// Plus the product of a double and an f64.
    pub fn plus_multiple(self, of: Self, factor: f64) -> Self {
        self.plus_product(of.high, factor).plus(of.low * factor)
    }

    /// With the other sign.
    pub fn negative(self) -> Self {
        Self { high: -self.high, low: -self.low }
    }

    /// To one f64.
    pub fn round(self) -> f64 {
        self.high + self.low
    }
}

impl From<f64> for Double {
    fn from(high: f64) -> Self {
        Self { high, low: 0.0 }
    }
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
        let thrice = Double::default().plus_multiple(above_one, 3.0);
        assert_eq!(thrice.plus(-3.0).round().to_bits(), (3.0 * small).to_bits());
        assert_eq!(above_one.negative().plus(1.0).round().to_bits(), (-small).to_bits());
    }
}
