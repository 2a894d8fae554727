//! Bytes of floats of any size to a matrix of f32.

use std::ops::Range;

use half::{bf16, f16};
use ndarray::{Array2, ShapeBuilder as _};

use super::error::FormatError;

/// How a value is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    F16,
    Bf16,
    F32,
    F64,
}

impl Kind {
    pub(super) const fn size(self) -> u64 {
        match self {
            Self::F16 | Self::Bf16 => 2,
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }
}

/// How a matrix lies in its bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub(super) kind: Kind,
    pub(super) big_endian: bool,
    /// Columns one after the other, as in Fortran.
    pub(super) by_column: bool,
}

/// Where a file keeps its matrix.
#[derive(Clone, Debug)]
pub(super) struct Located {
    /// Rows and columns.
    pub(super) shape: [u64; 2],
    pub(super) layout: Layout,
    /// Bytes of the values, from the beginning of the file.
    pub(super) values: Range<usize>,
}

impl Located {
    /// Bytes of a row.
    pub(super) const fn row_size(&self) -> u64 {
        self.shape[1].saturating_mul(self.layout.kind.size())
    }

    /// The matrix of a file's bytes.
    pub(super) fn read(&self, file: &[u8]) -> Result<Array2<f32>, FormatError> {
        let data = &file[self.values.clone()];
        let matrix = matrix(data, self.shape, self.layout)?;
        if self.layout.kind == Kind::F64 && matrix.iter().all(|value| f64::from(value.abs()) < TINY) {
            let wide = convert(data, self.layout, f64::from_le_bytes);
            refuse_tiny(wide.into_iter().map(f64::abs).fold(0.0, f64::max))?;
        }
        Ok(matrix)
    }
}

/// The matrix `[rows, columns]`. Nothing is allocated before the length of `data` is found to be right.
pub(super) fn matrix(
    data: &[u8],
    [rows, columns]: [u64; 2],
    layout: Layout,
) -> Result<Array2<f32>, FormatError> {
    check_length([rows, columns], layout.kind, data.len())?;
    let values = match layout.kind {
        Kind::F16 => convert(data, layout, |bytes| f16::from_le_bytes(bytes).to_f32()),
        Kind::Bf16 => convert(data, layout, |bytes| bf16::from_le_bytes(bytes).to_f32()),
        Kind::F32 => convert(data, layout, f32::from_le_bytes),
        Kind::F64 => {
            let position = |at: usize| {
                let (rows, columns) = (rows as usize, columns as usize);
                if layout.by_column { (at % rows, at / rows) } else { (at / columns, at % columns) }
            };
            let wide = convert(data, layout, f64::from_le_bytes);
            let narrowed = wide.into_iter().enumerate().map(|(at, value)| narrow(value, || position(at)));
            narrowed.collect::<Result<_, _>>()?
        }
    };
    from_values(values, [rows as usize, columns as usize], layout.by_column)
}

/// Whether a matrix takes as many bytes as there are.
pub(super) fn check_length([rows, columns]: [u64; 2], kind: Kind, found: usize) -> Result<(), FormatError> {
    let (found, expected) = (found as u64, rows.saturating_mul(columns).saturating_mul(kind.size()));
    if found == expected { Ok(()) } else { Err(FormatError::WrongLength { expected, found }) }
}

/// The matrix of values that lie row by row or column by column; always in row order itself.
pub(super) fn from_values(
    values: Vec<f32>,
    [rows, columns]: [usize; 2],
    by_column: bool,
) -> Result<Array2<f32>, FormatError> {
    let shape = (rows, columns).set_f(by_column);
    let matrix = Array2::from_shape_vec(shape, values)
        .map_err(|_| FormatError::NotTwoDimensional { shape: vec![rows as u64, columns as u64] })?;
    Ok(if by_column { matrix.as_standard_layout().into_owned() } else { matrix })
}

/// Values of which the largest is below this leave the smaller ones few digits, or none, as f32.
const TINY: f64 = 1e-30;

/// Refuses values, given their largest magnitude, that would lose what they say by becoming f32. Those that are f32
/// already are taken as they are.
pub(super) fn refuse_tiny(largest: f64) -> Result<(), FormatError> {
    let is_narrow = f64::from(largest as f32).total_cmp(&largest).is_eq();
    if largest > 0.0 && largest < TINY && !is_narrow {
        Err(FormatError::TooSmall { largest })
    } else {
        Ok(())
    }
}

/// To the nearest f32; NaN and infinity stay what they are.
pub(super) fn narrow(value: f64, position: impl FnOnce() -> (usize, usize)) -> Result<f32, FormatError> {
    let narrowed = value as f32;
    if narrowed.is_infinite() && value.is_finite() {
        let (row, column) = position();
        return Err(FormatError::TooLarge { row, column, value });
    }
    Ok(narrowed)
}

fn convert<const SIZE: usize, T>(data: &[u8], layout: Layout, from_le: impl Fn([u8; SIZE]) -> T) -> Vec<T> {
    let (chunks, _) = data.as_chunks::<SIZE>();
    if layout.big_endian {
        chunks
            .iter()
            .map(|&(mut bytes)| {
                bytes.reverse();
                from_le(bytes)
            })
            .collect()
    } else {
        chunks.iter().map(|&bytes| from_le(bytes)).collect()
    }
}
