//! A file's bytes to upright RGB pixels on white.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::error::{ImageError as DecoderError, LimitErrorKind};
use image::metadata::Orientation;
use image::{ColorType, DynamicImage, ImageDecoder, ImageFormat, ImageReader};

use super::error::ImageError;
use super::jpeg;
use super::limits::Limits;
use super::sniff::{Sniffed, sniff};
use super::watched::Watched;

/// An image in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pixels {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// `[height, width, 3]`: red, green, blue, 0 to 255.
    pub rgb: Vec<u8>,
}

/// Reads JPEG, PNG, GIF (first frame), WebP (first frame), BMP and TIFF (first page), whatever the file is called.
///
/// 16 bits become 8 by rounding (`x / 257`). CMYK JPEG is taken as inverted, as Adobe writes it and Pillow reads it.
/// A JPEG that lacks its end is an error; damage inside a scan decodes to whatever the codes there say, since the
/// format has no checksum and the decoder's strict mode does not notice it either (tried).
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Pixels, ImageError> {
    if bytes.is_empty() {
        return Err(ImageError::Empty);
    }
    let format = format_of(bytes)?;
    if format.kind == ImageFormat::Jpeg && !jpeg::is_whole(bytes) {
        return Err(ImageError::Truncated { format: format.name });
    }
    // The decoders are other people's code on other people's bytes; a panic there is one bad file, not the end of
    // a run. Nothing of theirs outlives the call, so nothing half-made can be seen afterwards.
    let decoded = catch_unwind(AssertUnwindSafe(|| decode_as(bytes, format, limits)));
    let image = decoded.unwrap_or_else(|_| {
        Err(ImageError::Damaged { format: format.name, reason: "the decoder gave up on it".to_owned() })
    })?;
    Ok(on_white(image))
}

#[derive(Clone, Copy)]
struct Format {
    kind: ImageFormat,
    name: &'static str,
}

const FORMATS: [Format; 6] = [
    Format { kind: ImageFormat::Jpeg, name: "JPEG" },
    Format { kind: ImageFormat::Png, name: "PNG" },
    Format { kind: ImageFormat::Gif, name: "GIF" },
    Format { kind: ImageFormat::WebP, name: "WebP" },
    Format { kind: ImageFormat::Bmp, name: "BMP" },
    Format { kind: ImageFormat::Tiff, name: "TIFF" },
];

/// By content: extensions lie.
fn format_of(bytes: &[u8]) -> Result<Format, ImageError> {
    let unread = |name: &str| ImageError::Unsupported {
        format: name.to_owned(),
        reason: "convert it to JPEG, PNG, GIF, WebP, BMP or TIFF".to_owned(),
    };
    match image::guess_format(bytes) {
        Ok(kind) => {
            FORMATS.into_iter().find(|format| format.kind == kind).ok_or_else(|| unread(&format!("{kind:?}")))
        }
        Err(_) => Err(match sniff(bytes) {
            Sniffed::UnreadFormat(name) => unread(name),
            Sniffed::Other(looks_like) => ImageError::NotAnImage { looks_like },
        }),
    }
}

fn decode_as(bytes: &[u8], format: Format, limits: &Limits) -> Result<DynamicImage, ImageError> {
    let mut allowed = image::Limits::no_limits();
    allowed.max_alloc = Some(limits.max_alloc_bytes);
    let ran_out = Cell::new(false);
    let mut reader = ImageReader::with_format(Watched::new(bytes, &ran_out), format.kind);
    reader.limits(allowed.clone());
    let refuse = |size, error| translate(format, size, limits, ran_out.get(), error);
    let mut decoder = reader.into_decoder().map_err(|error| refuse((0, 0), error))?;

    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    if pixels > limits.max_pixels {
        return Err(ImageError::TooLarge { width, height, max_pixels: limits.max_pixels });
    }
    let rgb_bytes = pixels.saturating_mul(3);
    if decoder.total_bytes().saturating_add(rgb_bytes) > limits.max_alloc_bytes {
        return Err(ImageError::TooMuchMemory { width, height, max_alloc_bytes: limits.max_alloc_bytes });
    }
    if matches!(decoder.color_type(), ColorType::Rgb32F | ColorType::Rgba32F) {
        return Err(ImageError::Unsupported {
            format: format.name.to_owned(),
            reason: "its samples are floats, whose range nothing tells".to_owned(),
        });
    }
    // An unreadable orientation is as good as none: viewers show such a file as it is stored.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    decoder.set_limits(allowed).map_err(|error| refuse((width, height), error))?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(|error| refuse((width, height), error))?;
    image.apply_orientation(orientation);
    Ok(image)
}

fn translate(
    format: Format,
    (width, height): (u32, u32),
    limits: &Limits,
    ran_out: bool,
    error: DecoderError,
) -> ImageError {
    // The JPEG decoder reads to the end before it begins, and the file was found whole before that.
    let truncated = ran_out && format.kind != ImageFormat::Jpeg;
    let format = format.name;
    match error {
        DecoderError::Limits(error) if matches!(error.kind(), LimitErrorKind::InsufficientMemory) => {
            ImageError::TooMuchMemory { width, height, max_alloc_bytes: limits.max_alloc_bytes }
        }
        DecoderError::Limits(_) => ImageError::TooLarge { width, height, max_pixels: limits.max_pixels },
        DecoderError::Unsupported(error) => {
            ImageError::Unsupported { format: format.to_owned(), reason: error.to_string() }
        }
        _ if truncated => ImageError::Truncated { format },
        error => ImageError::Damaged { format, reason: error.to_string() },
    }
}

/// Blends what is transparent with white, `c a + 255 (1 - a)`, rounded.
fn on_white(image: DynamicImage) -> Pixels {
    let (width, height) = (image.width(), image.height());
    let rgb = if image.color().has_alpha() {
        let blend = |channel: u8, alpha: u8| {
            let (channel, alpha) = (u32::from(channel), u32::from(alpha));
            ((channel * alpha + 255 * (255 - alpha) + 127) / 255) as u8
        };
        let rgba = image.into_rgba8();
        rgba.pixels().flat_map(|&image::Rgba([r, g, b, a])| [blend(r, a), blend(g, a), blend(b, a)]).collect()
    } else {
        image.into_rgb8().into_raw()
    };
    Pixels { width, height, rgb }
}
