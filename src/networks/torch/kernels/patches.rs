//! A convolution whose filters see few numbers, as the first of a network does: [a product](super::product) of the patches of an
//! image, which are gathered as they are needed.

use std::ops::Range;

use emolab::networks::architecture::Padding;
use tch::{TchError, Tensor};

#[cfg(target_arch = "x86_64")]
use super::amx::{BLOCK, Line};
use super::memory::{filled, numbers};
use super::product::{DEPTH, ROW, Rows};
#[cfg(target_arch = "x86_64")]
use super::tiles::{Pixels, round_numbers};
use super::{Layout, Pointwise};

/// Numbers that are copied at once.
const LINE: usize = 16;
/// Numbers in a patch of three by three places of three channels.
const THREE: usize = 27;

/// The convolution with its bias and activation.
#[derive(Clone, Debug)]
pub struct Patches {
    product: Pointwise,
    channels: usize,
    kernel: usize,
    stride: usize,
    padding: Padding,
}

/// Where the patches of an image lie.
#[derive(Clone, Copy, Debug)]
pub(super) struct Geometry {
    /// Of the image.
    side: usize,
    /// Of what comes out.
    pub out: usize,
    /// Zeros before the first row and column.
    padding: usize,
}

/// The patches of images.
#[derive(Clone, Copy)]
struct Images<'a> {
    /// `[b, side, side, c]`
    x: &'a [f32],
    geometry: Geometry,
    channels: usize,
    kernel: usize,
    stride: usize,
    /// The first patch.
    first: usize,
}

impl Patches {
    /// Whether there is a kernel for filters that see so many channels.
    pub const fn fits(kernel: usize, channels: usize) -> bool {
        kernel * kernel * channels <= DEPTH
    }

    /// Of filters `[n, c, kernel, kernel]` and biases `[n]`; on `tiles` where [there are any](super::have_tiles).
    pub fn new(
        filters: &[f32],
        bias: &[f32],
        range: super::Range,
        (kernel, stride, padding): (usize, usize, Padding),
        tiles: bool,
    ) -> Self {
        let (area, depth) = (kernel * kernel, filters.len() / bias.len().max(1));
        let channels = depth / area.max(1);
        // A patch is read row by row: `[kernel, kernel, c]`.
        let filter = |at: usize| filters[at / depth * depth + at % channels * area + at % depth / channels];
        let filters: Vec<f32> = (0..filters.len()).map(filter).collect();
        let product = Pointwise::new(&filters, bias, range, tiles && depth == THREE);
        Self { product, channels, kernel, stride, padding }
    }

    /// Activations `[b, out, out, n]` from `[b, side, side, c]`, contiguous.
    pub fn run(&self, x: &Tensor) -> Result<Tensor, TchError> {
        let [images, side, width, depth] = x.size()[..] else {
            return Err(TchError::Shape(format!("{:?} is no batch of images", x.size())));
        };
        let (channels, outputs) = self.widths();
        if side != width || depth as usize != channels {
            return Err(TchError::Shape(format!(
                "{:?} does not fit filters of {channels} channels",
                x.size()
            )));
        }
        let side = side as usize;
        let out = self.geometry(side)?.out;
        let patches = images as usize * out * out;
        let x = numbers(x)?;
        let mut done = Ok(());
        let y = filled(&[images, out as i64, out as i64, outputs as i64], |y| {
            done = self.multiply(x, side, (0, patches), &(0..outputs), Layout::dense(outputs), y);
        })?;
        done.map(|()| y)
    }

    /// Channels that enter, and that leave.
    pub(super) fn widths(&self) -> (usize, usize) {
        (self.channels, self.product.widths().1)
    }

    /// On images of that side.
    pub(super) fn geometry(&self, side: usize) -> Result<Geometry, TchError> {
        let (padding, behind) = self.padding.around(side, self.kernel, self.stride);
        let Some(room) = (side + padding + behind).checked_sub(self.kernel) else {
            return Err(TchError::Shape(format!("filters of {} on a side of {side}", self.kernel)));
        };
        Ok(Geometry { side, out: room / self.stride + 1, padding })
    }

    /// Channels in parts of at least so many.
    pub(super) fn parts(&self, least: usize) -> Vec<Range<usize>> {
        self.product.parts(least)
    }

    /// Some channels (`Product::multiply`) of so many pixels from the `first` on, laid out in `y`; of images `[b, side, side, c]`.
    pub(super) fn multiply(
        &self,
        x: &[f32],
        side: usize,
        (first, count): (usize, usize),
        made: &Range<usize>,
        layout: Layout,
        y: &mut [f32],
    ) -> Result<(), TchError> {
        let Self { channels, kernel, stride, .. } = *self;
        let images = Images { x, geometry: self.geometry(side)?, channels, kernel, stride, first };
        match &self.product {
            Pointwise::Vectors(product) => product.multiply(images, count, made, layout, y),
            #[cfg(target_arch = "x86_64")]
            Pointwise::Tiles(product) => {
                product.multiply(Pixels::Rounded(&images.rounded(count)), count, made, layout, y)?;
            }
        }
        Ok(())
    }
}

impl Rows for Images<'_> {
    #[inline(always)]
    fn read(self, first: usize, _all: Range<usize>, to: &mut [[f32; ROW]]) {
        let Geometry { side, out, .. } = self.geometry;
        let first = self.first + first;
        let (mut image, mut i, mut j) = (first / (out * out), first / out % out, first % out);
        for to in to {
            let x = &self.x[image * side * side * self.channels..];
            self.patch(x, (i * self.stride, j * self.stride), to);
            j += 1;
            if j == out {
                (i, j) = (i + 1, 0);
            }
            if i == out {
                (image, i) = (image + 1, 0);
            }
        }
    }
}

impl Images<'_> {
    /// So many patches of three by three places of three channels in bf16, as tiles are multiplied: one to a line.
    #[cfg(target_arch = "x86_64")]
    fn rounded(self, count: usize) -> Vec<Line> {
        const ROW: usize = THREE / 3;
        let Self { x, geometry: Geometry { side, out, padding }, stride, first, .. } = self;
        let mut lines = Vec::with_capacity(count.next_multiple_of(BLOCK));
        // What a row of outputs sees, with zeros around it and room for lines that reach too far.
        let pitch = ((out - 1) * stride + 3) * 3;
        let mut seen = [(); 3].map(|()| vec![0; pitch + LINE]);
        let inside = padding * 3..pitch.min((padding + side) * 3);
        let end = first + count;
        for row in first / out..end.div_ceil(out) {
            let image = &x[row / out * side * side * 3..];
            for (u, seen) in seen.iter_mut().enumerate() {
                match (row % out * stride + u).checked_sub(padding).filter(|&row| row < side) {
                    Some(row) => {
                        round_numbers(&image[row * side * 3..][..inside.len()], &mut seen[inside.clone()]);
                    }
                    None => seen.fill(0),
                }
            }
            for j in first.saturating_sub(row * out)..out.min(end - row * out) {
                let mut line = [0; BLOCK];
                for (u, seen) in seen.iter().enumerate() {
                    // Copied at constant lengths: the next row overwrites what is too much, and no filter sees what the last leaves.
                    let seen = &seen[j * stride * 3..];
                    if let (Some(to), Some(seen)) = (line[u * ROW..].first_chunk_mut(), seen.first_chunk()) {
                        let (to, seen): (&mut [u16; LINE - 2], &[u16; LINE - 2]) = (to, seen);
                        *to = *seen;
                    }
                }
                lines.push(Line(line));
            }
        }
        lines.resize(count.next_multiple_of(BLOCK), Line([0; BLOCK]));
        lines
    }

    /// A patch of the image that `x` begins with; its corner is at that row and column of the image with zeros around it.
    #[inline(always)]
    fn patch(self, x: &[f32], (top, left): (usize, usize), to: &mut [f32; ROW]) {
        let Self { channels, kernel, geometry: Geometry { side, padding, .. }, .. } = self;
        let width = kernel * channels;
        let inside = padding..=side + padding - kernel.min(side + padding);
        if width <= LINE && inside.contains(&top) && inside.contains(&left) {
            let x = &x[((top - padding) * side + left - padding) * channels..];
            let mut to = &mut to[..];
            let mut copied = 0;
            for x in x.chunks(side * channels).take(kernel) {
                // A line of constant length is copied at once; the next overwrites what is too much.
                let (Some(x), Some(line)) = (x.first_chunk::<LINE>(), to.first_chunk_mut::<LINE>()) else {
                    break;
                };
                *line = *x;
                copied += 1;
                to = &mut to[width..];
            }
            if copied == kernel {
                return;
            }
        }
        // Columns of the filter that lie inside the image; others see zeros.
        let start = padding.saturating_sub(left).min(kernel);
        let end = kernel.min((side + padding).saturating_sub(left)).max(start);
        for (u, to) in to[..kernel * width].chunks_exact_mut(width).enumerate() {
            to.fill(0.0);
            let row = (top + u).checked_sub(padding).filter(|&row| row < side && start < end);
            if let Some(row) = row {
                let x = &x[(row * side + left + start - padding) * channels..];
                let to = &mut to[start * channels..end * channels];
                to.copy_from_slice(&x[..to.len()]);
            }
        }
    }
}
