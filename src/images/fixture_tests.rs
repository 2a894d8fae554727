//! Against what Pillow and `numpy` make of the same files; `tests/fixtures/images/make.py` made both.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::*;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/images")
}

fn load(path: &Path) -> Pixels {
    decode(&crate::fs::read(path).unwrap(), &Limits::default())
        .unwrap_or_else(|error| panic!("{path:?}: {error}"))
}

fn largest_difference(a: &[u8], b: &[u8]) -> u8 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| a.abs_diff(*b)).max().unwrap()
}

/// File name and largest difference allowed.
fn files() -> BTreeMap<String, u8> {
    serde_json::from_slice(&crate::fs::read(&folder().join("expected.json")).unwrap()).unwrap()
}

#[test]
fn every_kind_of_file_decodes_to_the_expected_pixels() {
    let mut wrong = Vec::new();
    for (name, tolerance) in files() {
        let decoded = load(&folder().join(&name));
        // Checked to be plain RGB by the script that wrote it, and one of the files under test is that too.
        let expected = load(&folder().join("expected").join(format!("{name}.png")));
        assert_eq!((decoded.width, decoded.height), (expected.width, expected.height), "{name}");
        let difference = largest_difference(&decoded.rgb, &expected.rgb);
        if difference > tolerance {
            wrong.push(format!("{name}: off by {difference}, allowed {tolerance}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn resized_pixels_are_pillows() {
    let source = load(&folder().join("resized/source.png"));
    let mut compared = 0;
    let mut wrong = Vec::new();
    for (name, filter) in Filter::NAMES {
        for (fit_name, fit) in Fit::NAMES {
            for (size, shorter) in [(24, 29), (72, 75)] {
                let resize = if fit == Fit::Crop { shorter } else { size };
                let expected = load(&folder().join(format!("resized/{name}-{fit_name}-{size}-{resize}.png")));
                let prepared = prepare(&source, &Preprocess { size, resize, fit, filter }).unwrap();
                let difference = largest_difference(&prepared, &expected.rgb);
                if difference > 2 {
                    wrong.push(format!("{name} {fit_name} {size}: off by {difference}"));
                }
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 20);
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Cut anywhere behind its signature: no pixel is ever made up. What lies behind the last pixel may be missing.
#[test]
fn a_file_that_is_cut_is_truncated_or_gives_the_same_pixels() {
    let mut wrong = Vec::new();
    for name in files().into_keys() {
        let bytes = crate::fs::read(&folder().join(&name)).unwrap();
        let whole = load(&folder().join(&name));
        let mut truncated = 0;
        for length in 12..bytes.len() {
            match decode(&bytes[..length], &Limits::default()) {
                Err(ImageError::Truncated { .. }) => truncated += 1,
                Ok(pixels) if pixels == whole => {}
                other => wrong.push(format!("{name} cut to {length}: {:?}", other.map(|_| "other pixels"))),
            }
        }
        assert!(truncated > 50, "{name}: {truncated}");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_jpeg_that_lacks_its_last_bytes_is_truncated() {
    for name in files().into_keys().filter(|name| name.contains(".jpg")) {
        let bytes = crate::fs::read(&folder().join(&name)).unwrap();
        for missing in [1, 2, 10, 100] {
            let error = decode(&bytes[..bytes.len() - missing], &Limits::default()).unwrap_err();
            assert_eq!(error, ImageError::Truncated { format: "JPEG" }, "{name} without {missing} bytes");
        }
    }
}

#[test]
fn limits_are_checked_for_every_format() {
    let few = Limits { max_pixels: 100, ..Limits::default() };
    let tight = Limits { max_alloc_bytes: 100, ..Limits::default() };
    for name in files().into_keys() {
        let bytes = crate::fs::read(&folder().join(&name)).unwrap();
        let error = decode(&bytes, &few).unwrap_err();
        assert!(
            matches!(error, ImageError::TooLarge { width: 17.., height: 17.., max_pixels: 100 }),
            "{name}: {error:?}"
        );
        let error = decode(&bytes, &tight).unwrap_err();
        assert!(matches!(error, ImageError::TooMuchMemory { .. }), "{name}: {error:?}");
    }
}
