//! Why an experiment cannot be planned.

use std::path::PathBuf;

use crate::dataset::card::CardError;
use crate::dataset::listing::ListingError;
use crate::dataset::published::PublishedError;
use crate::dataset::stand_in::StandInError;
use crate::fs::FsError;
use crate::store::StoreError;

/// What is missing or wrong; all of it is in the user's hands but the store's own failures.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum PlanError {
    #[error("the data set `{name}` is not at `{}`", path.display())]
    NoDataset { name: String, path: PathBuf, hint: String },
    #[error("there are no stand-in drawings for the data set `{name}`")]
    NoStandIn { name: String },
    #[error("{0}")]
    Listing(#[from] ListingError),
    #[error("{0}")]
    StandIn(#[from] StandInError),
    #[error("{0}")]
    Card(#[from] CardError),
    #[error("the weights of `{network}` are not at `{}`", path.display())]
    NoWeights { network: &'static str, path: PathBuf },
    #[error("`{network}` comes without weights")]
    NoPublishedWeights { network: &'static str, origin: &'static str },
    #[error("the features of `{method}` are not at `{}`", path.display())]
    NoFeatures { method: String, path: PathBuf },
    #[error("this emolab was built without libtorch, so it cannot run `{network}`")]
    WithoutTorch { network: &'static str },
    #[error("this emolab's libtorch has no CUDA, so it cannot use `{device}`")]
    NoCuda { device: String },
    #[error("there is no `{}`, which says where the new set lies", path.display())]
    NoExperiment { path: PathBuf },
    #[error("{0}")]
    Published(#[from] PublishedError),
    #[error("`{}` has a method `{name}`, and so has the experiment", path.display())]
    PublishedName { name: String, path: PathBuf },
    #[error("row `i` of a features file is row `i` of a manifest, and a drawn stand-in has none")]
    FeaturesOfStandIn,
    #[error("at the point {point}: {source}")]
    AtPoint { point: String, source: Box<PlanError> },
    #[error(transparent)]
    Fs(#[from] FsError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl PlanError {
    /// The way out, where it is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::AtPoint { source, .. } => source.hint(),
            Self::NoDataset { hint, .. } => Some(hint.clone()),
            Self::NoStandIn { .. } => Some(
                "stand-ins exist for `iaps-subset`, `abstract` and `artphoto`; leave out `stand_in`"
                    .to_owned(),
            ),
            Self::NoWeights { .. } => {
                Some("run `just setup`, or name a file: `weights = \"...\"` in the `[[method]]`".to_owned())
            }
            Self::NoPublishedWeights { origin, .. } => Some(format!(
                "name a file of your own: `weights = \"...\"` in the `[[method]]`; they come from {origin}"
            )),
            Self::NoFeatures { .. } => Some("relative paths start at the project's folder".to_owned()),
            Self::WithoutTorch { .. } => {
                Some("run `just build`, or: just setup && cargo build --release --features torch".to_owned())
            }
            Self::NoCuda { .. } => Some(
                "set `device = \"cpu\"` in `[compute]`, or rebuild with LIBTORCH or LIBTORCH_USE_PYTORCH=1 \
                 pointing to a libtorch that has CUDA"
                    .to_owned(),
            ),
            Self::PublishedName { .. } => {
                Some("call one of them something else, as in `Fine-tuned-CNN (2016)`".to_owned())
            }
            Self::FeaturesOfStandIn => {
                Some("put the real data set in place, or leave the method out".to_owned())
            }
            _ => None,
        }
    }

    /// Whether the user's input is at fault, rather than the machine.
    pub fn is_bad_input(&self) -> bool {
        match self {
            Self::AtPoint { source, .. } => source.is_bad_input(),
            other => !matches!(other, Self::Fs(_) | Self::Store(_)),
        }
    }
}
