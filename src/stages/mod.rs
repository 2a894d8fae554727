//! One file per stage: a struct of checked parameters and handles, and what it computes.
//!
//! ```text
//! list-images | draw-stand-in -> inspect-images -> hash-images -> find-duplicates -> split-images
//! inspect-images + weights -> extract-features      (or read-features)
//! inspect-images + split-images + weights -> fine-tune -> extract-features; check-overlap beside it
//! features -> multiply-rows
//! features + multiply-rows + split -> fit-pca, per fold -> train-svm, per fold      (select-penalty before it, for several C)
//! -> evaluate (or classify-by-network), per method -> measure -> report
//! of a sweep all that but measure at every point, and rate-inside, per fold -> report-sweep
//! ```

pub mod count_images;
pub mod draw_embedding;
pub mod draw_examples;
pub mod drawing;
pub mod duplicates;
pub mod embed;
pub mod evaluate;
pub mod extract;
pub mod features;
pub mod fine_tune;
pub(crate) mod fit_rows;
pub mod hash_images;
mod inner_folds;
pub mod inside;
pub mod inspect;
mod known_images;
pub mod leakage;
pub mod list;
pub mod measure;
pub mod multiply_rows;
pub mod network_classifier;
pub mod overlap;
pub mod pca;
pub mod predictions;
pub mod read_features;
pub mod report;
pub mod reported;
pub mod select;
pub mod split;
pub mod stand_in;
pub mod summary;
pub mod svm;
pub mod sweep;
pub mod sweep_choice;
mod sweep_figure;
mod sweep_images;
mod sweep_intervals;
mod sweep_points;
mod sweep_rows;
pub(crate) mod table;
mod tensors;
pub mod training_images;

use crate::stage::{ArtifactError, Files};

/// A file of an artifact; one that is not there means the artifact is not what its stage writes.
fn file<'a>(files: &'a Files, name: &str) -> Result<&'a [u8], ArtifactError> {
    files.get(name).map(Vec::as_slice).ok_or_else(|| ArtifactError(format!("the file `{name}` is missing")))
}

fn to_json<T: serde::Serialize>(value: &T) -> Result<Vec<u8>, ArtifactError> {
    let mut text = serde_json::to_vec_pretty(value).map_err(|error| ArtifactError(error.to_string()))?;
    text.push(b'\n');
    Ok(text)
}

fn from_json<T: serde::de::DeserializeOwned>(files: &Files, name: &str) -> Result<T, ArtifactError> {
    serde_json::from_slice(file(files, name)?).map_err(|error| ArtifactError(format!("`{name}`: {error}")))
}
