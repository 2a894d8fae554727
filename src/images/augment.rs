//! Alterations of training images: crop, mirror, colour.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use serde::{Deserialize, Serialize};

use super::error::ImageError;

/// Which alterations.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Augmentation {
    /// The part of the image that is seen.
    pub crop: Crop,
    /// Half of the images are mirrored.
    pub mirror: bool,
    /// Brightness, contrast and saturation each change by up to this share.
    pub jitter: f64,
}

/// Which part of the image is seen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Crop {
    /// The centre.
    Centre,
    /// A square of the network's input size, anywhere.
    Random,
    /// A share `least` to 1 of the area, sides 3:4 to 4:3, resized (Szegedy et al. 2015, as torchvision has it).
    Resized {
        /// Above 0, at most 1.
        least: f64,
    },
}

/// Aspect ratios tried before the whole image is taken.
const TRIES: usize = 10;

/// An altered square of `size`, `[size, size, 3]`, of a square image of `side`.
///
/// `uniform(low, high)` draws a number; the alterations are a function of what it draws.
///
/// # Errors
/// `pixels` is no such image, or smaller than `size`.
pub fn augment(
    pixels: &[u8],
    side: u32,
    size: u32,
    augmentation: &Augmentation,
    uniform: &mut dyn FnMut(f64, f64) -> f64,
) -> Result<Vec<u8>, ImageError> {
    let wrong_buffer = || ImageError::WrongBuffer { width: side, height: side, bytes: pixels.len() };
    if pixels.len() as u64 != u64::from(side).pow(2) * 3 || size == 0 || size > side {
        return Err(wrong_buffer());
    }
    let room = f64::from(side - size);
    let mut anywhere = || (uniform(0.0, room + 1.0) as u32).min(side - size);
    let mut out = match augmentation.crop {
        Crop::Centre => square(pixels, side, size, (side - size) / 2, (side - size) / 2),
        Crop::Random => {
            let (left, top) = (anywhere(), anywhere());
            square(pixels, side, size, left, top)
        }
        Crop::Resized { least } => {
            let [left, top, width, height] = part(f64::from(side), least, uniform);
            let source =
                TypedImageRef::<U8x3>::from_buffer(side, side, pixels).map_err(|_| wrong_buffer())?;
            let mut resized = TypedImage::<U8x3>::new(size, size);
            let options = ResizeOptions::new()
                .resize_alg(ResizeAlg::Convolution(FilterType::Bilinear))
                .crop(left, top, width, height);
            let done = Resizer::new().resize_typed(&source, &mut resized, &options);
            done.map_err(|_| wrong_buffer())?;
            resized.pixels().iter().flat_map(|pixel| pixel.0).collect()
        }
    };
    if augmentation.mirror && uniform(0.0, 1.0) < 0.5 {
        for row in out.chunks_exact_mut(size as usize * 3) {
            let (pixels, _) = row.as_chunks_mut::<3>();
            pixels.reverse();
        }
    }
    if augmentation.jitter > 0.0 {
        let mut factor = || uniform(1.0 - augmentation.jitter, 1.0 + augmentation.jitter) as f32;
        let (brightness, contrast, saturation) = (factor(), factor(), factor());
        recolour(&mut out, brightness, contrast, saturation);
    }
    Ok(out)
}

fn square(pixels: &[u8], side: u32, size: u32, left: u32, top: u32) -> Vec<u8> {
    let (side, size, left, top) = (side as usize, size as usize, left as usize, top as usize);
    let rows = pixels.chunks_exact(side * 3).skip(top).take(size);
    rows.flat_map(|row| row.get(left * 3..(left + size) * 3).unwrap_or_default()).copied().collect()
}

/// Left, top, width and height of a part.
fn part(side: f64, least: f64, uniform: &mut dyn FnMut(f64, f64) -> f64) -> [f64; 4] {
    let log_ratio = (4.0_f64 / 3.0).ln();
    for _ in 0..TRIES {
        let area = side * side * uniform(least, 1.0);
        let ratio = uniform(-log_ratio, log_ratio).exp();
        let (width, height) = ((area * ratio).sqrt().round(), (area / ratio).sqrt().round());
        if width >= 1.0 && height >= 1.0 && width <= side && height <= side {
            return [uniform(0.0, side - width).floor(), uniform(0.0, side - height).floor(), width, height];
        }
    }
    [0.0, 0.0, side, side]
}

/// Brightness scales; contrast pulls to the mean grey, saturation to the pixel's own grey.
fn recolour(pixels: &mut [u8], brightness: f32, contrast: f32, saturation: f32) {
    let grey = |rgb: [f32; 3]| 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2];
    let (pixels, _) = pixels.as_chunks_mut::<3>();
    let bright = |pixel: &[u8; 3]| pixel.map(|value| (f32::from(value) * brightness).min(255.0));
    let total: f64 = pixels.iter().map(|pixel| f64::from(grey(bright(pixel)))).sum();
    let mean = (total / pixels.len().max(1) as f64) as f32;
    for pixel in pixels {
        let contrasted = bright(pixel).map(|value| (mean + (value - mean) * contrast).clamp(0.0, 255.0));
        let own = grey(contrasted);
        *pixel = contrasted.map(|value| (own + (value - own) * saturation).round().clamp(0.0, 255.0) as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIDE: u32 = 16;

    /// Red counts columns, green rows.
    fn image() -> Vec<u8> {
        (0..SIDE).flat_map(|y| (0..SIDE).flat_map(move |x| [10 * x as u8, 10 * y as u8, 77])).collect()
    }

    fn with(crop: Crop, mirror: bool, jitter: f64, draws: &[f64]) -> Vec<u8> {
        let mut draws = draws.iter();
        let mut uniform = |low: f64, high: f64| low + (high - low) * draws.next().unwrap();
        augment(&image(), SIDE, 8, &Augmentation { crop, mirror, jitter }, &mut uniform).unwrap()
    }

    #[test]
    fn crops_lie_where_they_are_drawn() {
        assert_eq!(with(Crop::Centre, false, 0.0, &[])[..3], [40, 40, 77]);
        assert_eq!(with(Crop::Random, false, 0.0, &[0.0, 0.0])[..3], [0, 0, 77]);
        assert_eq!(with(Crop::Random, false, 0.0, &[0.9999, 0.5])[..3], [80, 40, 77]);
    }

    #[test]
    fn half_are_mirrored() {
        assert_eq!(with(Crop::Centre, true, 0.0, &[0.4])[..3], [110, 40, 77]);
        assert_eq!(with(Crop::Centre, true, 0.0, &[0.6])[..3], [40, 40, 77]);
    }

    #[test]
    fn a_part_is_resized_whole() {
        // The whole area at ratio 1 is the image itself, halved.
        let whole = with(Crop::Resized { least: 1.0 }, false, 0.0, &[0.0, 0.5, 0.0, 0.0]);
        assert!(whole[0].abs_diff(5) <= 2 && whole[7 * 3].abs_diff(145) <= 3, "{:?}", &whole[..24]);
        // Parts that do not fit are given up.
        let whole = part(16.0, 1.0, &mut |_, high| high).map(|length| length as u32);
        assert_eq!(whole, [0, 0, 16, 16]);
    }

    #[test]
    fn colours_change_as_their_names_say() {
        let mut pixels = [100, 50, 0, 20, 20, 20];
        recolour(&mut pixels, 2.0, 1.0, 1.0);
        assert_eq!(pixels, [200, 100, 0, 40, 40, 40]);
        let mut pixels = [100, 50, 0, 20, 20, 20];
        recolour(&mut pixels, 1.0, 1.0, 0.0);
        assert_eq!(pixels, [59, 59, 59, 20, 20, 20]);
        let mut pixels = [100, 100, 100, 20, 20, 20];
        recolour(&mut pixels, 1.0, 0.0, 1.0);
        assert_eq!(pixels, [60; 6]);
    }

    #[test]
    fn a_wrong_buffer_is_refused() {
        let augmentation = Augmentation { crop: Crop::Centre, mirror: false, jitter: 0.0 };
        let mut uniform = |low: f64, _: f64| low;
        assert!(augment(&[0; 5], SIDE, 8, &augmentation, &mut uniform).is_err());
        assert!(augment(&image(), SIDE, 17, &augmentation, &mut uniform).is_err());
    }
}
