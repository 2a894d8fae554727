//! Small square copies for figures. No number is computed from them.

use super::decode::Pixels;
use super::error::ImageError;
use super::jpeg;
use super::prepare::{Filter, Fit, Preprocess, prepare};

/// Of JPEG, 1 to 100: more than the eye tells at 300 dots an inch.
const QUALITY: u8 = 90;

/// A JPEG of the image's central square, `side` pixels wide.
pub fn square(pixels: &Pixels, side: u32) -> Result<Vec<u8>, ImageError> {
    let preprocess = Preprocess { size: side, resize: side, fit: Fit::Crop, filter: Filter::Bicubic };
    jpeg::encode(&prepare(pixels, &preprocess)?, side, side, QUALITY)
}

#[cfg(test)]
mod tests {
    use super::super::{Limits, decode};
    use super::*;

    #[test]
    fn the_middle_is_kept() {
        // Red ends, a green middle.
        let rgb =
            (0..30 * 10).flat_map(|at| if (10..20).contains(&(at % 30)) { [0, 200, 0] } else { [200, 0, 0] });
        let pixels = Pixels { width: 30, height: 10, rgb: rgb.collect() };
        let small = decode(&square(&pixels, 8).unwrap(), &Limits::default()).unwrap();
        assert_eq!((small.width, small.height), (8, 8));
        assert!(small.rgb.chunks(3).all(|pixel| pixel[0] < 60 && pixel[1] > 150), "{:?}", &small.rgb[..12]);
    }
}
