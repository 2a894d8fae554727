//! The `.npy` of `numpy`: a Python literal that names type, order and shape, then the values.

use ndarray::Array2;
use npyz::{DType, Endianness, NpyHeader, Order, TypeChar};

use super::error::FormatError;
use super::value::{Kind, Layout, Located};

/// Type, order and shape take about 60 bytes; `numpy` pads to 64 or 128.
const MAX_HEADER: usize = 4096;
/// `'descr': [('a', '<f4')]` and the like nest three deep.
const MAX_DEPTH: usize = 8;
/// Digits in the whole header. Below 10^18 no product of sizes overflows 64 bits.
const MAX_DIGITS: usize = 18;

pub(super) fn parse(bytes: &[u8]) -> Result<Array2<f32>, FormatError> {
    locate(bytes)?.read(bytes)
}

/// Reads the header only.
pub(super) fn locate(bytes: &[u8]) -> Result<Located, FormatError> {
    guard(bytes)?;
    let mut data = bytes;
    let header = NpyHeader::from_reader(&mut data).map_err(|error| malformed(error.to_string()))?;
    let &[rows, columns] = header.shape() else {
        return Err(FormatError::NotTwoDimensional { shape: header.shape().to_vec() });
    };
    let dtype = header.dtype();
    let not_floats = || FormatError::NotFloats { kind: dtype.descr().trim_matches('\'').to_owned() };
    let DType::Plain(kind) = &dtype else { return Err(not_floats()) };
    let layout = Layout {
        kind: match (kind.type_char(), kind.size_field()) {
            (TypeChar::Float, 2) => Kind::F16,
            (TypeChar::Float, 4) => Kind::F32,
            (TypeChar::Float, 8) => Kind::F64,
            _ => return Err(not_floats()),
        },
        big_endian: kind.endianness() == Endianness::Big,
        by_column: header.order() == Order::Fortran,
    };
    Ok(Located { shape: [rows, columns], layout, values: bytes.len() - data.len()..bytes.len() })
}

fn malformed(reason: String) -> FormatError {
    FormatError::Malformed { format: ".npy", reason }
}

/// Refuses what the header's parser would allocate for, recurse into or overflow on.
fn guard(bytes: &[u8]) -> Result<(), FormatError> {
    let malformed = |reason: &str| Err(malformed(reason.to_owned()));
    if !bytes.starts_with(b"\x93NUMPY") {
        return malformed("it does not begin as .npy files do");
    }
    let header = match bytes.get(6..12) {
        Some(&[1, _, low, high, ..]) => bytes[10..].get(..usize::from(u16::from_le_bytes([low, high]))),
        Some(&[_, _, a, b, c, d]) => bytes[12..].get(..u32::from_le_bytes([a, b, c, d]) as usize),
        _ => None,
    };
    let Some(header) = header else { return malformed("its header is truncated") };
    let opening = header.iter().filter(|byte| b"([{".contains(byte)).count();
    let digits = header.iter().filter(|byte| byte.is_ascii_digit()).count();
    if header.len() > MAX_HEADER || opening > MAX_DEPTH || digits > MAX_DIGITS {
        return malformed("its header is not that of a matrix");
    }
    Ok(())
}
