//! From the pickled state dict and the storages to tensors.

use super::pickle::{Heap, Value, View};
use super::{Contents, LeftOut, Malformed, Tensor};

/// The tensors that a pickle names, as views of storages: of a state dict, or of a training checkpoint that
/// holds one as `state_dict`. What is no tensor is noted in `contents`.
pub fn views<'a>(
    root: &'a Value,
    heap: &'a Heap,
    contents: &mut Contents,
) -> Result<Vec<(&'a str, &'a View)>, Malformed> {
    let items = heap.dict(root).ok_or(Malformed::NotAStateDict("it holds no dict"))?;
    let is_state_dict = |key: &Value| matches!(key, Value::Text(key) if **key == *"state_dict");
    let nested = items.iter().find_map(|(key, value)| heap.dict(value).filter(|_| is_state_dict(key)));
    let mut leave_out = |name: &Value, why| {
        let name = if let Value::Text(name) = name { &**name } else { "a key that is no text" };
        contents.left_out.insert(name.to_owned(), why);
    };
    if nested.is_some() {
        let beside = items.iter().filter(|(key, _)| !is_state_dict(key));
        beside.for_each(|(key, _)| leave_out(key, LeftOut::BesideStateDict));
    }
    let mut views = Vec::new();
    for (name, value) in nested.unwrap_or(items) {
        match (name, value) {
            (Value::Text(name), Value::Tensor(view)) => views.push((&**name, &**view)),
            (name, Value::Sequence(_) | Value::Dict(_)) => leave_out(name, LeftOut::Nested),
            (name, _) => leave_out(name, LeftOut::NoTensor),
        }
    }
    if views.is_empty() {
        return Err(Malformed::NotAStateDict("it names no tensors"));
    }
    Ok(views)
}

/// Copies each floating-point view out of its storage's bytes, which `bytes_of` finds by key, into `contents`.
///
/// All tensors together have at most `budget` elements: views can share a storage, so that a small file may
/// claim any number of them.
pub fn tensors<'a>(
    views: &[(&str, &View)],
    bytes_of: impl Fn(&str) -> Option<&'a [u8]>,
    mut budget: usize,
    contents: &mut Contents,
) -> Result<(), Malformed> {
    for &(name, view) in views {
        let storage = &view.storage;
        let bytes = bytes_of(&storage.key).ok_or_else(|| Malformed::NoStorage(storage.key.to_string()))?;
        let outside = || Malformed::OutOfStorage {
            tensor: name.to_owned(),
            shape: view.shape.clone(),
            numel: storage.numel,
        };
        let whole = storage.numel.checked_mul(storage.number.size()).and_then(|size| bytes.get(..size));
        let (first, count) = extent(view).ok_or_else(outside)?;
        budget = budget.checked_sub(count).ok_or(Malformed::TooMuchSharing)?;
        let range = first * storage.number.size()..;
        let from_first = whole.and_then(|whole| whole.get(range)).ok_or_else(outside)?;
        let used = from_first.get(..span(view) * storage.number.size()).ok_or_else(outside)?;
        let of = |data| Tensor { shape: view.shape.clone(), data };
        let size = storage.number.size();
        let tensor = if used.len() / size <= FEW_BETWEEN * count.max(1) {
            let elements = storage.number.decode(used);
            elements.map(|elements| of(gather(&view.shape, &view.strides, count, |at| elements[at])))
        } else {
            // One by one: many small views of one large storage must not decode it many times.
            let one = |at: usize| storage.number.decode(&used[at * size..(at + 1) * size])?.first().copied();
            one(0).map(|_| of(gather(&view.shape, &view.strides, count, |at| one(at).unwrap_or_default())))
        };
        contents.insert(name.to_owned(), storage.number, tensor);
    }
    Ok(())
}

/// A view that spans at most so many elements for each of its own is decoded whole.
const FEW_BETWEEN: usize = 4;

/// Position of the first element and number of elements, if all lie within the storage.
fn extent(view: &View) -> Option<(usize, usize)> {
    let first = view.offset.checked_add(view.storage.offset)?;
    let count = view.shape.iter().try_fold(1_usize, |count, &length| count.checked_mul(length))?;
    let mut end = first;
    if count > 0 {
        for (&length, &stride) in view.shape.iter().zip(&view.strides) {
            end = end.checked_add((length - 1).checked_mul(stride)?)?;
        }
        end = end.checked_add(1)?;
    }
    (end <= view.storage.numel).then_some((first, count))
}

/// Elements from the first to the last one of a view that [`extent`] has checked.
fn span(view: &View) -> usize {
    if view.shape.contains(&0) {
        return 0;
    }
    1 + view.shape.iter().zip(&view.strides).map(|(length, stride)| (length - 1) * stride).sum::<usize>()
}

/// The elements in row-major order, each by its distance from the first.
fn gather(shape: &[usize], strides: &[usize], count: usize, element: impl Fn(usize) -> f32) -> Vec<f32> {
    let mut row_major = 1;
    let contiguous = shape.iter().zip(strides).rev().all(|(&length, &stride)| {
        let fits = length == 1 || stride == row_major;
        row_major *= length;
        fits
    });
    if contiguous || count == 0 {
        return (0..count).map(element).collect();
    }
    let mut index = vec![0; shape.len()];
    let mut data = Vec::with_capacity(count);
    loop {
        data.push(element(index.iter().zip(strides).map(|(index, stride)| index * stride).sum()));
        // Counts `index` up, the last axis fastest.
        let Some(axis) = (0..shape.len()).rev().find(|&axis| index[axis] + 1 < shape[axis]) else {
            return data;
        };
        index[axis] += 1;
        index[axis + 1..].fill(0);
    }
}
