//! Hugging Face's `.safetensors`: a JSON header, then tensors; little-endian, rows first.

use ndarray::Array2;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

use super::error::FormatError;
use super::value::{Kind, Layout, Located};

const NAME: &str = "features";

pub(super) fn parse(bytes: &[u8]) -> Result<Array2<f32>, FormatError> {
    locate(bytes)?.read(bytes)
}

/// Reads the header only.
pub(super) fn locate(bytes: &[u8]) -> Result<Located, FormatError> {
    let file = SafeTensors::deserialize(bytes)
        .map_err(|error| FormatError::Malformed { format: ".safetensors", reason: error.to_string() })?;
    let tensor = choose(&file)?;
    let kind = kind(tensor.dtype())
        .ok_or_else(|| FormatError::NotFloats { kind: format!("{:?}", tensor.dtype()) })?;
    let &[rows, columns] = tensor.shape() else {
        return Err(FormatError::NotTwoDimensional {
            shape: tensor.shape().iter().map(|&side| side as u64).collect(),
        });
    };
    let layout = Layout { kind, big_endian: false, by_column: false };
    let start = tensor.data().as_ptr().addr() - bytes.as_ptr().addr();
    let values = start..start + tensor.data().len();
    Ok(Located { shape: [rows as u64, columns as u64], layout, values })
}

fn choose<'a>(file: &SafeTensors<'a>) -> Result<TensorView<'a>, FormatError> {
    if let Ok(tensor) = file.tensor(NAME) {
        return Ok(tensor);
    }
    let tensors = file.tensors();
    let fits = |tensor: &TensorView| tensor.shape().len() == 2 && kind(tensor.dtype()).is_some();
    match tensors.iter().filter(|(_, tensor)| fits(tensor)).collect::<Vec<_>>().as_slice() {
        [(_, tensor)] => Ok(tensor.clone()),
        candidates => {
            let mut names: Vec<_> =
                tensors.iter().map(|(name, tensor)| format!("`{name}` {:?}", tensor.shape())).collect();
            names.sort();
            names.truncate(8);
            let found = format!(
                "{} float matrices among {} tensors ({})",
                candidates.len(),
                tensors.len(),
                names.join(", ")
            );
            Err(FormatError::Unclear { found, cure: "call the one that counts `features`" })
        }
    }
}

const fn kind(dtype: Dtype) -> Option<Kind> {
    match dtype {
        Dtype::F16 => Some(Kind::F16),
        Dtype::BF16 => Some(Kind::Bf16),
        Dtype::F32 => Some(Kind::F32),
        Dtype::F64 => Some(Kind::F64),
        _ => None,
    }
}
