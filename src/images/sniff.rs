//! What bytes are that the decoder does not take, so that the message can say it.

/// A known format that is not read here, or something that is no image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sniffed {
    /// An image format without a decoder here.
    UnreadFormat(&'static str),
    /// Not an image.
    Other(&'static str),
}

use Sniffed::{Other, UnreadFormat};

/// Offset, bytes there, meaning.
const SIGNATURES: [(usize, &[u8], Sniffed); 22] = [
    (4, b"ftypheic", UnreadFormat("HEIC")),
    (4, b"ftypheix", UnreadFormat("HEIC")),
    (4, b"ftypmif1", UnreadFormat("HEIF")),
    (4, b"ftypavif", UnreadFormat("AVIF")),
    (4, b"ftyp", Other("an MP4 or QuickTime video")),
    (0, b"\0\0\0\x0cJXL ", UnreadFormat("JPEG XL")),
    (0, b"\xff\x0a", UnreadFormat("JPEG XL")),
    (0, b"\0\0\0\x0cjP  ", UnreadFormat("JPEG 2000")),
    (0, b"8BPS", UnreadFormat("Photoshop")),
    (0, b"%PDF", Other("a PDF document")),
    (0, b"PK\x03\x04", Other("a ZIP archive")),
    (0, b"\x1f\x8b", Other("gzip-compressed data")),
    (0, b"7z\xbc\xaf\x27\x1c", Other("a 7z archive")),
    (0, b"Rar!", Other("a RAR archive")),
    (0, b"\x1aE\xdf\xa3", Other("a Matroska or WebM video")),
    (0, b"PAR1", Other("a Parquet table")),
    (0, b"\x93NUMPY", Other("a NumPy array")),
    (0, b"version https://git-lfs", Other("a Git LFS pointer: the file itself was not fetched")),
    (0, b"\x7fELF", Other("a program")),
    (0, b"\0\x05\x16\x07", Other("an AppleDouble resource fork")),
    (0, b"SQLite format 3", Other("an SQLite data base")),
    (0, b"ID3", Other("an MP3 sound")),
];

/// What the bytes look like; the image formats that are read are not among the answers.
pub(super) fn sniff(bytes: &[u8]) -> Sniffed {
    for (offset, signature, meaning) in SIGNATURES {
        if bytes.get(offset..).is_some_and(|rest| rest.starts_with(signature)) {
            return meaning;
        }
    }
    let start = &bytes[..bytes.len().min(1024)];
    if start.iter().all(|&byte| byte == 0) {
        return Other("nothing but zeros");
    }
    // The cut may fall inside a character, which is no reason to call it binary.
    let text = match std::str::from_utf8(start) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&start[..error.valid_up_to()]).unwrap_or("")
        }
        Err(_) => return Other("binary data of an unknown kind"),
    };
    let text = text.trim_start_matches('\u{feff}').trim_start().to_ascii_lowercase();
    if text.contains('\0') || text.is_empty() && start.len() < 4 && !start.is_ascii() {
        Other("binary data of an unknown kind")
    } else if text.starts_with("<!doctype html") || text.starts_with("<html") || text.contains("<head") {
        Other("an HTML page")
    } else if text.starts_with("<svg") || text.starts_with("<?xml") && text.contains("<svg") {
        UnreadFormat("SVG")
    } else if text.starts_with("<?xml") {
        Other("an XML document")
    } else if text.starts_with('{') || text.starts_with('[') {
        Other("JSON")
    } else {
        Other("text")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_impostors_are_named() {
        let cases: [(&[u8], Sniffed); 9] = [
            (b"<!DOCTYPE html><title>404</title>", Other("an HTML page")),
            (b"\xef\xbb\xbf\n <html>", Other("an HTML page")),
            (b"<?xml version='1.0'?>\n<svg width='1'/>", UnreadFormat("SVG")),
            (b"{\"error\": 404}", Other("JSON")),
            (b"not found\n", Other("text")),
            (b"\0\0\0\x18ftypheic\0\0", UnreadFormat("HEIC")),
            (b"\x80\x81\xfe\xff\x00\x01", Other("binary data of an unknown kind")),
            (&[0; 4096], Other("nothing but zeros")),
            (
                b"version https://git-lfs.github.com/spec/v1\n",
                Other("a Git LFS pointer: the file itself was not fetched"),
            ),
        ];
        for (bytes, expected) in cases {
            assert_eq!(sniff(bytes), expected, "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn text_that_is_cut_inside_a_character_is_text() {
        let text = format!("a{}", "é".repeat(1000));
        assert_eq!(sniff(text.as_bytes()), Other("text"));
    }
}
