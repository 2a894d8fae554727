//! How large an image may be before it is refused unread: a guard against decompression bombs.

/// Bytes of the largest file that is taken for an image: as many as its pixels may take.
pub const MOST_BYTES: u64 = 2 << 30;

/// Checked against the file's header, before any pixel is decoded.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Width times height.
    pub max_pixels: u64,
    /// Bytes of memory for the decoded samples and for what the decoder needs beside them, as far as it counts them.
    pub max_alloc_bytes: u64,
}

impl Default for Limits {
    /// 100 million pixels and 2 GiB: four times what the largest consumer camera writes.
    fn default() -> Self {
        Self { max_pixels: 100_000_000, max_alloc_bytes: MOST_BYTES }
    }
}
