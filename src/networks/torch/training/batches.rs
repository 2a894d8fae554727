//! Batches made ahead of the training, on threads of their own: a bounded number of them is in memory.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread;

use emolab::fs::MappedFile;
use emolab::images::augment::{Augmentation, Crop, augment};
use emolab::networks::random::{Purpose, Stream};
use emolab::networks::sampler;
use emolab::networks::worker::Training;

/// Batches that each thread keeps ready.
const AHEAD: usize = 2;
/// Threads that make batches, at most.
const THREADS: usize = 4;

/// Images ready for the network.
#[derive(Debug)]
pub struct Batch {
    /// `[b, side, side, 3]`
    pub pixels: Vec<u8>,
    /// `[b]`
    pub labels: Vec<u8>,
}

/// The images of a training, in a file that is mapped piece by piece.
#[derive(Clone)]
pub struct Images {
    file: Arc<MappedFile>,
    labels: Arc<Vec<u8>>,
    /// Side of an image in the file.
    side: u32,
    /// Side of the network's input.
    size: u32,
}

impl Images {
    /// Opens the file of a request.
    pub fn open(training: &Training, labels: &[u8]) -> Result<Self, String> {
        let file =
            MappedFile::open(&training.pixels).map_err(|error| format!("{error}: {}", error.source))?;
        let images = training.training + training.validation;
        let expected = images as u64 * u64::from(training.side).pow(2) * 3;
        if file.len() != expected || labels.len() != images {
            let (bytes, labels) = (file.len(), labels.len());
            return Err(format!(
                "{images} images need {expected} bytes and as many labels, not {bytes} and {labels}"
            ));
        }
        let (file, labels) = (Arc::new(file), Arc::new(labels.to_vec()));
        Ok(Self { file, labels, side: training.side, size: training.input.side })
    }

    /// Image `at`, altered.
    fn image(&self, at: u32, augmentation: &Augmentation, stream: &mut Stream) -> Result<Vec<u8>, String> {
        let bytes = u64::from(self.side).pow(2) * 3;
        let window = self.file.window(u64::from(at) * bytes, bytes);
        let window = window.map_err(|error| format!("{error}: {}", error.source))?;
        let mut uniform = |low, high| stream.between(low, high);
        augment(&window, self.side, self.size, augmentation, &mut uniform).map_err(|error| error.to_string())
    }

    fn batch(
        &self,
        places: &[u32],
        augmentation: &Augmentation,
        stream: impl Fn(usize) -> Stream,
    ) -> Result<Batch, String> {
        let mut pixels = Vec::with_capacity(places.len() * self.size as usize * self.size as usize * 3);
        for (number, &at) in places.iter().enumerate() {
            pixels.extend(self.image(at, augmentation, &mut stream(number))?);
        }
        let labels = places.iter().filter_map(|&at| self.labels.get(at as usize)).copied().collect();
        Ok(Batch { pixels, labels })
    }

    /// The validation images in their order, unaltered, in batches of at most `size`.
    pub fn validation(
        &self,
        training: &Training,
        size: usize,
    ) -> impl Iterator<Item = Result<Batch, String>> + use<> {
        let unaltered = Augmentation { crop: Crop::Centre, mirror: false, jitter: 0.0 };
        let (first, end) = (training.training as u32, self.labels.len() as u32);
        let (images, seed) = (self.clone(), training.seed);
        let starts = (first..end).step_by(size.max(1));
        starts.map(move |start| {
            let places: Vec<u32> = (start..end.min(start + size as u32)).collect();
            images.batch(&places, &unaltered, |_| Stream::new(seed, Purpose::Subset))
        })
    }

    /// The training batches of an epoch from step `from` on, made ahead, in order.
    pub fn epoch(
        &self,
        training: &Training,
        epoch: u64,
        from: usize,
    ) -> impl Iterator<Item = Result<Batch, String>> + use<> {
        let recipe = &training.recipe;
        let labels = self.labels.get(..training.training).unwrap_or_default();
        let order = Arc::new(sampler::order(training.seed, epoch, labels, recipe.balanced));
        let (size, seed, augmentation) = (recipe.batch.max(1), training.seed, recipe.augmentation);
        let threads = training.threads.clamp(1, THREADS);
        let makers: Vec<Receiver<Result<Batch, String>>> = (0..threads)
            .map(|first| {
                let (sender, receiver) = mpsc::sync_channel(AHEAD);
                let (images, order) = (self.clone(), order.clone());
                thread::spawn(move || {
                    let batches = order.chunks(size).enumerate();
                    for (number, places) in batches.skip(from + first).step_by(threads) {
                        let stream = |within: usize| {
                            let place = (number * size + within) as u64;
                            Stream::new(seed, Purpose::Augmentation { epoch, place })
                        };
                        if sender.send(images.batch(places, &augmentation, stream)).is_err() {
                            return;
                        }
                    }
                });
                receiver
            })
            .collect();
        let steps = order.len().div_ceil(size);
        (0..steps.saturating_sub(from)).map(move |number| {
            let made = makers.get(number % threads).and_then(|maker| maker.recv().ok());
            made.unwrap_or_else(|| Err("a thread that makes batches ended".to_owned()))
        })
    }
}
