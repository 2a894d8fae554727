//! The numbers of a tensor as a slice.

use tch::{Device, Kind, TchError, Tensor};

fn check(tensor: &Tensor) -> Result<(), TchError> {
    let plain = tensor.is_contiguous() && tensor.device() == Device::Cpu && tensor.kind() == Kind::Float;
    if plain && !tensor.data_ptr().is_null() {
        Ok(())
    } else {
        Err(TchError::Kind("numbers of f32, one after the other, in memory were expected".to_owned()))
    }
}

/// The numbers of a contiguous tensor of f32 in memory.
pub(super) fn numbers(tensor: &Tensor) -> Result<&[f32], TchError> {
    check(tensor)?;
    // SAFETY: `numel` numbers of f32 lie one after the other from the pointer on, as was checked, and live as long as the tensor
    // that is borrowed. Nobody writes to them meanwhile: a forward pass belongs to one thread, and its steps run one by one.
    Ok(unsafe { std::slice::from_raw_parts(tensor.data_ptr().cast_const().cast(), tensor.numel()) })
}

/// A new tensor of f32 in memory and of that shape, filled by `fill`.
pub(super) fn filled(shape: &[i64], fill: impl FnOnce(&mut [f32])) -> Result<Tensor, TchError> {
    let tensor = Tensor::f_empty(shape, (Kind::Float, Device::Cpu))?;
    check(&tensor)?;
    // SAFETY: as above, and this handle, which nobody else has yet, is the only one of that memory.
    fill(unsafe { std::slice::from_raw_parts_mut(tensor.data_ptr().cast(), tensor.numel()) });
    Ok(tensor)
}
