//! What a file is to a browser.

/// Extension and media type; other files are saved and not shown.
const TYPES: [(&str, &str); 8] = [
    ("svg", "image/svg+xml"),
    ("png", "image/png"),
    ("pdf", "application/pdf"),
    ("csv", "text/csv; charset=utf-8"),
    ("md", "text/plain; charset=utf-8"),
    ("tex", "text/plain; charset=utf-8"),
    ("txt", "text/plain; charset=utf-8"),
    ("json", "application/json"),
];

/// The media type of a results file; `None` for one that is not shown.
pub(super) fn of_name(name: &str) -> Option<&'static str> {
    let (_, extension) = name.rsplit_once('.')?;
    TYPES.iter().find(|(known, _)| extension.eq_ignore_ascii_case(known)).map(|(_, media)| *media)
}

/// First bytes and media type of the image formats that data sets hold.
const IMAGES: [(&[u8], &str); 7] = [
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF8", "image/gif"),
    (b"RIFF", "image/webp"),
    (b"BM", "image/bmp"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
];

/// The media type of an image by its content, since names lie; `None` for what is no image.
pub(super) fn of_image(bytes: &[u8]) -> Option<&'static str> {
    IMAGES.iter().find(|(start, _)| bytes.starts_with(start)).map(|(_, media)| *media)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_browser_shows_safely_has_a_type() {
        assert_eq!(of_name("figure5.svg"), Some("image/svg+xml"));
        assert_eq!(of_name("RUN.JSON"), Some("application/json"));
        for other in ["predictions.parquet", "page.html", "script.js", "none", "svg"] {
            assert_eq!(of_name(other), None, "{other}");
        }
        assert_eq!(of_image(b"\xff\xd8\xff\xe0"), Some("image/jpeg"));
        assert_eq!(of_image(b"root:x:0:0"), None);
        assert_eq!(of_image(b"<svg onload=x>"), None);
    }
}
