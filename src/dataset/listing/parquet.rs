//! Parquet bytes to columns, with the reader's panics held back.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use polars::prelude::{
    ArrowSchema, DataFrame, ParallelStrategy, ParquetReader, PolarsResult, SerReader as _,
};

/// A Parquet file in memory.
pub(in crate::dataset) struct Parquet<'a>(&'a [u8]);

impl<'a> Parquet<'a> {
    /// Checks the signatures at both ends.
    pub(in crate::dataset) fn new(bytes: &'a [u8]) -> Result<Self, String> {
        if bytes.is_empty() {
            Err("the file is empty".to_owned())
        } else if !bytes.starts_with(b"PAR1") {
            Err("it does not begin as Parquet does".to_owned())
        } else if !bytes.ends_with(b"PAR1") || bytes.len() < 12 {
            Err("it does not end as Parquet does: is it truncated?".to_owned())
        } else {
            Ok(Self(bytes))
        }
    }

    /// Column names and types, from the footer.
    pub(in crate::dataset) fn schema(&self) -> Result<ArrowSchema, String> {
        guard(|| ParquetReader::new(Cursor::new(self.0)).schema().map(|schema| (*schema).clone()))
    }

    /// Rows that the footer claims.
    pub(in crate::dataset) fn rows(&self) -> Result<usize, String> {
        guard(|| ParquetReader::new(Cursor::new(self.0)).num_rows())
    }

    /// Values, those inside lists counted one by one, that the footer claims for these columns.
    pub(in crate::dataset) fn values(&self, names: &[String]) -> Result<u64, String> {
        guard(|| {
            let mut reader = ParquetReader::new(Cursor::new(self.0));
            let groups = &reader.get_metadata()?.row_groups;
            let chunks = groups.iter().flat_map(|group| {
                names.iter().filter_map(|name| group.columns_under_root_iter(name)).flatten()
            });
            Ok(chunks.fold(0, |sum: u64, chunk| sum.saturating_add(chunk.num_values().max(0) as u64)))
        })
    }

    /// These columns, in the file's order.
    pub(in crate::dataset) fn columns(&self, names: Vec<String>) -> Result<DataFrame, String> {
        // On this thread alone: a panic among several of polars' own threads can end the process.
        guard(|| {
            let reader = ParquetReader::new(Cursor::new(self.0)).with_columns(Some(names));
            reader.read_parallel(ParallelStrategy::None).finish()
        })
    }
}

/// The reader is other people's code on other people's bytes, and asserts some of what it reads; nothing of it
/// outlives the call, so nothing half-made can be seen after a panic.
fn guard<T>(read: impl FnOnce() -> PolarsResult<T>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(_) => Err("its parts contradict each other".to_owned()),
    }
}
