//! A feature file in blocks of rows, for one that does not fit into memory.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use ndarray::Array2;

use super::value::{Located, check_length, matrix};
use super::{FeatureFileError, FormatError, npy, safetensors};
use crate::fs::MappedFile;

/// Bytes of a block, as long as a row is no longer: enough that a block's sums outweigh fetching it.
const BLOCK: u64 = 16 << 20;

/// Blocks of consecutive rows `[b, d]` of an `.npy` or `.safetensors` file, through memory that is mapped block by
/// block. Of a file that holds float64, too large a value is an error of its block.
pub struct Blocks {
    path: PathBuf,
    file: MappedFile,
    located: Located,
    /// Rows of a block.
    rows: u64,
    /// First row of the next block.
    next: u64,
}

impl Blocks {
    /// Reads the header.
    ///
    /// # Errors
    /// A file that cannot be read or mapped, is no matrix of floats, or whose rows do not lie one after the other.
    pub fn open(path: &Path) -> Result<Self, FeatureFileError> {
        let extension = path.extension().and_then(OsStr::to_str).map(str::to_ascii_lowercase);
        let locate = match extension.as_deref() {
            Some("npy") => npy::locate,
            Some("safetensors") => safetensors::locate,
            _ => return Err(FeatureFileError::NoBlocks { path: path.to_owned() }),
        };
        let failed = |source| FeatureFileError::File { path: path.to_owned(), source };
        let file = MappedFile::open(path)?;
        let located = locate(&file.window(0, file.len())?).map_err(failed)?;
        check_length(located.shape, located.layout.kind, located.values.len()).map_err(failed)?;
        if located.layout.by_column {
            return Err(FeatureFileError::ByColumn { path: path.to_owned() });
        }
        let rows = (BLOCK / located.row_size().max(1)).max(1);
        Ok(Self { path: path.to_owned(), file, located, rows, next: 0 })
    }

    /// With so many rows in a block, at least one.
    #[must_use]
    pub fn of_rows(mut self, rows: u64) -> Self {
        self.rows = rows.max(1);
        self
    }

    /// Rows and columns of the whole file.
    pub const fn shape(&self) -> [u64; 2] {
        self.located.shape
    }

    fn read(&self, first: u64, rows: u64) -> Result<Array2<f32>, FeatureFileError> {
        let size = self.located.row_size();
        let start = self.located.values.start as u64 + first * size;
        let window = self.file.window(start, rows * size)?;
        matrix(&window, [rows, self.located.shape[1]], self.located.layout).map_err(|source| {
            let source = match source {
                FormatError::TooLarge { row, column, value } => {
                    FormatError::TooLarge { row: row + first as usize, column, value }
                }
                other => other,
            };
            FeatureFileError::File { path: self.path.clone(), source }
        })
    }
}

impl Iterator for Blocks {
    type Item = Result<Array2<f32>, FeatureFileError>;

    fn next(&mut self) -> Option<Self::Item> {
        let first = self.next;
        let rows = self.rows.min(self.located.shape[0] - first);
        if rows == 0 {
            return None;
        }
        self.next += rows;
        Some(self.read(first, rows))
    }
}
