//! A network that is only run: batch norms folded into the convolutions before them, activations overwritten where
//! nobody needs them, weights and activations channels-last.

use std::sync::Arc;

use emolab::networks::architecture::{Architecture, Operation};
use emolab::networks::checkpoint::{Checkpoint, CheckpointError};
use tch::{Device, Kind, TchError, Tensor};

use crate::compile::compile;
use crate::kernels::{self, Patches, Pointwise, Separable};
use crate::operations::{Geometry, average_pool, local_response_norm};
use crate::weights::{Arithmetic, Weights};

/// Linear layers with fewer weights are run image by image.
const LARGE: usize = 1 << 20;
/// Numbers of feature maps that are small.
const SMALL: usize = 1 << 15;

/// The operations up to one readout, their weights on one device.
#[derive(Debug)]
pub struct Network {
    /// On `[b, c, h, w]`.
    trunk: Vec<Step>,
    /// From the first flattening on, `[b, d]`.
    head: Vec<Step>,
    /// Whether the head has weights that one image alone would not pay for reading.
    has_large_head: bool,
    /// Whether an image's rows have the same bits whatever other images there are.
    is_independent: bool,
}

/// Why a network cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The weights file does not fit.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The recipe freezes a layer that there is not.
    #[error("{network} has no layer `{layer}` to freeze")]
    NoLayer {
        /// The network.
        network: String,
        /// The layer.
        layer: String,
    },
    /// libtorch refused.
    #[error("libtorch cannot hold the weights")]
    Torch(#[from] TchError),
}

/// An operation with its weights.
#[derive(Debug)]
pub enum Step {
    Convolution {
        geometry: Geometry,
        weight: Tensor,
        bias: Option<Tensor>,
    },
    /// `[c, 1, 1]` of f32, after a convolution in bf16.
    Add {
        bias: Tensor,
    },
    Pointwise(Arc<Pointwise>),
    Separable(Arc<Separable>),
    Patches(Arc<Patches>),
    /// One that follows no convolution: scale and shift `[c, 1, 1]`.
    BatchNorm {
        scale: Tensor,
        shift: Tensor,
    },
    Linear {
        weight: Tensor,
        bias: Tensor,
    },
    /// `in_place`: nobody else holds the activations.
    Rectify {
        ceiling: Option<f64>,
        in_place: bool,
    },
    MaxPool {
        kernel: i64,
        stride: i64,
        padding: i64,
        round_up: bool,
    },
    AveragePool {
        side: usize,
    },
    LocalResponseNorm {
        size: usize,
        alpha: f64,
        beta: f64,
        k: f64,
    },
    Flatten,
    Residual {
        body: Vec<Step>,
        shortcut: Vec<Step>,
    },
}

impl Network {
    /// The operations of `architecture` up to `layer`, with the weights of a checkpoint.
    ///
    /// # Errors
    /// All tensors that are missing, extra or of another shape, in one report.
    pub fn load(
        name: &str,
        architecture: &Architecture,
        layer: &str,
        outputs: Option<usize>,
        checkpoint: &Checkpoint,
        (device, arithmetic): (Device, Arithmetic),
    ) -> Result<Self, LoadError> {
        let operations = architecture.until(layer);
        let classifier = architecture.classifier();
        let is_classifier = |operation: &Operation| matches!(operation, Operation::Linear { name, .. } if Some(&**name) == classifier);
        // A classifier that is not run may be of any width.
        let ignored = classifier.filter(|_| !operations.iter().any(is_classifier));
        checkpoint.check(name, &architecture.tensors(outputs), ignored)?;
        Ok(Self::unchecked(architecture, layer, checkpoint, (device, arithmetic))?)
    }

    /// As [`Network::load`], with a checkpoint that is known to fit.
    pub fn unchecked(
        architecture: &Architecture,
        layer: &str,
        checkpoint: &Checkpoint,
        (device, arithmetic): (Device, Arithmetic),
    ) -> Result<Self, TchError> {
        let operations = architecture.until(layer);
        let weights = Weights { checkpoint, device, arithmetic };
        let flattens = operations.iter().position(|operation| *operation == Operation::Flatten);
        let (trunk, head) = operations.split_at(flattens.unwrap_or(operations.len()));
        let head = compile(head, &weights)?;
        let is_large = |step: &Step| matches!(step, Step::Linear { weight, .. } if weight.numel() >= LARGE);
        let trunk = compile(trunk, &weights)?;
        let has_large_head = head.iter().any(is_large);
        let is_independent = device == Device::Cpu && trunk.iter().chain(&head).all(Step::is_independent);
        Ok(Self { trunk, head, has_large_head, is_independent })
    }

    /// Whether [`Network::head`] should be given many images at once.
    pub const fn has_large_head(&self) -> bool {
        self.has_large_head
    }

    /// Whether an image's rows have the same bits whatever other images there are.
    pub const fn is_independent(&self) -> bool {
        self.is_independent
    }

    /// Feature maps of normalised images `[b, 3, side, side]`, or rows where there is no head.
    pub fn trunk(&self, images: Tensor) -> Result<Tensor, TchError> {
        let count = images.size().first().copied().unwrap_or_default();
        if !self.is_independent || count < 2 {
            return run(&self.trunk, images);
        }
        // Large maps stay in the cache for one image at a time; later, weights are what must be read from memory.
        let mut early = 0;
        let mut maps = Vec::new();
        for image in 0..count {
            let mut x = images.f_narrow(0, image, 1)?;
            for (number, step) in self.trunk.iter().enumerate() {
                let is_early = if image == 0 { x.numel() > SMALL } else { number < early };
                if !is_early {
                    break;
                }
                x = step.run(x)?;
                early = early.max(number + 1);
            }
            maps.push(x);
        }
        let maps = Tensor::f_cat(&maps, 0)?;
        run(self.trunk.get(early..).unwrap_or_default(), maps)
    }

    /// Rows `[b, width]` from feature maps.
    pub fn head(&self, maps: Tensor) -> Result<Tensor, TchError> {
        run(&self.head, maps)?.f_flatten(1, -1)?.f_to_kind(Kind::Float)
    }

    /// The same weights for another thread: tensors are handles, which one thread must not lend to another.
    pub fn share(&self) -> Result<Self, TchError> {
        Ok(Self { trunk: share(&self.trunk)?, head: share(&self.head)?, ..*self })
    }
}

fn run(steps: &[Step], mut x: Tensor) -> Result<Tensor, TchError> {
    for step in steps {
        x = step.run(x)?;
    }
    Ok(x)
}

/// `[b, h, w, c]`, contiguous: nothing is copied where the activations are channels-last.
fn pixels(x: &Tensor) -> Result<Tensor, TchError> {
    x.f_permute([0, 2, 3, 1])?.f_contiguous()
}

impl Step {
    fn run(&self, mut x: Tensor) -> Result<Tensor, TchError> {
        match self {
            Self::Convolution { geometry, weight, bias } => {
                geometry.convolve(&x.f_to_kind(weight.kind())?, weight, bias.as_ref())
            }
            Self::Add { bias } => x.f_add_(bias),
            Self::Pointwise(pointwise) => pointwise.run(&pixels(&x)?)?.f_permute([0, 3, 1, 2]),
            Self::Separable(separable) => separable.run(&pixels(&x)?)?.f_permute([0, 3, 1, 2]),
            Self::Patches(patches) => patches.run(&pixels(&x)?)?.f_permute([0, 3, 1, 2]),
            Self::BatchNorm { scale, shift } => x.f_mul(scale)?.f_add(shift),
            Self::Linear { weight, bias } => x.f_to_kind(weight.kind())?.f_linear(weight, Some(bias)),
            Self::Rectify { ceiling: None, in_place: true } => x.f_relu_(),
            Self::Rectify { ceiling: None, in_place: false } => x.f_relu(),
            Self::Rectify { ceiling: Some(ceiling), in_place: true } => x.f_clamp_(0.0, *ceiling),
            Self::Rectify { ceiling: Some(ceiling), in_place: false } => x.f_clamp(0.0, *ceiling),
            Self::MaxPool { kernel, stride, padding, round_up } => {
                x.f_max_pool2d([*kernel; 2], [*stride; 2], [*padding; 2], [1, 1], *round_up)
            }
            Self::AveragePool { side: 1 } if x.device() == Device::Cpu && x.kind() == Kind::Float => {
                kernels::mean(&pixels(&x)?)?.f_permute([0, 3, 1, 2])
            }
            Self::AveragePool { side } => average_pool(&x, *side),
            Self::LocalResponseNorm { size, alpha, beta, k } => {
                local_response_norm(&x, *size, *alpha, *beta, *k)
            }
            Self::Flatten => x.f_flatten(1, -1),
            Self::Residual { body, shortcut } => {
                let around = run(shortcut, x.shallow_clone())?;
                run(body, x)?.f_add_(&around)
            }
        }
    }

    /// Whether an image's numbers have the same bits whatever other images there are: libtorch's convolutions and linear layers
    /// choose how they add up by the size of the batch.
    fn is_independent(&self) -> bool {
        match self {
            Self::Convolution { .. } | Self::Linear { .. } => false,
            Self::Residual { body, shortcut } => body.iter().chain(shortcut).all(Self::is_independent),
            Self::AveragePool { side } => *side == 1,
            Self::Add { .. }
            | Self::Pointwise(_)
            | Self::Separable(_)
            | Self::Patches(_)
            | Self::BatchNorm { .. }
            | Self::Rectify { .. }
            | Self::MaxPool { .. }
            | Self::LocalResponseNorm { .. }
            | Self::Flatten => true,
        }
    }

    fn share(&self) -> Result<Self, TchError> {
        Ok(match self {
            Self::Convolution { geometry, weight, bias } => Self::Convolution {
                geometry: *geometry,
                weight: weight.f_detach()?,
                bias: bias.as_ref().map(Tensor::f_detach).transpose()?,
            },
            Self::Add { bias } => Self::Add { bias: bias.f_detach()? },
            Self::Pointwise(pointwise) => Self::Pointwise(pointwise.clone()),
            Self::Separable(separable) => Self::Separable(separable.clone()),
            Self::Patches(patches) => Self::Patches(patches.clone()),
            Self::BatchNorm { scale, shift } => {
                Self::BatchNorm { scale: scale.f_detach()?, shift: shift.f_detach()? }
            }
            Self::Linear { weight, bias } => {
                Self::Linear { weight: weight.f_detach()?, bias: bias.f_detach()? }
            }
            Self::Residual { body, shortcut } => {
                Self::Residual { body: share(body)?, shortcut: share(shortcut)? }
            }
            Self::Rectify { ceiling, in_place } => Self::Rectify { ceiling: *ceiling, in_place: *in_place },
            Self::MaxPool { kernel, stride, padding, round_up } => {
                Self::MaxPool { kernel: *kernel, stride: *stride, padding: *padding, round_up: *round_up }
            }
            Self::AveragePool { side } => Self::AveragePool { side: *side },
            Self::LocalResponseNorm { size, alpha, beta, k } => {
                Self::LocalResponseNorm { size: *size, alpha: *alpha, beta: *beta, k: *k }
            }
            Self::Flatten => Self::Flatten,
        })
    }
}

fn share(steps: &[Step]) -> Result<Vec<Step>, TchError> {
    steps.iter().map(Step::share).collect()
}
