//! A raster of a figure.

use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};
use resvg::tiny_skia::{Color, Pixmap, Transform};

use super::text::parse_svg;
use super::{FigureError, theme};

/// Largest picture, in pixels.
const MOST_PIXELS: f32 = 2e8;

/// A PNG of an SVG on white, 8 bits RGB, 300 dots an inch of the printed figure. Only the embedded font is used.
///
/// # Errors
/// Text that is no SVG, or a picture that would be empty or larger than 200 million pixels.
pub fn png(svg: &str) -> Result<Vec<u8>, FigureError> {
    raster(svg, theme::PIXELS_PER_UNIT)
}

fn raster(svg: &str, pixels_per_unit: f32) -> Result<Vec<u8>, FigureError> {
    let tree = parse_svg(svg)?;
    let size = tree.size();
    let (width, height) =
        ((size.width() * pixels_per_unit).round(), (size.height() * pixels_per_unit).round());
    let too_large = || FigureError::Pixels { width, height };
    // Not a number fails, as it must.
    if !(width >= 1.0 && height >= 1.0 && width * height <= MOST_PIXELS) {
        return Err(too_large());
    }
    let mut pixmap = Pixmap::new(width as u32, height as u32).ok_or_else(too_large)?;
    pixmap.fill(Color::WHITE);
    resvg::render(&tree, Transform::from_scale(pixels_per_unit, pixels_per_unit), &mut pixmap.as_mut());
    // Opaque everywhere, so premultiplied and plain colours are the same.
    let rgb: Vec<u8> =
        pixmap.pixels().iter().flat_map(|pixel| [pixel.red(), pixel.green(), pixel.blue()]).collect();
    let mut encoded = Vec::new();
    PngEncoder::new(&mut encoded)
        .write_image(&rgb, pixmap.width(), pixmap.height(), ExtendedColorType::Rgb8)
        .map_err(|error| FigureError::Encode { reason: error.to_string() })?;
    Ok(encoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SQUARE: &str = "<svg xmlns='http://www.w3.org/2000/svg' width='4' height='2'>\
                          <rect width='2' height='2' fill='#0072B2'/></svg>";

    #[test]
    fn pixels_are_scaled_and_stand_on_white() {
        let picture = image::load_from_memory(&raster(SQUARE, 2.5).unwrap()).unwrap().to_rgb8();
        assert_eq!(picture.dimensions(), (10, 5));
        assert_eq!(picture.get_pixel(1, 1).0, [0x00, 0x72, 0xB2]);
        assert_eq!(picture.get_pixel(8, 3).0, [255; 3]);
    }

    #[test]
    fn bad_input_is_an_error() {
        assert!(matches!(raster("<svg", 1.0), Err(FigureError::Svg { .. })));
        for scale in [0.0, -1.0, f32::NAN, 1e6, f32::INFINITY] {
            assert!(matches!(raster(SQUARE, scale), Err(FigureError::Pixels { .. })), "{scale}");
        }
    }
}
