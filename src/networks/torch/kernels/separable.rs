//! A depthwise convolution with the convolutions before and after it, as in an inverted bottleneck.
//!
//! What passes from one to the next is up to six times as wide as what enters and leaves, and is kept in the cache. Of large maps, a
//! few rows at a time are taken through all three. Small maps are taken whole, some channels at a time, and several images
//! together, so that weights are read from memory once for all of them.

use std::ops::Range;

use tch::{TchError, Tensor};

use super::depthwise::{Geometry, Ring};
use super::memory::{filled, numbers, with_buffers};
use super::{Depthwise, GROUP, Layout, Patches, Pointwise, Prepared};

/// Numbers before the depthwise convolution that are held at a time, where rows are.
const ROOM: usize = 64 * 1024;
/// Numbers before it, and after it, where maps are held whole.
const WHOLE: usize = 256 * 1024;
/// Channels that are made at a time of maps that are held whole.
const PART: usize = 96;

/// The convolutions with their biases and activations.
#[derive(Clone, Debug)]
pub struct Separable {
    /// Makes what the filters see.
    pub before: Option<Before>,
    /// The filters.
    pub depthwise: Depthwise,
    /// Takes what they make.
    pub after: Option<Pointwise>,
}

/// The convolution before the depthwise one.
#[derive(Clone, Debug)]
pub enum Before {
    /// Of pixels.
    Pointwise(Pointwise),
    /// Of patches.
    Patches(Patches),
}

/// Maps that enter and leave.
#[derive(Clone, Copy)]
struct Sizes {
    /// Side and channels of what enters.
    entering: (usize, usize),
    /// Of what the filters see and make.
    geometry: Geometry,
    channels: usize,
    outputs: usize,
}

impl Separable {
    /// Activations `[b, out, out, n]` from `[b, side, side, k]`, contiguous.
    pub fn run(&self, x: &Tensor) -> Result<Tensor, TchError> {
        let [images, side, width, depth] = x.size()[..] else {
            return Err(TchError::Shape(format!("{:?} is no batch of feature maps", x.size())));
        };
        let channels = self.depthwise.channels();
        let entering = (side as usize, depth as usize);
        let (side_seen, inputs, made) = match &self.before {
            None => (entering.0, channels, channels),
            Some(Before::Pointwise(pointwise)) => (entering.0, pointwise.widths().0, pointwise.widths().1),
            Some(Before::Patches(patches)) => {
                (patches.geometry(entering.0)?.out, patches.widths().0, patches.widths().1)
            }
        };
        let (taken, outputs) = self.after.as_ref().map_or((channels, channels), Pointwise::widths);
        if side != width || entering.1 != inputs || made != channels || taken != channels {
            return Err(TchError::Shape(format!("{:?} does not fit {channels} filters", x.size())));
        }
        let geometry = self.depthwise.geometry(side_seen)?;
        let (x, out) = (numbers(x)?, geometry.out as i64);
        let sizes = Sizes { entering, geometry, channels, outputs };
        let mut done = Ok(());
        let y = filled(&[images, out, out, outputs as i64], |y| done = self.maps(sizes, x, y))?;
        done.map(|()| y)
    }

    /// All images.
    fn maps(&self, sizes: Sizes, x: &[f32], y: &mut [f32]) -> Result<(), TchError> {
        let Sizes { entering: (width, inputs), geometry, channels, outputs } = sizes;
        let Geometry { side, out, padding, pitch } = geometry;
        let (kernel, stride) = (self.depthwise.kernel(), self.depthwise.stride());
        let parts = match &self.before {
            None => (0..channels).step_by(PART).map(|start| start..channels.min(start + PART)).collect(),
            Some(Before::Pointwise(pointwise)) => pointwise.parts(PART),
            Some(Before::Patches(patches)) => patches.parts(PART),
        };
        let widest = parts.iter().map(ExactSizeIterator::len).max().unwrap_or_default();
        let is_whole = out * out * channels <= WHOLE && side * pitch * widest <= WHOLE;
        // Images taken together; rows of outputs made at a time, slots for the rows that they see, channels at a time.
        let (together, band, slots, parts, widest) = if is_whole {
            let together = (WHOLE / (out * out * channels)).min(WHOLE / (side * pitch * widest)).max(1);
            (together, out, side, parts, widest)
        } else {
            let held = (ROOM / (pitch * channels).max(1)).saturating_sub(kernel) / stride + 1;
            let band = held.min(out);
            (
                1,
                band,
                side.min((band - 1) * stride + kernel),
                std::iter::once(0..channels).collect(),
                channels,
            )
        };
        with_buffers([together * slots * pitch * widest, together * band * out * channels], |wide, narrow| {
            for row in wide.chunks_exact_mut(pitch * GROUP) {
                row[..padding * GROUP].fill(0.0);
                row[(padding + side) * GROUP..].fill(0.0);
            }
            let images = x.chunks(together * width * width * inputs);
            for (x, y) in images.zip(y.chunks_mut(together * out * out * outputs)) {
                let count = y.len() / (out * out * outputs);
                let slots = count * slots;
                let layout = Layout { side, pitch, pixel: GROUP, group: slots * pitch * GROUP };
                let mut made = 0;
                for (number, y) in y.chunks_mut(count * band * out * outputs).enumerate() {
                    let rows = number * band..out.min((number + 1) * band);
                    let seen = self.depthwise.sees(geometry, &rows);
                    made = made.max(seen.start);
                    let end = seen.end + (count - 1) * side;
                    let mut segments = Vec::new();
                    while made < end {
                        // As many rows as lie one after the other in the ring.
                        let slot = made % slots;
                        let more = (slots - slot).min(end - made);
                        segments.push((slot, self.prepare(sizes, x, (made * side, more * side))));
                        made += more;
                    }
                    let pixels = rows.len() * out;
                    for part in &parts {
                        for (slot, prepared) in &segments {
                            let to = &mut wide[(slot * pitch + padding) * GROUP..];
                            prepared.make(sizes, part, layout, to)?;
                        }
                        for image in 0..count {
                            let ring = Ring { numbers: wide, slots, first: image * side };
                            let range = image * pixels * channels..(image + 1) * pixels * channels;
                            let to = if self.after.is_some() { &mut narrow[range] } else { &mut y[range] };
                            self.depthwise.rows(geometry, ring, rows.clone(), part, to);
                        }
                    }
                    if let Some(after) = &self.after {
                        let narrow = after.prepare(&narrow[..count * pixels * channels]);
                        after.multiply(&narrow, &(0..outputs), Layout::dense(outputs), y)?;
                    }
                }
            }
            Ok(())
        })
    }

    /// What so many of the pixels that the filters see are made of, from the `first` on.
    fn prepare<'a>(&'a self, sizes: Sizes, x: &'a [f32], (first, count): (usize, usize)) -> Made<'a> {
        let inputs = sizes.entering.1;
        let pixels = || &x[first * inputs..][..count * inputs];
        match &self.before {
            None => Made::Copied(pixels()),
            Some(Before::Pointwise(pointwise)) => Made::Pointwise(pointwise, pointwise.prepare(pixels())),
            Some(Before::Patches(patches)) => Made::Patches { patches, x, first, count },
        }
    }
}

/// Pixels that the filters see, to be made.
enum Made<'a> {
    Copied(&'a [f32]),
    Pointwise(&'a Pointwise, Prepared<'a>),
    Patches { patches: &'a Patches, x: &'a [f32], first: usize, count: usize },
}

impl Made<'_> {
    /// Some channels of them.
    fn make(
        &self,
        sizes: Sizes,
        channels: &Range<usize>,
        layout: Layout,
        y: &mut [f32],
    ) -> Result<(), TchError> {
        match *self {
            Self::Copied(x) => layout.copy(x, sizes.channels, channels, y),
            Self::Pointwise(pointwise, ref x) => pointwise.multiply(x, channels, layout, y)?,
            Self::Patches { patches, x, first, count } => {
                patches.multiply(x, sizes.entering.0, (first, count), channels, layout, y)?;
            }
        }
        Ok(())
    }
}
