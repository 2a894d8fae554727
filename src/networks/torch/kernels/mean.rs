//! The mean over places.

use pulp::{Simd, WithSimd};
use tch::{TchError, Tensor};

use super::arch;
use super::memory::{filled, numbers};

/// `[b, 1, 1, c]` from `[b, h, w, c]`, contiguous: sums in the order of places.
pub fn mean(x: &Tensor) -> Result<Tensor, TchError> {
    let [images, height, width, channels] = x.size()[..] else {
        return Err(TchError::Shape(format!("{:?} is no batch of feature maps", x.size())));
    };
    let x = numbers(x)?.chunks_exact(((height * width * channels) as usize).max(1));
    filled(&[images, 1, 1, channels], |y| {
        for (x, y) in x.zip(y.chunks_exact_mut((channels as usize).max(1))) {
            arch().dispatch(Pass { x, y });
        }
    })
}

struct Pass<'a> {
    x: &'a [f32],
    y: &'a mut [f32],
}

impl WithSimd for Pass<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let channels = self.y.len();
        self.y.fill(0.0);
        for x in self.x.chunks_exact(channels) {
            self.y.iter_mut().zip(x).for_each(|(sum, x)| *sum += x);
        }
        let places = (self.x.len() / channels) as f32;
        self.y.iter_mut().for_each(|sum| *sum /= places);
    }
}
