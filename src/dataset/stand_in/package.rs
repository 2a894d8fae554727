//! Reading one JSON file of an installed package, with errors that say what to do.

use std::path::Path;

use serde::Deserialize;

use super::StandInError;
use crate::fs;

/// The file's bytes.
pub(super) fn read(file: &Path) -> Result<Vec<u8>, StandInError> {
    fs::read(file).map_err(|error| {
        if error.is_missing() {
            StandInError::MissingPackage { file: file.to_owned() }
        } else {
            StandInError::Read(error)
        }
    })
}

/// The bytes as JSON; `file` is named in the error.
pub(super) fn parse<'a, T: Deserialize<'a>>(file: &Path, bytes: &'a [u8]) -> Result<T, StandInError> {
    serde_json::from_slice(bytes).map_err(|source| StandInError::Damaged { file: file.to_owned(), source })
}
