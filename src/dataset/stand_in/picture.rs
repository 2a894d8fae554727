//! From an SVG document to the bytes of a PNG file.

use std::panic::catch_unwind;

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder as _, ImageError};
use resvg::tiny_skia::{Color, Pixmap, Transform};
use resvg::usvg::{self, ImageHrefResolver, Options, Tree};

/// Share of the side that stays white on each side.
const MARGIN: f32 = 0.04;

/// Why a document gives no picture.
#[derive(Debug, thiserror::Error)]
pub(super) enum PictureError {
    /// Not an SVG document.
    #[error("is not a drawing: {0}")]
    Svg(#[from] usvg::Error),
    /// It draws nothing, or all of it in white.
    #[error("is blank")]
    Blank,
    /// There is no memory for the picture.
    #[error("is too large")]
    TooLarge,
    /// The renderer panicked, as it does on some coordinates that overflow.
    #[error("breaks the renderer")]
    Renderer,
    /// The encoder refused.
    #[error("cannot be encoded as PNG: {0}")]
    Encode(#[from] ImageError),
}

/// Draws the document in the middle of a white square of `size` pixels; an RGB PNG.
pub(super) fn draw(svg: &str, size: u32) -> Result<Vec<u8>, PictureError> {
    // Nothing outlives a panic: `paint` owns all that it changes.
    let rgb = catch_unwind(|| paint(svg, size)).unwrap_or(Err(PictureError::Renderer))?;
    let mut png = Vec::new();
    // Fixed, so that the bytes depend on the pixels alone.
    PngEncoder::new_with_quality(&mut png, CompressionType::Default, FilterType::Adaptive).write_image(
        &rgb,
        size,
        size,
        ExtendedColorType::Rgb8,
    )?;
    Ok(png)
}

/// `[size * size * 3]` bytes, row by row.
fn paint(svg: &str, size: u32) -> Result<Vec<u8>, PictureError> {
    // A drawing never reads a file, whatever it refers to.
    let closed =
        ImageHrefResolver { resolve_data: Box::new(|_, _, _| None), resolve_string: Box::new(|_, _| None) };
    let tree = Tree::from_str(svg, &Options { image_href_resolver: closed, ..Options::default() })?;
    let (width, height) = (tree.size().width(), tree.size().height());
    let canvas_side = size as f32;
    let scale = canvas_side * (1.0 - 2.0 * MARGIN) / width.max(height);
    let middle = Transform::from_row(
        scale,
        0.0,
        0.0,
        scale,
        (canvas_side - width * scale) / 2.0,
        (canvas_side - height * scale) / 2.0,
    );
    let mut canvas = Pixmap::new(size, size).ok_or(PictureError::TooLarge)?;
    canvas.fill(Color::WHITE);
    resvg::render(&tree, middle, &mut canvas.as_mut());
    // The canvas is opaque, so that premultiplied colours are the colours.
    let rgb: Vec<u8> =
        canvas.data().chunks_exact(4).flat_map(|pixel| pixel.iter().take(3)).copied().collect();
    if rgb.iter().all(|&value| value == 255) { Err(PictureError::Blank) } else { Ok(rgb) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn svg(body: &str) -> String {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 10 10\" width=\"10\" height=\"10\">{body}</svg>"
        )
    }

    #[test]
    fn a_red_square_keeps_its_margin() {
        let rgb = paint(&svg("<rect width=\"10\" height=\"10\" fill=\"red\"/>"), 100).unwrap();
        let pixel = |x: usize, y: usize| &rgb[(y * 100 + x) * 3..][..3];
        assert_eq!([pixel(3, 50), pixel(96, 50)], [[255; 3], [255; 3]]);
        assert_eq!([pixel(4, 4), pixel(95, 95)], [[255, 0, 0], [255, 0, 0]]);
    }

    #[test]
    fn the_png_is_an_rgb_square_of_the_painted_pixels() {
        let text = svg("<circle cx=\"5\" cy=\"5\" r=\"4\" fill=\"#369\"/>");
        let decoded = image::load_from_memory(&draw(&text, 32).unwrap()).unwrap();
        assert_eq!(decoded.color(), image::ColorType::Rgb8);
        assert_eq!(decoded.into_rgb8().into_raw(), paint(&text, 32).unwrap());
    }

    #[test]
    fn what_draws_nothing_is_refused() {
        assert!(matches!(draw(&svg(""), 16), Err(PictureError::Blank)));
        assert!(matches!(draw(&svg("<path fill=\"#fff\" d=\"M0 0h9v9z\"/>"), 16), Err(PictureError::Blank)));
        assert!(matches!(
            draw(&svg("<image href=\"Cargo.toml\" width=\"9\" height=\"9\"/>"), 16),
            Err(PictureError::Blank)
        ));
        assert!(matches!(draw("<svg><g", 16), Err(PictureError::Svg(_))));
        assert!(matches!(draw(&"<g>".repeat(100_000), 16), Err(PictureError::Svg(_))));
    }

    /// tiny-skia 0.12 panics on these; a damaged package must not take the run with it.
    #[test]
    fn a_path_that_overflows_the_renderer_is_refused() {
        let urn = "M45.4 55.1c0 .1-26.8.1-26.8 0c-.9 1-1.2 2-1 2.3c.5.8 1.2 1.5 2 2C23 61.8 29999999999.9 62 32 62\
                   s9-.2 12.4-2.6c.8-.6 1.5-1.2 2-2c.2-.4-.1-1.3-1-2.3";
        let pumpkin = "M18.2 37.9c0-13.2 4.8-19.2 9.2-25.8c-10.1 2-19.8 6.5-19.8 24.9c0 14.3 12.2 22.6 20 24.5\
                       c-5.4-5.8-9.4-13.7-9.4-23.6m27.4 0c0-13.2-6.4e18.8-10.7-25.4c9.8 2 20.8 6.1 20.8 24.5";
        for path in [urn, pumpkin] {
            let svg = format!(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 64 64\"><path fill=\"red\" d=\"{path}\"/></svg>"
            );
            let drawn = draw(&svg, 224);
            assert!(matches!(drawn, Err(PictureError::Renderer)));
        }
    }
}
