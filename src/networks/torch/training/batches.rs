//! Batches of a training: each is made on the training's threads between two steps, which would use the same cores. Beside a
//! GPU's steps they are made ahead; a bounded number of them is in memory.

use std::sync::Arc;
use std::sync::mpsc;
use std::thread;

use emolab::fs::MappedFile;
use emolab::images::augment::{Augmentation, Crop, augment};
use emolab::networks::random::{Purpose, Stream};
use emolab::networks::sampler;
use emolab::networks::worker::Training;
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

/// Batches that are kept ready for a GPU.
const AHEAD: usize = 4;

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
    /// What makes batches.
    pool: Arc<ThreadPool>,
    /// While the last one is computed.
    is_ahead: bool,
}

impl Images {
    /// Opens the file of a request; batches are made ahead where a step leaves the processor free.
    pub fn open(training: &Training, labels: &[u8], is_ahead: bool) -> Result<Self, String> {
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
        let pool = ThreadPoolBuilder::new().num_threads(training.threads.max(1)).build();
        let pool = Arc::new(pool.map_err(|error| error.to_string())?);
        Ok(Self { file, labels, side: training.side, size: training.input.side, pool, is_ahead })
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
        stream: impl Fn(usize) -> Stream + Sync,
    ) -> Result<Batch, String> {
        let image = |(number, &at): (usize, &u32)| self.image(at, augmentation, &mut stream(number));
        let images =
            self.pool.install(|| places.par_iter().enumerate().map(image).collect::<Result<Vec<_>, _>>());
        let labels = places.iter().filter_map(|&at| self.labels.get(at as usize)).copied().collect();
        Ok(Batch { pixels: images?.concat(), labels })
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

    /// The training batches of an epoch from step `from` on, in order.
    pub fn epoch(
        &self,
        training: &Training,
        epoch: u64,
        from: usize,
    ) -> Box<dyn Iterator<Item = Result<Batch, String>>> {
        let recipe = &training.recipe;
        let labels = self.labels.get(..training.training).unwrap_or_default();
        let order = sampler::order(training.seed, epoch, labels, recipe.balanced);
        let (size, seed, augmentation) = (recipe.batch.max(1), training.seed, recipe.augmentation);
        let (images, steps) = (self.clone(), order.len().div_ceil(size));
        let batches = (from..steps).map(move |number| {
            let places = order.chunks(size).nth(number).unwrap_or_default();
            images.batch(places, &augmentation, |within| {
                let place = (number * size + within) as u64;
                Stream::new(seed, Purpose::Augmentation { epoch, place })
            })
        });
        if self.is_ahead { Box::new(ahead(batches)) } else { Box::new(batches) }
    }
}

/// The same batches, made on a thread of their own.
fn ahead(
    batches: impl ExactSizeIterator<Item = Result<Batch, String>> + Send + 'static,
) -> impl Iterator<Item = Result<Batch, String>> {
    let (count, (sender, receiver)) = (batches.len(), mpsc::sync_channel(AHEAD));
    thread::spawn(move || {
        for batch in batches {
            if sender.send(batch).is_err() {
                return;
            }
        }
    });
    let ended = |_| Err("the thread that makes batches ended".to_owned());
    (0..count).map(move |_| receiver.recv().unwrap_or_else(ended))
}
