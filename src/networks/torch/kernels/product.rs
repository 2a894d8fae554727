//! A 1 x 1 convolution, channels-last: a product of matrices.
//!
//! `y[p, n] = sum over k of x[p, k] w[k, n] + b[n]`. A tile of outputs is summed up in registers: a few pixels by up to three vectors
//! of channels. A few rows of inputs at a time lie in the first cache, at a fixed distance from each other. Each output is one sum
//! in the order of `k`, so its bits do not depend on the width of vectors.

use std::ops::Range;

use super::memory::Aligned;
use super::{Layout, arch, put};
use pulp::{Simd, WithSimd};

/// Pixels whose inputs lie in the first cache.
const PIXELS: usize = 48;
/// Inputs of each of these pixels that do.
pub(super) const DEPTH: usize = 160;
/// Distance of their rows, so that they do not compete for the same lines of the cache.
pub(super) const ROW: usize = DEPTH + 16;

/// The convolution with its bias and activation.
#[derive(Clone, Debug)]
pub struct Product {
    /// `[k, n]`, packed: all `k` of the first [few vectors](blocks) of channels, then those of the next. The last vector is filled
    /// up with zeros.
    packed: Aligned,
    /// Numbers per pixel that enter.
    depth: usize,
    /// Filled up with zeros to whole vectors.
    bias: Aligned,
    outputs: usize,
    range: super::Range,
}

impl Product {
    /// Of filters `[n, k]` and biases `[n]`.
    pub fn new(filters: &[f32], bias: &[f32], range: super::Range) -> Self {
        let (outputs, depth) = (bias.len(), filters.len() / bias.len().max(1));
        let (packed, bias) = arch().dispatch(Pack { filters, bias, depth });
        Self { packed, depth, bias, outputs, range }
    }

    /// Numbers per pixel that enter, and that leave.
    pub(super) const fn widths(&self) -> (usize, usize) {
        (self.depth, self.outputs)
    }

    /// Some of the `n` numbers of pixels, laid out in `y`, from those of `k` numbers. Channels that are made begin and end where
    /// [blocks](Self::parts) do.
    pub(super) fn multiply(
        &self,
        x: impl Rows,
        pixels: usize,
        channels: &Range<usize>,
        layout: Layout,
        y: &mut [f32],
    ) {
        arch().dispatch(Pass { layer: self, x, pixels, channels: channels.clone(), layout, y });
    }

    /// Channels in parts of at least so many.
    pub(super) fn parts(&self, least: usize) -> Vec<Range<usize>> {
        arch().dispatch(Parts { outputs: self.outputs, least })
    }
}

/// [`Product::parts`].
struct Parts {
    outputs: usize,
    least: usize,
}

impl WithSimd for Parts {
    type Output = Vec<Range<usize>>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Self::Output {
        let mut parts = Vec::new();
        let mut start = 0;
        for block in blocks::<S>(self.outputs.div_ceil(S::F32_LANES)) {
            let end = self.outputs.min(block.end * S::F32_LANES);
            if end - start >= self.least || end == self.outputs {
                parts.push(start..end);
                start = end;
            }
        }
        parts
    }
}

/// What enters.
pub(super) trait Rows: Copy {
    /// Writes some of the numbers of the pixels from the `first` on; what it leaves behind them is not said.
    fn read(self, first: usize, inputs: Range<usize>, to: &mut [[f32; ROW]]);
}

/// Pixels of `depth` numbers one after the other.
#[derive(Clone, Copy)]
pub(super) struct Dense<'a> {
    pub x: &'a [f32],
    pub depth: usize,
}

impl Rows for Dense<'_> {
    #[inline(always)]
    fn read(self, first: usize, inputs: Range<usize>, to: &mut [[f32; ROW]]) {
        for (x, to) in self.x[first * self.depth..].chunks_exact(self.depth).zip(to) {
            to[..inputs.len()].copy_from_slice(&x[inputs.clone()]);
        }
    }
}

/// Filters `[n, k]` and biases as [`Product`] wants them.
struct Pack<'a> {
    filters: &'a [f32],
    bias: &'a [f32],
    depth: usize,
}

impl WithSimd for Pack<'_> {
    type Output = (Aligned, Aligned);

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Self::Output {
        let outputs = self.bias.len();
        let vectors = outputs.div_ceil(S::F32_LANES);
        let filter = |n: usize, k| if n < outputs { self.filters[n * self.depth + k] } else { 0.0 };
        let rows = blocks::<S>(vectors).flat_map(|block| (0..self.depth).map(move |k| (block.clone(), k)));
        let columns = |block: Range<usize>| block.start * S::F32_LANES..block.end * S::F32_LANES;
        let packed = rows.flat_map(|(block, k)| columns(block).map(move |n| filter(n, k))).collect();
        let bias = (0..vectors * S::F32_LANES).map(|n| self.bias.get(n).copied().unwrap_or(0.0)).collect();
        (packed, bias)
    }
}

/// Vectors of channels that are summed up together: three where there are registers for it, and rather two and two than three and
/// one.
fn blocks<S: Simd>(vectors: usize) -> impl Iterator<Item = Range<usize>> {
    let most = if S::REGISTER_COUNT < 32 { 2 } else { 3 };
    let mut end = 0;
    std::iter::from_fn(move || {
        let start = end;
        end += match vectors - start {
            4 => 2,
            left => left.min(most),
        };
        (start < end).then_some(start..end)
    })
}

struct Pass<'a, R> {
    layer: &'a Product,
    x: R,
    pixels: usize,
    channels: Range<usize>,
    layout: Layout,
    y: &'a mut [f32],
}

impl<R: Rows> WithSimd for Pass<'_, R> {
    type Output = ();

    #[expect(clippy::large_stack_arrays, reason = "34 KiB in a thread of 2 MiB")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { layer, x, pixels, channels, layout, y } = self;
        let Product { packed, depth, bias, outputs, range } = layer;
        let depth = *depth;
        let (packed, bias) = (S::as_simd_f32s(packed).0, S::as_simd_f32s(bias).0);
        let mut rows = [[0.0; ROW]; PIXELS];
        for first in (0..pixels).step_by(PIXELS) {
            let count = PIXELS.min(pixels - first);
            let places: [usize; PIXELS] = layout.places(first);
            for start in (0..depth).step_by(DEPTH) {
                let inputs = start..depth.min(start + DEPTH);
                x.read(first, inputs.clone(), &mut rows[..count]);
                let (is_first, is_last) = (start == 0, inputs.end == depth);
                let part = Part {
                    is_first,
                    is_last,
                    skipped: channels.start,
                    outputs: *outputs,
                    layout,
                    range: *range,
                };
                for block in blocks::<S>(bias.len()) {
                    let at = block.start * S::F32_LANES;
                    if !channels.contains(&at) {
                        continue;
                    }
                    let weights = &packed[block.start * depth..block.end * depth];
                    let pixels = (&rows, &places[..count]);
                    match bias[block] {
                        [a, b, c] => {
                            let weights = &weights.as_chunks().0[inputs.clone()];
                            part.tiles::<S, 8, 3>(simd, pixels, weights, ([a, b, c], at), y);
                        }
                        [a, b] if S::REGISTER_COUNT < 32 => {
                            let weights = &weights.as_chunks().0[inputs.clone()];
                            part.tiles::<S, 6, 2>(simd, pixels, weights, ([a, b], at), y);
                        }
                        [a, b] => {
                            let weights = &weights.as_chunks().0[inputs.clone()];
                            part.tiles::<S, 12, 2>(simd, pixels, weights, ([a, b], at), y);
                        }
                        [a] => {
                            let weights = &weights.as_chunks().0[inputs.clone()];
                            part.tiles::<S, 12, 1>(simd, pixels, weights, ([a], at), y);
                        }
                        _ => {}
                    }
                }
            }
        }
    }
}

/// Sums over some of the inputs.
#[derive(Clone, Copy)]
struct Part {
    /// Whether sums begin with the bias; otherwise with what `y` holds.
    is_first: bool,
    /// Whether sums are complete, and held to the range.
    is_last: bool,
    /// Channels of a pixel, and those before the first that is made.
    outputs: usize,
    skipped: usize,
    layout: Layout,
    range: super::Range,
}

impl Part {
    /// `N` vectors of channels from the `at`th channel on, `TILE` pixels at a time.
    #[inline(always)]
    fn tiles<S: Simd, const TILE: usize, const N: usize>(
        self,
        simd: S,
        (rows, places): (&[[f32; ROW]; PIXELS], &[usize]),
        weights: &[[S::f32s; N]],
        (bias, at): ([S::f32s; N], usize),
        y: &mut [f32],
    ) {
        for (rows, places) in rows.as_chunks::<TILE>().0.iter().zip(places.chunks(TILE)) {
            self.tile::<S, TILE, N>(simd, (rows, places), weights, (bias, at), y);
        }
    }

    #[inline(always)]
    fn tile<S: Simd, const TILE: usize, const N: usize>(
        self,
        simd: S,
        (rows, places): (&[[f32; ROW]; TILE], &[usize]),
        weights: &[[S::f32s; N]],
        (bias, at): ([S::f32s; N], usize),
        y: &mut [f32],
    ) {
        let numbers: [(usize, usize); N] = std::array::from_fn(|n| {
            let channel = at + n * S::F32_LANES;
            (self.layout.channel(channel - self.skipped), S::F32_LANES.min(self.outputs - channel))
        });
        let mut sums = [bias; TILE];
        if !self.is_first {
            for pixel in 0..TILE {
                for n in 0..N {
                    if let Some(&place) = places.get(pixel) {
                        let (offset, width) = numbers[n];
                        sums[pixel][n] = simd.partial_load_f32s(&y[place + offset..][..width]);
                    }
                }
            }
        }
        // Rows that have no pixel are summed up too, and not kept.
        for k in 0..weights.len().min(DEPTH) {
            let weights = weights[k];
            for pixel in 0..TILE {
                let x = simd.splat_f32s(rows[pixel][k]);
                for n in 0..N {
                    sums[pixel][n] = simd.mul_add_f32s(x, weights[n], sums[pixel][n]);
                }
            }
        }
        for pixel in 0..TILE {
            for n in 0..N {
                let Some(&place) = places.get(pixel) else { return };
                let (offset, width) = numbers[n];
                let sum = if self.is_last { self.range.hold(simd, sums[pixel][n]) } else { sums[pixel][n] };
                put(simd, sum, &mut y[place + offset..][..width]);
            }
        }
    }
}
