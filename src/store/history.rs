//! The stages an experiment last had, so that a miss can be explained by what changed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Key, Store, StoreError, record};
use crate::fs;

/// One stage as it last ran.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Past {
    /// Its key then.
    pub key: Key,
    /// Version of the stage's code then.
    pub version: u32,
    /// Its canonical parameters then.
    pub parameters: Value,
}

/// Stage label, as in `fit-pca ImageNet-CNN fold 3`, to how it last ran.
pub type History = BTreeMap<String, Past>;

impl Store {
    /// What `experiment` last ran; empty when it never did or the file is damaged.
    pub fn history(&self, experiment: &str) -> History {
        let text = fs::read(&self.history_path(experiment)).unwrap_or_default();
        record::unseal(&text).unwrap_or_default()
    }

    /// Remembers what `experiment` ran.
    pub fn write_history(&self, experiment: &str, history: &History) -> Result<(), StoreError> {
        if self.history(experiment) != *history {
            fs::write_atomic(&self.history_path(experiment), &record::seal(history))?;
        }
        Ok(())
    }

    fn history_path(&self, experiment: &str) -> std::path::PathBuf {
        self.root.join("history").join(format!("{experiment}.json"))
    }
}
