//! The numbers of a tensor as a slice, and numbers at the start of cache lines.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

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

/// Numbers that begin with a cache line, so that no vector lies in two.
#[derive(Clone, Debug, Default)]
pub struct Aligned {
    lines: Vec<Line>,
    count: usize,
}

#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Line([f32; 16]);

impl Aligned {
    /// Makes room for so many numbers; what they are is not said.
    fn resize(&mut self, count: usize) {
        self.lines.resize(self.lines.len().max(count.div_ceil(16)), Line([0.0; 16]));
        self.count = count;
    }
}

impl Deref for Aligned {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        // SAFETY: lines are arrays of f32 without gaps, and there are as many as `count` numbers need.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.count) }
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: as above.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.count) }
    }
}

impl FromIterator<f32> for Aligned {
    fn from_iter<T: IntoIterator<Item = f32>>(numbers: T) -> Self {
        let mut aligned = Self::default();
        let numbers: Vec<f32> = numbers.into_iter().collect();
        aligned.resize(numbers.len());
        aligned.copy_from_slice(&numbers);
        aligned
    }
}

/// Runs `work` on two buffers of this thread, of so many numbers, that hold what was left in them.
pub(super) fn with_buffers<T>(counts: [usize; 2], work: impl FnOnce(&mut [f32], &mut [f32]) -> T) -> T {
    thread_local! {
        static BUFFERS: RefCell<[Aligned; 2]> = RefCell::default();
    }
    BUFFERS.with_borrow_mut(|[first, second]| {
        first.resize(counts[0]);
        second.resize(counts[1]);
        work(first, second)
    })
}
