//! `fine-tune`: a network whose last layer is new, trained on the images of a data set.
//!
//! Images are decoded once, to a file of squares of a working size in the stage's scratch folder, from which the worker
//! maps what it needs: crops are made from that file while the network trains. Checkpoints lie beside it, so that a
//! stopped or killed training goes on where it was.

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::extract::{not_started, say_unpublished};
use super::inspect::Manifest;
use super::list::Listing;
use super::training_images::{Chosen, TrainingImages};
use super::{file, from_json, to_json};
use crate::fs::Growing;
use crate::images::{self, Preprocess};
use crate::networks::recipe::Recipe;
use crate::networks::worker::protocol::FromWorker;
use crate::networks::worker::{self, Epoch, Training, WorkerError};
use crate::networks::{Device, Input, Precision};
use crate::stage::{Artifact, ArtifactError, Context, Files, Handle, Occupies, Stage, StageError};
use crate::types::{Digest, Emotion};

const WEIGHTS: &str = "weights.safetensors";
const RECORD: &str = "training.json";
/// Images decoded between two looks at whether the run was stopped.
const CHUNK: usize = 256;

/// A trained network and how it was trained.
#[derive(Clone, Debug, PartialEq)]
pub struct Trained {
    /// A safetensors file.
    pub weights: Vec<u8>,
    /// How it went.
    pub record: Record,
}

/// How a training went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Every epoch.
    pub history: Vec<Epoch>,
    /// The epoch, from 1, whose weights were kept.
    pub kept: usize,
    /// Images per emotion that were trained on.
    pub training: [usize; 8],
    /// Images per emotion that were validated on.
    pub validation: [usize; 8],
    /// Threads of libtorch, on which the last bits of the weights depend.
    pub threads: usize,
    /// Where it ran: `cpu` or `cuda`.
    pub device: String,
}

impl Artifact for Trained {
    fn save(&self) -> Result<Files, ArtifactError> {
        let record = to_json(&self.record)?;
        Ok(Files::from([(WEIGHTS.to_owned(), self.weights.clone()), (RECORD.to_owned(), record)]))
    }

    fn load(files: &Files) -> Result<Self, ArtifactError> {
        Ok(Self { weights: file(files, WEIGHTS)?.to_vec(), record: from_json(files, RECORD)? })
    }
}

/// The stage.
#[derive(Serialize)]
pub struct FineTune {
    /// Which images, and the seed of every random choice.
    #[serde(flatten)]
    pub corpus: TrainingImages,
    /// Where the images' bytes are.
    pub listing: Handle<Listing>,
    /// Network name.
    pub network: &'static str,
    /// What enters it.
    pub input: Input,
    /// Digest of the weights that it starts from.
    pub weights: Digest,
    /// How it is trained.
    pub recipe: Recipe,
    /// How images become squares of the working size.
    pub preprocess: Preprocess,
    /// Which code decodes and resizes.
    pub images: &'static str,
    /// Which libtorch trains it.
    pub libtorch: &'static str,
    /// Kind of device: `cpu` or `cuda`.
    pub device: &'static str,
    /// The number format of convolutions and products.
    pub precision: Precision,
    /// Threads of libtorch; those of the run where there are none.
    pub threads: Option<usize>,
    /// Where the images' files lie.
    #[serde(skip)]
    pub folder: PathBuf,
    /// Where the weights lie.
    #[serde(skip)]
    pub weights_file: PathBuf,
    /// The device as asked for.
    #[serde(skip)]
    pub asked_device: Device,
    /// Images with more pixels are refused.
    #[serde(skip)]
    pub max_pixels: u64,
    /// Time between two checkpoints within an epoch.
    #[serde(skip)]
    pub checkpoint_seconds: u64,
}

impl Stage for FineTune {
    const NAME: &'static str = "fine-tune";
    const VERSION: u32 = 1;
    const OCCUPIES: Occupies = Occupies::AllThreads;
    type Output = Trained;

    // The worker holds weights, gradients and activations, and decoded images up to its cache's bound.
    fn memory(&self, inputs: u64) -> u64 {
        (4 << 30) + 4 * inputs
    }

    fn run(&self, context: &Context<'_>) -> Result<Trained, StageError> {
        let manifest = context.get(&self.corpus.manifest)?;
        let chosen = self.corpus.choose(context)?;
        chosen.notice().into_iter().for_each(|notice| context.notice(notice));
        let Chosen { training, validation, .. } = chosen;
        let counts = |places: &[usize]| Emotion::counts(places.iter().map(|&at| manifest.images[at].label));
        say_unpublished(context, &self.weights_file)?;
        let folder = context.scratch()?;
        let pixels = folder.join("images.u8");
        let places: Vec<usize> = training.iter().chain(&validation).copied().collect();
        self.decode(context, &manifest, &places, &pixels)?;

        let threads = self.threads.unwrap_or_else(|| context.threads());
        let request = Training {
            network: self.network.to_owned(),
            input: self.input,
            outputs: Emotion::ALL.len(),
            weights: self.weights_file.clone(),
            recipe: self.recipe.clone(),
            seed: self.corpus.seed.0,
            device: self.asked_device,
            precision: self.precision,
            threads,
            pixels,
            side: self.preprocess.size,
            training: training.len(),
            validation: validation.len(),
            folder,
            checkpoint_seconds: self.checkpoint_seconds,
        };
        let labels: Vec<u8> = places.iter().map(|&at| manifest.images[at].label.index() as u8).collect();
        let (history, kept, weights) = follow(context, &request, &labels)?;
        let record = Record {
            history,
            kept,
            training: counts(&training),
            validation: counts(&validation),
            threads,
            device: self.device.to_owned(),
        };
        Ok(Trained { weights, record })
    }
}

impl FineTune {
    /// Writes all images, `[n, size, size, 3]`, unless an earlier run did.
    fn decode(
        &self,
        context: &Context<'_>,
        manifest: &Manifest,
        places: &[usize],
        path: &Path,
    ) -> Result<(), StageError> {
        let listing = context.get(&self.listing)?;
        let unwritable = |error: crate::fs::FsError| StageError::Failed(format!("{error}: {}", error.source));
        let bytes = places.len() as u64 * u64::from(self.preprocess.size).pow(2) * 3;
        if crate::fs::MappedFile::open(path).is_ok_and(|file| file.len() == bytes) {
            return Ok(());
        }
        let limits = images::Limits { max_pixels: self.max_pixels, ..images::Limits::default() };
        let decode = |&at: &usize| {
            let image = &manifest.images[at];
            let bytes = listing.bytes(image.row as usize, &self.folder)?;
            let bad = |error: images::ImageError| StageError::BadInput(format!("{}: {error}", image.path));
            let pixels = images::decode(&bytes, &limits).map_err(bad)?;
            images::prepare(&pixels, &self.preprocess).map_err(bad)
        };
        let mut file = Growing::begin(path).map_err(unwritable)?;
        for chunk in places.chunks(CHUNK) {
            context.check_cancelled()?;
            let decoded: Vec<Vec<u8>> =
                context.parallel(|| chunk.par_iter().map(decode).collect::<Result<_, StageError>>())?;
            for image in &decoded {
                file.append(image).map_err(unwritable)?;
            }
        }
        file.finish().map_err(unwritable)
    }
}

/// Runs the worker and passes on what it says.
fn follow(
    context: &Context<'_>,
    request: &Training,
    labels: &[u8],
) -> Result<(Vec<Epoch>, usize, Vec<u8>), StageError> {
    let failed = |error: WorkerError| StageError::Failed(error.to_string());
    let program = worker::find_worker().map_err(not_started)?;
    let _turn = worker::turn();
    context.check_cancelled()?;
    let (sender, mut receiver, _guard) = worker::train(&program, request, labels).map_err(not_started)?;
    // Dropped when the run is stopped: the worker then writes a checkpoint and ends.
    let mut sender = Some(sender);
    let mut speed = 0.0;
    loop {
        if context.is_cancelled() {
            sender = None;
        }
        let (news, payload) = receiver.news().map_err(failed)?;
        match news {
            FromWorker::Resumed { step } => {
                context.notice(format!("training goes on from the checkpoint after step {step}"));
            }
            FromWorker::Step { step, steps, images_per_second, .. } => {
                speed = images_per_second;
                context.progress(step, steps);
            }
            FromWorker::EpochDone(epoch) => context.notice(line(&epoch, request, speed)),
            FromWorker::Stopped { .. } => return Err(StageError::Cancelled),
            FromWorker::Trained { history, kept } => {
                drop(sender);
                return Ok((history, kept, payload));
            }
            other => return Err(StageError::Failed(format!("the worker said {other:?} while training"))),
        }
    }
}

/// An epoch in a line.
fn line(epoch: &Epoch, request: &Training, images_per_second: f64) -> String {
    let (per_epoch, steps) = request.recipe.steps(request.training);
    let seconds = (steps - epoch.step.min(steps)) as f64 / per_epoch as f64 * request.training as f64
        / images_per_second.max(1e-9);
    let validation = match (epoch.validation_loss, epoch.validation_accuracy) {
        (Some(loss), Some(accuracy)) => format!("; validation {loss:.3}, {:.1} %", 100.0 * accuracy),
        _ => String::new(),
    };
    format!(
        "epoch {} of {}: loss {:.3}, {:.1} % right{validation}; rate {:.1e}, {images_per_second:.0} images/s, {} left",
        epoch.epoch,
        steps.div_ceil(per_epoch),
        epoch.training_loss,
        100.0 * epoch.training_accuracy,
        epoch.rate,
        duration(seconds),
    )
}

fn duration(seconds: f64) -> String {
    let seconds = seconds.round() as u64;
    match seconds {
        0..=99 => format!("{seconds} s"),
        100..=5999 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}
