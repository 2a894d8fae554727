//! The layers of an inverted bottleneck on one thread of a CPU, channels-last: 1 x 1 and depthwise convolutions, each with its bias
//! and activation, the first convolution of a network, and what is around them.
//!
//! libtorch multiplies, pads, adds the bias and clamps in a pass over memory each, and packs what it multiplies every time. Here
//! weights are packed once, a number is finished while it is in a register, and [the three layers of a block](Separable) pass on their
//! activations in the cache. Against ONNX Runtime see `just bench-networks`; the crate `gemm` with passes of ours after it was
//! slower by a tenth.
//!
//! An image's numbers are the same bits whatever other images there are, and in f32 on vectors of any width. On processors without
//! vectors of fused multiply-add none of this is used.
#![expect(clippy::inline_always, reason = "what is not inlined is not compiled for the processor's vectors")]
#![expect(
    clippy::needless_range_loop,
    reason = "only loops over indices become straight code whose sums stay in registers (measured)"
)]

#[cfg(target_arch = "x86_64")]
mod amx;
mod depthwise;
mod mean;
mod memory;
mod normalise;
mod patches;
mod product;
mod separable;
#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
mod tiles;

#[cfg(target_arch = "x86_64")]
pub use amx::have_tiles;
pub use depthwise::Depthwise;
pub use mean::mean;
pub use normalise::normalise;
pub use patches::Patches;
pub use separable::{Before, Separable};

use std::ops;

use pulp::{Arch, Simd, WithSimd};
use tch::{TchError, Tensor};

use memory::{filled, numbers};
use product::{Dense, Product};
#[cfg(target_arch = "x86_64")]
use tiles::{Pixels, TileProduct};

/// A 1 x 1 convolution with its bias and activation.
#[derive(Clone, Debug)]
pub enum Pointwise {
    /// In f32.
    Vectors(Product),
    /// What enters is rounded to bf16.
    #[cfg(target_arch = "x86_64")]
    Tiles(TileProduct),
}

impl Pointwise {
    /// Of filters `[n, k]` and biases `[n]`; `tiles` where [there are any](have_tiles).
    pub fn new(filters: &[f32], bias: &[f32], range: Range, tiles: bool) -> Self {
        match tiles {
            #[cfg(target_arch = "x86_64")]
            true => Self::Tiles(TileProduct::new(filters, bias, range)),
            _ => Self::Vectors(Product::new(filters, bias, range)),
        }
    }

    /// Activations `[b, h, w, n]` from `[b, h, w, k]`, contiguous.
    pub fn run(&self, x: &Tensor) -> Result<Tensor, TchError> {
        let (inputs, outputs) = self.widths();
        let mut shape = x.size();
        if shape.pop() != Some(inputs as i64) {
            return Err(TchError::Shape(format!("{:?} does not fit filters of {inputs}", x.size())));
        }
        shape.push(outputs as i64);
        let x = numbers(x)?;
        let mut done = Ok(());
        let y = filled(&shape, |y| {
            done = self.multiply(&self.prepare(x), &(0..outputs), Layout::dense(outputs), y);
        })?;
        done.map(|()| y)
    }

    /// Numbers per pixel that enter, and that leave.
    fn widths(&self) -> (usize, usize) {
        match self {
            Self::Vectors(product) => product.widths(),
            #[cfg(target_arch = "x86_64")]
            Self::Tiles(product) => product.widths(),
        }
    }

    /// Channels in parts of at least so many.
    fn parts(&self, least: usize) -> Vec<ops::Range<usize>> {
        match self {
            Self::Vectors(product) => product.parts(least),
            #[cfg(target_arch = "x86_64")]
            Self::Tiles(product) => product.parts(least),
        }
    }

    /// Pixels `[pixels, k]` as they are multiplied.
    fn prepare<'a>(&self, x: &'a [f32]) -> Prepared<'a> {
        match self {
            Self::Vectors(_) => Prepared::Numbers(x),
            #[cfg(target_arch = "x86_64")]
            Self::Tiles(product) if product.is_small() => Prepared::Numbers(x),
            #[cfg(target_arch = "x86_64")]
            Self::Tiles(product) => Prepared::Rounded(product.round(x), x.len() / product.widths().0.max(1)),
        }
    }

    /// [Prepared](Self::prepare) pixels to some of the `n` channels, [parts](Self::parts), laid out in `y`.
    fn multiply(
        &self,
        x: &Prepared<'_>,
        channels: &ops::Range<usize>,
        layout: Layout,
        y: &mut [f32],
    ) -> Result<(), TchError> {
        match (self, x) {
            (Self::Vectors(product), Prepared::Numbers(x)) => {
                let depth = product.widths().0.max(1);
                product.multiply(Dense { x, depth }, x.len() / depth, channels, layout, y);
                Ok(())
            }
            #[cfg(target_arch = "x86_64")]
            (Self::Tiles(product), Prepared::Numbers(x)) => {
                let pixels = x.len() / product.widths().0.max(1);
                product.multiply(Pixels::Numbers(x), pixels, channels, layout, y)
            }
            #[cfg(target_arch = "x86_64")]
            (Self::Tiles(product), Prepared::Rounded(x, pixels)) => {
                product.multiply(Pixels::Rounded(x), *pixels, channels, layout, y)
            }
            #[cfg(target_arch = "x86_64")]
            (Self::Vectors(_), Prepared::Rounded(..)) => {
                Err(TchError::Kind("pixels were prepared for another kernel".to_owned()))
            }
        }
    }
}

/// Pixels as they are multiplied.
enum Prepared<'a> {
    Numbers(&'a [f32]),
    /// And how many there are.
    #[cfg(target_arch = "x86_64")]
    Rounded(Vec<amx::Line>, usize),
}

/// Channels that lie side by side in every layout: a cache line.
const GROUP: usize = 16;

/// Where pixels lie: in rows of `side` of them, `pitch` pixels apart.
#[derive(Clone, Copy, Debug)]
struct Layout {
    side: usize,
    pitch: usize,
    /// Numbers from a pixel to the next.
    pixel: usize,
    /// Numbers from a group of channels to the next.
    group: usize,
}

impl Layout {
    /// Pixels of so many channels one after the other.
    const fn dense(channels: usize) -> Self {
        Self { side: usize::MAX, pitch: 0, pixel: channels, group: GROUP }
    }

    /// Places of the pixels from the `first` on.
    fn places<const N: usize>(self, first: usize) -> [usize; N] {
        let (mut row, mut column) = (first / self.side * self.pitch, first % self.side);
        std::array::from_fn(|_| {
            let place = (row + column) * self.pixel;
            column += 1;
            if column == self.side {
                (row, column) = (row + self.pitch, 0);
            }
            place
        })
    }

    /// Places where so many pixels from the `first` on begin to lie side by side, and how many do.
    fn runs(self, first: usize, count: usize) -> impl Iterator<Item = (usize, usize)> {
        let (mut row, mut column, mut left) = (first / self.side * self.pitch, first % self.side, count);
        std::iter::from_fn(move || {
            let (place, length) = ((row + column) * self.pixel, left.min(self.side - column));
            (row, column, left) = (row + self.pitch, 0, left - length);
            (length > 0).then_some((place, length))
        })
    }

    /// Where a channel lies, from its pixel's place on; those after it in its group follow.
    #[inline(always)]
    const fn channel(self, channel: usize) -> usize {
        channel / GROUP * self.group + channel % GROUP
    }

    /// Lays out some channels, whole groups, of pixels of so many.
    fn copy(self, x: &[f32], channels: usize, some: &ops::Range<usize>, y: &mut [f32]) {
        for (number, row) in x.chunks_exact(self.side * channels).enumerate() {
            let start = number * self.pitch * self.pixel;
            for (column, pixel) in row.chunks_exact(channels).enumerate() {
                for (group, x) in pixel[some.clone()].as_chunks::<GROUP>().0.iter().enumerate() {
                    y[start + column * self.pixel + group * self.group..][..GROUP].copy_from_slice(x);
                }
            }
        }
    }
}

/// Whether the processor has matrix tiles for bf16.
#[cfg(not(target_arch = "x86_64"))]
pub const fn have_tiles() -> bool {
    false
}

/// Whether the processor has vectors of fused multiply-add.
pub fn have_vectors() -> bool {
    struct Lanes;
    impl WithSimd for Lanes {
        type Output = usize;

        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> usize {
            S::F32_LANES
        }
    }
    arch().dispatch(Lanes) > 1
}

/// The widest of the processor's vectors.
fn arch() -> Arch {
    #[cfg(test)]
    if let Some(narrower) = tests::narrower() {
        return narrower;
    }
    Arch::new()
}

/// Stores a vector, or as much of it as there is room for.
#[inline(always)]
fn put<S: Simd>(simd: S, x: S::f32s, to: &mut [f32]) {
    match S::as_mut_simd_f32s(to).0 {
        [to] => *to = x,
        _ => simd.partial_store_f32s(to, x),
    }
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
