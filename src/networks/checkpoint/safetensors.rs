//! Files in the safetensors format, read by its own library.

use safetensors::{Dtype, SafeTensors};

use super::number::Number;
use super::{Contents, Malformed, Tensor};

/// The floating-point tensors of a safetensors file.
pub fn parse(bytes: &[u8]) -> Result<Contents, Malformed> {
    let file = SafeTensors::deserialize(bytes).map_err(|error| Malformed::Safetensors(error.to_string()))?;
    let mut contents = Contents::default();
    for (name, view) in file.iter() {
        let number = match view.dtype() {
            Dtype::F64 => Number::F64,
            Dtype::F32 => Number::F32,
            Dtype::F16 => Number::F16,
            Dtype::BF16 => Number::Bf16,
            _ => Number::Integer(1),
        };
        // The library has checked that the bytes are as many as shape and type say.
        let tensor = number.decode(view.data()).map(|data| Tensor { shape: view.shape().to_vec(), data });
        contents.insert(name.to_owned(), number, tensor);
    }
    Ok(contents)
}
