//! A raster of a figure.

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use rayon::prelude::*;
use resvg::tiny_skia::{Color, Pixmap, Transform};
use resvg::usvg::Tree;

use super::text::parse_svg;
use super::{FigureError, theme};

/// Largest picture, in pixels.
const MOST_PIXELS: f32 = 2e8;

/// Rows of a band. Bands are drawn side by side; where they are does not depend on the number of threads.
const BAND: usize = 512;

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
    let (width, height) = (width as usize, height as usize);
    let mut rgb = vec![0; 3 * width * height];
    let bands = rgb.par_chunks_mut(3 * width * BAND).enumerate();
    bands.try_for_each(|(number, rows)| {
        let place = Transform::from_scale(pixels_per_unit, pixels_per_unit)
            .post_translate(0.0, -((number * BAND) as f32));
        draw(&tree, place, width, rows).ok_or_else(too_large)
    })?;
    let mut encoded = Vec::new();
    // To try all filters on each row takes half as long again and saves 3 % of a figure.
    PngEncoder::new_with_quality(&mut encoded, CompressionType::Fast, FilterType::Paeth)
        .write_image(&rgb, width as u32, height as u32, ExtendedColorType::Rgb8)
        .map_err(|error| FigureError::Encode { reason: error.to_string() })?;
    Ok(encoded)
}

/// Fills rows of RGB, as many as there are in `rgb`; `None` where so many cannot be held.
fn draw(tree: &Tree, place: Transform, width: usize, rgb: &mut [u8]) -> Option<()> {
    let mut pixmap = Pixmap::new(width as u32, (rgb.len() / (3 * width)) as u32)?;
    pixmap.fill(Color::WHITE);
    resvg::render(tree, place, &mut pixmap.as_mut());
    // Opaque everywhere, so premultiplied and plain colours are the same.
    let (pixels, _) = pixmap.data().as_chunks::<4>();
    let (to, _) = rgb.as_chunks_mut::<3>();
    for (to, [red, green, blue, _]) in to.iter_mut().zip(pixels) {
        *to = [*red, *green, *blue];
    }
    Some(())
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
    fn bands_meet_without_a_seam() {
        let tall = "<svg xmlns='http://www.w3.org/2000/svg' width='3' height='1400'>\
                    <rect x='1' width='1' height='1400' fill='#0072B2'/></svg>";
        let picture = image::load_from_memory(&raster(tall, 1.0).unwrap()).unwrap().to_rgb8();
        assert_eq!(picture.dimensions(), (3, 1400));
        for row in picture.rows() {
            let row: Vec<_> = row.map(|pixel| pixel.0).collect();
            assert_eq!(row, [[255; 3], [0x00, 0x72, 0xB2], [255; 3]]);
        }
    }

    #[test]
    fn bad_input_is_an_error() {
        assert!(matches!(raster("<svg", 1.0), Err(FigureError::Svg { .. })));
        for scale in [0.0, -1.0, f32::NAN, 1e6, f32::INFINITY] {
            assert!(matches!(raster(SQUARE, scale), Err(FigureError::Pixels { .. })), "{scale}");
        }
    }
}
