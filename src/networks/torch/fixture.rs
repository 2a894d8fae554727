//! The 64 images of `tests/fixtures/efficientnet/make.py`, made by the same integer arithmetic.

use std::path::Path;

pub const SIDE: usize = 224;
pub const IMAGES: usize = 64;

/// Where `just setup` puts the weights of EfficientNet-Lite0.
pub fn weights() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.deps/weights/efficientnet-lite0-57934424.pth"))
}

/// Image `k`, `[224, 224, 3]`: blocks of noise, a ramp, and an inverted disc.
pub fn image(k: u32) -> Vec<u8> {
    let cell = 8 << (k % 4);
    let mut pixels = Vec::with_capacity(SIDE * SIDE * 3);
    for y in 0..SIDE as u32 {
        for x in 0..SIDE as u32 {
            for c in 0..3 {
                let mut h = k
                    .wrapping_mul(0x9E37_79B1)
                    .wrapping_add((y / cell).wrapping_mul(0x85EB_CA77))
                    .wrapping_add((x / cell).wrapping_mul(0xC2B2_AE3D))
                    .wrapping_add(c * 0x27D4_EB2F);
                h = (h ^ (h >> 15)).wrapping_mul(0x2C1B_3C6D);
                h = (h ^ (h >> 12)).wrapping_mul(0x297A_2D39);
                let noise = (h ^ (h >> 15)) & 255;
                let ramp = ((x * (k + 1) + y * (2 * k + 3)) >> (2 + c)) & 255;
                let value = (noise * (k % 5) + ramp * (4 - k % 5)) / 4;
                let disc = x.abs_diff(112).pow(2) + y.abs_diff(112).pow(2) < (20 + k).pow(2);
                pixels.push(if disc { 255 - value } else { value } as u8);
            }
        }
    }
    pixels
}

/// Images `k`, `k + 1`, ...: `[n, 224, 224, 3]`.
pub fn images(range: std::ops::Range<u32>) -> Vec<u8> {
    range.flat_map(image).collect()
}

/// The features that the Python script wrote, `[64, 1280]`.
pub fn features() -> Vec<f32> {
    let bytes = include_bytes!("../../../tests/fixtures/efficientnet/procedural.npy");
    npyz::NpyFile::new(&bytes[..]).unwrap().into_vec().unwrap()
}
