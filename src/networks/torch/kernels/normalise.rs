//! From bytes to the numbers that enter a network.

use pulp::{Simd, WithSimd};
use tch::{TchError, Tensor};

use super::arch;
use super::memory::filled;

/// Numbers that are made at once: whole pixels, and whole vectors.
const CHUNK: usize = 48;

/// `(x - mean) / scale`, `[n, side, side, 3]`, of pixels `[n, side, side, 3]`; both with a number for each channel.
pub fn normalise(pixels: &[u8], side: usize, mean: [f32; 3], scale: [f32; 3]) -> Result<Tensor, TchError> {
    let images = pixels.len() / (side * side * 3).max(1);
    let side = side as i64;
    filled(&[images as i64, side, side, 3], |y| arch().dispatch(Pass { pixels, mean, scale, y }))
}

struct Pass<'a> {
    pixels: &'a [u8],
    mean: [f32; 3],
    scale: [f32; 3],
    y: &'a mut [f32],
}

impl WithSimd for Pass<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let mean: [f32; CHUNK] = std::array::from_fn(|at| self.mean[at % 3]);
        let scale: [f32; CHUNK] = std::array::from_fn(|at| self.scale[at % 3]);
        let (pixels, rest) = self.pixels.as_chunks::<CHUNK>();
        let (y, last) = self.y.as_chunks_mut::<CHUNK>();
        for (y, pixels) in y.iter_mut().zip(pixels) {
            for at in 0..CHUNK {
                y[at] = (f32::from(pixels[at]) - mean[at]) / scale[at];
            }
        }
        for (at, (y, &pixel)) in last.iter_mut().zip(rest).enumerate() {
            *y = (f32::from(pixel) - mean[at]) / scale[at];
        }
    }
}
