//! A 1 x 1 convolution of numbers rounded to bf16, on a processor's matrix tiles (Intel AMX).
//!
//! `y[p, n] = b[n] + sum over k of r(x[p, k]) r(w[k, n])`, where `r` rounds to bf16; products are exact and summed up in f32.
//! Activations stay f32 in memory, so that only the factors of products are rounded. A block of 32 pixels by 32 channels is summed
//! up in four tiles. Pixels are independent of each other, so an output's bits depend on its own inputs alone.

use std::arch::x86_64::{
    __m512, __m512bh, _mm512_cvtne2ps_pbh, _mm512_loadu_ps, _mm512_mask_storeu_ps, _mm512_maskz_loadu_ps,
    _mm512_max_ps, _mm512_min_ps, _mm512_set1_ps, _mm512_storeu_ps,
};
use std::ops::Range;

use tch::TchError;

use super::Layout;
use super::amx::{BLOCK, Line, SIDE, Sums, Tiles, have_tiles};

/// Blocks of 32 by 32 weights that stay in the first cache.
const FEW: usize = 10;

const ZEROS: Line = Line([0; 32]);

/// The convolution with its bias and activation.
#[derive(Clone, Debug)]
pub struct TileProduct {
    /// For each 32 channels all steps of 32 `k`: two tiles of 16 lines each. Filled up with zeros.
    packed: Vec<Line>,
    /// Numbers per pixel that enter.
    depth: usize,
    /// Filled up with zeros.
    bias: Vec<[f32; BLOCK]>,
    outputs: usize,
    range: super::Range,
}

impl TileProduct {
    /// Of filters `[n, k]` and biases `[n]`.
    pub fn new(filters: &[f32], bias: &[f32], range: super::Range) -> Self {
        let (outputs, depth) = (bias.len(), filters.len() / bias.len().max(1));
        let filter = |n: usize, k: usize| {
            if n < outputs && k < depth { round(filters[n * depth + k]) } else { 0 }
        };
        let mut packed = Vec::new();
        for block in (0..outputs).step_by(BLOCK) {
            for step in (0..depth).step_by(BLOCK) {
                for tile in [block, block + SIDE] {
                    let line =
                        |row| Line(std::array::from_fn(|at| filter(tile + at / 2, step + 2 * row + at % 2)));
                    packed.extend((0..SIDE).map(line));
                }
            }
        }
        let bias =
            bias.chunks(BLOCK).map(|part| std::array::from_fn(|n| part.get(n).copied().unwrap_or(0.0)));
        Self { packed, depth, bias: bias.collect(), outputs, range }
    }

    /// Numbers per pixel that enter, and that leave.
    pub(super) const fn widths(&self) -> (usize, usize) {
        (self.depth, self.outputs)
    }

    /// Channels in parts of at least so many.
    pub(super) fn parts(&self, least: usize) -> Vec<Range<usize>> {
        let part = least.next_multiple_of(BLOCK);
        (0..self.outputs).step_by(part).map(|start| start..self.outputs.min(start + part)).collect()
    }

    /// Pixels `[pixels, k]` as they are multiplied: lines of 32 numbers, whole blocks of pixels.
    pub(super) fn round(&self, x: &[f32]) -> Vec<Line> {
        let mut rounded = Vec::new();
        // SAFETY: processors with tiles for bf16 have these vectors, which `have_tiles` asked for before there was a product.
        unsafe { round_pixels(x, self.depth.max(1), &mut rounded) };
        rounded
    }

    /// Whether all weights stay in the first cache while pixels pass, which then need not be [rounded](Self::round) before.
    pub(super) const fn is_small(&self) -> bool {
        self.bias.len() * self.depth.div_ceil(BLOCK) <= FEW
    }

    /// So many pixels to some of the `n` channels, a [part](Self::parts), laid out in `y`.
    pub(super) fn multiply(
        &self,
        x: Pixels<'_>,
        pixels: usize,
        channels: &Range<usize>,
        layout: Layout,
        y: &mut [f32],
    ) -> Result<(), TchError> {
        let Some(tiles) = Tiles::configure() else {
            return Err(TchError::Kind("the processor's matrix tiles are gone".to_owned()));
        };
        // SAFETY: processors with tiles for bf16 have these vectors, which `have_tiles` asked for.
        unsafe { tiles.pass(self, x, pixels, channels, layout, y) };
        Ok(())
    }
}

/// The nearest bf16; to even where two are as near. What is no number stays none.
const fn round(x: f32) -> u16 {
    let bits = x.to_bits();
    let rounded = bits.wrapping_add(0x7FFF + (bits >> 16 & 1));
    (if x.is_nan() { bits | 0x0040_0000 } else { rounded } >> 16) as u16
}

impl Tiles {
    /// [`TileProduct::multiply`]. A block's sums are finished while the next is summed up: the processor does both at once.
    #[target_feature(enable = "avx512f,avx512bf16")]
    fn pass(
        &self,
        layer: &TileProduct,
        x: Pixels<'_>,
        pixels: usize,
        channels: &Range<usize>,
        layout: Layout,
        y: &mut [f32],
    ) {
        let TileProduct { packed, depth, bias, .. } = layer;
        let steps = depth.div_ceil(BLOCK);
        let [mut even, mut odd] = [const { Sums([[[0.0; SIDE]; 2]; BLOCK]) }; 2];
        let (mut free, mut full) = (&mut even, &mut odd);
        let mut waiting: Option<Block> = None;
        let (first, last) = (channels.start / BLOCK, channels.end.div_ceil(BLOCK));
        let (rows, columns) = (pixels.div_ceil(BLOCK), last - first);
        let mut rounded = Vec::new();
        for at in 0..rows * columns {
            // Few weights stay in the cache while pixels pass; many are read once, and pixels again and again.
            let (row, column) = match x {
                Pixels::Numbers(_) => (at / columns, first + at % columns),
                Pixels::Rounded(_) => (at % rows, first + at / rows),
            };
            let x = match x {
                Pixels::Rounded(lines) => &lines[row * BLOCK * steps..][..BLOCK * steps],
                Pixels::Numbers(x) => {
                    if column == first {
                        let block = BLOCK * depth;
                        round_pixels(&x[row * block..x.len().min((row + 1) * block)], *depth, &mut rounded);
                    }
                    &rounded
                }
            };
            let weights = &packed[column * BLOCK * steps..][..BLOCK * steps];
            self.multiply(x, weights, &bias[column], free);
            let block = Block {
                pixels: row * BLOCK..pixels.min((row + 1) * BLOCK),
                channels: column * BLOCK..channels.end,
                skipped: channels.start,
            };
            if let Some(block) = waiting.replace(block) {
                layer.finish(&block, full, layout, y);
            }
            std::mem::swap(&mut free, &mut full);
        }
        if let Some(block) = waiting {
            layer.finish(&block, full, layout, y);
        }
    }
}

/// Pixels, `[pixels, k]`.
#[derive(Clone, Copy)]
pub(super) enum Pixels<'a> {
    Numbers(&'a [f32]),
    /// [`TileProduct::round`] made them.
    Rounded(&'a [Line]),
}

/// Where sums go: pixels, the first of the channels and the end of all, and how many there are before those laid out.
struct Block {
    pixels: Range<usize>,
    channels: Range<usize>,
    skipped: usize,
}

impl TileProduct {
    /// Holds a block's sums to the range, and puts them in their places.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn finish(&self, block: &Block, sums: &Sums, layout: Layout, y: &mut [f32]) {
        for (half, channel) in block.channels.clone().step_by(SIDE).take(2).enumerate() {
            let y = &mut y[layout.channel(channel - block.skipped)..];
            let mut sums = sums.0.iter().map(|sums| &sums[half]);
            for (place, count) in layout.runs(block.pixels.start, block.pixels.len()) {
                let pixels = y[place..].chunks_mut(layout.pixel).take(count);
                if channel + SIDE <= block.channels.end {
                    for (y, sums) in pixels.zip(&mut sums) {
                        if let Some(y) = y.first_chunk_mut() {
                            finish(self.range, sums, y);
                        }
                    }
                } else {
                    for (y, sums) in pixels.zip(&mut sums) {
                        finish_some(self.range, sums, &mut y[..block.channels.end - channel]);
                    }
                }
            }
        }
    }
}

/// Each pixel's numbers, 32 to a line; zeros where there are none.
#[target_feature(enable = "avx512f,avx512bf16")]
fn round_pixels(x: &[f32], depth: usize, rounded: &mut Vec<Line>) {
    let (steps, pixels) = (depth.div_ceil(BLOCK), x.len() / depth);
    rounded.resize(pixels.next_multiple_of(BLOCK) * steps, ZEROS);
    if depth.is_multiple_of(BLOCK) {
        for (to, x) in rounded.iter_mut().zip(x.as_chunks().0) {
            *to = round_line(x);
        }
        return;
    }
    for (to, x) in rounded.chunks_exact_mut(steps).zip(x.chunks_exact(depth)) {
        let (whole, rest) = x.as_chunks();
        for (to, x) in to.iter_mut().zip(whole) {
            *to = round_line(x);
        }
        if let [.., to] = to {
            let (lower, upper) = rest.split_at(rest.len().min(SIDE));
            *to = line(_mm512_cvtne2ps_pbh(load(upper), load(lower)));
        }
    }
}

/// Numbers to bf16, on a processor that [has tiles](have_tiles).
pub(super) fn round_numbers(x: &[f32], to: &mut [u16]) {
    #[target_feature(enable = "avx512f,avx512bf16")]
    fn round(x: &[f32], to: &mut [u16]) {
        for (to, x) in to.chunks_mut(BLOCK).zip(x.chunks(BLOCK)) {
            let (lower, upper) = x.split_at(x.len().min(SIDE));
            let Line(rounded) = line(_mm512_cvtne2ps_pbh(load(upper), load(lower)));
            to.copy_from_slice(&rounded[..to.len()]);
        }
    }
    assert!(have_tiles());
    // SAFETY: processors with tiles for bf16 have these vectors, which `have_tiles` asked for.
    unsafe { round(x, to) }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
fn round_line(x: &[f32; BLOCK]) -> Line {
    let (lower, upper) = x.split_at(SIDE);
    // SAFETY: both have 16 numbers.
    line(unsafe { _mm512_cvtne2ps_pbh(_mm512_loadu_ps(upper.as_ptr()), _mm512_loadu_ps(lower.as_ptr())) })
}

#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
fn line(pair: __m512bh) -> Line {
    // SAFETY: both are 64 bytes, and a line may hold any.
    unsafe { std::mem::transmute(pair) }
}

/// Holds sums to the range.
#[inline]
#[target_feature(enable = "avx512f")]
fn finish(range: super::Range, sums: &[f32; SIDE], y: &mut [f32; SIDE]) {
    // SAFETY: both have 16 numbers.
    unsafe { _mm512_storeu_ps(y.as_mut_ptr(), hold(range, _mm512_loadu_ps(sums.as_ptr()))) };
}

/// As many as there is room for.
#[inline]
#[target_feature(enable = "avx512f")]
fn finish_some(range: super::Range, sums: &[f32; SIDE], y: &mut [f32]) {
    let mask = mask(y.len());
    // SAFETY: only the numbers of the slice are written.
    unsafe { _mm512_mask_storeu_ps(y.as_mut_ptr(), mask, hold(range, load(sums))) };
}

/// Of two that are not in order, the processor gives the second: what is no number stays none.
#[inline]
#[target_feature(enable = "avx512f")]
fn hold(range: super::Range, x: __m512) -> __m512 {
    _mm512_min_ps(_mm512_set1_ps(range.high), _mm512_max_ps(_mm512_set1_ps(range.low), x))
}

/// As many numbers as there are, at most 16; zeros after them.
#[inline]
#[target_feature(enable = "avx512f")]
fn load(x: &[f32]) -> __m512 {
    // SAFETY: only the numbers of the slice are read.
    unsafe { _mm512_maskz_loadu_ps(mask(x.len()), x.as_ptr()) }
}

/// The first so many of 16.
const fn mask(count: usize) -> u16 {
    if count < SIDE { (1 << count) - 1 } else { u16::MAX }
}
