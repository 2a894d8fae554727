//! Which images of a data set a network is trained and validated on: what a split gives, without those that were
//! submitted for labelling, and at most so many of a class.
//!
//! The training and the check of what it is evaluated on both ask here, so that they cannot differ.

use serde::Serialize;

use super::hash_images::Hashes;
use super::inspect::Manifest;
use super::known_images::{Told, look_for};
use super::split::Split;
use crate::networks::random::{Purpose, Stream};
use crate::split::Part;
use crate::stage::{Context, Handle, StageError};
use crate::types::{Emotion, Seed};

/// The images of a training. Its fields stand in the stage's own parameters.
#[derive(Clone, Copy, Serialize)]
pub struct TrainingImages {
    /// Labels.
    pub manifest: Handle<Manifest>,
    /// Which images are trained on and which validated on.
    pub split: Handle<Split>,
    /// Images that must be neither: those that were submitted for labelling.
    pub excluded: Option<Excluded>,
    /// So many images of a class are drawn, at most.
    pub max_per_class: Option<usize>,
    /// Of that draw, and of every other random choice of the training.
    pub seed: Seed,
}

/// Images that are left out, and how they are known again: by equal bytes, equal decoded pixels, or nearly.
#[derive(Clone, Copy, Serialize)]
pub struct Excluded {
    /// Which.
    pub manifest: Handle<Manifest>,
    /// What tells them.
    pub hashes: Handle<Hashes>,
    /// What tells the training's own.
    pub own_hashes: Handle<Hashes>,
    /// Bits in which the perceptual hashes of near-duplicates differ, at most.
    pub near_duplicate_distance: u32,
}

/// What was chosen, by place in the manifest.
#[derive(Debug)]
pub(super) struct Chosen {
    pub training: Vec<usize>,
    pub validation: Vec<usize>,
    /// Of either, how many were excluded.
    pub left_out: [usize; 2],
}

impl TrainingImages {
    /// Chooses them.
    ///
    /// # Errors
    /// None is left to train on.
    pub(super) fn choose(&self, context: &Context<'_>) -> Result<Chosen, StageError> {
        let (manifest, split) = (context.get(&self.manifest)?, context.get(&self.split)?);
        let [mut training, mut validation] =
            [Part::Train, Part::Validation].map(|part| split.positions(part));
        let mut left_out = [0, 0];
        if let Some(excluded) = &self.excluded {
            let (other, hashes) = (context.get(&excluded.manifest)?, context.get(&excluded.hashes)?);
            let own = context.get(&excluded.own_hashes)?;
            let all: Vec<usize> = (0..other.images.len()).collect();
            let known = Told { manifest: &other, hashes: &hashes, places: &all };
            for (places, left_out) in [&mut training, &mut validation].into_iter().zip(&mut left_out) {
                let sought = Told { manifest: &manifest, hashes: &own, places };
                let found = look_for(context, sought, known, excluded.near_duplicate_distance);
                let kept = places.iter().zip(&found).filter(|(_, found)| found.is_none()).map(|(at, _)| *at);
                let kept: Vec<usize> = kept.collect();
                *left_out = places.len() - kept.len();
                *places = kept;
            }
        }
        if let Some(most) = self.max_per_class {
            training = draw(&training, &manifest, most, self.seed);
        }
        if training.is_empty() {
            let all = match left_out[0] {
                0 => String::new(),
                all => {
                    format!(": all {all} were submitted for labelling\nname another data set as `exclude`")
                }
            };
            return Err(StageError::BadInput(format!("there are no images to train on{all}")));
        }
        Ok(Chosen { training, validation, left_out })
    }
}

impl Chosen {
    /// What is said of the images that were excluded; nothing without any.
    pub(super) fn notice(&self) -> Option<String> {
        let [training, validation] = self.left_out;
        (training + validation > 0).then(|| {
            format!(
                "{training} images to train on and {validation} to validate on were submitted for labelling, or nearly \
                 equal one that was, and are left out"
            )
        })
    }
}

/// At most `most` images of each class, drawn with the seed, in the order of the manifest.
fn draw(places: &[usize], manifest: &Manifest, most: usize, seed: Seed) -> Vec<usize> {
    let mut stream = Stream::new(seed.0, Purpose::Subset);
    let mut drawn = Vec::new();
    for emotion in Emotion::ALL {
        let of_class = |at: &&usize| manifest.images[**at].label == emotion;
        let mut class: Vec<usize> = places.iter().filter(of_class).copied().collect();
        stream.shuffle(&mut class);
        class.truncate(most);
        drawn.extend(class);
    }
    drawn.sort_unstable();
    drawn
}
