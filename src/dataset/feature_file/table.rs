//! A Parquet table: a float column per feature, or one column of lists.

use ndarray::Array2;
use polars::prelude::{ArrowDataType, DataFrame, DataType, PolarsResult};

use super::error::FormatError;
use super::value::{from_values, narrow, refuse_tiny};
use crate::dataset::listing::Parquet;

const NAME: &str = "features";
const PATH: &str = "path";
/// Floats hardly compress; a file that claims to hold a thousand times its size is broken or malicious.
const MAX_RATIO: usize = 1000;
/// Files that unfold to less than this many bytes are believed.
const HARMLESS: usize = 16 << 20;

pub(super) fn parse(bytes: &[u8]) -> Result<Array2<f32>, FormatError> {
    let parquet = Parquet::new(bytes).map_err(malformed)?;
    let schema = parquet.schema().map_err(malformed)?;
    let names = |wanted: fn(&ArrowDataType) -> bool| -> Vec<String> {
        schema
            .iter_values()
            .filter(|field| wanted(field.dtype()))
            .map(|field| field.name.to_string())
            .collect()
    };
    let floats = names(is_float);
    let lists = names(is_list_of_floats);
    if let Some(name) = names(|dtype| matches!(dtype, ArrowDataType::FixedSizeList(..))).first() {
        // Reading those is a feature of polars that nothing else here needs.
        return Err(FormatError::Unclear {
            found: format!("lists of fixed size in column `{name}`"),
            cure: "write them as plain lists, or as one column per feature",
        });
    }
    let list = match lists.as_slice() {
        [only] => Some(only.clone()),
        many => many.iter().find(|name| *name == NAME).cloned(),
    };
    let unclear = FormatError::Unclear {
        found: format!("{} columns of floats and {} of lists", floats.len(), lists.len()),
        cure: "write either one float column per feature or one column of lists",
    };
    match (floats.is_empty(), list) {
        (false, None) if lists.is_empty() => by_columns(&load(&parquet, floats, bytes.len())?),
        (true, Some(list)) => by_lists(&load(&parquet, vec![list], bytes.len())?),
        _ => Err(unclear),
    }
}

/// The column of strings `path`, `[n]`; `None` where there is none.
pub(super) fn paths(bytes: &[u8]) -> Result<Option<Vec<String>>, FormatError> {
    let parquet = Parquet::new(bytes).map_err(malformed)?;
    let schema = parquet.schema().map_err(malformed)?;
    let is_text = |dtype: &ArrowDataType| {
        matches!(dtype, ArrowDataType::Utf8 | ArrowDataType::LargeUtf8 | ArrowDataType::Utf8View)
    };
    if !schema.get(PATH).is_some_and(|field| is_text(field.dtype())) {
        return Ok(None);
    }
    let frame = load(&parquet, vec![PATH.to_owned()], bytes.len())?;
    let column = frame.column(PATH).and_then(|column| column.str().cloned());
    let column = column.map_err(|error| malformed(error.to_string()))?;
    Ok(Some(column.iter().map(|path| path.unwrap_or_default().to_owned()).collect()))
}

/// Reads the columns, unless they would unfold to far more than the file's `length` makes plausible.
fn load(parquet: &Parquet, columns: Vec<String>, length: usize) -> Result<DataFrame, FormatError> {
    let rows = parquet.rows().map_err(malformed)? as u64;
    let values = parquet.values(&columns).map_err(malformed)?;
    let claimed = values.max(rows.saturating_mul(columns.len() as u64)).saturating_mul(4);
    let (length, limit) = (length as u64, length.saturating_mul(MAX_RATIO).max(HARMLESS) as u64);
    if claimed > limit {
        return Err(FormatError::Implausible { claimed, length });
    }
    parquet.columns(columns).map_err(malformed)
}

fn malformed(reason: String) -> FormatError {
    FormatError::Malformed { format: "Parquet", reason }
}

const fn is_float(dtype: &ArrowDataType) -> bool {
    matches!(dtype, ArrowDataType::Float32 | ArrowDataType::Float64)
}

fn is_list_of_floats(dtype: &ArrowDataType) -> bool {
    match dtype {
        ArrowDataType::List(inner) | ArrowDataType::LargeList(inner) => is_float(inner.dtype()),
        _ => false,
    }
}

fn by_columns(frame: &DataFrame) -> Result<Array2<f32>, FormatError> {
    let [rows, columns] = [frame.height(), frame.width()];
    let mut values = Vec::with_capacity(rows * columns);
    let mut largest = 0.0_f64;
    for (index, column) in frame.columns().iter().enumerate() {
        let wide = floats(column.cast(&DataType::Float64)).map_err(malformed)?;
        for (row, value) in wide.into_iter().enumerate() {
            let value = value.ok_or_else(|| FormatError::Null { column: column.name().to_string(), row })?;
            largest = largest.max(value.abs());
            values.push(narrow(value, || (row, index))?);
        }
    }
    refuse_tiny(largest)?;
    from_values(values, [rows, columns], true)
}

fn floats(column: PolarsResult<polars::prelude::Column>) -> Result<Vec<Option<f64>>, String> {
    let column = column.map_err(|error| error.to_string())?;
    Ok(column.f64().map_err(|error| error.to_string())?.iter().collect())
}

fn by_lists(frame: &DataFrame) -> Result<Array2<f32>, FormatError> {
    let polars = |error: polars::prelude::PolarsError| malformed(error.to_string());
    let column =
        frame.columns().first().ok_or_else(|| malformed("its column of lists is gone".to_owned()))?;
    let lists = column.cast(&DataType::List(Box::new(DataType::Float64))).map_err(polars)?;
    let lists = lists.list().map_err(polars)?;
    let null = |row| FormatError::Null { column: column.name().to_string(), row };
    let mut values = Vec::new();
    let (mut width, mut largest) = (None, 0.0_f64);
    for row in 0..lists.len() {
        let list = lists.get_as_series(row).ok_or_else(|| null(row))?;
        let expected = *width.get_or_insert(list.len());
        if list.len() != expected {
            return Err(FormatError::RaggedLists { row, expected, found: list.len() });
        }
        for (index, value) in list.f64().map_err(polars)?.iter().enumerate() {
            let value = value.ok_or_else(|| null(row))?;
            largest = largest.max(value.abs());
            values.push(narrow(value, || (row, index))?);
        }
    }
    refuse_tiny(largest)?;
    from_values(values, [lists.len(), width.unwrap_or(0)], false)
}
