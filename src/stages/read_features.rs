//! `read-features`: features made elsewhere, by the same door as our own.

use std::path::PathBuf;

use ndarray::Axis;
use serde::Serialize;

use super::features::Features;
use super::inspect::Manifest;
use crate::dataset::feature_file::{self, FeatureFileError};
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
    const VERSION: u32 = 2;
    type Output = Features;

    // The file may hold f64, and is read as a whole; then come the rows of the manifest.
    fn memory(&self, inputs: u64) -> u64 {
        3 * crate::fs::length(&self.file).unwrap_or(0) + 5 * inputs + (8 << 20)
    }

    fn run(&self, context: &Context<'_>) -> Result<Features, StageError> {
        let manifest = context.get(&self.manifest)?;
        let bad = |error: FeatureFileError| {
            let reasons = std::iter::successors(std::error::Error::source(&error), |error| error.source());
            StageError::BadInput(reasons.fold(error.to_string(), |text, reason| format!("{text}: {reason}")))
        };
        let features = feature_file::read(&self.file).map_err(bad)?;
        feature_file::check(&self.file, &features, manifest.listed).map_err(bad)?;
        if let Some(paths) = feature_file::read_paths(&self.file).map_err(bad)? {
            self.check_order(&manifest, &paths).map_err(bad)?;
        }
        let rows: Vec<usize> = manifest.images.iter().map(|image| image.row as usize).collect();
        Ok(Features(features.select(Axis(0), &rows)))
    }
}

impl ReadFeatures {
    /// Compares file names: folders are often written from elsewhere.
    fn check_order(&self, manifest: &Manifest, paths: &[String]) -> Result<(), FeatureFileError> {
        let name = |path: &str| path.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
        for image in &manifest.images {
            let row = image.row as usize;
            let Some(found) = paths.get(row).filter(|found| name(found) != name(&image.path)) else {
                continue;
            };
            let (found, expected) = (found.clone(), image.path.clone());
            return Err(FeatureFileError::WrongImage {
                path: self.file.clone(),
                row: row + 1,
                found,
                expected,
            });
        }
        Ok(())
    }
}
