//! A convolution in which each channel has its own filter, channels-last.
//!
//! `y[i, j, c] = sum over u, v of w[u, v, c] x[i s + u - p, j s + v - p, c] + b[c]`, zeros outside. A tile of neighbouring
//! outputs of two vectors of channels is summed up in registers; each weight that is read serves the whole tile.

use emolab::networks::architecture::Padding;
use pulp::{Arch, Simd, WithSimd};
use tch::{TchError, Tensor};

use super::Range;
use super::memory::{filled, numbers};

/// Outputs of a row that are summed up at once.
const TILE: usize = 4;

/// The convolution with its bias and activation.
#[derive(Clone, Debug)]
pub struct Depthwise {
    /// `[kernel, kernel, c]`
    pub filters: Vec<f32>,
    /// Side of a filter: 3 or 5.
    pub kernel: usize,
    /// Step from place to place: 1 or 2.
    pub stride: usize,
    /// Zeros around the input.
    pub padding: Padding,
    /// `[c]`
    pub bias: Vec<f32>,
    /// What comes out is held to it.
    pub range: Range,
}

/// One image.
struct Pass<'a> {
    layer: &'a Depthwise,
    /// `[side, side, c]`
    x: &'a [f32],
    /// `[out, out, c]`
    y: &'a mut [f32],
    side: usize,
    out: usize,
    /// Zeros before the first row and column.
    padding: usize,
}

impl Depthwise {
    /// Whether there is a kernel for such filters.
    pub const fn fits(kernel: usize, stride: usize) -> bool {
        matches!((kernel, stride), (3 | 5, 1 | 2))
    }

    /// Activations `[b, out, out, c]` from `[b, side, side, c]`, contiguous.
    pub fn run(&self, x: &Tensor) -> Result<Tensor, TchError> {
        let channels = self.bias.len();
        let [images, side, width, depth] = x.size()[..] else {
            return Err(TchError::Shape(format!("{:?} is no batch of feature maps", x.size())));
        };
        if side != width || depth as usize != channels || self.filters.len() != self.kernel.pow(2) * channels
        {
            return Err(TchError::Shape(format!("{:?} does not fit {channels} filters", x.size())));
        }
        let side = side as usize;
        let (padding, behind) = self.padding.around(side, self.kernel, self.stride);
        let Some(room) = (side + padding + behind).checked_sub(self.kernel) else {
            return Err(TchError::Shape(format!("filters of {} on a side of {side}", self.kernel)));
        };
        let out = room / self.stride + 1;
        let x = numbers(x)?.chunks_exact(side * side * channels);
        filled(&[images, out as i64, out as i64, channels as i64], |y| {
            for (x, y) in x.zip(y.chunks_exact_mut(out * out * channels)) {
                Arch::new().dispatch(Pass { layer: self, x, y, side, out, padding });
            }
        })
    }
}

impl WithSimd for Pass<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match (self.layer.kernel, self.layer.stride) {
            (3, 1) => self.rows::<S, 3, 1>(simd),
            (3, _) => self.rows::<S, 3, 2>(simd),
            (_, 1) => self.rows::<S, 5, 1>(simd),
            _ => self.rows::<S, 5, 2>(simd),
        }
    }
}

impl Pass<'_> {
    #[inline(always)]
    fn rows<S: Simd, const KERNEL: usize, const STRIDE: usize>(self, simd: S) {
        let Self { layer, side, out, padding, .. } = self;
        let bias = S::as_simd_f32s(&layer.bias).0;
        let filters = S::as_simd_f32s(&layer.filters).0;
        let x = S::as_simd_f32s(self.x).0;
        let y = S::as_mut_simd_f32s(self.y).0;
        let vectors = bias.len();
        for (i, y) in y.chunks_exact_mut(out * vectors).enumerate() {
            // The filter's rows that lie inside the image.
            let first = padding.saturating_sub(i * STRIDE);
            let last = KERNEL.min((side + padding).saturating_sub(i * STRIDE));
            let rows = i * STRIDE + first - padding..i * STRIDE + last - padding;
            let window =
                Window { x: &x[rows.start * side * vectors..rows.end * side * vectors], side, padding };
            let filters = &filters[first * KERNEL * vectors..last * KERNEL * vectors];
            let mut j = 0;
            while j < out {
                let inside = j * STRIDE >= padding && (j + TILE - 1) * STRIDE + KERNEL <= side + padding;
                let count = if inside && j + TILE <= out {
                    window.tile::<S, KERNEL, STRIDE>(simd, j, (filters, bias), &mut y[j * vectors..]);
                    TILE
                } else {
                    window.place::<S, KERNEL, STRIDE>(simd, j, (filters, bias), &mut y[j * vectors..]);
                    1
                };
                for y in &mut y[j * vectors..(j + count) * vectors] {
                    *y = layer.range.hold(simd, *y);
                }
                j += count;
            }
        }
    }
}

/// The rows of an image that a row of outputs sees.
struct Window<'a, V> {
    /// `[rows, side, vectors]`
    x: &'a [V],
    side: usize,
    padding: usize,
}

impl<V: Copy> Window<'_, V> {
    /// Outputs `j` to `j + TILE`, whose filters lie inside the row.
    #[inline(always)]
    fn tile<S: Simd<f32s = V>, const KERNEL: usize, const STRIDE: usize>(
        &self,
        simd: S,
        j: usize,
        (filters, bias): (&[V], &[V]),
        y: &mut [V],
    ) {
        let pairs = bias.len() / 2 * 2;
        for at in (0..pairs).step_by(2) {
            self.columns::<S, KERNEL, STRIDE, 2>(simd, (j, at), (filters, bias), y);
        }
        if pairs < bias.len() {
            self.columns::<S, KERNEL, STRIDE, 1>(simd, (j, pairs), (filters, bias), y);
        }
    }

    /// The same for `N` vectors of channels from the `at`th on.
    #[inline(always)]
    fn columns<S: Simd<f32s = V>, const KERNEL: usize, const STRIDE: usize, const N: usize>(
        &self,
        simd: S,
        (j, at): (usize, usize),
        (filters, bias): (&[V], &[V]),
        y: &mut [V],
    ) {
        let vectors = bias.len();
        let reach = ((TILE - 1) * STRIDE + KERNEL - 1) * vectors + N;
        let mut sums: [[V; N]; TILE] = [std::array::from_fn(|n| bias[at + n]); TILE];
        let rows = self.x.chunks_exact(self.side * vectors);
        for (x, filters) in rows.zip(filters.chunks_exact(KERNEL * vectors)) {
            let x = &x[(j * STRIDE - self.padding) * vectors + at..][..reach];
            let filters = &filters[at..][..(KERNEL - 1) * vectors + N];
            for v in 0..KERNEL {
                let weights: [V; N] = std::array::from_fn(|n| filters[v * vectors + n]);
                for t in 0..TILE {
                    for n in 0..N {
                        let x = x[(v + t * STRIDE) * vectors + n];
                        sums[t][n] = simd.mul_add_f32s(x, weights[n], sums[t][n]);
                    }
                }
            }
        }
        for (t, sums) in sums.iter().enumerate() {
            y[t * vectors + at..][..N].copy_from_slice(sums);
        }
    }

    /// Output `j`, whose filter may reach beyond the row.
    #[inline(always)]
    fn place<S: Simd<f32s = V>, const KERNEL: usize, const STRIDE: usize>(
        &self,
        simd: S,
        j: usize,
        (filters, bias): (&[V], &[V]),
        y: &mut [V],
    ) {
        let vectors = bias.len();
        let y = &mut y[..vectors];
        y.copy_from_slice(bias);
        let first = self.padding.saturating_sub(j * STRIDE);
        let last = KERNEL.min((self.side + self.padding).saturating_sub(j * STRIDE));
        let rows = self.x.chunks_exact(self.side * vectors);
        for (x, filters) in rows.zip(filters.chunks_exact(KERNEL * vectors)) {
            for v in first..last {
                let x = &x[(j * STRIDE + v - self.padding) * vectors..][..vectors];
                let filters = &filters[v * vectors..][..vectors];
                for ((y, &x), &weight) in y.iter_mut().zip(x).zip(filters) {
                    *y = simd.mul_add_f32s(x, weight, *y);
                }
            }
        }
    }
}
