//! A convolution as data: filters, stride, padding, groups.

/// A convolution with square filters.
#[derive(Clone, Debug, PartialEq)]
pub struct Convolution {
    /// Name in the weights file.
    pub name: String,
    /// Channels that come out.
    pub outputs: usize,
    /// Side of a filter.
    pub kernel: usize,
    /// Step from place to place.
    pub stride: usize,
    /// What is added around the input.
    pub padding: Padding,
    /// Input and output channels fall into so many groups, each convolved by itself.
    pub groups: Groups,
    /// Whether there is a bias `[outputs]`.
    pub bias: bool,
}

/// Zeros around the input of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// So many on each side.
    Each(usize),
    /// TensorFlow's SAME: the output has `ceil(side / stride)` places, the odd zero is at the end.
    Same,
}

/// How channels are grouped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Groups {
    /// So many groups.
    Of(usize),
    /// Each channel is a group of its own.
    Depthwise,
}

impl Padding {
    /// Zeros before the first and after the last row and column, of an input of that side.
    pub fn around(self, side: usize, kernel: usize, stride: usize) -> (usize, usize) {
        match self {
            Self::Each(padding) => (padding, padding),
            Self::Same => {
                // The output has ceil(side / stride) columns; what is missing is padded, the odd one at the end.
                let missing =
                    (side.div_ceil(stride).saturating_sub(1) * stride + kernel).saturating_sub(side);
                (missing / 2, missing - missing / 2)
            }
        }
    }
}

impl Groups {
    /// Number of groups among so many channels.
    pub const fn among(self, channels: usize) -> usize {
        match self {
            Self::Of(groups) => groups,
            Self::Depthwise => channels,
        }
    }
}

impl Convolution {
    /// A convolution with padding on each side, one group and a bias.
    pub fn new(name: impl Into<String>, outputs: usize, kernel: usize) -> Self {
        Self {
            name: name.into(),
            outputs,
            kernel,
            stride: 1,
            padding: Padding::Each(0),
            groups: Groups::Of(1),
            bias: true,
        }
    }

    /// Height and width of what comes out, for an input of that side.
    pub(super) fn side(&self, side: usize) -> usize {
        match self.padding {
            Padding::Each(padding) => (side + 2 * padding).saturating_sub(self.kernel) / self.stride + 1,
            Padding::Same => side.div_ceil(self.stride),
        }
    }
}
