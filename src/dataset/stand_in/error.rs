//! Why the stand-in images cannot be drawn.

use std::path::PathBuf;

use crate::fs::FsError;
use crate::types::Emotion;

/// Why the stand-in images cannot be drawn. A single drawing that fails is left out and is not an error.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what each field is")]
pub enum StandInError {
    #[error("`{}` is missing: run `just setup`", file.display())]
    MissingPackage { file: PathBuf },
    #[error(transparent)]
    Read(FsError),
    #[error("`{}` is damaged: run `just setup`", file.display())]
    Damaged { file: PathBuf, source: serde_json::Error },
    #[error("the stand-in's word lists cannot be read")]
    WordLists(#[from] toml::de::Error),
    #[error("the stand-in's word lists give `{word}` to both {first} and {second}")]
    SharedWord { word: String, first: Emotion, second: Emotion },
    #[error("images of {size} x {size} pixels cannot be drawn: the side must be 1 to 4096")]
    Size { size: u32 },
    #[error("cancelled")]
    Cancelled,
}
