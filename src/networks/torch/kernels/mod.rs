//! The layers of an inverted bottleneck on one thread of a CPU, in f32 and channels-last: 1 x 1 and depthwise convolutions, each
//! with its bias and activation.
//!
//! libtorch multiplies, pads, adds the bias and clamps in a pass over memory each, and packs what it multiplies every time. Here
//! weights are packed once, and a number is finished while it is in a register. That makes EfficientNet-Lite0 1.5 times as fast, and as
//! fast as ONNX Runtime (`just bench-networks`); the crate `gemm` with passes of ours after it was slower by a tenth.
//!
//! On processors without vectors of fused multiply-add none of this is used.
#![expect(clippy::inline_always, reason = "what is not inlined is not compiled for the processor's vectors")]

mod depthwise;
mod memory;
mod product;
#[cfg(test)]
mod tests;

pub use depthwise::Depthwise;
pub use product::Product;

use pulp::{Arch, Simd, WithSimd};

/// Whether channels come in whole vectors, on a processor that has vectors.
pub fn have_vectors_of(channels: usize) -> bool {
    struct Lanes;
    impl WithSimd for Lanes {
        type Output = usize;

        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> usize {
            S::F32_LANES
        }
    }
    let lanes = Arch::new().dispatch(Lanes);
    lanes > 1 && channels > 0 && channels.is_multiple_of(lanes)
}

/// What activations are held to: `min(max(x, low), high)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    pub low: f32,
    pub high: f32,
}

impl Range {
    /// Everything.
    pub const ALL: Self = Self { low: f32::NEG_INFINITY, high: f32::INFINITY };
    /// `ReLU`.
    pub const POSITIVE: Self = Self { low: 0.0, ..Self::ALL };
    /// `ReLU6`.
    pub const TO_SIX: Self = Self { low: 0.0, high: 6.0 };

    /// In this order, since the processor's minimum and maximum give the second when one is no number: it stays none.
    #[inline(always)]
    fn hold<S: Simd>(self, simd: S, x: S::f32s) -> S::f32s {
        let raised = simd.max_f32s(simd.splat_f32s(self.low), x);
        simd.min_f32s(simd.splat_f32s(self.high), raised)
    }
}
