//! The page that shows finished runs: one HTML file with all in it, and a local server of such pages.
//!
//! ```text
//! results/<run>/ + the run's images -> Run (what the page says) -> template -> one HTML file
//! ```
//!
//! Reads results folders and what the store holds of their stages; computes nothing but thumbnails. A run that lacks
//! something (an older one, one whose images or store are gone) has a page that lacks it and says so. The same
//! results give the same bytes.

mod cite;
mod confusion;
mod data;
mod figures;
mod originals;
mod overview;
mod page;
mod paper;
mod provenance;
mod rates;
mod run;
pub mod serve;
mod table;
mod tables;
mod tested;

use base64::Engine as _;

pub use originals::Originals;
pub use page::{Shown, page};
pub use paper::Paper;
pub use run::{Run, Sources};

use crate::fs::FsError;

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum ReportError {
    #[error(transparent)]
    Fs(#[from] FsError),
    #[error("`{}` is no results folder: it has no readable run.json", folder.display())]
    NoRecord { folder: std::path::PathBuf },
    #[error("`{name}` cannot be read: {reason}")]
    Table { name: String, reason: String },
    #[error(transparent)]
    Parity(#[from] crate::parity::ParityError),
    #[error("the page cannot be put together; this is a defect of emolab")]
    Template(#[from] minijinja::Error),
}

/// As it stands in data URIs and in content security policies.
fn base64(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
