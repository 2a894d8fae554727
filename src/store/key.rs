//! Keys and content digests; the only place that hashes.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::types::Digest;

/// Names what a stage computes: hash of its name, version, parameters and input keys.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(pub Digest);

impl Key {
    /// The key of stage `name` at `version` with these parameters.
    ///
    /// Inputs stand among the parameters as `{"$input": key}`, so that a key covers all that lies before it.
    /// The order of object fields does not matter.
    pub fn of(name: &str, version: u32, parameters: &Value) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("emolab 2026 stage key v1");
        hash_text(&mut hasher, name);
        hasher.update(&version.to_le_bytes());
        hash_value(&mut hasher, parameters);
        Self(Digest(*hasher.finalize().as_bytes()))
    }

    /// The first twelve hexadecimal digits: enough for a person.
    pub fn short(self) -> String {
        self.0.to_hex()[..12].to_owned()
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.short())
    }
}

/// Content digest of some bytes.
pub fn digest(bytes: &[u8]) -> Digest {
    Digest(*blake3::hash(bytes).as_bytes())
}

/// Content digest of what a reader yields, without holding it in memory.
pub fn digest_reader(mut reader: impl std::io::Read) -> std::io::Result<Digest> {
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 1 << 17];
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok(Digest(*hasher.finalize().as_bytes())),
            read => hasher.update(&buffer[..read]),
        };
    }
}

fn hash_text(hasher: &mut blake3::Hasher, text: &str) {
    hasher.update(&(text.len() as u64).to_le_bytes());
    hasher.update(text.as_bytes());
}

/// Each kind of value has a tag and each variable-length one its length, so that no two values hash alike.
fn hash_value(hasher: &mut blake3::Hasher, value: &Value) {
    match value {
        Value::Null => {
            hasher.update(b"n");
        }
        Value::Bool(flag) => {
            hasher.update(if *flag { b"t" } else { b"f" });
        }
        Value::Number(number) => {
            hasher.update(b"#");
            hash_text(hasher, &number.to_string());
        }
        Value::String(text) => {
            hasher.update(b"s");
            hash_text(hasher, text);
        }
        Value::Array(items) => {
            hasher.update(b"[");
            hasher.update(&(items.len() as u64).to_le_bytes());
            for item in items {
                hash_value(hasher, item);
            }
        }
        Value::Object(fields) => {
            hasher.update(b"{");
            hasher.update(&(fields.len() as u64).to_le_bytes());
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(name, _)| *name);
            for (name, field) in fields {
                hash_text(hasher, name);
                hash_value(hasher, field);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_order_of_fields_changes_no_key_and_every_value_does() {
        let key = |value: &Value| Key::of("stage", 1, value);
        assert_eq!(key(&json!({"a": 1, "b": [2, 3]})), key(&json!({"b": [2, 3], "a": 1})));
        let others = [
            json!({"a": 1, "b": [3, 2]}),
            json!({"a": 1, "b": [2, 3], "c": null}),
            json!({"a": "1", "b": [2, 3]}),
            json!({"a": 1.0, "b": [2, 3]}),
            json!({"a": 1, "b": [[2], 3]}),
        ];
        for other in &others {
            assert_ne!(key(&json!({"a": 1, "b": [2, 3]})), key(other), "{other}");
        }
    }

    #[test]
    fn name_and_version_are_part_of_the_key() {
        let value = json!({});
        assert_ne!(Key::of("a", 1, &value), Key::of("b", 1, &value));
        assert_ne!(Key::of("a", 1, &value), Key::of("a", 2, &value));
    }

    #[test]
    fn a_reader_digests_as_its_bytes_do() {
        let bytes: Vec<u8> = (0..300_000).map(|i| (i % 251) as u8).collect();
        assert_eq!(digest_reader(bytes.as_slice()).unwrap(), digest(&bytes));
    }
}
