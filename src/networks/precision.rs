//! The number format in which a network runs.

use serde::{Deserialize, Serialize};

/// The number format of weights and activations. What comes out is f32 in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// 24 bits of significand.
    #[default]
    F32,
    /// 8 bits of significand, the exponents of f32: faster where the processor has instructions for it. Where it has
    /// none, weights are rounded to it and the rest is f32: no faster, and no less exact.
    Bf16,
}
