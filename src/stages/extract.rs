//! `extract-features`: a layer of a network, run over every image of the manifest.
//!
//! Rows are kept per image while the stage runs: a stopped run continues, a changed image costs one row, and data
//! sets that share an image share its row. Images are decoded by this process, a few batches ahead of the forward
//! passes, which run in the worker process; so however many images there are, a handful of batches is in memory.

use std::path::PathBuf;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use ndarray::Array2;
use rayon::prelude::*;
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

/// Images per forward pass; the features do not depend on it.
const BATCH: usize = 16;
/// Batches decoded ahead of the forward pass.
const AHEAD: usize = 3;
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
        let failed = |error: WorkerError| StageError::Failed(error.to_string());
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
        let (mut sender, mut receiver, guard) = started.split();
        let (decoded_in, decoded_out) = mpsc::sync_channel::<Result<(Vec<u8>, usize), StageError>>(AHEAD);
        let (sent_in, sent_out) = mpsc::sync_channel::<Result<usize, StageError>>(AHEAD);
        let mut kept = Kept { from: 0, since: Instant::now() };
        std::thread::scope(|scope| {
            // Decodes ahead; ends early when the other side hangs up.
            let listing = &listing;
            scope.spawn(move || {
                for batch in missing.chunks(BATCH) {
                    let pixels = self.decode(context, manifest, listing, batch);
                    let stop = pixels.is_err();
                    if decoded_in.send(pixels.map(|pixels| (pixels, batch.len()))).is_err() || stop {
                        return;
                    }
                }
            });
            // Feeds the worker; a batch is in flight while the one before is computed.
            scope.spawn(move || {
                for decoded in decoded_out {
                    let sent = decoded.and_then(|(pixels, count)| {
                        match sender.send(&pixels, count) {
                            // Why it takes no more comes from the receiver.
                            Ok(()) | Err(WorkerError::Closed) => Ok(count),
                            Err(error) => Err(failed(error)),
                        }
                    });
                    let stop = sent.is_err();
                    if sent_in.send(sent).is_err() || stop {
                        return;
                    }
                }
            });
            let mut done = 0;
            for sent in sent_out {
                let received = sent.and_then(|count| {
                    context.check_cancelled()?;
                    Ok((receiver.receive().map_err(failed)?, count))
                });
                let kept_now = received.and_then(|(rows, count)| {
                    for (row, &at) in
                        rows.chunks_exact(self.extraction.width).zip(&missing[done..done + count])
                    {
                        self.check(manifest, at, row)?;
                        features.row_mut(at).iter_mut().zip(row).for_each(|(to, from)| *to = *from);
                    }
                    done += count;
                    context.progress(done, missing.len());
                    let old = kept.since.elapsed() > KEEP_AFTER;
                    if done == missing.len() || old || done - kept.from >= KEEP_ROWS {
                        self.keep(context, manifest, &missing[kept.from..done], features)?;
                        kept = Kept { from: done, since: Instant::now() };
                    }
                    Ok(())
                });
                if let Err(error) = kept_now {
                    // What is finished stays even now; the worker is killed, so nobody waits for it.
                    let finished = self.keep(context, manifest, &missing[kept.from..done], features);
                    drop(guard);
                    return Err(error).or_else(|error| finished.and(Err(error)));
                }
            }
            if done == missing.len() {
                Ok(())
            } else {
                Err(StageError::Failed(format!("only {done} of {} images came back", missing.len())))
            }
        })
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

    /// Pixels of a batch, `[b, size, size, 3]`.
    fn decode(
        &self,
        context: &Context<'_>,
        manifest: &Manifest,
        listing: &Listing,
        batch: &[usize],
    ) -> Result<Vec<u8>, StageError> {
        context.check_cancelled()?;
        let limits = images::Limits { max_pixels: self.max_pixels, ..images::Limits::default() };
        let decode = |&at: &usize| {
            let image = &manifest.images[at];
            let bytes = listing.bytes(image.row as usize, &self.folder)?;
            let bad = |error: images::ImageError| StageError::BadInput(format!("{}: {error}", image.path));
            let pixels = images::decode(&bytes, &limits).map_err(bad)?;
            images::prepare(&pixels, &self.extraction.preprocess).map_err(bad)
        };
        let decoded: Vec<Vec<u8>> =
            context.parallel(|| batch.par_iter().map(decode).collect::<Result<_, StageError>>())?;
        Ok(decoded.concat())
    }
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

struct Kept {
    from: usize,
    since: Instant,
}
