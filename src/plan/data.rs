//! A data set's own stages: listing or drawing, inspection, split.

use std::sync::Arc;

use super::graph::Graph;
use super::sources::{self, Found};
use super::{Places, PlanError};
use crate::config::experiment::{Dataset, OnBadImage};
use crate::dataset::card::{self, Card};
use crate::images;
use crate::stage::Handle;
use crate::stages::duplicates::FindDuplicates;
use crate::stages::hash_images::{HashImages, Hashes};
use crate::stages::inspect::{Decoding, InspectImages, Manifest};
use crate::stages::leakage::{Gate, Policy};
use crate::stages::list::{ListImages, Listing};
use crate::stages::overlap::SameGroups;
use crate::stages::split::{Division, Split, SplitImages};
use crate::store::{Store, key};
use crate::types::{Digest, Emotion, Seed};

/// A data set in the graph.
pub(super) struct Data {
    pub images: Images,
    /// The first repetition's.
    pub split: Handle<Split>,
    /// Those of all repetitions.
    pub splits: Vec<Handle<Split>>,
    pub division: Division,
    /// What it is called in figures.
    pub title: String,
    /// Said everywhere when drawings stand in for it.
    pub stand_in: Option<String>,
    pub digest: Digest,
    /// As the experiment calls it.
    name: String,
    /// How it differs from its card.
    pub notices: Vec<String>,
}

/// The images of a data set, and where they lie.
pub(super) struct Images {
    pub listing: Handle<Listing>,
    pub manifest: Handle<Manifest>,
    /// Where the files lie; empty for drawings.
    pub folder: std::path::PathBuf,
    max_pixels: u64,
    label: String,
}

impl Images {
    /// What tells images that are the same.
    pub fn hashes(&self, graph: &mut Graph) -> Handle<Hashes> {
        let code = [images::DECODER, images::HASH_VERSION];
        let stage = HashImages {
            manifest: self.manifest,
            listing: self.listing,
            code,
            extractor: HashImages::extractor(code),
            folder: self.folder.clone(),
            max_pixels: self.max_pixels,
        };
        graph.add(format!("hash-images{}", self.label), stage)
    }
}

/// Ends the labels of a repetition's stages, where there are several.
pub(super) fn repeat_label(repeat: usize, repeats: usize) -> String {
    if repeats > 1 { format!(" repeat {repeat}") } else { String::new() }
}

/// How a data set is split.
#[derive(Clone, Copy)]
pub(super) struct Splitting {
    pub division: Division,
    /// How often, each time with another seed.
    pub repeats: usize,
    pub stratified: bool,
    pub grouped: bool,
    pub seed: Seed,
    /// The table that says what is split, for messages.
    pub table: &'static str,
    pub leakage: Policy,
    pub near_duplicate_distance: u32,
}

impl Data {
    /// Finds a data set and adds its stages; `label` ends their labels.
    pub fn add(
        graph: &mut Graph,
        dataset: &Dataset,
        splitting: Splitting,
        read_images: bool,
        label: &str,
        (store, places): (&Store, &Places),
    ) -> Result<Self, PlanError> {
        let sourced = source(graph, dataset, read_images, label, (store, places))?;
        let images = sourced.images(dataset, label);
        let Sourced { manifest, title, stand_in, digest, notices, .. } = sourced;
        let min_per_class = dataset.min_per_class;
        let Splitting { division, repeats, stratified, grouped, table, leakage, .. } = splitting;
        let (seed, near_duplicate_distance) = (splitting.seed, splitting.near_duplicate_distance);
        let gate = read_images.then(|| {
            let stage = FindDuplicates { manifest, hashes: images.hashes(graph), near_duplicate_distance };
            Gate { duplicates: graph.add(format!("find-duplicates{label}"), stage), leakage }
        });
        let split = |repeat: usize| {
            let seed = seed.of_repeat(repeat);
            let stage =
                SplitImages { manifest, division, stratified, grouped, min_per_class, seed, gate, table };
            graph.add(format!("split-images{label}{}", repeat_label(repeat, repeats)), stage)
        };
        let splits: Vec<Handle<Split>> = (0..repeats.max(1)).map(split).collect();
        let (name, split) = (dataset.name.clone(), splits[0]);
        Ok(Self { images, split, splits, division, title, stand_in, digest, name, notices })
    }

    /// What tables call it.
    pub fn data_set(&self) -> String {
        let title = &self.title;
        if self.stand_in.is_some() { format!("stand-in images for {title}") } else { title.clone() }
    }

    /// Which groups of this set are groups of `other`. Two are of one data set if they hold the same, have one name or lie
    /// in one folder, as the manifests of its parts do.
    pub fn same_groups(&self, other: &Self) -> SameGroups {
        let are_drawn = self.stand_in.is_some() && other.stand_in.is_some();
        let share_folder = !are_drawn && self.images.folder == other.images.folder;
        if are_drawn || share_folder || self.digest == other.digest || self.name == other.name {
            SameGroups::OfEqualNames
        } else {
            SameGroups::OfEqualWords
        }
    }
}

impl Sourced {
    /// Its images; `label` ends the labels of their stages.
    pub fn images(&self, dataset: &Dataset, label: &str) -> Images {
        Images {
            listing: self.listing,
            manifest: self.manifest,
            folder: self.folder.clone(),
            max_pixels: dataset.max_pixels,
            label: label.to_owned(),
        }
    }
}

/// A data set before it is split.
#[derive(Clone)]
pub(super) struct Sourced {
    pub listing: Handle<Listing>,
    pub manifest: Handle<Manifest>,
    pub folder: std::path::PathBuf,
    pub title: String,
    pub stand_in: Option<String>,
    digest: Digest,
    pub notices: Vec<String>,
}

/// Finds a data set and adds the stages that list and inspect it. One that is in the graph already is not looked
/// for again: a sweep asks for it at every point.
pub(super) fn source(
    graph: &mut Graph,
    dataset: &Dataset,
    read_images: bool,
    label: &str,
    context: (&Store, &Places),
) -> Result<Sourced, PlanError> {
    let known = |(other, read, at, _): &&(Dataset, bool, String, Sourced)| {
        (other, *read, at.as_str()) == (dataset, read_images, label)
    };
    if let Some((.., sourced)) = graph.sourced.iter().find(known) {
        return Ok(sourced.clone());
    }
    let sourced = look_for(graph, dataset, read_images, label, context)?;
    graph.sourced.push((dataset.clone(), read_images, label.to_owned(), sourced.clone()));
    Ok(sourced)
}

fn look_for(
    graph: &mut Graph,
    dataset: &Dataset,
    read_images: bool,
    label: &str,
    (store, places): (&Store, &Places),
) -> Result<Sourced, PlanError> {
    let card = card::find(&dataset.name, Some(&places.project.join("datasets")))?;
    let title = card.as_ref().map_or_else(|| dataset.name.clone(), |card| card.title.clone());
    let mut notices = Vec::new();
    let found = sources::find(dataset, card.as_ref(), read_images, store, places)?;
    let (listing, folder, stand_in, digest) = match found {
        Found::Real { listing, folder } => {
            if let Some(card) = &card {
                notices.extend(differences(card, &listing));
            }
            let digest = listing.digest();
            let listing = Arc::new(listing);
            let stage = ListImages::new(&dataset.name, Arc::clone(&listing));
            let handle = graph.add(format!("list-images{label}"), stage);
            graph.listings.insert(handle.key(), listing);
            (handle, folder, None, digest)
        }
        Found::StandIn(drawing) => {
            let digest = key::digest(serde_json::json!(&drawing).to_string().as_bytes());
            let listing = graph.add(format!("draw-stand-in{label}"), drawing);
            let stand_in = format!("stand-in images, not {title}");
            (listing, std::path::PathBuf::new(), Some(stand_in), digest)
        }
    };
    let decode = read_images.then_some(Decoding { max_pixels: dataset.max_pixels, decoder: images::DECODER });
    let skip_bad = dataset.on_bad_image == OnBadImage::Skip;
    let inspect = InspectImages { listing, decode, skip_bad, folder: folder.clone() };
    let manifest = graph.add(format!("inspect-images{label}"), inspect);
    Ok(Sourced { listing, manifest, folder, title, stand_in, digest, notices })
}

fn differences(card: &Card, listing: &Listing) -> Option<String> {
    let found = Emotion::counts(listing.images.iter().filter_map(|image| Emotion::from_name(&image.label)));
    let differences = card.differences(&found);
    let parts: Vec<String> = differences
        .iter()
        .map(|difference| {
            format!("{} {} (card: {})", difference.emotion, difference.found, difference.expected)
        })
        .collect();
    (!parts.is_empty())
        .then(|| format!("class counts differ from the card of {}: {}", card.title, parts.join(", ")))
}
