//! From the tensors of a weights file to libtorch's.

use std::borrow::Cow;

use emolab::networks::Precision;
use emolab::networks::architecture::{Architecture, Convolution, Groups};
use emolab::networks::checkpoint::{self, Checkpoint};
use tch::{Device, Kind, TchError, Tensor};

use crate::kernels::{self, Depthwise, Patches, Pointwise, Range};

/// Takes tensors out of a checkpoint whose names and shapes have been checked.
#[derive(Clone, Copy, Debug)]
pub struct Weights<'a> {
    pub checkpoint: &'a Checkpoint,
    pub device: Device,
    pub arithmetic: Arithmetic,
}

/// What a network is computed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arithmetic {
    /// Of weights and activations.
    pub kind: Kind,
    /// Whether weights are rounded to bf16 first.
    rounds: bool,
    /// Whether 1 x 1 convolutions run on the processor's matrix tiles.
    tiles: bool,
}

impl Arithmetic {
    /// Exact to 24 bits.
    pub const F32: Self = Self { kind: Kind::Float, rounds: false, tiles: false };

    /// Of a precision on a device.
    pub fn new(precision: Precision, device: Device) -> Self {
        match precision {
            Precision::F32 => Self::F32,
            // Without tiles libtorch adds up in 8 bits: slower than f32, and off by percents, on AVX2 and on AMD's AVX-512 with
            // bf16 (measured).
            Precision::Bf16 if device == Device::Cpu && !has_bf16() => Self { rounds: true, ..Self::F32 },
            Precision::Bf16 => Self { kind: Kind::BFloat16, rounds: true, tiles: false },
        }
    }

    /// The same for a network that is only run. One with depthwise convolutions, whose activations are f32 anyway, has its
    /// products on the processor's matrix tiles, if it has them.
    pub fn of_network(precision: Precision, device: Device, architecture: Option<&Architecture>) -> Self {
        if precision == Precision::Bf16
            && device == Device::Cpu
            && kernels::have_tiles()
            && architecture.is_some_and(Architecture::has_depthwise)
        {
            return Self { rounds: true, tiles: true, ..Self::F32 };
        }
        Self::new(precision, device)
    }
}

#[cfg(target_arch = "x86_64")]
fn has_bf16() -> bool {
    kernels::have_tiles()
}

#[cfg(not(target_arch = "x86_64"))]
fn has_bf16() -> bool {
    true
}

/// A convolution of [`crate::kernels`].
#[derive(Debug)]
pub enum Kernel {
    Depthwise(Depthwise),
    Pointwise(Pointwise),
    Patches(Patches),
}

/// The numbers of a convolution, its batch norm in them.
struct Folded<'a> {
    /// Of that shape: `[out, in, k, k]`.
    filters: Cow<'a, [f32]>,
    shape: &'a [usize],
    bias: Option<Vec<f32>>,
}

impl Weights<'_> {
    /// The same, in f32 for a convolution whose filters see one channel each: sums of nine products do not average the
    /// errors of bf16 away, and they alone took the cosine of features below 0.998 (measured).
    pub fn exact_where_few(&self, convolution: &Convolution) -> Self {
        match convolution.groups {
            Groups::Depthwise => self.exact(),
            Groups::Of(_) => *self,
        }
    }

    /// The same, in f32.
    fn exact(&self) -> Self {
        Self { arithmetic: Arithmetic::F32, ..*self }
    }

    /// A tensor as it is in the file.
    pub fn tensor(&self, name: &str) -> Result<Tensor, TchError> {
        let tensor = self.find(name)?;
        self.place(&tensor.data, &tensor.shape)
    }

    /// Numbers as a tensor on the device.
    pub fn place(&self, data: &[f32], shape: &[usize]) -> Result<Tensor, TchError> {
        let shape: Vec<i64> = shape.iter().map(|&length| length as i64).collect();
        let mut tensor = Tensor::f_from_slice(data)?.f_reshape(shape)?;
        if self.arithmetic.rounds {
            tensor = tensor.f_to_kind(Kind::BFloat16)?;
        }
        tensor.f_to_kind(self.arithmetic.kind)?.f_to_device(self.device)
    }

    /// A filter bank `[out, in, k, k]`, stored `[out, k, k, in]`: channels-last.
    pub fn filters(&self, data: &[f32], shape: &[usize]) -> Result<Tensor, TchError> {
        let filters = self.place(data, shape)?;
        filters.f_permute([0, 2, 3, 1])?.f_contiguous()?.f_permute([0, 3, 1, 2])
    }

    /// A tensor of the file, in memory of ours.
    pub fn find(&self, name: &str) -> Result<&checkpoint::Tensor, TchError> {
        let missing = || TchError::TensorNameNotFound(name.to_owned(), "the weights file".to_owned());
        self.checkpoint.tensors().get(name).ok_or_else(missing)
    }

    /// A convolution with the batch norm `norm` folded in, if there is one: filters, and the bias in f32.
    pub fn folded(
        &self,
        convolution: &Convolution,
        norm: Option<(&str, f64)>,
    ) -> Result<(Tensor, Option<Tensor>), TchError> {
        let Folded { filters, shape, bias } = self.fold(convolution, norm)?;
        let bias = bias.map(|bias| self.exact().place(&bias, &[bias.len()])).transpose()?;
        Ok((self.filters(&filters, shape)?, bias))
    }

    /// A convolution for which [`crate::kernels`] has one; activations are f32 in memory.
    pub fn kernel(
        &self,
        convolution: &Convolution,
        norm: Option<(&str, f64)>,
        range: Range,
    ) -> Result<Option<Kernel>, TchError> {
        let Convolution { kernel, stride, padding, groups, outputs, .. } = *convolution;
        let in_memory = self.device == Device::Cpu && self.arithmetic.kind == Kind::Float;
        if !in_memory || !kernels::have_vectors() {
            return Ok(None);
        }
        let channels = self.find(&format!("{}.weight", convolution.name))?.shape.get(1).copied().unwrap_or(0);
        let fits = match groups {
            Groups::Depthwise => Depthwise::fits(kernel, stride, outputs),
            Groups::Of(1) => (kernel, stride) == (1, 1) || Patches::fits(kernel, channels),
            Groups::Of(_) => false,
        };
        if !fits {
            return Ok(None);
        }
        let Folded { filters, shape, bias } = self.fold(convolution, norm)?;
        let bias = bias.unwrap_or_else(|| vec![0.0; outputs]);
        let rounded = || Vec::<f32>::try_from(self.place(&filters, shape)?.f_flatten(0, -1)?);
        let (geometry, tiles) = ((kernel, stride, padding), self.arithmetic.tiles);
        Ok(Some(match groups {
            // These are not rounded, whatever the arithmetic.
            Groups::Depthwise => Kernel::Depthwise(Depthwise::new(&filters, &bias, range, geometry)),
            Groups::Of(_) if (kernel, stride) == (1, 1) => {
                Kernel::Pointwise(Pointwise::new(&rounded()?, &bias, range, tiles))
            }
            Groups::Of(_) => Kernel::Patches(Patches::new(&rounded()?, &bias, range, geometry, tiles)),
        }))
    }

    /// `w' = w g / sqrt(v + eps)`, `b' = beta + (b - m) g / sqrt(v + eps)`.
    fn fold(&self, convolution: &Convolution, norm: Option<(&str, f64)>) -> Result<Folded<'_>, TchError> {
        let name = &convolution.name;
        let weight = self.find(&format!("{name}.weight"))?;
        let shape = &*weight.shape;
        let bias = convolution.bias.then(|| self.find(&format!("{name}.bias"))).transpose()?;
        let Some((norm, epsilon)) = norm else {
            let bias = bias.map(|bias| bias.data.clone());
            return Ok(Folded { filters: Cow::Borrowed(&weight.data), shape, bias });
        };
        let part = |part| self.find(&format!("{norm}.{part}"));
        let (gamma, beta) = (part("weight")?, part("bias")?);
        let (mean, variance) = (part("running_mean")?, part("running_var")?);
        let scales = gamma.data.iter().zip(&variance.data);
        let scales: Vec<f64> = scales
            .map(|(&gamma, &variance)| f64::from(gamma) / (f64::from(variance) + epsilon).sqrt())
            .collect();
        let filters = weight.data.chunks((weight.data.len() / scales.len().max(1)).max(1));
        let folded: Vec<f32> = filters
            .zip(&scales)
            .flat_map(|(filter, scale)| filter.iter().map(move |&w| (f64::from(w) * scale) as f32))
            .collect();
        let shift = |at: usize| {
            let bias = bias.map_or(0.0, |bias| f64::from(bias.data[at]));
            (f64::from(beta.data[at]) + (bias - f64::from(mean.data[at])) * scales[at]) as f32
        };
        let bias = Some((0..scales.len()).map(shift).collect());
        Ok(Folded { filters: Cow::Owned(folded), shape, bias })
    }
}
