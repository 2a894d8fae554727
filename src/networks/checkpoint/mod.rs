//! Weights files: named tensors out of what PyTorch and safetensors write, executing nothing.
//!
//! - `.pth`/`.pt` before PyTorch 1.6: a run of pickles, then raw storages (`legacy`);
//! - `.pth`/`.pt` since: a zip archive of one pickle and one file per storage (`archive`);
//! - `.safetensors`;
//! - Caffe's `.caffemodel` (`caffemodel`);
//! - NumPy's `.npz` (`npz`).
//!
//! A pickle is a program. Ours runs on a machine (`pickle`) that knows tensors and containers only; a file
//! that names anything else is refused by that name. Every length that a file claims is checked against the
//! bytes that are there, so that no file can cause a panic or an allocation larger than a few times its size.

mod archive;
mod caffemodel;
mod contents;
mod legacy;
mod malformed;
mod npz;
mod number;
mod pickle;
mod reader;
mod safetensors;
mod state;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

pub use contents::{Contents, LeftOut};
pub use malformed::Malformed;

use super::architecture::Expected;
use crate::fs::{self, FsError};

/// A tensor in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Lengths of its axes; empty for a single number.
    pub shape: Vec<usize>,
    /// As many numbers as the product of `shape`.
    pub data: Vec<f32>,
}

/// The floating-point tensors of a weights file, by name. What else it holds, such as batch counters, is left out.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    path: PathBuf,
    contents: Contents,
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
        /// Every tensor in which they differ.
        problems: Vec<Mismatch>,
    },
}

/// A tensor in which a network and a file differ.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// The network needs it, the file does not have it.
    #[error("missing `{tensor}` of shape {expected:?}")]
    Missing {
        /// Its name.
        tensor: String,
        /// Its shape in the network.
        expected: Vec<usize>,
    },
    /// Both have it.
    #[error("`{tensor}` has shape {found:?}, expected {expected:?}")]
    Shape {
        /// Its name.
        tensor: String,
        /// Its shape in the network.
        expected: Vec<usize>,
        /// Its shape in the file.
        found: Vec<usize>,
    },
    /// The file has it, the network does not.
    #[error("extra `{tensor}` of shape {found:?}")]
    Extra {
        /// Its name.
        tensor: String,
        /// Its shape in the file.
        found: Vec<usize>,
    },
}

impl Mismatch {
    const fn kind(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "missing",
            Self::Shape { .. } => "of another shape",
            Self::Extra { .. } => "extra",
        }
    }
}

/// The first differences of each kind, a line each, and the number of the others.
fn list(problems: &[Mismatch]) -> String {
    const SHOWN: usize = 6;
    let mut lines = Vec::new();
    for kind in ["missing", "of another shape", "extra"] {
        let all: Vec<&Mismatch> = problems.iter().filter(|problem| problem.kind() == kind).collect();
        lines.extend(all.iter().take(SHOWN).map(ToString::to_string));
        if all.len() > SHOWN {
            lines.push(format!("and {} more {kind}", all.len() - SHOWN));
        }
    }
    format!("\n  {}", lines.join("\n  "))
}

impl Checkpoint {
    /// Reads a weights file; its format is told by its first bytes.
    pub fn read(path: &Path) -> Result<Self, CheckpointError> {
        Self::parse(path, &fs::read(path)?)
    }

    /// As [`Checkpoint::read`], with the file's bytes.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self, CheckpointError> {
        match contents(bytes) {
            Ok(contents) => Ok(Self { path: path.to_owned(), contents }),
            Err(source) => Err(CheckpointError::Malformed { path: path.to_owned(), source }),
        }
    }

    /// Of these tensors, as if read from a file.
    pub fn of(tensors: BTreeMap<String, Tensor>) -> Self {
        Self { path: PathBuf::from("memory"), contents: Contents::of(tensors) }
    }

    /// All tensors, by name.
    pub const fn tensors(&self) -> &BTreeMap<String, Tensor> {
        &self.contents.tensors
    }

    /// The tensors, and what is told of all else in the file.
    pub const fn contents(&self) -> &Contents {
        &self.contents
    }

    /// Checks that the file holds the tensors of `expected` and no others, and reports every difference.
    ///
    /// Tensors of the layer `ignored`, a classifier that is not used, may have any shape or be absent.
    pub fn check(
        &self,
        network: &str,
        expected: &[Expected],
        ignored: Option<&str>,
    ) -> Result<(), CheckpointError> {
        let problems = self.differences(expected, ignored);
        if problems.is_empty() {
            return Ok(());
        }
        Err(CheckpointError::Mismatch { path: self.path.clone(), network: network.to_owned(), problems })
    }

    /// What [`Checkpoint::check`] reports: what is missing or misshaped, then what is extra.
    pub fn differences(&self, expected: &[Expected], ignored: Option<&str>) -> Vec<Mismatch> {
        let is_ignored = |name: &str| {
            ignored.is_some_and(|layer| name.strip_prefix(layer).is_some_and(|rest| rest.starts_with('.')))
        };
        let needed = expected.iter().filter(|tensor| !is_ignored(&tensor.name));
        let mut problems: Vec<Mismatch> = needed
            .filter_map(|Expected { name, shape }| match self.tensors().get(name) {
                None => Some(Mismatch::Missing { tensor: name.clone(), expected: shape.clone() }),
                Some(found) if found.shape != *shape => Some(Mismatch::Shape {
                    tensor: name.clone(),
                    expected: shape.clone(),
                    found: found.shape.clone(),
                }),
                Some(_) => None,
            })
            .collect();
        let known: HashSet<&str> = expected.iter().map(|tensor| &*tensor.name).collect();
        let extra = self.tensors().iter().filter(|(name, _)| !known.contains(&***name) && !is_ignored(name));
        problems.extend(
            extra.map(|(name, found)| Mismatch::Extra { tensor: name.clone(), found: found.shape.clone() }),
        );
        problems
    }
}

/// Who wrote a weights file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `numpy.savez`
    Npz,
    /// `torch.save` since 1.6
    Zip,
    /// `torch.save` before
    Legacy,
    /// `safetensors`
    Safetensors,
    /// Caffe
    Caffe,
}

impl Format {
    /// By a file's first bytes; Caffe's have no mark of their own, so that this one is a guess.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        if bytes.starts_with(b"PK") {
            Some(if npz::is_npz(bytes) { Self::Npz } else { Self::Zip })
        } else if legacy::is_legacy(bytes) {
            Some(Self::Legacy)
        } else if bytes.get(8) == Some(&b'{') {
            Some(Self::Safetensors)
        } else {
            caffemodel::may_be(bytes).then_some(Self::Caffe)
        }
    }

    /// As people call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Npz => "NumPy npz",
            Self::Zip => "PyTorch state dict",
            Self::Legacy => "PyTorch state dict, before 1.6",
            Self::Safetensors => "safetensors",
            Self::Caffe => "caffemodel",
        }
    }
}

/// The floating-point tensors of a weights file's bytes.
pub fn parse(bytes: &[u8]) -> Result<BTreeMap<String, Tensor>, Malformed> {
    contents(bytes).map(|contents| contents.tensors)
}

/// The floating-point tensors of a weights file's bytes, and what else is there.
pub fn contents(bytes: &[u8]) -> Result<Contents, Malformed> {
    let contents = match Format::of(bytes) {
        Some(Format::Npz) => npz::parse(bytes),
        Some(Format::Zip) => archive::parse(bytes),
        Some(Format::Legacy) => legacy::parse(bytes),
        Some(Format::Safetensors) => safetensors::parse(bytes),
        Some(Format::Caffe) => caffemodel::parse(bytes).map(Contents::of),
        None => Err(Malformed::UnknownFormat),
    };
    contents?.finish()
}
