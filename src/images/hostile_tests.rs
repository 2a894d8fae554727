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

/// A file of a few hundred bytes whose header claims billions of pixels.
#[test]
fn a_bomb_is_refused_by_its_header() {
    let mut png = patched("rgb.png", 16, &[0, 1, 0x86, 0xa0, 0, 1, 0x86, 0xa0]);
    let sum = crc32(&png[12..29]);
    png[29..33].copy_from_slice(&sum.to_be_bytes());
    let frame = position(&fixture("420.jpg"), b"\xff\xc0");
    let mut tiff = fixture("rgb.tiff");
    // Columns, rows, rows per strip.
    for tag in [256_u16, 257, 278] {
        let entry = position(&tiff, &[tag.to_le_bytes(), 3_u16.to_le_bytes()].concat());
        tiff[entry + 8..entry + 10].copy_from_slice(&[0xff; 2]);
    }
    let bombs = [
        (png, [100_000; 2]),
        (patched("420.jpg", frame + 5, &[0xff; 4]), [65_535; 2]),
        (patched("transparent.gif", 6, &[0xff; 4]), [65_535; 2]),
        (patched("rgb.bmp", 18, &[0x60, 0xea, 0, 0, 0x60, 0xea, 0, 0]), [60_000; 2]),
        (patched("lossy.webp", 26, &[0xff, 0x3f, 0xff, 0x3f]), [16_383; 2]),
        (patched("rgb.webp", 21, &(11_999_u32 * (1 + (1 << 14))).to_le_bytes()), [12_000; 2]),
        (tiff, [65_535; 2]),
    ];
    for (bytes, [width, height]) in bombs {
        let refusal = ImageError::TooLarge { width, height, max_pixels: 100_000_000 };
        assert_eq!(decode(&bytes, &Limits::default()), Err(refusal));
    }
}

/// Where its bytes are wrong but all there, a file is damaged.
#[test]
fn what_is_damaged_is_not_called_truncated() {
    let data = position(&fixture("rgb.png"), b"IDAT") + 30;
    let codes = position(&fixture("420.jpg"), b"\xff\xc4") + 5;
    for (bytes, name) in [
        (patched("rgb.png", data, &[0xa5; 4]), "PNG"),
        (patched("420.jpg", codes, &[0xff; 16]), "JPEG"),
        (patched("rgb.webp", 40, &[0xff; 60]), "WebP"),
    ] {
        let error = decode(&bytes, &Limits::default()).unwrap_err();
        assert!(matches!(error, ImageError::Damaged { format, .. } if format == name), "{name}: {error:?}");
    }
}

fn position(bytes: &[u8], wanted: &[u8]) -> usize {
    bytes.windows(wanted.len()).position(|window| window == wanted).unwrap()
}

fn patched(name: &str, at: usize, patch: &[u8]) -> Vec<u8> {
    let mut bytes = fixture(name);
    bytes[at..at + patch.len()].copy_from_slice(patch);
    bytes
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
