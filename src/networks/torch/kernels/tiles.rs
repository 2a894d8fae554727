//! A 1 x 1 convolution of numbers rounded to bf16, on a processor's matrix tiles (Intel AMX).
//!
//! `y[p, n] = b[n] + sum over k of r(x[p, k]) r(w[k, n])`, where `r` rounds to bf16; products are exact and summed up in f32.
//! Activations stay f32 in memory, so that only the factors of products are rounded. A block of 32 pixels by 32 channels is summed
//! up in four tiles. Pixels are independent of each other, so an output's bits depend on its own inputs alone.
//!
//! libtorch configures tiles itself where it multiplies in bf16, and remembers that per thread; in a network that is run on these
//! nothing of it does.

use std::arch::asm;
use std::arch::x86_64::{
    __cpuid_count, __m512, __m512bh, _mm512_cvtne2ps_pbh, _mm512_loadu_ps, _mm512_mask_storeu_ps,
    _mm512_maskz_loadu_ps, _mm512_max_ps, _mm512_min_ps, _mm512_set1_ps, _mm512_storeu_ps,
};
use std::marker::PhantomData;
use std::ops::Range;
use std::sync::LazyLock;

use tch::TchError;

use super::Layout;

/// Rows of a tile, and numbers of f32 in a row.
const SIDE: usize = 16;
/// Pixels and channels of a block: two tiles of each.
pub(super) const BLOCK: usize = 2 * SIDE;
/// Blocks of 32 by 32 weights that stay in the first cache.
const FEW: usize = 10;

/// 64 bytes of a tile: a pixel's next 32 numbers, or two rows of filters for 16 channels, pair by pair. All of it bf16.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(super) struct Line(pub [u16; 32]);

const ZEROS: Line = Line([0; 32]);

/// A block of sums, `[pixel, half, channel]`.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Sums([[[f32; SIDE]; 2]; BLOCK]);

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

/// The tiles of this thread, all of 16 rows of 64 bytes, until this is dropped.
struct Tiles(PhantomData<*const ()>);

/// What `ldtilecfg` reads.
#[repr(C, align(64))]
struct Configuration([u8; 64]);

/// Whether the processor has tiles and the system lets this process use them.
pub fn have_tiles() -> bool {
    const TILES_AND_BF16: u32 = 1 << 24 | 1 << 22;
    static ALLOWED: LazyLock<bool> = LazyLock::new(|| {
        is_x86_feature_detected!("avx512f")
            && __cpuid_count(7, 0).edx & TILES_AND_BF16 == TILES_AND_BF16
            && allow()
    });
    *ALLOWED
}

/// Asks Linux for the state of tiles, whose size programs that do not use them are spared.
#[cfg(target_os = "linux")]
fn allow() -> bool {
    const ARCH_PRCTL: i64 = 158;
    const REQUEST_STATE: i64 = 0x1023;
    const TILE_DATA: i64 = 18;
    let result: i64;
    // SAFETY: the call reads its two numbers and touches no memory of the process; a kernel that does not know it says so.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") ARCH_PRCTL => result,
            in("rdi") REQUEST_STATE,
            in("rsi") TILE_DATA,
            out("rcx") _,
            out("r11") _,
            options(nostack),
        );
    }
    result == 0
}

#[cfg(not(target_os = "linux"))]
fn allow() -> bool {
    false
}

impl Tiles {
    fn configure() -> Option<Self> {
        if !have_tiles() {
            return None;
        }
        // Palette 1; bytes per row of tile t at 16 + 2 t, rows at 48 + t.
        let mut configuration = Configuration([0; 64]);
        configuration.0[0] = 1;
        for tile in 0..8 {
            configuration.0[16 + 2 * tile] = 64;
            configuration.0[48 + tile] = SIDE as u8;
        }
        // SAFETY: the processor has tiles, and 64 bytes of a valid configuration are read.
        unsafe { asm!("ldtilecfg [{}]", in(reg) &raw const configuration, options(nostack, readonly)) };
        Some(Self(PhantomData))
    }

    /// `sums[p, n] = bias[n] + sum over k of pixels[p, k] weights[k, n]`; `pixels` of 32 rows, `weights` of two tiles a step.
    #[expect(clippy::unused_self, reason = "it is the proof that the tiles are configured")]
    #[inline(always)]
    fn multiply(&self, pixels: &[Line], weights: &[Line], bias: &[f32; BLOCK], sums: &mut Sums) {
        let steps = weights.len() / BLOCK;
        assert!(steps > 0 && pixels.len() == BLOCK * steps && weights.len() == BLOCK * steps);
        let row = steps * size_of::<Line>();
        // SAFETY: `self` says that the tiles are configured, 16 rows of 64 bytes each. Step s reads lines s of all 32 pixels, whose
        // rows are `steps` lines apart, and lines 32 s to 32 s + 31 of the weights: both inside the slices, as was checked. The bias has
        // two rows of 64 bytes. The last
        // four stores write the 32 rows of 128 bytes that `sums` has.
        unsafe {
            asm!(
                // Rows that are no distance apart are one row.
                "tileloadd tmm0, [{bias} + {none}]",
                "tileloadd tmm1, [{bias} + {none} + 64]",
                "tileloadd tmm2, [{bias} + {none}]",
                "tileloadd tmm3, [{bias} + {none} + 64]",
                "2:",
                "tileloadd tmm4, [{upper} + {row}]",
                "tileloadd tmm6, [{weights} + {line}]",
                "tdpbf16ps tmm0, tmm4, tmm6",
                "tileloadd tmm7, [{weights} + {line} + 1024]",
                "tdpbf16ps tmm1, tmm4, tmm7",
                "tileloadd tmm5, [{lower} + {row}]",
                "tdpbf16ps tmm2, tmm5, tmm6",
                "tdpbf16ps tmm3, tmm5, tmm7",
                "add {upper}, 64",
                "add {lower}, 64",
                "add {weights}, 2048",
                "dec {steps}",
                "jnz 2b",
                "tilestored [{sums} + 2*{line}], tmm0",
                "tilestored [{sums} + 2*{line} + 64], tmm1",
                "tilestored [{sums} + 2*{line} + 2048], tmm2",
                "tilestored [{sums} + 2*{line} + 2112], tmm3",
                upper = inout(reg) pixels.as_ptr() => _,
                lower = inout(reg) pixels.as_ptr().add(SIDE * steps) => _,
                weights = inout(reg) weights.as_ptr() => _,
                steps = inout(reg) steps => _,
                sums = in(reg) &raw mut sums.0,
                bias = in(reg) bias.as_ptr(),
                none = in(reg) 0_usize,
                row = in(reg) row,
                line = in(reg) 64_usize,
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                options(nostack),
            );
        }
    }
}

impl Drop for Tiles {
    fn drop(&mut self) {
        // SAFETY: only tiles are touched, which nothing else of this thread holds.
        unsafe { asm!("tilerelease", options(nostack, nomem)) };
    }
}
