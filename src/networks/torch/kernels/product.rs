//! A 1 x 1 convolution, channels-last: a product of matrices.
//!
//! `y[p, n] = sum over k of x[p, k] w[k, n] + b[n]`. Twelve vectors of outputs are summed up in registers: six pixels by two vectors
//! of channels, or twelve by one where a single vector is left. Chunks of pixels stay in the first cache while all outputs are made.

use pulp::{Arch, Simd, WithSimd};
use tch::{TchError, Tensor};

use super::Range;
use super::memory::{filled, numbers};

/// Bytes of inputs that stay in the cache.
const CHUNK: usize = 24 * 1024;
/// Pixels that are summed up at once with one vector of channels; half of them with two.
const TILE: usize = 12;

/// The convolution with its bias and activation.
#[derive(Clone, Debug)]
pub struct Product {
    /// `[k, n]`, packed: all `k` of the first two vectors of channels, then those of the next two.
    packed: Vec<f32>,
    /// Numbers per pixel that enter.
    depth: usize,
    bias: Vec<f32>,
    range: Range,
}

impl Product {
    /// Of filters `[n, k]` and biases `[n]`; `n` is a number of [whole vectors](super::have_vectors_of).
    pub fn new(filters: &[f32], bias: Vec<f32>, range: Range) -> Self {
        let depth = filters.len() / bias.len().max(1);
        let packed = Arch::new().dispatch(Pack { filters, depth, outputs: bias.len() });
        Self { packed, depth, bias, range }
    }

    /// Activations `[b, h, w, n]` from `[b, h, w, k]`, contiguous.
    pub fn run(&self, x: &Tensor) -> Result<Tensor, TchError> {
        let mut shape = x.size();
        if shape.pop() != Some(self.depth as i64) {
            return Err(TchError::Shape(format!("{:?} does not fit filters of {}", x.size(), self.depth)));
        }
        shape.push(self.bias.len() as i64);
        let x = numbers(x)?;
        filled(&shape, |y| Arch::new().dispatch(Pass { layer: self, x, y }))
    }
}

/// Filters `[n, k]` as [`Product`] wants them.
struct Pack<'a> {
    filters: &'a [f32],
    depth: usize,
    outputs: usize,
}

impl WithSimd for Pack<'_> {
    type Output = Vec<f32>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Vec<f32> {
        let columns: Vec<usize> = (0..self.outputs).collect();
        let blocks = columns.chunks(2 * S::F32_LANES);
        let rows = blocks.flat_map(|columns| (0..self.depth).map(move |k| (columns, k)));
        rows.flat_map(|(columns, k)| columns.iter().map(move |n| self.filters[n * self.depth + k])).collect()
    }
}

struct Pass<'a> {
    layer: &'a Product,
    /// `[pixels, k]`
    x: &'a [f32],
    /// `[pixels, n]`
    y: &'a mut [f32],
}

impl WithSimd for Pass<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Product { packed, depth, bias, range } = self.layer;
        let (depth, bias) = ((*depth).max(1), S::as_simd_f32s(bias).0);
        let packed = S::as_simd_f32s(packed).0;
        let y = S::as_mut_simd_f32s(self.y).0;
        let vectors = bias.len().max(1);
        let pixels = (CHUNK / (4 * depth)).clamp(TILE, 8 * TILE) / TILE * TILE;
        for (x, y) in self.x.chunks(pixels * depth).zip(y.chunks_mut(pixels * vectors)) {
            let blocks = packed.chunks(2 * depth).zip(bias.chunks(2));
            for (number, (weights, bias)) in blocks.enumerate() {
                let outputs = Outputs { at: 2 * number, vectors, range: *range };
                match *bias {
                    [first, second] => {
                        const HALF: usize = TILE / 2;
                        outputs.block::<S, HALF, 2>(simd, (x, depth), weights, [first, second], y);
                    }
                    [only] => outputs.block::<S, TILE, 1>(simd, (x, depth), weights, [only], y),
                    _ => {}
                }
            }
        }
    }
}

/// Which vectors of channels are made.
#[derive(Clone, Copy)]
struct Outputs {
    at: usize,
    /// Of a pixel.
    vectors: usize,
    range: Range,
}

impl Outputs {
    /// `N` vectors of channels of all pixels, `TILE` pixels at a time.
    #[inline(always)]
    fn block<S: Simd, const TILE: usize, const N: usize>(
        self,
        simd: S,
        (x, depth): (&[f32], usize),
        weights: &[S::f32s],
        bias: [S::f32s; N],
        y: &mut [S::f32s],
    ) {
        let weights = weights.as_chunks::<N>().0;
        // A square feature map often leaves four pixels.
        let (x, y) = self.tiles::<S, TILE, N>(simd, (x, depth), weights, bias, y);
        let (x, y) = self.tiles::<S, 4, N>(simd, (x, depth), weights, bias, y);
        self.tiles::<S, 1, N>(simd, (x, depth), weights, bias, y);
    }

    /// As many whole tiles as there are; gives back what is left.
    #[inline(always)]
    fn tiles<'a, S: Simd, const TILE: usize, const N: usize>(
        self,
        simd: S,
        (x, depth): (&'a [f32], usize),
        weights: &[[S::f32s; N]],
        bias: [S::f32s; N],
        y: &'a mut [S::f32s],
    ) -> (&'a [f32], &'a mut [S::f32s]) {
        let inputs = x.chunks_exact(TILE * depth);
        let left = inputs.remainder();
        let mut outputs = y.chunks_exact_mut(TILE * self.vectors);
        for (x, y) in inputs.zip(outputs.by_ref()) {
            self.tile::<S, TILE, N>(simd, (x, depth), weights, bias, y);
        }
        (left, outputs.into_remainder())
    }

    // Loops over indices: only these become straight code whose sums stay in registers (measured).
    #[inline(always)]
    fn tile<S: Simd, const TILE: usize, const N: usize>(
        self,
        simd: S,
        (x, depth): (&[f32], usize),
        weights: &[[S::f32s; N]],
        bias: [S::f32s; N],
        y: &mut [S::f32s],
    ) {
        let mut sums = [bias; TILE];
        let pixels: [&[f32]; TILE] = std::array::from_fn(|pixel| &x[pixel * depth..][..depth]);
        for k in 0..depth.min(weights.len()) {
            let weights = weights[k];
            for pixel in 0..TILE {
                let x = simd.splat_f32s(pixels[pixel][k]);
                for n in 0..N {
                    sums[pixel][n] = simd.mul_add_f32s(x, weights[n], sums[pixel][n]);
                }
            }
        }
        for pixel in 0..TILE {
            for n in 0..N {
                y[pixel * self.vectors + self.at + n] = self.range.hold(simd, sums[pixel][n]);
            }
        }
    }
}
