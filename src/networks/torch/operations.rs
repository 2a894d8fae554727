//! The operations that inference and training share, on `[b, c, h, w]`.

use emolab::networks::architecture::{Convolution, Padding};
use tch::{Kind, TchError, Tensor};

/// Stride, padding and groups of a convolution.
#[derive(Clone, Copy, Debug)]
pub struct Geometry {
    kernel: i64,
    stride: i64,
    padding: Padding,
    groups: i64,
}

impl Geometry {
    /// Of a convolution with this weight `[out, in / groups, k, k]`.
    pub fn of(convolution: &Convolution, weight: &Tensor) -> Self {
        let groups = match convolution.groups {
            emolab::networks::architecture::Groups::Of(groups) => groups as i64,
            // One filter per channel that enters; each yields one channel.
            emolab::networks::architecture::Groups::Depthwise => weight.size().first().copied().unwrap_or(1),
        };
        Self {
            kernel: convolution.kernel as i64,
            stride: convolution.stride as i64,
            padding: convolution.padding,
            groups,
        }
    }

    /// The convolution.
    pub fn convolve(self, x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor, TchError> {
        let side = x.size().last().copied().unwrap_or_default();
        let around = self.padding.around(side as usize, self.kernel as usize, self.stride as usize);
        let (before, after) = (around.0 as i64, around.1 as i64);
        let convolve = |x: &Tensor, padding| {
            x.f_conv2d(weight, bias, [self.stride; 2], [padding; 2], [1, 1], self.groups)
        };
        if before == after {
            convolve(x, before)
        } else {
            convolve(&x.f_constant_pad_nd([before, after, before, after])?, 0)
        }
    }
}

/// The mean of each of `side` x `side` regions.
pub fn average_pool(x: &Tensor, side: usize) -> Result<Tensor, TchError> {
    if side == 1 {
        // The sum is of f32 whatever the activations are.
        return x.f_mean_dim([2_i64, 3].as_slice(), true, Kind::Float)?.f_to_kind(x.kind());
    }
    x.f_adaptive_avg_pool2d([side as i64; 2])
}

/// `x / (k + alpha / size * sum of squares over size neighbouring channels) ^ beta`.
pub fn local_response_norm(
    x: &Tensor,
    size: usize,
    alpha: f64,
    beta: f64,
    k: f64,
) -> Result<Tensor, TchError> {
    let channels = x.size().get(1).copied().unwrap_or_default();
    let wide = x.f_to_kind(Kind::Float)?;
    let reach = size as i64 / 2;
    let squares = wide.f_square()?.f_constant_pad_nd([0, 0, 0, 0, reach, reach])?;
    let mut sum = squares.f_narrow(1, 0, channels)?;
    for offset in 1..size as i64 {
        sum = sum.f_add(&squares.f_narrow(1, offset, channels)?)?;
    }
    let divisor = sum.f_mul_scalar(alpha / size as f64)?.f_add_scalar(k)?.f_pow_tensor_scalar(beta)?;
    wide.f_div(&divisor)?.f_to_kind(x.kind())
}
