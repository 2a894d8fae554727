//! Features of the images of a manifest, row by row.

use ndarray::Array2;
use npyz::{AutoSerialize as _, WriterBuilder as _};

use super::file;
use crate::dataset::feature_file;
use crate::stage::{Artifact, ArtifactError, Files};

const FILE: &str = "features.npy";

/// `[n, d]`: row `i` belongs to image `i` of the manifest.
#[derive(Clone, Debug, PartialEq)]
pub struct Features(pub Array2<f32>);

impl Artifact for Features {
    fn save(&self) -> Result<Files, ArtifactError> {
        let failed = |error: std::io::Error| ArtifactError(error.to_string());
        let mut bytes = Vec::with_capacity(self.0.len() * 4 + 128);
        let shape: Vec<u64> = self.0.shape().iter().map(|length| *length as u64).collect();
        let options = npyz::WriteOptions::new_header_only().dtype(f32::default_dtype()).shape(&shape);
        options.writer(&mut bytes).write_header_only().map_err(failed)?;
        // All at once: the writer's own way is one by one.
        let header = bytes.len();
        bytes.resize(header + self.0.len() * 4, 0);
        for (to, value) in bytes[header..].as_chunks_mut::<4>().0.iter_mut().zip(&self.0) {
            *to = value.to_le_bytes();
        }
        Ok(Files::from([(FILE.to_owned(), bytes)]))
    }

    fn load(files: &Files) -> Result<Self, ArtifactError> {
        let features = feature_file::from_npy(file(files, FILE)?);
        features.map(Self).map_err(|error| ArtifactError(format!("`{FILE}`: {error}")))
    }
}
