//! JPEG files: written, and whether one is whole. The decoder paints what is missing grey and says nothing, as browsers do;
//! a grey half must not enter an experiment unseen.
//!
//! Only structure is checked (ITU-T T.81, annex B): after the last scan an end-of-image marker must stand.
//! A bit that flips inside a scan mostly gives other valid codes, which no decoder can notice.

use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder as _};

use super::error::ImageError;

const START_OF_SCAN: u8 = 0xda;
const END_OF_IMAGE: u8 = 0xd9;

/// Whether the file runs from its header through a scan to an end-of-image marker.
///
/// Segments are skipped by their length, so the end marker of an embedded thumbnail does not count.
pub(super) fn is_whole(bytes: &[u8]) -> bool {
    let mut at = 2;
    let mut scanned = false;
    while let Some(marker) = next_marker(bytes, &mut at) {
        match marker {
            END_OF_IMAGE => return scanned,
            // Markers that stand alone: the temporary marker, restarts, a second start of image.
            0x01 | 0xd0..=0xd8 => {}
            _ => {
                let Some(&[high, low]) = bytes.get(at..at + 2) else { return false };
                at += usize::from(u16::from_be_bytes([high, low])).max(2);
                scanned |= marker == START_OF_SCAN;
            }
        }
    }
    false
}

/// A JPEG file of `[height, width, 3]` pixels.
pub(super) fn encode(rgb: &[u8], width: u32, height: u32, quality: u8) -> Result<Vec<u8>, ImageError> {
    let mut jpeg = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut jpeg, quality);
    let written = encoder.write_image(rgb, width, height, ExtendedColorType::Rgb8);
    written
        .map_err(|error| ImageError::Unsupported { format: "JPEG".to_owned(), reason: error.to_string() })?;
    Ok(jpeg)
}

/// Moves `at` behind the next marker. Inside a scan, `ff 00` is a data byte; `ff ff` is padding anywhere.
fn next_marker(bytes: &[u8], at: &mut usize) -> Option<u8> {
    loop {
        let rest = bytes.get(*at..)?;
        *at += rest.iter().position(|&byte| byte == 0xff)? + 1;
        match *bytes.get(*at)? {
            0x00 => *at += 1,
            0xff => {}
            marker => {
                *at += 1;
                return Some(marker);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &[u8] =
        b"\xff\xd8\xff\xe1\0\x06\xff\xd9..\xff\xda\0\x04..data\xff\0data\xff\xd0data\xff\xff\xd9junk";

    #[test]
    fn the_end_marker_must_follow_a_scan() {
        assert!(is_whole(WHOLE));
        let end = WHOLE.len() - 5;
        for length in 0..end {
            assert!(!is_whole(&WHOLE[..length]), "{length}");
        }
        assert!(!is_whole(b"\xff\xd8\xff\xd9"));
    }
}
