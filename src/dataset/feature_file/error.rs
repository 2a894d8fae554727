//! Why a file gives no features.

use std::path::PathBuf;

use crate::fs::FsError;

/// Why a feature file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FeatureFileError {
    /// The file system refused.
    #[error(transparent)]
    Unreadable(#[from] FsError),
    /// Not one of the formats.
    #[error("`{}` is no feature file: expected .npy, .safetensors or .parquet", path.display())]
    UnknownExtension {
        /// The file.
        path: PathBuf,
    },
    /// Not one of the formats whose rows can be read block by block.
    #[error("`{}` cannot be read block by block: expected .npy or .safetensors", path.display())]
    NoBlocks {
        /// The file.
        path: PathBuf,
    },
    /// Columns one after the other.
    #[error(
        "`{}` cannot be read block by block: its columns lie one after the other (Fortran order); \
         write `numpy.ascontiguousarray(features)`",
        path.display()
    )]
    ByColumn {
        /// The file.
        path: PathBuf,
    },
    /// A file whose bytes are no matrix of floats.
    #[error("`{}` holds no usable features", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with its bytes.
        source: FormatError,
    },
    /// Bytes without a file that are no matrix of floats.
    #[error(transparent)]
    Bytes(FormatError),
    /// Another number of rows than of images.
    #[error(
        "`{}` has {found} rows, the data set {expected} images: write one row per row of the manifest, in its order",
        path.display()
    )]
    WrongRows {
        /// The file.
        path: PathBuf,
        /// Its rows.
        found: usize,
        /// The data set's images.
        expected: usize,
    },
    /// A row that is another image's, as the file's own column `path` says.
    #[error(
        "`{}` row {row} is of `{found}`, the data set's of `{expected}`: put its rows into the order of the manifest",
        path.display()
    )]
    WrongImage {
        /// The file.
        path: PathBuf,
        /// From 1.
        row: usize,
        /// What its column `path` says.
        found: String,
        /// The data set's image.
        expected: String,
    },
    /// Rows without values.
    #[error("`{}` has no columns: write at least one value per image", path.display())]
    NoColumns {
        /// The file.
        path: PathBuf,
    },
    /// NaN or infinity.
    #[error(
        "`{}` holds {count} values that are not finite, the first ({value}) in row {row}, column {column} (from 0): \
         leave those images out of the manifest or mend what computed them",
        path.display()
    )]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// Of the first, from 0.
        row: usize,
        /// Of the first, from 0.
        column: usize,
        /// The first.
        value: f32,
        /// How many there are.
        count: usize,
    },
}

/// What is wrong with the bytes of a feature file.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FormatError {
    /// Not the format that the extension names, or a broken one.
    #[error("not valid as {format}: {reason}")]
    Malformed {
        /// Name of the format.
        format: &'static str,
        /// What its reader says.
        reason: String,
    },
    /// The header claims another length than the file has.
    #[error("its header claims {expected} bytes of values, it holds {found}: is it truncated?")]
    WrongLength {
        /// What shape and type make.
        expected: u64,
        /// What is there.
        found: u64,
    },
    /// A compressed file that claims to unfold to thousands of times its size.
    #[error(
        "it claims to hold {claimed} bytes of values in a file of {length} bytes: floats do not shrink like that"
    )]
    Implausible {
        /// What its footer says.
        claimed: u64,
        /// Size of the file.
        length: u64,
    },
    /// A vector, a cube.
    #[error("its shape is {shape:?}: expected two dimensions, [images, features]")]
    NotTwoDimensional {
        /// The shape there is.
        shape: Vec<u64>,
    },
    /// Integers, text, objects.
    #[error("its values are `{kind}`: expected floats of 16, 32 or 64 bits")]
    NotFloats {
        /// The type there is, as the format writes it.
        kind: String,
    },
    /// A float64 beyond float32.
    #[error("the value {value:e} in row {row}, column {column} (from 0) is too large for a 32-bit float")]
    TooLarge {
        /// From 0.
        row: usize,
        /// From 0.
        column: usize,
        /// The value.
        value: f64,
    },
    /// Float64 of which float32 keeps nothing.
    #[error(
        "its largest value is {largest:e}, and 32-bit floats hold values that small as 0 or with few digits: multiply all \
         of them by one number, which changes no result at the default `scale`"
    )]
    TooSmall {
        /// The largest magnitude.
        largest: f64,
    },
    /// No tensor or column to take, or several.
    #[error("it holds {found}: {cure}")]
    Unclear {
        /// What is there.
        found: String,
        /// What to do.
        cure: &'static str,
    },
    /// A missing value.
    #[error("column `{column}` has no value in row {row} (from 0)")]
    Null {
        /// Name of the column.
        column: String,
        /// From 0.
        row: usize,
    },
    /// Lists of different lengths.
    #[error("the list in row {row} (from 0) has {found} values, the first has {expected}")]
    RaggedLists {
        /// From 0.
        row: usize,
        /// Values of the first list.
        expected: usize,
        /// Values of this one.
        found: usize,
    },
}
