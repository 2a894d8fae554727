//! Weights files: named tensors out of what PyTorch and safetensors write, executing nothing.
//!
//! - `.pth`/`.pt` before PyTorch 1.6: a run of pickles, then raw storages ([`legacy`]);
//! - `.pth`/`.pt` since: a zip archive of one pickle and one file per storage ([`archive`]);
//! - `.safetensors`.
//!
//! A pickle is a program. Ours runs on a machine ([`pickle`]) that knows tensors and containers only; a file
//! that names anything else is refused by that name. Every length that a file claims is checked against the
//! bytes that are there, so that no file can cause a panic or an allocation larger than a few times its size.

mod archive;
mod legacy;
mod malformed;
mod number;
mod pickle;
mod reader;
mod safetensors;
mod state;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use malformed::Malformed;

use crate::fs::{self, FsError};

/// A tensor in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Lengths of its axes; empty for a single number.
    pub shape: Vec<usize>,
    /// As many numbers as the product of `shape`.
    pub data: Vec<f32>,
}

/// The floating-point tensors of a weights file, by name. Tensors of integers (batch counters) are left out.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    path: PathBuf,
    tensors: BTreeMap<String, Tensor>,
}

/// Why a weights file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The file is absent or unreadable.
    #[error(transparent)]
    Read(#[from] FsError),
    /// The file is not a weights file, or is damaged.
    #[error("cannot read weights from `{}`", path.display())]
    Malformed {
        /// The weights file.
        path: PathBuf,
        /// What is wrong.
        source: Malformed,
    },
    /// The file holds the weights of another network.
    #[error("`{}` does not hold the weights of {network}:{}", path.display(), list(problems))]
    Mismatch {
        /// The weights file.
        path: PathBuf,
        /// The network that was to be loaded.
        network: String,
        /// Every tensor that does not fit.
        problems: Vec<Mismatch>,
    },
}

/// A tensor that a network needs and a file does not have in that shape.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{tensor}`: expected shape {expected:?}, found {}", found.as_ref().map_or("nothing".to_owned(), |shape| format!("{shape:?}")))]
pub struct Mismatch {
    /// Name of the tensor.
    pub tensor: String,
    /// Its shape in the network.
    pub expected: Vec<usize>,
    /// Its shape in the file, if there is one of that name.
    pub found: Option<Vec<usize>>,
}

/// The first problems, a line each, and the number of the others.
fn list(problems: &[Mismatch]) -> String {
    const SHOWN: usize = 8;
    let mut lines: Vec<String> = problems.iter().take(SHOWN).map(ToString::to_string).collect();
    if problems.len() > SHOWN {
        lines.push(format!("and {} more", problems.len() - SHOWN));
    }
    format!("\n  {}", lines.join("\n  "))
}

impl Checkpoint {
    /// Reads a weights file; its format is told by its first bytes.
    pub fn read(path: &Path) -> Result<Self, CheckpointError> {
        let bytes = fs::read(path)?;
        match parse(&bytes) {
            Ok(tensors) => Ok(Self { path: path.to_owned(), tensors }),
            Err(source) => Err(CheckpointError::Malformed { path: path.to_owned(), source }),
        }
    }

    /// All tensors, by name.
    pub const fn tensors(&self) -> &BTreeMap<String, Tensor> {
        &self.tensors
    }

    /// Checks that every tensor of `expected` (name, shape) is there, and reports all that are not.
    pub fn check<'a>(
        &self,
        network: &str,
        expected: impl IntoIterator<Item = (&'a str, &'a [usize])>,
    ) -> Result<(), CheckpointError> {
        let problems: Vec<Mismatch> = expected
            .into_iter()
            .filter_map(|(name, shape)| {
                let found = self.tensors.get(name).map(|tensor| &tensor.shape);
                (found.map(Vec::as_slice) != Some(shape)).then(|| Mismatch {
                    tensor: name.to_owned(),
                    expected: shape.to_vec(),
                    found: found.cloned(),
                })
            })
            .collect();
        if problems.is_empty() {
            return Ok(());
        }
        Err(CheckpointError::Mismatch { path: self.path.clone(), network: network.to_owned(), problems })
    }
}

/// The floating-point tensors of a weights file's bytes.
pub fn parse(bytes: &[u8]) -> Result<BTreeMap<String, Tensor>, Malformed> {
    if bytes.starts_with(b"PK") {
        archive::parse(bytes)
    } else if legacy::is_legacy(bytes) {
        legacy::parse(bytes)
    } else if bytes.get(8) == Some(&b'{') {
        safetensors::parse(bytes)
    } else {
        Err(Malformed::UnknownFormat)
    }
}
