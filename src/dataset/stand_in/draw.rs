//! From SVG to pixels.

use std::io::Cursor;
use std::sync::atomic::{AtomicUsize, Ordering};

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder as _};
use rayon::prelude::*;
use resvg::tiny_skia::{Color, Pixmap, Transform};
use resvg::usvg::{Options, Tree};

use super::packages::Sketch;
use super::{Drawing, LeftOut, StandIn, StandInError};

/// Share of a side that stays white around a drawing.
const MARGIN: f32 = 0.06;

pub(super) fn draw_all(
    sketches: Vec<Sketch>,
    size: u32,
    progress: &(dyn Fn(usize, usize) + Sync),
    cancelled: &(dyn Fn() -> bool + Sync),
) -> Result<StandIn, StandInError> {
    let total = sketches.len();
    let done = AtomicUsize::new(0);
    let drawn: Vec<(Sketch, Result<Vec<u8>, String>)> = sketches
        .into_par_iter()
        .map(|sketch| {
            if cancelled() {
                return Err(StandInError::Cancelled);
            }
            let png = draw(&sketch.svg, size);
            progress(done.fetch_add(1, Ordering::Relaxed) + 1, total);
            Ok((sketch, png))
        })
        .collect::<Result<_, _>>()?;
    let mut set = StandIn::default();
    for (sketch, png) in drawn {
        let Sketch { name, label, group, .. } = sketch;
        match png {
            Ok(png) => set.drawings.push(Drawing { name, label, group, png }),
            Err(reason) => set.left_out.push(LeftOut { name, reason }),
        }
    }
    Ok(set)
}

/// Scaled to fit, centred, on white.
fn draw(svg: &str, size: u32) -> Result<Vec<u8>, String> {
    let tree = Tree::from_str(svg, &Options::default()).map_err(|error| error.to_string())?;
    let mut pixmap = Pixmap::new(size, size).ok_or("no size")?;
    pixmap.fill(Color::WHITE);
    let side = size as f32;
    let (width, height) = (tree.size().width(), tree.size().height());
    let scale = side * (1.0 - 2.0 * MARGIN) / width.max(height);
    let (left, top) = ((side - width * scale) / 2.0, (side - height * scale) / 2.0);
    let place = Transform::from_translate(left, top).pre_scale(scale, scale);
    resvg::render(&tree, place, &mut pixmap.as_mut());
    // On a white ground every pixel is opaque, so that premultiplied and plain colours are the same.
    let rgb: Vec<u8> = pixmap.data().as_chunks::<4>().0.iter().flat_map(|&[r, g, b, _]| [r, g, b]).collect();
    if rgb.iter().all(|value| *value == u8::MAX) {
        return Err("the drawing is blank".to_owned());
    }
    let mut png = Cursor::new(Vec::new());
    let encoder = PngEncoder::new_with_quality(&mut png, CompressionType::Default, FilterType::Adaptive);
    let encoded = encoder.write_image(&rgb, size, size, ExtendedColorType::Rgb8);
    encoded.map_err(|error| error.to_string())?;
    Ok(png.into_inner())
}
