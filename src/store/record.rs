//! Records: what a key stands for. One JSON file per key, small, sealed with its own hash.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::key::{self, Key};
use crate::types::Digest;

/// A blob by content and size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobRef {
    /// blake3 of the bytes.
    pub digest: Digest,
    /// Their number.
    pub bytes: u64,
}

/// What a stage once computed under a key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Stage name, as in `extract-features`.
    pub stage: String,
    /// Version of the stage's code.
    pub version: u32,
    /// The key this record is filed under.
    pub key: Key,
    /// Canonical parameters, inputs included as `{"$input": key}`.
    pub parameters: Value,
    /// The artifact's files.
    pub files: BTreeMap<String, BlobRef>,
    /// Wall time of the computation, in seconds.
    pub seconds: f64,
    /// When it ended, in seconds since 1970.
    pub finished: u64,
}

#[derive(Serialize, Deserialize)]
struct Sealed<T> {
    blake3: Digest,
    content: T,
}

/// JSON text that carries the hash of its content.
pub fn seal<T: Serialize>(content: &T) -> Vec<u8> {
    // Our records hold only strings, numbers and maps with string keys, which always serialise.
    let content = serde_json::to_value(content).unwrap_or(Value::Null);
    let blake3 = key::digest(content.to_string().as_bytes());
    let mut text = serde_json::to_vec_pretty(&Sealed { blake3, content }).unwrap_or_default();
    text.push(b'\n');
    text
}

/// Opens what [`seal`] wrote; `None` when a byte of the content is not as it was.
pub fn unseal<T: DeserializeOwned>(text: &[u8]) -> Option<T> {
    let sealed: Sealed<Value> = serde_json::from_slice(text).ok()?;
    let intact = key::digest(sealed.content.to_string().as_bytes()) == sealed.blake3;
    intact.then(|| serde_json::from_value(sealed.content).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    proptest::proptest! {
        /// Without serde_json's feature `float_roundtrip` some numbers come back a bit off, and the seal breaks.
        #[test]
        fn every_number_comes_back(number: f64, small in 0.0..10.0_f64, single: f32) {
            let content = json!({"number": number, "seconds": small, "single": single});
            proptest::prop_assert_eq!(unseal::<Value>(&seal(&content)), Some(content));
        }
    }

    #[test]
    fn a_flipped_byte_of_the_content_breaks_the_seal() {
        let text = seal(&json!({"seconds": 1.25, "name": "fit"}));
        assert_eq!(unseal::<Value>(&text), Some(json!({"seconds": 1.25, "name": "fit"})));
        let damaged = String::from_utf8(text).unwrap().replace("fit", "fat");
        assert_eq!(unseal::<Value>(damaged.as_bytes()), None);
    }
}
