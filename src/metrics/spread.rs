//! How much a number changes from one repetition of a cross validation to the next.
//!
//! The spread over repetitions shows how much the choice of folds matters. It is no confidence interval: all repetitions
//! share their images.

use serde::{Deserialize, Serialize};

/// Mean, sample standard deviation (divisor n - 1) and extremes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Spread {
    pub mean: f64,
    pub standard_deviation: f64,
    pub minimum: f64,
    pub maximum: f64,
}

impl Spread {
    /// Of one value per repetition; `None` for fewer than two.
    pub fn of(values: &[f64]) -> Option<Self> {
        if values.len() < 2 {
            return None;
        }
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
        Some(Self {
            mean,
            standard_deviation: (squares / (values.len() - 1) as f64).sqrt(),
            minimum: values.iter().copied().fold(f64::INFINITY, f64::min),
            maximum: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        })
    }
}
