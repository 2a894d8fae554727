//! A 95 % confidence interval.

use serde::{Deserialize, Serialize};

/// The level of every interval: of many repetitions of the experiment, this share of intervals holds the true value.
pub const LEVEL: f64 = 0.95;

/// Both ends of an interval of level [`LEVEL`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}
