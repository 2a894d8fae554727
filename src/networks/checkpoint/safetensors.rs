//! Files in the safetensors format, read by its own library.

use std::collections::BTreeMap;

use safetensors::{Dtype, SafeTensors};

use super::number::Number;
use super::{Malformed, Tensor};

/// The floating-point tensors of a safetensors file.
pub fn parse(bytes: &[u8]) -> Result<BTreeMap<String, Tensor>, Malformed> {
    let file = SafeTensors::deserialize(bytes).map_err(|error| Malformed::Safetensors(error.to_string()))?;
    let mut tensors = BTreeMap::new();
    for (name, view) in file.iter() {
        let number = match view.dtype() {
            Dtype::F64 => Number::F64,
            Dtype::F32 => Number::F32,
            Dtype::F16 => Number::F16,
            Dtype::BF16 => Number::Bf16,
            _ => continue,
        };
        // The library has checked that the bytes are as many as shape and type say.
        if let Some(data) = number.decode(view.data()) {
            tensors.insert(name.to_owned(), Tensor { shape: view.shape().to_vec(), data });
        }
    }
    Ok(tensors)
}
