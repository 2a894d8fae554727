//! A convolution in which each channel has its own filter, channels-last.
//!
//! `y[i, j, c] = sum over u, v of w[u, v, c] x[i s + u - p, j s + v - p, c] + b[c]`, zeros outside. A tile of neighbouring
//! outputs of [a group](GROUP) of channels is summed up in registers; each weight that is read serves the whole tile. A group's
//! rows have a plane of their own, in which neighbours lie at distances that the compiler knows.

use std::ops::Range;

use emolab::networks::architecture::Padding;
use pulp::{Simd, WithSimd};
use tch::TchError;

use super::memory::Aligned;
use super::{GROUP, arch};

/// The convolution with its bias and activation.
#[derive(Clone, Debug)]
pub struct Depthwise {
    /// `[c / GROUP, kernel, kernel, GROUP]`
    filters: Aligned,
    /// Side of a filter: 3 or 5.
    kernel: usize,
    /// Step from place to place: 1 or 2.
    stride: usize,
    /// Zeros around the input.
    padding: Padding,
    /// `[c]`
    bias: Aligned,
    /// What comes out is held to it.
    range: super::Range,
}

/// Sides of feature maps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Geometry {
    /// Of what enters.
    pub side: usize,
    /// Of what comes out.
    pub out: usize,
    /// Zeros before the first row and column.
    pub padding: usize,
    /// Places in a row that has its zeros around it.
    pub pitch: usize,
}

/// Rows of a feature map with the zeros beside them, `[c / GROUP, slots, pitch, GROUP]`: row `r` in slot `first + r`, modulo their
/// number.
#[derive(Clone, Copy)]
pub(super) struct Ring<'a> {
    pub numbers: &'a [f32],
    pub slots: usize,
    pub first: usize,
}

/// Rows of outputs to make.
struct Pass<'a> {
    layer: &'a Depthwise,
    geometry: Geometry,
    x: Ring<'a>,
    outputs: Range<usize>,
    groups: Range<usize>,
    /// `[outputs, out, c]`
    y: &'a mut [f32],
}

impl Depthwise {
    /// Whether there is a kernel for such filters.
    pub const fn fits(kernel: usize, stride: usize, channels: usize) -> bool {
        matches!((kernel, stride), (3 | 5, 1 | 2)) && channels.is_multiple_of(GROUP)
    }

    /// Of filters `[c, kernel, kernel]` and biases `[c]`, which [fit](Self::fits).
    pub fn new(
        filters: &[f32],
        bias: &[f32],
        range: super::Range,
        (kernel, stride, padding): (usize, usize, Padding),
    ) -> Self {
        let area = kernel * kernel;
        let groups = filters.chunks(GROUP * area);
        let packed =
            groups.flat_map(|group| (0..group.len()).map(move |at| group[at % GROUP * area + at / GROUP]));
        let bias = bias.iter().copied().collect();
        Self { filters: packed.collect(), kernel, stride, padding, bias, range }
    }

    pub(super) const fn kernel(&self) -> usize {
        self.kernel
    }

    pub(super) const fn stride(&self) -> usize {
        self.stride
    }

    pub(super) fn channels(&self) -> usize {
        self.bias.len()
    }

    /// On feature maps of that side.
    pub(super) fn geometry(&self, side: usize) -> Result<Geometry, TchError> {
        let (padding, behind) = self.padding.around(side, self.kernel, self.stride);
        let pitch = side + padding + behind;
        let Some(room) = pitch.checked_sub(self.kernel) else {
            return Err(TchError::Shape(format!("filters of {} on a side of {side}", self.kernel)));
        };
        Ok(Geometry { side, out: room / self.stride + 1, padding, pitch })
    }

    /// Rows of the input that rows of outputs see.
    pub(super) fn sees(&self, geometry: Geometry, outputs: &Range<usize>) -> Range<usize> {
        let start = (outputs.start * self.stride).saturating_sub(geometry.padding);
        let end = (outputs.end * self.stride + self.kernel).saturating_sub(self.stride + geometry.padding);
        start.min(geometry.side)..end.min(geometry.side)
    }

    /// Some channels, whole groups, of rows of outputs `[rows, out, c]`; the ring holds these channels of what the rows
    /// [see](Self::sees).
    pub(super) fn rows(
        &self,
        geometry: Geometry,
        x: Ring<'_>,
        outputs: Range<usize>,
        channels: &Range<usize>,
        y: &mut [f32],
    ) {
        let groups = channels.start / GROUP..channels.end / GROUP;
        arch().dispatch(Pass { layer: self, geometry, x, outputs, groups, y });
    }
}

impl WithSimd for Pass<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match (self.layer.kernel, self.layer.stride) {
            (3, 1) => self.filter::<S, 3, 1>(simd),
            (3, _) => self.filter::<S, 3, 2>(simd),
            (_, 1) => self.filter::<S, 5, 1>(simd),
            _ => self.filter::<S, 5, 2>(simd),
        }
    }
}

impl Pass<'_> {
    #[inline(always)]
    fn filter<S: Simd, const KERNEL: usize, const STRIDE: usize>(self, simd: S) {
        // A group is one vector or two; sides of feature maps often are multiples of seven.
        match (S::F32_LANES, S::REGISTER_COUNT < 32) {
            (16, _) => self.planes::<S, KERNEL, STRIDE, 14, 1>(simd),
            (8, _) => self.planes::<S, KERNEL, STRIDE, 4, 2>(simd),
            (4, false) => self.planes::<S, KERNEL, STRIDE, 4, 4>(simd),
            (4, true) => self.planes::<S, KERNEL, STRIDE, 2, 4>(simd),
            _ => self.planes::<S, KERNEL, STRIDE, 1, GROUP>(simd),
        }
    }

    /// `TILE` outputs of a row are summed up at once, each `N` vectors: a group.
    #[inline(always)]
    fn planes<S: Simd, const KERNEL: usize, const STRIDE: usize, const TILE: usize, const N: usize>(
        self,
        simd: S,
    ) {
        let Self { layer, geometry: Geometry { side, out, padding, pitch }, x, outputs, groups, y } = self;
        let bias = S::as_simd_f32s(&layer.bias).0.as_chunks::<N>().0;
        let filters = S::as_simd_f32s(&layer.filters).0.as_chunks::<N>().0.as_chunks::<KERNEL>().0;
        let numbers = S::as_simd_f32s(x.numbers).0.as_chunks::<N>().0;
        let y = S::as_mut_simd_f32s(y).0.as_chunks_mut::<N>().0;
        let all = bias.len();
        for (i, y) in outputs.zip(y.chunks_exact_mut(out * all)) {
            // The filter's rows that lie inside the image; others see zeros.
            let first = padding.saturating_sub(i * STRIDE);
            let last = KERNEL.min((side + padding).saturating_sub(i * STRIDE)).max(first);
            for (group, plane) in groups.clone().zip(numbers.chunks_exact(x.slots * pitch)) {
                let filters = &filters[group * KERNEL..(group + 1) * KERNEL];
                let mut window = Window { x: [&[][..]; KERNEL], filters, first, last, bias: bias[group] };
                for u in first..last {
                    let slot = (x.first + i * STRIDE + u - padding) % x.slots;
                    window.x[u] = &plane[slot * pitch..][..pitch];
                }
                let y = Places { y: &mut y[group..], groups: all, out, range: layer.range };
                window.row::<S, STRIDE, TILE>(simd, y);
            }
        }
    }
}

/// The rows of a group that a row of outputs sees, and what they are multiplied by.
struct Window<'a, V, const KERNEL: usize, const N: usize> {
    /// `[pitch]`, of the filter's rows from `first` to `last`.
    x: [&'a [[V; N]]; KERNEL],
    first: usize,
    last: usize,
    /// `[KERNEL, KERNEL]`
    filters: &'a [[[V; N]; KERNEL]],
    bias: [V; N],
}

/// Where a row of outputs goes.
struct Places<'a, V, const N: usize> {
    /// `[out, groups]`, from the group on.
    y: &'a mut [[V; N]],
    groups: usize,
    out: usize,
    range: super::Range,
}

impl<V: Copy, const KERNEL: usize, const N: usize> Window<'_, V, KERNEL, N> {
    /// A row of outputs, `TILE` at a time; the last tile may begin inside the one before it.
    #[inline(always)]
    fn row<S: Simd<f32s = V>, const STRIDE: usize, const TILE: usize>(
        &self,
        simd: S,
        mut y: Places<'_, V, N>,
    ) {
        const HALF: usize = 7;
        if y.out >= TILE {
            self.tiles::<S, STRIDE, TILE>(simd, &mut y);
        } else if y.out >= HALF {
            self.tiles::<S, STRIDE, HALF>(simd, &mut y);
        } else {
            self.tiles::<S, STRIDE, 1>(simd, &mut y);
        }
    }

    #[inline(always)]
    fn tiles<S: Simd<f32s = V>, const STRIDE: usize, const TILE: usize>(
        &self,
        simd: S,
        y: &mut Places<'_, V, N>,
    ) {
        for j in (0..y.out).step_by(TILE) {
            let j = j.min(y.out - TILE);
            let mut places = y.y[j * y.groups..].chunks_mut(y.groups);
            let sums = self.tile::<S, STRIDE, TILE>(simd, j);
            for t in 0..TILE {
                if let Some([place, ..]) = places.next() {
                    for n in 0..N {
                        place[n] = y.range.hold(simd, sums[t][n]);
                    }
                }
            }
        }
    }

    #[inline(always)]
    fn tile<S: Simd<f32s = V>, const STRIDE: usize, const TILE: usize>(
        &self,
        simd: S,
        j: usize,
    ) -> [[V; N]; TILE] {
        let mut sums = [self.bias; TILE];
        for u in self.first..self.last {
            let x = &self.x[u][j * STRIDE..][..(TILE - 1) * STRIDE + KERNEL];
            let filters = &self.filters[u];
            for v in 0..KERNEL {
                for t in 0..TILE {
                    for n in 0..N {
                        sums[t][n] = simd.mul_add_f32s(x[v + t * STRIDE][n], filters[v][n], sums[t][n]);
                    }
                }
            }
        }
        sums
    }
}
