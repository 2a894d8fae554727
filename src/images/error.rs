//! Why an image is refused.

/// Why bytes gave no pixels, or pixels could not be prepared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// No bytes at all.
    #[error("the file is empty")]
    Empty,
    /// The first bytes belong to no image format.
    #[error("not an image: it looks like {looks_like}")]
    NotAnImage {
        /// What the bytes look like instead: `an HTML page`.
        looks_like: &'static str,
    },
    /// An image, but of a kind that is not read.
    #[error("{format} is not supported here: {reason}")]
    Unsupported {
        /// Name of the format.
        format: String,
        /// Which part of it.
        reason: String,
    },
    /// More pixels than the limit.
    #[error("{width} x {height} pixels are too many: the limit is {max_pixels}")]
    TooLarge {
        /// Columns, from the header.
        width: u32,
        /// Rows, from the header.
        height: u32,
        /// The limit on their product.
        max_pixels: u64,
    },
    /// More memory than the limit.
    #[error("decoding {width} x {height} pixels takes more memory than the limit of {max_alloc_bytes} bytes")]
    TooMuchMemory {
        /// Columns, from the header.
        width: u32,
        /// Rows, from the header.
        height: u32,
        /// The limit.
        max_alloc_bytes: u64,
    },
    /// The file ends early.
    #[error("the {format} file is truncated")]
    Truncated {
        /// Name of the format.
        format: &'static str,
    },
    /// The file breaks its format.
    #[error("the {format} file is damaged: {reason}")]
    Damaged {
        /// Name of the format.
        format: &'static str,
        /// What the decoder says.
        reason: String,
    },
    /// Pixels whose buffer does not hold width x height x 3 bytes, or hold none.
    #[error("{bytes} bytes do not make {width} x {height} RGB pixels")]
    WrongBuffer {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
        /// Bytes there are.
        bytes: usize,
    },
    /// The wanted size is 0 or absurd, or the crop is larger than what it is cut from.
    #[error(
        "cannot cut {size} x {size} pixels out of a shorter side of {resize}: 1 <= size <= resize <= {max} must hold"
    )]
    WrongSize {
        /// Side of the output.
        size: u32,
        /// Shorter side before the crop.
        resize: u32,
        /// Largest side that is allowed.
        max: u32,
    },
}
