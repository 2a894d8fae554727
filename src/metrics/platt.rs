//! Platt scaling (Platt 1999, *Probabilistic outputs for support vector machines*): a sigmoid from decision values to
//! probabilities.
//!
//! P(class | f) = 1 / (1 + exp(A f + B)), with A and B of least cross entropy against Platt's smoothed targets,
//! (N+ + 1)/(N+ + 2) for samples of the class and 1/(N- + 2) for others. The fit is the damped Newton method of Lin, Lin
//! and Weng (2007, *A note on Platt's probabilistic outputs for support vector machines*), whose sums never take the
//! logarithm of 0.

/// A fitted sigmoid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sigmoid {
    a: f64,
    b: f64,
}

const STEPS: usize = 100;
const SMALLEST_STEP: f64 = 1e-10;
/// Added to the diagonal, so that the equations always have an answer.
const RIDGE: f64 = 1e-12;
/// Gradient at which the fit is done, a sample.
const GRADIENT: f64 = 1e-9;

impl Sigmoid {
    /// Fits to decision values and whether each is of a sample of the class; `None` without samples.
    pub fn fit(samples: &[(f64, bool)]) -> Option<Self> {
        let positive = samples.iter().filter(|(_, is_of_class)| *is_of_class).count() as f64;
        let negative = samples.len() as f64 - positive;
        // In units of the largest value, so that features of any scale fit alike.
        let unit = samples.iter().map(|(value, _)| value.abs()).fold(0.0, f64::max).max(f64::MIN_POSITIVE);
        let (high, low) = ((positive + 1.0) / (positive + 2.0), 1.0 / (negative + 2.0));
        let samples: Vec<(f64, f64)> = samples
            .iter()
            .map(|&(value, of_class)| (value / unit, if of_class { high } else { low }))
            .collect();
        if samples.is_empty() {
            return None;
        }
        let mut fit = Self { a: 0.0, b: ((negative + 1.0) / (positive + 1.0)).ln() };
        let mut loss = fit.loss(&samples);
        for _ in 0..STEPS {
            let Newton { gradient, direction } = fit.newton(&samples);
            let enough = GRADIENT * samples.len() as f64;
            if gradient.iter().all(|slope| slope.abs() < enough) {
                break;
            }
            let descent = gradient[0] * direction[0] + gradient[1] * direction[1];
            let mut step = 1.0;
            while step >= SMALLEST_STEP {
                let next = Self { a: fit.a + step * direction[0], b: fit.b + step * direction[1] };
                let next_loss = next.loss(&samples);
                if next_loss < loss + 1e-4 * step * descent {
                    (fit, loss) = (next, next_loss);
                    break;
                }
                step /= 2.0;
            }
            if step < SMALLEST_STEP {
                // As low as rounding allows.
                break;
            }
        }
        Some(Self { a: fit.a / unit, b: fit.b })
    }

    /// The probability at a decision value.
    pub fn probability(&self, value: f64) -> f64 {
        let exponent = self.a * value + self.b;
        if exponent >= 0.0 {
            (-exponent).exp() / (1.0 + (-exponent).exp())
        } else {
            1.0 / (1.0 + exponent.exp())
        }
    }

    /// Cross entropy.
    fn loss(&self, samples: &[(f64, f64)]) -> f64 {
        let of = |&(value, target): &(f64, f64)| {
            let exponent = self.a * value + self.b;
            if exponent >= 0.0 {
                target * exponent + (-exponent).exp().ln_1p()
            } else {
                (target - 1.0) * exponent + exponent.exp().ln_1p()
            }
        };
        samples.iter().map(of).sum()
    }

    fn newton(&self, samples: &[(f64, f64)]) -> Newton {
        let (mut aa, mut ab, mut bb) = (RIDGE, 0.0, RIDGE);
        let mut gradient = [0.0; 2];
        for &(value, target) in samples {
            let p = self.probability(value);
            let curvature = p * (1.0 - p);
            aa += value * value * curvature;
            ab += value * curvature;
            bb += curvature;
            gradient[0] += value * (target - p);
            gradient[1] += target - p;
        }
        let determinant = aa * bb - ab * ab;
        let direction = [
            -(bb * gradient[0] - ab * gradient[1]) / determinant,
            -(aa * gradient[1] - ab * gradient[0]) / determinant,
        ];
        Newton { gradient, direction }
    }
}

struct Newton {
    gradient: [f64; 2],
    direction: [f64; 2],
}
