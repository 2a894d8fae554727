//! NumPy's `.npz`: a zip archive of `.npy` files, one per tensor.

use std::io::{Cursor, Read as _};

use npyz::{DType, Endianness, NpyFile, Order, TypeChar};
use zip::ZipArchive;

use super::number::Number;
use super::{Contents, Malformed, Tensor};

/// Deflate unfolds nothing to more than 1,032 times its size; an entry that claims to is broken or malicious.
const MAX_RATIO: u64 = 1032;
/// All arrays of an archive unfold to at most so many bytes.
const MOST_BYTES: u64 = 1 << 33;

/// Whether the archive is NumPy's and not PyTorch's.
pub fn is_npz(bytes: &[u8]) -> bool {
    let archive = ZipArchive::new(Cursor::new(bytes));
    archive.is_ok_and(|archive| archive.file_names().all(|name| name.rsplit('.').next() == Some("npy")))
}

/// The floating-point tensors of an archive.
pub fn parse(bytes: &[u8]) -> Result<Contents, Malformed> {
    let broken = |reason: &dyn std::fmt::Display| Malformed::Npz(reason.to_string());
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| broken(&error))?;
    let mut contents = Contents::default();
    let mut left = MOST_BYTES;
    for number in 0..archive.len() {
        let mut entry = archive.by_index(number).map_err(|error| broken(&error))?;
        let (claimed, packed) = (entry.size(), entry.compressed_size());
        let name = entry.name().trim_end_matches(".npy").to_owned();
        if claimed > packed.saturating_mul(MAX_RATIO).max(1 << 16) {
            return Err(Malformed::Npz(format!("`{name}` would unfold from {packed} to {claimed} bytes")));
        }
        let too_much = || broken(&format!("its arrays unfold to more than {MOST_BYTES} bytes"));
        left = left.checked_sub(claimed).ok_or_else(too_much)?;
        let mut content = Vec::new();
        let broken_entry = |error: std::io::Error| broken(&format!("`{name}`: {error}"));
        entry.by_ref().take(claimed).read_to_end(&mut content).map_err(broken_entry)?;
        // The checksum is compared at the end, which is one read further.
        if entry.read(&mut [0]).map_err(broken_entry)? > 0 {
            return Err(broken(&format!("`{name}` is longer than the {claimed} bytes that it claims")));
        }
        let (number, tensor) = tensor(&content).map_err(|error| broken(&format!("`{name}`: {error}")))?;
        contents.insert(name, number, tensor);
    }
    Ok(contents)
}

/// One array and how its numbers are stored; `None` for what are no floating-point numbers.
fn tensor(bytes: &[u8]) -> Result<(Number, Option<Tensor>), std::io::Error> {
    const NOT_FLOATS: (Number, Option<Tensor>) = (Number::Integer(1), None);
    let file = NpyFile::new(bytes)?;
    let shape: Vec<usize> = file.shape().iter().map(|&length| length as usize).collect();
    let order = file.order();
    let invalid = |reason: &str| std::io::Error::new(std::io::ErrorKind::InvalidData, reason.to_owned());
    let count = shape.iter().try_fold(1_usize, |count, length| count.checked_mul(*length));
    if count.is_none_or(|count| count > bytes.len()) {
        return Err(invalid("its shape needs more bytes than there are"));
    }
    let DType::Plain(kind) = file.dtype() else { return Ok(NOT_FLOATS) };
    let (number, data): (Number, Vec<f32>) = match (kind.type_char(), kind.size_field()) {
        (TypeChar::Float, 4) => (Number::F32, file.into_vec()?),
        (TypeChar::Float, 8) => {
            (Number::F64, file.into_vec::<f64>()?.into_iter().map(|number| number as f32).collect())
        }
        (TypeChar::Float, 2) => {
            let halves = halves(bytes, count.unwrap_or_default(), kind.endianness());
            (Number::F16, halves.ok_or_else(|| invalid("its shape needs more bytes than there are"))?)
        }
        _ => return Ok(NOT_FLOATS),
    };
    let data = if order == Order::Fortran { row_major(&data, &shape) } else { data };
    Ok((number, Some(Tensor { shape, data })))
}

/// The `count` numbers of 16 bits at the end of a file.
fn halves(bytes: &[u8], count: usize, order: Endianness) -> Option<Vec<f32>> {
    let data = bytes.get(bytes.len().checked_sub(2 * count)?..)?;
    let half = |bytes: &[u8; 2]| match order {
        Endianness::Big => half::f16::from_be_bytes(*bytes),
        Endianness::Little | Endianness::Irrelevant => half::f16::from_le_bytes(*bytes),
    };
    Some(data.as_chunks().0.iter().map(|bytes| half(bytes).to_f32()).collect())
}

/// Numbers in column-major order, put into row-major order.
fn row_major(data: &[f32], shape: &[usize]) -> Vec<f32> {
    let strides: Vec<usize> =
        shape.iter().scan(1, |stride, length| Some(std::mem::replace(stride, *stride * length))).collect();
    let mut index = vec![0; shape.len()];
    let mut sorted = Vec::with_capacity(data.len());
    for _ in 0..data.len() {
        let at: usize = index.iter().zip(&strides).map(|(index, stride)| index * stride).sum();
        sorted.push(data.get(at).copied().unwrap_or_default());
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            if index[axis] < shape[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
    sorted
}
