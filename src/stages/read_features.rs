//! `read-features`: features made elsewhere, by the same door as our own.

use std::path::PathBuf;

use ndarray::Axis;
use serde::Serialize;

use super::features::Features;
use super::inspect::Manifest;
use crate::dataset::feature_file;
use crate::stage::{Context, Handle, Stage, StageError};
use crate::types::Digest;

/// The stage.
#[derive(Serialize)]
pub struct ReadFeatures {
    /// Whose rows the file holds.
    pub manifest: Handle<Manifest>,
    /// Digest of the file.
    pub content: Digest,
    /// Where it lies.
    #[serde(skip)]
    pub file: PathBuf,
}

impl Stage for ReadFeatures {
    const NAME: &'static str = "read-features";
    const VERSION: u32 = 1;
    type Output = Features;

    // The file may hold f64, and is read as a whole; then come the rows of the manifest.
    fn memory(&self, inputs: u64) -> u64 {
        3 * crate::fs::length(&self.file).unwrap_or(0) + 5 * inputs + (8 << 20)
    }

    fn run(&self, context: &Context<'_>) -> Result<Features, StageError> {
        let manifest = context.get(&self.manifest)?;
        let bad = |error: feature_file::FeatureFileError| {
            let reasons = std::iter::successors(std::error::Error::source(&error), |error| error.source());
            StageError::BadInput(reasons.fold(error.to_string(), |text, reason| format!("{text}: {reason}")))
        };
        let features = feature_file::read(&self.file).map_err(bad)?;
        feature_file::check(&self.file, &features, manifest.listed).map_err(bad)?;
        let rows: Vec<usize> = manifest.images.iter().map(|image| image.row as usize).collect();
        Ok(Features(features.select(Axis(0), &rows)))
    }
}
