//! Tables as Parquet: the fence around polars' data frames.

use std::io::Cursor;

use polars::prelude::*;

use crate::stage::ArtifactError;

/// Rows that a reader takes into memory at once, at most.
const ROWS_OF_GROUP: usize = 1 << 18;

/// Columns in order, built one by one.
#[derive(Default)]
pub struct Table {
    columns: Vec<Column>,
    notes: Vec<(String, String)>,
}

impl Table {
    /// Adds a column of strings.
    pub fn text<S: AsRef<str>>(mut self, name: &str, values: impl IntoIterator<Item = S>) -> Self {
        let values: StringChunked = values.into_iter().map(|value| Some(value.as_ref().to_owned())).collect();
        self.columns.push(values.with_name(name.into()).into_column());
        self
    }

    /// Adds a column of whole numbers.
    pub fn integers(mut self, name: &str, values: impl IntoIterator<Item = u32>) -> Self {
        let values: Vec<u32> = values.into_iter().collect();
        self.columns.push(Column::new(name.into(), values));
        self
    }

    /// Adds a column of numbers, where some may be missing.
    pub fn numbers(mut self, name: &str, values: impl IntoIterator<Item = Option<f64>>) -> Self {
        let values: Vec<Option<f64>> = values.into_iter().collect();
        self.columns.push(Column::new(name.into(), values));
        self
    }

    /// Adds an entry to the file's key-value metadata.
    pub fn note(mut self, key: &str, value: &str) -> Self {
        self.notes.push((key.to_owned(), value.to_owned()));
        self
    }

    /// As Parquet: uncompressed and without statistics, so that equal tables are equal bytes.
    pub fn into_parquet(self) -> Result<Vec<u8>, ArtifactError> {
        let mut frame = DataFrame::new_infer_height(self.columns).map_err(failed)?;
        frame.align_chunks_par();
        let mut bytes = Vec::new();
        let mut writer = ParquetWriter::new(&mut bytes)
            .with_compression(ParquetCompression::Uncompressed)
            .with_statistics(StatisticsOptions::empty())
            .set_parallel(false)
            .with_key_value_metadata(
                (!self.notes.is_empty()).then(|| KeyValueMetadata::from_static(self.notes)),
            )
            .batched(frame.schema())
            .map_err(failed)?;
        // The writer's own way of making groups of a frame's rows costs 10 ms once in a process.
        for first in (0..frame.height()).step_by(ROWS_OF_GROUP) {
            writer.write_batch(&frame.slice(first as i64, ROWS_OF_GROUP)).map_err(failed)?;
        }
        writer.finish().map_err(failed)?;
        drop(writer);
        Ok(bytes)
    }
}

/// A table read back.
pub struct ReadTable(DataFrame);

impl ReadTable {
    /// From Parquet.
    pub fn from_parquet(bytes: &[u8]) -> Result<Self, ArtifactError> {
        ParquetReader::new(Cursor::new(bytes))
            .read_parallel(ParallelStrategy::None)
            .finish()
            .map(Self)
            .map_err(failed)
    }

    /// From CSV, every column as strings.
    pub fn from_csv(bytes: &[u8]) -> Result<Self, ArtifactError> {
        let options = CsvReadOptions::default().with_infer_schema_length(Some(0)).with_n_threads(Some(1));
        options.into_reader_with_file_handle(Cursor::new(bytes)).finish().map(Self).map_err(failed)
    }

    /// Names of the columns.
    pub fn columns(&self) -> Vec<String> {
        self.0.get_column_names().into_iter().map(ToString::to_string).collect()
    }

    /// Whether there is such a column.
    pub fn has(&self, name: &str) -> bool {
        self.0.column(name).is_ok()
    }

    /// A column of strings.
    pub fn text(&self, name: &str) -> Result<Vec<String>, ArtifactError> {
        let column = self.0.column(name).map_err(failed)?;
        Ok(column.str().map_err(failed)?.iter().map(|value| value.unwrap_or_default().to_owned()).collect())
    }

    /// A column of whole numbers.
    pub fn integers(&self, name: &str) -> Result<Vec<u32>, ArtifactError> {
        let column = self.0.column(name).map_err(failed)?;
        Ok(column.u32().map_err(failed)?.iter().map(Option::unwrap_or_default).collect())
    }

    /// A column of numbers.
    pub fn numbers(&self, name: &str) -> Result<Vec<Option<f64>>, ArtifactError> {
        let column = self.0.column(name).map_err(failed)?;
        Ok(column.f64().map_err(failed)?.iter().collect())
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn failed(error: PolarsError) -> ArtifactError {
    ArtifactError(error.to_string())
}
