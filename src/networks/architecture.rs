//! A network as data: its operations in order, with the names that its weights files use.
//!
//! Everything that can be known without running it follows from here: which tensors of which shapes its weights
//! file holds ([`Architecture::tensors`]), which layers can be read out and how wide they are
//! ([`Architecture::readouts`]). The worker runs the same list.

use std::fmt;

pub use super::convolution::{Convolution, Groups, Padding};

/// A network.
#[derive(Clone, Debug, PartialEq)]
pub struct Architecture {
    /// Side of its square input in pixels.
    pub side: usize,
    /// What it does, in order.
    pub operations: Vec<Operation>,
}

/// One step of a network, on activations `[b, c, h, w]` or, after [`Operation::Flatten`], `[b, d]`.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// Weight `[outputs, c / groups, kernel, kernel]`.
    Convolution(Convolution),
    /// Weight, bias, running mean and running variance `[c]`.
    BatchNorm {
        /// Name in the weights file.
        name: String,
        /// Added to the variance.
        epsilon: f64,
    },
    /// Weight `[outputs, d]`, bias `[outputs]`.
    Linear {
        /// Name in the weights file.
        name: String,
        /// Numbers per image that come out.
        outputs: usize,
    },
    /// `max(x, 0)`.
    Relu,
    /// `min(max(x, 0), 6)`.
    Relu6,
    /// The largest of each window.
    MaxPool {
        /// Side of the window.
        kernel: usize,
        /// Step from window to window.
        stride: usize,
        /// Rows and columns added on each side.
        padding: usize,
        /// A last window that is only partly inside counts, as in Caffe.
        round_up: bool,
    },
    /// The mean of each of `side` x `side` regions.
    AveragePool {
        /// Regions along each axis.
        side: usize,
    },
    /// `x / (k + alpha / size * sum of squares over size neighbouring channels) ^ beta`: Krizhevsky et al. 2012,
    /// section 3.3, with Caffe's and PyTorch's alpha.
    LocalResponseNorm {
        /// Channels in the sum, an odd number.
        size: usize,
        /// Weight of the sum.
        alpha: f64,
        /// Exponent.
        beta: f64,
        /// Added to the sum.
        k: f64,
    },
    /// Sets activations to zero at random while training.
    Dropout {
        /// Share of activations.
        probability: f64,
    },
    /// `[b, c, h, w]` to `[b, c h w]`.
    Flatten,
    /// `body(x) + shortcut(x)`; an empty shortcut is `x`.
    Residual {
        /// The way with the weights.
        body: Vec<Operation>,
        /// The way around it.
        shortcut: Vec<Operation>,
    },
    /// Here the activations can be read out, under this name.
    Readout(&'static str),
}

/// A layer that can be read out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer {
    /// The name used in configurations.
    pub name: &'static str,
    /// Numbers per image; those of a feature map are taken channel by channel, row by row.
    pub width: usize,
}

/// A tensor of a weights file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Its name.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
}

impl Expected {
    /// The layer that it belongs to: its name without the last part.
    pub fn layer(&self) -> &str {
        self.name.rsplit_once('.').map_or(&self.name, |(layer, _)| layer)
    }
}

/// Shape of one image's activations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `[channels, side, side]`
    Map {
        /// Channels.
        channels: usize,
        /// Height and width.
        side: usize,
    },
    /// `[d]`
    Row(usize),
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Map { channels, side } => write!(f, "[{channels}, {side}, {side}]"),
            Self::Row(width) => write!(f, "[{width}]"),
        }
    }
}

impl Shape {
    /// Numbers per image.
    pub const fn width(self) -> usize {
        match self {
            Self::Map { channels, side } => channels * side * side,
            Self::Row(width) => width,
        }
    }

    const fn channels(self) -> usize {
        match self {
            Self::Map { channels, .. } | Self::Row(channels) => channels,
        }
    }

    fn map_side(self, side: impl Fn(usize) -> usize) -> Self {
        match self {
            Self::Map { channels, side: from } => Self::Map { channels, side: side(from) },
            row @ Self::Row(_) => row,
        }
    }
}

impl Architecture {
    /// Every tensor of its weights file. `outputs` replaces the width of the classifier.
    pub fn tensors(&self, outputs: Option<usize>) -> Vec<Expected> {
        let mut tensors = Vec::new();
        self.walk(outputs, &mut |operation, shape, width| expect(operation, shape, width, &mut tensors));
        tensors
    }

    /// The layers that can be read out, in their order. `outputs` replaces the width of the classifier.
    pub fn readouts(&self, outputs: Option<usize>) -> Vec<Layer> {
        let mut layers = Vec::new();
        self.walk(outputs, &mut |operation, shape, _| {
            if let Operation::Readout(name) = operation {
                layers.push(Layer { name, width: shape.width() });
            }
        });
        layers
    }

    /// Name of the classifier, the last layer with weights.
    pub fn classifier(&self) -> Option<&str> {
        self.operations.iter().rev().find_map(|operation| match operation {
            Operation::Linear { name, .. } => Some(&**name),
            _ => None,
        })
    }

    /// Whether it has filters that see one channel each.
    pub fn has_depthwise(&self) -> bool {
        let mut found = false;
        self.walk(None, &mut |operation, _, _| {
            found |= matches!(operation, Operation::Convolution(convolution) if convolution.groups == Groups::Depthwise);
        });
        found
    }

    /// The operations up to a readout; all of them where there is none of that name.
    pub fn until(&self, layer: &str) -> &[Operation] {
        let is_end = |operation: &Operation| matches!(operation, Operation::Readout(name) if *name == layer);
        let end = self.operations.iter().position(is_end).unwrap_or(self.operations.len());
        self.operations.get(..end).unwrap_or_default()
    }

    /// Shows `visit` every operation with the shape that enters it and, for a linear layer, its width.
    fn walk(&self, outputs: Option<usize>, visit: &mut dyn FnMut(&Operation, Shape, usize)) {
        let mut shape = Shape::Map { channels: 3, side: self.side };
        let classifier = self.classifier();
        for operation in &self.operations {
            let width = match operation {
                Operation::Linear { name, outputs: own } => {
                    outputs.filter(|_| classifier == Some(name)).unwrap_or(*own)
                }
                _ => 0,
            };
            shape = step(operation, shape, width, visit);
        }
    }
}

/// Visits an operation and those inside it; the shape that leaves it.
fn step(
    operation: &Operation,
    shape: Shape,
    width: usize,
    visit: &mut dyn FnMut(&Operation, Shape, usize),
) -> Shape {
    visit(operation, shape, width);
    match operation {
        Operation::Convolution(convolution) => match shape.map_side(|side| convolution.side(side)) {
            Shape::Map { side, .. } => Shape::Map { channels: convolution.outputs, side },
            row @ Shape::Row(_) => row,
        },
        Operation::Linear { .. } => Shape::Row(width),
        Operation::MaxPool { kernel, stride, padding, round_up } => {
            shape.map_side(|side| pooled(side, *kernel, *stride, *padding, *round_up))
        }
        Operation::AveragePool { side } => shape.map_side(|_| *side),
        Operation::Flatten => Shape::Row(shape.width()),
        Operation::Residual { body, shortcut } => {
            shortcut.iter().fold(shape, |shape, inner| step(inner, shape, 0, visit));
            body.iter().fold(shape, |shape, inner| step(inner, shape, 0, visit))
        }
        Operation::BatchNorm { .. }
        | Operation::Relu
        | Operation::Relu6
        | Operation::LocalResponseNorm { .. }
        | Operation::Dropout { .. }
        | Operation::Readout(_) => shape,
    }
}

/// Side after pooling. A window that would start in the padding at the end does not count.
fn pooled(side: usize, kernel: usize, stride: usize, padding: usize, round_up: bool) -> usize {
    let room = (side + 2 * padding).saturating_sub(kernel);
    if !round_up {
        return room / stride + 1;
    }
    let windows = room.div_ceil(stride) + 1;
    if (windows - 1) * stride >= side + padding { windows - 1 } else { windows }
}

/// The tensors of one operation.
fn expect(operation: &Operation, shape: Shape, width: usize, tensors: &mut Vec<Expected>) {
    let mut push = |name: &str, part: &str, shape: Vec<usize>| {
        tensors.push(Expected { name: format!("{name}.{part}"), shape });
    };
    match operation {
        Operation::Convolution(Convolution { name, outputs, kernel, groups, bias, .. }) => {
            let inputs = shape.channels() / groups.among(shape.channels());
            push(name, "weight", vec![*outputs, inputs, *kernel, *kernel]);
            if *bias {
                push(name, "bias", vec![*outputs]);
            }
        }
        Operation::BatchNorm { name, .. } => {
            for part in ["weight", "bias", "running_mean", "running_var"] {
                push(name, part, vec![shape.channels()]);
            }
        }
        Operation::Linear { name, .. } => {
            push(name, "weight", vec![width, shape.width()]);
            push(name, "bias", vec![width]);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pooling_rounds_as_caffe_or_as_pytorch() {
        // Caffe's AlexNet: 55 -> 27 -> 13 -> 6 by 3/2; 112 -> 56 is GoogLeNet's and ResNet's.
        assert_eq!([55, 27, 13].map(|side| pooled(side, 3, 2, 0, true)), [27, 13, 6]);
        assert_eq!(pooled(112, 3, 2, 0, true), 56);
        assert_eq!(pooled(112, 3, 2, 0, false), 55);
        assert_eq!(pooled(112, 3, 2, 1, false), 56);
        // A window that would lie in the padding alone.
        assert_eq!(pooled(4, 2, 2, 1, true), 3);
        assert_eq!(pooled(3, 1, 2, 1, true), 2);
    }

    #[test]
    fn a_classifier_can_be_replaced() {
        let operations = vec![
            Operation::Convolution(Convolution { stride: 2, ..Convolution::new("a", 4, 3) }),
            Operation::Residual { body: vec![Operation::Relu], shortcut: Vec::new() },
            Operation::Readout("map"),
            Operation::Flatten,
            Operation::Linear { name: "b".into(), outputs: 10 },
            Operation::Readout("logits"),
        ];
        let network = Architecture { side: 7, operations };
        let shapes =
            |outputs| network.tensors(outputs).into_iter().map(|expected| expected.shape).collect::<Vec<_>>();
        assert_eq!(shapes(None), [vec![4, 3, 3, 3], vec![4], vec![10, 36], vec![10]]);
        assert_eq!(shapes(Some(8)), [vec![4, 3, 3, 3], vec![4], vec![8, 36], vec![8]]);
        let layers = network.readouts(Some(8));
        assert_eq!(layers, [Layer { name: "map", width: 36 }, Layer { name: "logits", width: 8 }]);
        assert_eq!(network.until("map").len(), 2);
        assert_eq!(network.classifier(), Some("b"));
    }
}
