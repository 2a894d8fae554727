//! Small copies to look at. No number is computed from them.

use image::RgbImage;
use image::imageops;

use super::decode::Pixels;
use super::error::ImageError;
use super::jpeg;

/// Of JPEG, 1 to 100.
const QUALITY: u8 = 82;

/// A JPEG with the image's proportions whose longer side is `side`; a smaller image keeps its size.
pub fn thumbnail(pixels: Pixels, side: u32) -> Result<Vec<u8>, ImageError> {
    let Pixels { width, height, rgb } = pixels;
    let wrong_buffer = ImageError::WrongBuffer { width, height, bytes: rgb.len() };
    let image = RgbImage::from_raw(width, height, rgb).filter(|_| width > 0 && height > 0);
    let mut image = image.ok_or(wrong_buffer)?;
    let longer = width.max(height);
    if longer > side {
        let scaled = |length: u32| (u64::from(length) * u64::from(side)).div_ceil(u64::from(longer)) as u32;
        image = imageops::thumbnail(&image, scaled(width), scaled(height));
    }
    jpeg::encode(&image, image.width(), image.height(), QUALITY)
}

#[cfg(test)]
mod tests {
    use super::super::{Limits, decode};
    use super::*;

    #[test]
    fn a_thumbnail_keeps_proportions_and_colour() {
        for ((width, height), expected) in
            [((300, 150), (100, 50)), ((40, 80), (40, 80)), ((1000, 1), (100, 1)), ((10, 900), (2, 100))]
        {
            let rgb = [200, 60, 20].repeat(width as usize * height as usize);
            let jpeg = thumbnail(Pixels { width, height, rgb }, 100).unwrap();
            let small = decode(&jpeg, &Limits::default()).unwrap();
            assert_eq!((small.width, small.height), expected);
            for (channel, value) in [200, 60, 20].into_iter().enumerate() {
                assert!(small.rgb[channel].abs_diff(value) <= 4, "{:?}", &small.rgb[..3]);
            }
        }
        thumbnail(Pixels { width: 2, height: 2, rgb: vec![0; 3] }, 100).unwrap_err();
    }
}
