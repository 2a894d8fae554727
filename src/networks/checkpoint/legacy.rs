//! PyTorch's serialisation before 1.6 (`torch.serialization._legacy_load`).
//!
//! Pickles of a magic number, the protocol version 1001, system information, the object, and the list of
//! storage keys; then for each key a u64 count of elements and the elements, little-endian.

use std::collections::HashMap;

use super::pickle::{self, Value};
use super::reader::Reader;
use super::{Contents, Malformed, state};

/// PROTO 2, LONG1 of 10 bytes: 0x1950a86a20f9469cfc6c, STOP.
const MAGIC: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";

/// Whether the file starts with the magic number.
pub fn is_legacy(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// The floating-point tensors of a file that [`is_legacy`].
pub fn parse(bytes: &[u8]) -> Result<Contents, Malformed> {
    let mut reader = Reader::starting_at(bytes, MAGIC.len());
    if !matches!(pickle::run(&mut reader)?.0, Value::Int(1001)) {
        return Err(Malformed::NotAStateDict("its protocol version is not 1001"));
    }
    let (system, heap) = pickle::run(&mut reader)?;
    // Python keeps only `little_endian`'s presence here; its value is opaque to our machine.
    heap.dict(&system).ok_or(Malformed::NotAStateDict("it has no system information"))?;
    let (root, heap) = pickle::run(&mut reader)?;
    let mut contents = Contents::default();
    let views = state::views(&root, &heap, &mut contents)?;
    let numbers: HashMap<&str, _> =
        views.iter().map(|(_, view)| (&*view.storage.key, view.storage.number)).collect();

    let (keys, keys_heap) = pickle::run(&mut reader)?;
    let keys = keys_heap.sequence(&keys).ok_or(Malformed::Pickle("the storage keys are no list"))?;
    let mut storages = HashMap::new();
    for key in keys {
        let Value::Text(key) = key else { return Err(Malformed::Pickle("a storage key is no text")) };
        let number = numbers.get(&**key).ok_or_else(|| Malformed::NoStorage(key.to_string()))?;
        let size = reader.u64()?.checked_mul(number.size() as u64).ok_or(Malformed::TooMuchSharing)?;
        let storage = reader.take(size, "a storage").map_err(|error| match error {
            Malformed::Truncated { needed, left, .. } => {
                let of = views.iter().find(|(_, view)| view.storage.key == *key);
                let tensor = of.map_or_else(|| key.to_string(), |(name, _)| name.to_string());
                Malformed::TruncatedTensor { tensor, needed, left }
            }
            other => other,
        })?;
        storages.insert(&**key, storage);
    }
    state::tensors(&views, |key| storages.get(key).copied(), bytes.len(), &mut contents)?;
    Ok(contents)
}
