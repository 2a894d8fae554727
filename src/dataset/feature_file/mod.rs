//! Features that were computed elsewhere: a matrix `[n, d]` whose row i belongs to row i of the manifest.
//!
//! - `.npy`: float16, float32 or float64, C or Fortran order, either byte order.
//! - `.safetensors`: the tensor named `features`, or the only one that is 2-d and of floats (F16, BF16, F32, F64).
//! - `.parquet`: all float columns in their order, or, where there is none, one column of lists of equal length.
//!
//! Everything becomes f32. A float64 is rounded to the nearest float32; one that is too large for it is an error.
//! A header is believed only as far as the file's length bears it out, so memory stays in proportion to the file.

mod blocks;
mod error;
mod npy;
mod safetensors;
mod table;
mod value;

use std::ffi::OsStr;
use std::path::Path;

use ndarray::Array2;

pub use blocks::Blocks;
pub use error::{FeatureFileError, FormatError};

use crate::fs;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Npy,
    Safetensors,
    Parquet,
}

/// By the file's name.
fn format_of(path: &Path) -> Option<Format> {
    match path.extension().and_then(OsStr::to_str)?.to_ascii_lowercase().as_str() {
        "npy" => Some(Format::Npy),
        "safetensors" => Some(Format::Safetensors),
        "parquet" => Some(Format::Parquet),
        _ => None,
    }
}

/// Whether a file's name ends as one that [`read`] reads.
pub fn is_known(path: &Path) -> bool {
    format_of(path).is_some()
}

/// Reads the matrix `[n, d]`; values may still be NaN or infinite, see [`check`].
pub fn read(path: &Path) -> Result<Array2<f32>, FeatureFileError> {
    let parse = match format_of(path) {
        Some(Format::Npy) => npy::parse,
        Some(Format::Safetensors) => safetensors::parse,
        Some(Format::Parquet) => table::parse,
        None => return Err(FeatureFileError::UnknownExtension { path: path.to_owned() }),
    };
    parse(&fs::read(path)?).map_err(|source| FeatureFileError::File { path: path.to_owned(), source })
}

/// The column `path` of a Parquet file, where it has one: which image each row is of, as whoever wrote it says.
pub fn read_paths(path: &Path) -> Result<Option<Vec<String>>, FeatureFileError> {
    if format_of(path) != Some(Format::Parquet) {
        return Ok(None);
    }
    table::paths(&fs::read(path)?).map_err(|source| FeatureFileError::File { path: path.to_owned(), source })
}

/// Reads the bytes of an `.npy` file, at about the speed of a copy where they are little-endian f32 in C order.
pub fn from_npy(bytes: &[u8]) -> Result<Array2<f32>, FeatureFileError> {
    npy::parse(bytes).map_err(FeatureFileError::Bytes)
}

/// Checks what [`read`] gave for `path` against the number of images: as many rows, some columns, finite values.
pub fn check(path: &Path, features: &Array2<f32>, rows: usize) -> Result<(), FeatureFileError> {
    let path = || path.to_owned();
    if features.nrows() != rows {
        return Err(FeatureFileError::WrongRows { path: path(), found: features.nrows(), expected: rows });
    }
    if features.ncols() == 0 {
        return Err(FeatureFileError::NoColumns { path: path() });
    }
    // Good matrices are the rule, and this pass over hundreds of megabytes is the fast one.
    if features.iter().all(|value| value.is_finite()) {
        return Ok(());
    }
    let mut bad = features.indexed_iter().filter(|(_, value)| !value.is_finite());
    match bad.next() {
        None => Ok(()),
        Some(((row, column), &value)) => {
            Err(FeatureFileError::NotFinite { path: path(), row, column, value, count: 1 + bad.count() })
        }
    }
}

#[cfg(test)]
mod tests;
