//! Pixels to a network's square input: resize, then perhaps crop.

use fast_image_resize::ImageView as _;
use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use serde::{Deserialize, Serialize};

use super::decode::Pixels;
use super::error::ImageError;

/// Largest side that is asked of [`prepare`].
const MAX_SIDE: u32 = 8192;
/// Largest image on the way to the output, in pixels; what needs a larger one is resized in its crop alone.
const MAX_BETWEEN: u64 = 64_000_000;

/// The resampling kernel. All but `Nearest` are widened when reducing, as in Pillow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Filter {
    /// The nearest pixel: no antialiasing.
    Nearest,
    /// Triangle, radius 1.
    Bilinear,
    /// Catmull-Rom (a = -0.5), radius 2; Pillow's `BICUBIC`.
    Bicubic,
    /// Mitchell-Netravali (B = C = 1/3), radius 2.
    Mitchell,
    /// Windowed sinc, radius 3.
    Lanczos3,
}

impl Filter {
    /// Names as they stand in an experiment.
    pub const NAMES: [(&'static str, Self); 5] = [
        ("nearest", Self::Nearest),
        ("bilinear", Self::Bilinear),
        ("bicubic", Self::Bicubic),
        ("mitchell", Self::Mitchell),
        ("lanczos3", Self::Lanczos3),
    ];

    const fn algorithm(self) -> ResizeAlg {
        match self {
            Self::Nearest => ResizeAlg::Nearest,
            Self::Bilinear => ResizeAlg::Convolution(FilterType::Bilinear),
            Self::Bicubic => ResizeAlg::Convolution(FilterType::CatmullRom),
            Self::Mitchell => ResizeAlg::Convolution(FilterType::Mitchell),
            Self::Lanczos3 => ResizeAlg::Convolution(FilterType::Lanczos3),
        }
    }
}

/// How an oblong image becomes square.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fit {
    /// Shorter side to `resize`, then the centre `size` x `size`: keeps proportions, loses the ends.
    Crop,
    /// Straight to `size` x `size`: keeps all, loses proportions. `resize` is not used.
    Stretch,
}

impl Fit {
    /// Names as they stand in an experiment.
    pub const NAMES: [(&'static str, Self); 2] = [("crop", Self::Crop), ("stretch", Self::Stretch)];
}

/// What [`prepare`] does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Preprocess {
    /// Side of the square output, in pixels.
    pub size: u32,
    /// Shorter side before the crop, in pixels; at least `size`.
    pub resize: u32,
    /// How the square is made.
    pub fit: Fit,
    /// How pixels are interpolated.
    pub filter: Filter,
}

/// The network's input, `[size, size, 3]`, 0 to 255.
///
/// Rounding is torchvision's, so that features can be compared with a Python pipeline's: the longer side is
/// `floor(resize * long / short)`, the crop starts at `(side - size) / 2` rounded half to even.
pub fn prepare(pixels: &Pixels, preprocess: &Preprocess) -> Result<Vec<u8>, ImageError> {
    prepare_with(&mut Resizer::new(), pixels, preprocess)
}

fn prepare_with(
    resizer: &mut Resizer,
    pixels: &Pixels,
    preprocess: &Preprocess,
) -> Result<Vec<u8>, ImageError> {
    let &Pixels { width, height, ref rgb } = pixels;
    let &Preprocess { size, resize, fit, filter } = preprocess;
    let wrong_buffer = || ImageError::WrongBuffer { width, height, bytes: rgb.len() };
    if width == 0 || height == 0 {
        return Err(wrong_buffer());
    }
    let source = TypedImageRef::<U8x3>::from_buffer(width, height, rgb).map_err(|_| wrong_buffer())?;
    if rgb.len() as u64 != u64::from(width) * u64::from(height) * 3 {
        return Err(wrong_buffer());
    }
    let wrong_size = Err(ImageError::WrongSize { size, resize, max: MAX_SIDE });
    if size == 0 || size > MAX_SIDE {
        return wrong_size;
    }
    let (new_width, new_height) = match fit {
        Fit::Stretch => (u64::from(size), u64::from(size)),
        Fit::Crop if resize < size || resize > MAX_SIDE => return wrong_size,
        Fit::Crop => {
            let (short, long) = (width.min(height), width.max(height));
            let long = u64::from(resize) * u64::from(long) / u64::from(short);
            if width <= height { (u64::from(resize), long) } else { (long, u64::from(resize)) }
        }
    };
    let options = ResizeOptions::new().resize_alg(filter.algorithm());
    if new_width.saturating_mul(new_height.max(u64::from(height))) > MAX_BETWEEN {
        return resize_crop(resizer, &source, size, [new_width, new_height], &options)
            .ok_or_else(wrong_buffer);
    }
    let (new_width, new_height) = (new_width as u32, new_height as u32);
    // Width first, as Pillow does; left alone, the library starts with the height, and where a kernel overshoots
    // and is clamped between the passes, the order shows.
    let mut between = TypedImage::<U8x3>::new(new_width, height);
    let mut whole = TypedImage::<U8x3>::new(new_width, new_height);
    // Its one error (crop box outside) cannot happen here. The typed call, twice with the same types, since each
    // pair of types costs the compiler minutes.
    resizer.resize_typed(&source, &mut between, &options).map_err(|_| wrong_buffer())?;
    let between = TypedImageRef::new(new_width, height, between.pixels()).map_err(|_| wrong_buffer())?;
    resizer.resize_typed(&between, &mut whole, &options).map_err(|_| wrong_buffer())?;
    Ok(centre(&whole, size))
}

/// The centre `size` x `size` of what `source` is when resized to `whole` (columns, rows), made without the rest of it.
///
/// For images so long and thin that the whole would not fit into memory. The longer side of the source is resized
/// first, so that what lies between has at most `size` times the shorter side.
fn resize_crop(
    resizer: &mut Resizer,
    source: &TypedImageRef<'_, U8x3>,
    size: u32,
    whole: [u64; 2],
    options: &ResizeOptions,
) -> Option<Vec<u8>> {
    let (width, height) = (source.width(), source.height());
    // Where the crop lies in the source: its beginning and its length.
    let part = |source: u32, whole: u64| {
        let scale = f64::from(source) / whole as f64;
        let begin = margin(whole, u64::from(size)) as f64 * scale;
        // Rounding must not lead out of the source.
        (begin, (f64::from(size) * scale).min(f64::from(source) - begin))
    };
    let ((left, columns), (top, rows)) = (part(width, whole[0]), part(height, whole[1]));
    let (all_columns, all_rows, side) = (f64::from(width), f64::from(height), f64::from(size));
    // Each box: left, top, width, height.
    let (mut between, first, second) = if width >= height {
        let between = TypedImage::<U8x3>::new(size, height);
        (between, [left, 0.0, columns, all_rows], [0.0, top, side, rows])
    } else {
        let between = TypedImage::<U8x3>::new(width, size);
        (between, [0.0, top, all_columns, rows], [left, 0.0, columns, side])
    };
    let crop = |[left, top, width, height]: [f64; 4]| options.crop(left, top, width, height);
    resizer.resize_typed(source, &mut between, &crop(first)).ok()?;
    let between = TypedImageRef::new(between.width(), between.height(), between.pixels()).ok()?;
    let mut cut = TypedImage::<U8x3>::new(size, size);
    resizer.resize_typed(&between, &mut cut, &crop(second)).ok()?;
    Some(cut.pixels().iter().flat_map(|pixel| pixel.0).collect())
}

/// The centre `size` x `size` of an image that is at least as large.
fn centre(image: &TypedImage<'_, U8x3>, size: u32) -> Vec<u8> {
    let margin = |side: u32| margin(u64::from(side), u64::from(size)) as usize;
    let (first, skipped) = (margin(image.width()), margin(image.height()));
    let inside = first..first + size as usize;
    let mut pixels = Vec::with_capacity(size as usize * size as usize);
    for line in image.pixels().chunks_exact(image.width() as usize).skip(skipped).take(size as usize) {
        pixels.extend(line[inside.clone()].iter().map(|pixel| pixel.0));
    }
    pixels.into_flattened()
}

/// `(whole - part) / 2`, rounded half to even as Python's `round` does.
const fn margin(whole: u64, part: u64) -> u64 {
    let twice = whole - part;
    let half = twice / 2;
    half + (twice % 2) * (half % 2)
}

#[cfg(test)]
mod tests {
    use fast_image_resize::CpuExtensions;

    use super::*;

    fn noise(width: u32, height: u32) -> Pixels {
        let mut state = 1_u64;
        let rgb = (0..width * height * 3).map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // Extremes are where rounding and clamping differ.
            match state >> 62 {
                0 => 0,
                1 => 255,
                _ => (state >> 40) as u8,
            }
        });
        Pixels { width, height, rgb: rgb.collect() }
    }

    #[test]
    fn names_are_those_of_serde() {
        for (name, filter) in Filter::NAMES {
            assert_eq!(serde_json::to_value(filter).unwrap(), name);
        }
        for (name, fit) in Fit::NAMES {
            assert_eq!(serde_json::to_value(fit).unwrap(), name);
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn every_cpu_extension_gives_the_same_bytes() {
        let mut compared = 0;
        for (width, height) in [(37, 61), (301, 97), (1000, 753), (16, 16)] {
            let pixels = noise(width, height);
            for (_, filter) in Filter::NAMES {
                for (_, fit) in Fit::NAMES {
                    let preprocess = Preprocess { size: 53, resize: 64, fit, filter };
                    let prepared = [CpuExtensions::None, CpuExtensions::Sse4_1, CpuExtensions::Avx2]
                        .into_iter()
                        .filter(CpuExtensions::is_supported)
                        .map(|extensions| {
                            let mut resizer = Resizer::new();
                            // SAFETY: the extension is supported by this processor, which was just asked.
                            unsafe { resizer.set_cpu_extensions(extensions) };
                            prepare_with(&mut resizer, &pixels, &preprocess).unwrap()
                        });
                    let prepared: Vec<_> = prepared.collect();
                    for other in &prepared[1..] {
                        assert_eq!(&prepared[0], other, "{width} x {height}, {preprocess:?}");
                        compared += 1;
                    }
                }
            }
        }
        // SSE4.1 is on every machine that this is built on, so that the loop compares something.
        assert!(compared >= 40);
    }

    #[test]
    fn an_image_of_the_right_size_passes_unchanged() {
        let pixels = noise(40, 40);
        for (_, filter) in Filter::NAMES {
            for (_, fit) in Fit::NAMES {
                let prepared = prepare(&pixels, &Preprocess { size: 40, resize: 40, fit, filter }).unwrap();
                assert_eq!(prepared, pixels.rgb);
            }
        }
    }

    #[test]
    fn margins_round_half_to_even() {
        assert_eq!([margin(10, 4), margin(11, 4), margin(9, 4), margin(7, 4), margin(4, 4)], [3, 4, 2, 2, 0]);
    }

    #[test]
    fn impossible_requests_are_refused() {
        let pixels = noise(10, 10);
        let crop = |size, resize| Preprocess { size, resize, fit: Fit::Crop, filter: Filter::Bilinear };
        for preprocess in [crop(0, 8), crop(9, 8), crop(8, MAX_SIDE + 1), crop(u32::MAX, u32::MAX)] {
            assert!(
                matches!(prepare(&pixels, &preprocess), Err(ImageError::WrongSize { .. })),
                "{preprocess:?}"
            );
        }
        let short = Pixels { rgb: vec![0; 299], ..pixels };
        assert!(matches!(prepare(&short, &crop(8, 8)), Err(ImageError::WrongBuffer { .. })));
    }

    #[test]
    fn a_long_thin_image_is_resized_in_its_crop_alone() {
        for (width, height) in [(30_000, 1), (1, 30_000), (100_000, 3), (2, 1_000_000)] {
            let long = Pixels { width, height, rgb: [10, 200, 90].repeat((width * height) as usize) };
            for (_, fit) in Fit::NAMES {
                for (_, filter) in Filter::NAMES {
                    let prepared =
                        prepare(&long, &Preprocess { size: 224, resize: 256, fit, filter }).unwrap();
                    assert_eq!(
                        prepared,
                        [10, 200, 90].repeat(224 * 224),
                        "{width} x {height} {fit:?} {filter:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn the_crop_alone_is_what_the_whole_would_have_been_cut_to() {
        for (width, height) in [(300, 40), (40, 300), (97, 64), (500, 500)] {
            // Smooth, since the two ways round at different places.
            let value =
                |x: u32, y: u32| [x * 255 / width, y * 255 / height, (x + y) * 255 / (width + height)];
            let rgb =
                (0..width * height).flat_map(|at| value(at % width, at / width)).map(|value| value as u8);
            let pixels = Pixels { width, height, rgb: rgb.collect() };
            let [whole, cut] = prepared_both_ways(&pixels);
            for (one, other) in whole.iter().zip(&cut) {
                assert!(one.abs_diff(*other) <= 1, "{width} x {height}: {one} {other}");
            }
        }
    }

    /// Resized as a whole and in the crop alone.
    fn prepared_both_ways(pixels: &Pixels) -> [Vec<u8>; 2] {
        let &Pixels { width, height, ref rgb } = pixels;
        let (size, resize) = (56, 64);
        let whole = prepare(pixels, &Preprocess { size, resize, fit: Fit::Crop, filter: Filter::Bicubic });
        let long = u64::from(resize * width.max(height) / width.min(height));
        let new = if width <= height { [u64::from(resize), long] } else { [long, u64::from(resize)] };
        let source = TypedImageRef::<U8x3>::from_buffer(width, height, rgb).unwrap();
        let options = ResizeOptions::new().resize_alg(Filter::Bicubic.algorithm());
        [whole.unwrap(), resize_crop(&mut Resizer::new(), &source, size, new, &options).unwrap()]
    }
}
