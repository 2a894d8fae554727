//! What a report leaves: files for the results folder, and what the terminal shows of them.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{from_json, to_json};
use crate::stage::{Artifact, ArtifactError, Files};

const SUMMARY: &str = "summary.json";

/// Files for the results folder, and what the terminal shows of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Reported<S> {
    /// By name, ready to be written.
    pub files: Files,
    /// What was found, in numbers.
    pub summary: S,
}

impl<S: Serialize + DeserializeOwned + Send + Sync + 'static> Artifact for Reported<S> {
    fn save(&self) -> Result<Files, ArtifactError> {
        let mut files = self.files.clone();
        files.insert(SUMMARY.to_owned(), to_json(&self.summary)?);
        Ok(files)
    }

    fn load(files: &Files) -> Result<Self, ArtifactError> {
        let summary = from_json(files, SUMMARY)?;
        let mut files = files.clone();
        files.remove(SUMMARY);
        Ok(Self { files, summary })
    }
}
