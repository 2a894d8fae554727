//! Bytes that nobody would call an image, and images that somebody broke on purpose.

use std::path::Path;

use proptest::prelude::*;

use super::*;

fn fixture(name: &str) -> Vec<u8> {
    crate::fs::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/images").join(name)).unwrap()
}

#[test]
fn what_is_no_image_is_named() {
    let limits = Limits::default();
    assert_eq!(decode(b"", &limits), Err(ImageError::Empty));
    let error = decode(b"<!doctype html><h1>404", &limits).unwrap_err();
    assert_eq!(error.to_string(), "not an image: it looks like an HTML page");
    let error = decode(b"\0\0\0\x18ftypheic\0\0\0\0", &limits).unwrap_err();
    assert_eq!(
        error.to_string(),
        "HEIC is not supported here: convert it to JPEG, PNG, GIF, WebP, BMP or TIFF"
    );
    let error = decode(b"P6\n1 1\n255\nabc", &limits).unwrap_err();
    assert!(matches!(error, ImageError::Unsupported { .. }), "{error:?}");
}

#[test]
fn a_bomb_is_refused_by_its_header() {
    let mut bytes = fixture("rgb.png");
    bytes[16..24].copy_from_slice(&[0, 1, 0x86, 0xa0, 0, 1, 0x86, 0xa0]);
    let sum = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&sum.to_be_bytes());
    let error = decode(&bytes, &Limits::default()).unwrap_err();
    assert_eq!(error, ImageError::TooLarge { width: 100_000, height: 100_000, max_pixels: 100_000_000 });
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, &byte| {
        (0..8).fold(
            sum ^ u32::from(byte),
            |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 },
        )
    })
}

const VICTIMS: [&str; 12] = [
    "420.jpg",
    "progressive.jpg",
    "cmyk.jpg",
    "orientation-6.jpg",
    "rgb.png",
    "interlaced.png",
    "palette-transparent.png",
    "animated.gif",
    "lossy.webp",
    "alpha.webp",
    "palette.bmp",
    "rgb.tiff",
];

const SIGNATURES: [&[u8]; 8] = [
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n",
    b"GIF89a",
    b"RIFF\0\0\0\0WEBPVP8 ",
    b"BM",
    b"II*\0",
    b"MM\0*",
    b"",
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    /// Pixels that come out fit their size; nothing panics, nothing grows without bound.
    #[test]
    fn broken_images_give_pixels_or_an_error(
        victim in prop::sample::select(&VICTIMS[..]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = fixture(victim);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let limits = Limits { max_pixels: 1_000_000, max_alloc_bytes: 16 << 20 };
        if let Ok(pixels) = decode(&bytes, &limits) {
            prop_assert_eq!(pixels.rgb.len(), pixels.width as usize * pixels.height as usize * 3);
        }
    }

    #[test]
    fn random_bytes_behind_a_signature_are_refused(
        signature in prop::sample::select(&SIGNATURES[..]),
        rest in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let limits = Limits { max_pixels: 1_000_000, max_alloc_bytes: 16 << 20 };
        prop_assert!(decode(&[signature, &rest].concat(), &limits).is_err());
    }
}
