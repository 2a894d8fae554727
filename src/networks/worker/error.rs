//! What can go wrong between parent and child.

use std::io;
use std::path::PathBuf;

/// Why the worker cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// There is no worker program.
    #[error(
        "cannot find the program `emolab-torch`, which runs CNNs (looked at {}): build emolab with its default feature `torch` after `just setup`",
        quoted(places)
    )]
    Missing {
        /// Where it was looked for.
        places: Vec<PathBuf>,
    },
    /// The operating system cannot start it.
    #[error("cannot start `{}`", program.display())]
    Start {
        /// The worker's program.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The child says what went wrong.
    #[error("{0}")]
    Failed(String),
    /// The child ended or was killed.
    #[error("the worker died ({status}){}", last_lines(stderr))]
    Died {
        /// Its exit status in words.
        status: String,
        /// The last lines that it wrote to its standard error.
        stderr: Vec<String>,
    },
    /// The child takes no more batches; the receiver knows why.
    #[error("the worker takes no more images")]
    Closed,
    /// A batch that is not `[images, side, side, 3]`.
    #[error(
        "{images} images of {bytes} bytes in all do not fit a network that takes {expected} bytes an image"
    )]
    Shape {
        /// Images in the batch.
        images: usize,
        /// Its bytes.
        bytes: usize,
        /// Bytes per image of the network.
        expected: usize,
    },
    /// The child answers something else than was asked.
    #[error("the worker's answer makes no sense: {0}")]
    Protocol(String),
}

impl WorkerError {
    /// Whether what kept the worker from starting is in the user's hands: no such program, other weights.
    pub const fn is_bad_input(&self) -> bool {
        matches!(self, Self::Missing { .. } | Self::Start { .. } | Self::Failed(_))
    }
}

fn quoted(places: &[PathBuf]) -> String {
    places.iter().map(|place| format!("`{}`", place.display())).collect::<Vec<_>>().join(", ")
}

fn last_lines(stderr: &[String]) -> String {
    if stderr.is_empty() { String::new() } else { format!("; its last words:\n  {}", stderr.join("\n  ")) }
}
