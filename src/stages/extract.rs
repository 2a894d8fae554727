//! `extract-features`: a layer of a network, run over every image of the manifest.
//!
//! Rows are kept per image while the stage runs: a stopped run continues, a changed image costs one row, and data
//! sets that share an image share its row. Images are decoded by this process, forward passes run in the worker process
//! (`lanes`); however many images there are, those of one batch for each thread are in memory.

mod lanes;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use ndarray::Array2;
use serde::Serialize;
use serde_json::json;

use super::features::Features;
use super::fine_tune::Trained;
use super::inspect::Manifest;
use super::list::Listing;
use crate::images::{self, Preprocess};
use crate::networks::worker::{self, Request, WorkerError};
use crate::networks::{Device, Input, Precision};
use crate::stage::{Context, Extractor, Handle, Occupies, Stage, StageError};
use crate::store::Key;
use crate::types::{Digest, Emotion};

/// Most images of a batch; the features do not depend on it.
const BATCH: usize = 16;
/// Batches for each thread, if there are images enough, so that all end at about the same time.
const BATCHES_PER_THREAD: usize = 4;
/// Finished rows go to disk when so many or so old.
const KEEP_ROWS: usize = 2048;
const KEEP_AFTER: Duration = Duration::from_secs(5);

/// What decides the bytes of a feature, besides the image's.
#[derive(Clone, Debug, Serialize)]
pub struct Extraction {
    /// Network name.
    pub network: &'static str,
    /// Layer name.
    pub layer: &'static str,
    /// Its width, `d`.
    pub width: usize,
    /// What enters the network.
    pub input: Input,
    /// The number format in which it runs.
    pub precision: Precision,
    /// Its weights.
    pub weights: Weights,
    /// How images meet the network's input.
    pub preprocess: Preprocess,
    /// Which code decodes and resizes.
    pub images: &'static str,
    /// Which libtorch runs the network.
    pub libtorch: &'static str,
    /// Kind of device: `cpu` or `cuda`.
    pub device: &'static str,
}

/// Where weights come from.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Weights {
    /// A file with that digest.
    File(Digest),
    /// A training.
    Trained(Handle<Trained>),
}

impl Extraction {
    /// The name under which rows are shared.
    pub fn extractor(&self) -> Extractor {
        Extractor(Key::of("extractor", ExtractFeatures::VERSION, &json!(self)))
    }
}

/// The stage.
#[derive(Serialize)]
pub struct ExtractFeatures {
    /// Which images.
    pub manifest: Handle<Manifest>,
    /// Where their bytes are.
    pub listing: Handle<Listing>,
    /// What is computed of each.
    pub extraction: Extraction,
    /// Names the shared rows.
    pub extractor: Extractor,
    /// Where the images' files lie.
    #[serde(skip)]
    pub folder: PathBuf,
    /// Where the weights lie, unless they are trained.
    #[serde(skip)]
    pub weights_file: PathBuf,
    /// The device as asked for.
    #[serde(skip)]
    pub device: Device,
    /// Images with more pixels are refused; they did not come through inspection.
    #[serde(skip)]
    pub max_pixels: u64,
}

impl Stage for ExtractFeatures {
    const NAME: &'static str = "extract-features";
    const VERSION: u32 = 4;
    const OCCUPIES: Occupies = Occupies::AllThreads;
    type Output = Features;

    // The worker holds the network, its activations and a batch; the features are here twice.
    fn memory(&self, inputs: u64) -> u64 {
        (1 << 30) + 32 * inputs
    }

    fn run(&self, context: &Context<'_>) -> Result<Features, StageError> {
        let manifest = context.get(&self.manifest)?;
        let digests: Vec<Digest> = manifest.images.iter().filter_map(|image| image.digest).collect();
        if digests.len() != manifest.images.len() {
            return Err(StageError::Failed("the manifest was made without reading the images".to_owned()));
        }
        let width = self.extraction.width;
        let known = context.rows(self.extractor, width, &digests)?;
        for reason in &known.damaged {
            context.notice(format!("features kept earlier are damaged and computed again: {reason}"));
        }
        let mut features = Array2::zeros((digests.len(), width));
        let mut missing = Vec::new();
        let mut seen = std::collections::HashMap::new();
        for (at, digest) in digests.iter().enumerate() {
            if let Some(row) = known.get(digest) {
                features.row_mut(at).assign(&row);
            } else if seen.insert(digest, at).is_none() {
                missing.push(at);
            }
        }
        drop(known);
        if !missing.is_empty() {
            self.compute(context, &manifest, &missing, &mut features)?;
        }
        // The same image twice in a manifest is computed once.
        let first: std::collections::HashMap<&Digest, usize> =
            missing.iter().map(|&at| (&digests[at], at)).collect();
        for (at, digest) in digests.iter().enumerate() {
            if let Some(&source) = first.get(digest)
                && source != at
            {
                let row = features.row(source).to_owned();
                features.row_mut(at).assign(&row);
            }
        }
        Ok(Features(features))
    }
}

impl ExtractFeatures {
    fn compute(
        &self,
        context: &Context<'_>,
        manifest: &Manifest,
        missing: &[usize],
        features: &mut Array2<f32>,
    ) -> Result<(), StageError> {
        let listing = context.get(&self.listing)?;
        let (weights, outputs) = match &self.extraction.weights {
            Weights::File(_) => {
                say_unpublished(context, &self.weights_file)?;
                (self.weights_file.clone(), None)
            }
            Weights::Trained(trained) => {
                let path = context.scratch()?.join("weights.safetensors");
                let written = crate::fs::write_atomic(&path, &context.get(trained)?.weights);
                written.map_err(|error| StageError::Failed(format!("{error}: {}", error.source)))?;
                (path, Some(Emotion::ALL.len()))
            }
        };
        let request = Request {
            network: self.extraction.network.to_owned(),
            input: self.extraction.input,
            layer: self.extraction.layer.to_owned(),
            width: self.extraction.width,
            outputs,
            weights,
            device: self.device,
            precision: self.extraction.precision,
            threads: context.threads(),
        };
        let program = worker::find_worker().map_err(not_started)?;
        let _turn = worker::turn();
        context.check_cancelled()?;
        let started = worker::start(&program, &request).map_err(not_started)?;
        let batches: Vec<&[usize]> =
            missing.chunks(batch_size(missing.len(), context.threads(), started.images_per_pass)).collect();
        let (sender, receiver, guard) = started.split();
        let mut kept = Kept { finished: Vec::new(), since: Instant::now() };
        let mut done = 0;
        let made = lanes::compute(
            context.threads(),
            batches.len(),
            (sender, receiver),
            |batch| Ok((self.decode(context, manifest, &listing, batches[batch])?, batches[batch].len())),
            |batch, rows| {
                for (row, &at) in rows.chunks_exact(self.extraction.width).zip(batches[batch]) {
                    self.check(manifest, at, row)?;
                    features.row_mut(at).iter_mut().zip(row).for_each(|(to, from)| *to = *from);
                    kept.finished.push(at);
                }
                done += batches[batch].len();
                context.progress(done, missing.len());
                if kept.since.elapsed() > KEEP_AFTER || kept.finished.len() >= KEEP_ROWS {
                    self.keep(context, manifest, &kept.finished, features)?;
                    kept = Kept { finished: Vec::new(), since: Instant::now() };
                }
                context.check_cancelled()
            },
        );
        // What is finished stays even after an error; the worker is killed, so nobody waits for it.
        let finished = self.keep(context, manifest, &kept.finished, features);
        drop(guard);
        made.and(finished)
    }

    /// Whether a network's numbers are numbers: with damaged weights they are not, and nothing later can tell why.
    fn check(&self, manifest: &Manifest, at: usize, row: &[f32]) -> Result<(), StageError> {
        let Some(number) = row.iter().position(|number| !number.is_finite()) else { return Ok(()) };
        let Extraction { network, layer, .. } = &self.extraction;
        let way_out = match &self.extraction.weights {
            Weights::File(_) => format!("look at the weights `{}`", self.weights_file.display()),
            Weights::Trained(_) => "lower the `rate` of its training".to_owned(),
        };
        Err(StageError::BadInput(format!(
            "{}: number {number} of layer `{layer}` of `{network}` is {}\n{way_out}, or set `precision = \"f32\"` in its \
             `[[method]]`",
            manifest.images[at].path, row[number]
        )))
    }

    fn keep(
        &self,
        context: &Context<'_>,
        manifest: &Manifest,
        done: &[usize],
        features: &Array2<f32>,
    ) -> Result<(), StageError> {
        if done.is_empty() {
            return Ok(());
        }
        let images: Vec<Digest> = done.iter().filter_map(|&at| manifest.images[at].digest).collect();
        let rows = features.select(ndarray::Axis(0), done);
        context.keep_rows(self.extractor, &images, rows.view())
    }

    /// Pixels of the images of a batch, `[b, size, size, 3]`.
    fn decode(
        &self,
        context: &Context<'_>,
        manifest: &Manifest,
        listing: &Listing,
        batch: &[usize],
    ) -> Result<Vec<u8>, StageError> {
        let limits = images::Limits { max_pixels: self.max_pixels, ..images::Limits::default() };
        let mut pixels = Vec::new();
        for &at in batch {
            context.check_cancelled()?;
            let image = &manifest.images[at];
            let bytes = listing.bytes(image.row as usize, &self.folder)?;
            let bad = |error: images::ImageError| StageError::BadInput(format!("{}: {error}", image.path));
            let decoded = images::decode(&bytes, &limits).map_err(bad)?;
            pixels.extend(images::prepare(&decoded, &self.extraction.preprocess).map_err(bad)?);
        }
        Ok(pixels)
    }
}

/// Images of a batch: whole forward passes.
fn batch_size(images: usize, threads: usize, images_per_pass: usize) -> usize {
    let even = images.div_ceil(BATCHES_PER_THREAD * threads.max(1)).min(BATCH);
    even.next_multiple_of(images_per_pass.max(1)).max(1)
}

/// A worker that did not start.
#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
pub(super) fn not_started(error: WorkerError) -> StageError {
    let kind = if error.is_bad_input() { StageError::BadInput } else { StageError::Failed };
    kind(error.to_string())
}

/// Says it when a weights file has a published name and other bytes than were published.
pub(super) fn say_unpublished(context: &Context<'_>, file: &std::path::Path) -> Result<(), StageError> {
    let bytes =
        crate::fs::read(file).map_err(|error| StageError::BadInput(format!("{error}: {}", error.source)))?;
    if let Err(warning) = crate::networks::card::published(file, &bytes) {
        context.notice(format!("warning: the weights `{}`: {warning}", file.display()));
    }
    Ok(())
}

/// Rows that are finished and not on disk.
struct Kept {
    /// Places in the manifest.
    finished: Vec<usize>,
    since: Instant,
}
