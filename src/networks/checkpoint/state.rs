//! From the pickled state dict and the storages to tensors.

use std::collections::BTreeMap;

use super::pickle::{Heap, Value, View};
use super::{Malformed, Tensor};

/// The tensors that a pickle names, as views of storages: of a state dict, or of a training checkpoint that
/// holds one as `state_dict`.
pub fn views<'a>(root: &'a Value, heap: &'a Heap) -> Result<Vec<(&'a str, &'a View)>, Malformed> {
    let items = heap.dict(root).ok_or(Malformed::NotAStateDict("it holds no dict"))?;
    let nested = items.iter().find_map(|(key, value)| match key {
        Value::Text(key) if **key == *"state_dict" => heap.dict(value),
        _ => None,
    });
    let views: Vec<_> = nested
        .unwrap_or(items)
        .iter()
        .filter_map(|item| match item {
            (Value::Text(name), Value::Tensor(view)) => Some((&**name, &**view)),
            _ => None,
        })
        .collect();
    if views.is_empty() {
        return Err(Malformed::NotAStateDict("it names no tensors"));
    }
    Ok(views)
}

/// Copies each floating-point view out of its storage's bytes, which `bytes_of` finds by key.
///
/// All tensors together have at most `budget` elements: views can share a storage, so that a small file may
/// claim any number of them.
pub fn tensors<'a>(
    views: &[(&str, &View)],
    bytes_of: impl Fn(&str) -> Option<&'a [u8]>,
    mut budget: usize,
) -> Result<BTreeMap<String, Tensor>, Malformed> {
    let mut tensors = BTreeMap::new();
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
        if let Some(elements) = storage.number.decode(used) {
            let data = gather(&elements, &view.shape, &view.strides, count);
            tensors.insert(name.to_owned(), Tensor { shape: view.shape.clone(), data });
        }
    }
    Ok(tensors)
}

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

/// The elements in row-major order.
fn gather(elements: &[f32], shape: &[usize], strides: &[usize], count: usize) -> Vec<f32> {
    let mut row_major = 1;
    let contiguous = shape.iter().zip(strides).rev().all(|(&length, &stride)| {
        let fits = length == 1 || stride == row_major;
        row_major *= length;
        fits
    });
    if contiguous || count == 0 {
        return elements[..count].to_vec();
    }
    let mut index = vec![0; shape.len()];
    let mut data = Vec::with_capacity(count);
    loop {
        let at: usize = index.iter().zip(strides).map(|(index, stride)| index * stride).sum();
        data.push(elements[at]);
        // Counts `index` up, the last axis fastest.
        let Some(axis) = (0..shape.len()).rev().find(|&axis| index[axis] + 1 < shape[axis]) else {
            return data;
        };
        index[axis] += 1;
        index[axis + 1..].fill(0);
    }
}
