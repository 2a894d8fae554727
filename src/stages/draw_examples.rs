//! `draw-examples`: some images of each emotion, drawn by lot: figure 1.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use serde::Serialize;

use super::drawing::{Drawing, drawn};
use super::inspect::{Image, Manifest};
use super::list::Listing;
use crate::figures::example_images::{ExampleImages, svg};
use crate::figures::tables::field;
use crate::figures::{Columns, Heading};
use crate::images::{self, Limits};
use crate::stage::{Context, Handle, Stage, StageError};
use crate::store::key;
use crate::types::{Digest, Emotion, Seed};

/// Side of an image in pixels.
const SIDE: u32 = 256;

/// The stage.
#[derive(Serialize)]
pub struct DrawExamples {
    /// Which images there are.
    pub manifest: Handle<Manifest>,
    /// Where their bytes are.
    pub listing: Handle<Listing>,
    /// Images of an emotion.
    pub per_emotion: usize,
    /// Of the lot.
    pub seed: Seed,
    /// Names the files: `figure1`.
    pub name: &'static str,
    /// Title of the figure.
    pub title: String,
    /// How wide it is.
    pub columns: Columns,
    /// Said in the figure when drawings stand in for the data set.
    pub stand_in: Option<String>,
    /// What decodes and resizes.
    pub images: &'static str,
    /// Where the files lie.
    #[serde(skip)]
    pub folder: PathBuf,
    /// Images with more pixels are refused.
    #[serde(skip)]
    pub max_pixels: u64,
}

impl Stage for DrawExamples {
    const NAME: &'static str = "draw-examples";
    const VERSION: u32 = 3;
    type Output = Drawing;

    fn run(&self, context: &Context<'_>) -> Result<Drawing, StageError> {
        let (manifest, listing) = (context.get(&self.manifest)?, context.get(&self.listing)?);
        let limits = Limits { max_pixels: self.max_pixels, ..Limits::default() };
        let mut pictures: [Vec<Vec<u8>>; 8] = Default::default();
        let mut table = "emotion,image,group,data_set\n".to_owned();
        for emotion in Emotion::ALL {
            for image in chosen(&manifest, emotion, self.per_emotion, self.seed) {
                let bytes = listing.bytes(image.row as usize, &self.folder)?;
                let bad =
                    |error: images::ImageError| StageError::BadInput(format!("{}: {error}", image.path));
                let picture =
                    images::square(&images::decode(&bytes, &limits).map_err(bad)?, SIDE).map_err(bad)?;
                pictures[emotion.index()].push(picture);
                let data_set = self.stand_in.as_deref().unwrap_or("as named");
                // Writing to a string cannot fail.
                let _ = writeln!(
                    table,
                    "{emotion},{},{},{}",
                    field(&image.path),
                    field(&image.group),
                    field(data_set)
                );
            }
        }
        let heading = Heading {
            title: self.title.clone(),
            warnings: self.stand_in.iter().cloned().collect(),
            subtitle: Vec::new(),
        };
        let notes = vec![format!("Drawn by lot (seed {}), one of a group at most.", self.seed.0)];
        let figure =
            ExampleImages { heading, columns: self.columns, pictures, per_emotion: self.per_emotion, notes };
        let mut files = drawn(self.name, svg(&figure))?;
        files.insert(format!("{}.csv", self.name), table.into_bytes());
        Ok(Drawing(files))
    }
}

/// The first images of an emotion in the seed's order, which does not depend on the order of the manifest; of a group,
/// or of equal bytes, only the first.
fn chosen(manifest: &Manifest, emotion: Emotion, count: usize, seed: Seed) -> Vec<&Image> {
    let lot = |image: &Image| key::digest(format!("figure 1, {}, {}", seed.0, image.path).as_bytes());
    let mut images: Vec<(Digest, &Image)> = manifest
        .images
        .iter()
        .filter(|image| image.label == emotion)
        .map(|image| (lot(image), image))
        .collect();
    images.sort_by_key(|(lot, _)| *lot);
    let (mut groups, mut contents) = (HashSet::new(), HashSet::new());
    let new = |image: &&Image| {
        let is_new_group = groups.insert(image.group.clone());
        is_new_group && image.digest.is_none_or(|digest| contents.insert(digest))
    };
    images.into_iter().map(|(_, image)| image).filter(new).take(count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let image = |at: u32| Image {
            row: at,
            path: format!("fear/{at}.png"),
            label: if at < 8 { Emotion::Fear } else { Emotion::Awe },
            group: format!("group {}", at / 2),
            digest: Some(key::digest(&[at as u8 / 4])),
        };
        Manifest { images: (0..10).map(image).collect(), ..Manifest::default() }
    }

    #[test]
    fn the_lot_depends_on_the_seed_and_not_on_the_order_and_takes_one_of_a_group_and_of_equal_bytes() {
        let manifest = manifest();
        let paths = |manifest: &Manifest, seed| -> Vec<String> {
            chosen(manifest, Emotion::Fear, 3, Seed(seed))
                .into_iter()
                .map(|image| image.path.clone())
                .collect()
        };
        let first = paths(&manifest, 1);
        assert_eq!(first.len(), 2, "eight images, of two contents: {first:?}");
        let mut reversed = manifest.clone();
        reversed.images.reverse();
        assert_eq!(paths(&reversed, 1), first);
        assert!((2..40).any(|seed| paths(&manifest, seed) != first));
    }
}
