//! `inspect-images`: every image is decoded once, and every label read, before anything is computed from them.

use std::path::PathBuf;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::list::{ListedImage, Listing};
use super::table::{ReadTable, Table};
use super::{file, from_json, to_json};
use crate::images;
use crate::stage::{Artifact, ArtifactError, Context, Files, Handle, Stage, StageError};
use crate::types::{Digest, Emotion};

/// Images decoded between two looks at whether the run was stopped.
const CHUNK: usize = 64;
/// Bad images named in an error; the rest are counted.
const NAMED: usize = 25;

/// A usable image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Its row in the listing, from 0.
    pub row: u32,
    /// As shown.
    pub path: String,
    /// What it evokes.
    pub label: Emotion,
    /// Images of one group are kept together.
    pub group: String,
    /// Digest of its bytes; `None` where no image is read.
    pub digest: Option<Digest>,
}

/// An image that was left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// As shown.
    pub path: String,
    /// Why.
    pub reason: String,
}

/// The usable images of a data set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// In the order of the listing.
    pub images: Vec<Image>,
    /// What was left out.
    pub skipped: Vec<Skipped>,
    /// How many were listed.
    pub listed: usize,
}

impl Manifest {
    /// Labels in order.
    pub fn labels(&self) -> Vec<Emotion> {
        self.images.iter().map(|image| image.label).collect()
    }

    /// Images per emotion.
    pub fn counts(&self) -> [usize; 8] {
        Emotion::counts(self.images.iter().map(|image| image.label))
    }
}

#[derive(Serialize, Deserialize)]
struct Rest {
    listed: usize,
    skipped: Vec<Skipped>,
}

impl Artifact for Manifest {
    fn save(&self) -> Result<Files, ArtifactError> {
        let images = || self.images.iter();
        let table = Table::default()
            .integers("row", images().map(|image| image.row))
            .text("path", images().map(|image| &image.path))
            .text("label", images().map(|image| image.label.name()))
            .text("group", images().map(|image| &image.group))
            .text("digest", images().map(|image| image.digest.map(Digest::to_hex).unwrap_or_default()))
            .into_parquet()?;
        let rest = to_json(&Rest { listed: self.listed, skipped: self.skipped.clone() })?;
        Ok(Files::from([("manifest.parquet".to_owned(), table), ("skipped.json".to_owned(), rest)]))
    }

    fn load(files: &Files) -> Result<Self, ArtifactError> {
        let table = ReadTable::from_parquet(file(files, "manifest.parquet")?)?;
        let (rows, paths, labels) = (table.integers("row")?, table.text("path")?, table.text("label")?);
        let (groups, digests) = (table.text("group")?, table.text("digest")?);
        let mut images = Vec::with_capacity(rows.len());
        for ((((row, path), label), group), digest) in
            rows.into_iter().zip(paths).zip(labels).zip(groups).zip(digests)
        {
            let label =
                Emotion::from_name(&label).ok_or_else(|| ArtifactError(format!("label `{label}`")))?;
            images.push(Image { row, path, label, group, digest: Digest::from_hex(&digest) });
        }
        let Rest { listed, skipped } = from_json(files, "skipped.json")?;
        Ok(Self { images, skipped, listed })
    }
}

/// The stage.
#[derive(Serialize)]
pub struct InspectImages {
    /// What to inspect.
    pub listing: Handle<Listing>,
    /// Whether images are decoded; features made elsewhere need none.
    pub decode: Option<Decoding>,
    /// Whether bad images are left out; else they end the run.
    pub skip_bad: bool,
    /// Where the files lie.
    #[serde(skip)]
    pub folder: PathBuf,
}

/// How images are decoded, as far as it decides which are bad.
#[derive(Clone, Debug, Serialize)]
pub struct Decoding {
    /// Images with more pixels are bad.
    pub max_pixels: u64,
    /// The decoder.
    pub decoder: &'static str,
}

impl Stage for InspectImages {
    const NAME: &'static str = "inspect-images";
    const VERSION: u32 = 1;
    type Output = Manifest;

    fn run(&self, context: &Context<'_>) -> Result<Manifest, StageError> {
        let listing = context.get(&self.listing)?;
        let total = listing.images.len();
        let mut manifest = Manifest { listed: total, ..Manifest::default() };
        let rows: Vec<usize> = (0..total).collect();
        for chunk in rows.chunks(CHUNK) {
            context.check_cancelled()?;
            let inspected: Vec<Result<Image, Skipped>> = context.parallel(|| {
                chunk.par_iter().map(|&row| self.inspect(&listing, row)).collect::<Result<_, StageError>>()
            })?;
            for image in inspected {
                match image {
                    Ok(image) => manifest.images.push(image),
                    Err(skipped) => manifest.skipped.push(skipped),
                }
            }
            context.progress(manifest.images.len() + manifest.skipped.len(), total);
        }
        if !manifest.skipped.is_empty() && !self.skip_bad {
            return Err(StageError::BadInput(refusal(&manifest.skipped)));
        }
        if !manifest.skipped.is_empty() {
            context.notice(format!("left out: {}", named(&manifest.skipped)));
        }
        if manifest.images.is_empty() {
            return Err(StageError::BadInput("the data set has no usable image".to_owned()));
        }
        Ok(manifest)
    }
}

impl InspectImages {
    fn inspect(&self, listing: &Listing, row: usize) -> Result<Result<Image, Skipped>, StageError> {
        let listed = &listing.images[row];
        let ListedImage { path, label, group, digest, .. } = listed.clone();
        let bad = |reason: String| Ok(Err(Skipped { path: listed.path.clone(), reason }));
        let Some(label) = Emotion::from_name(&label) else {
            let names = Emotion::ALL.map(Emotion::name).join(", ");
            return bad(format!("its label `{label}` is none of the eight: {names}"));
        };
        if let Some(decoding) = &self.decode {
            let limits = images::Limits { max_pixels: decoding.max_pixels, ..images::Limits::default() };
            let bytes = match listing.bytes(row, &self.folder) {
                Ok(bytes) => bytes,
                Err(StageError::BadInput(_)) if path.contains(char::REPLACEMENT_CHARACTER) => {
                    return bad("its name is not UTF-8: rename it".to_owned());
                }
                Err(StageError::BadInput(reason)) => return bad(reason),
                Err(error) => return Err(error),
            };
            if let Err(error) = images::decode(&bytes, &limits) {
                return bad(error.to_string());
            }
        }
        Ok(Ok(Image { row: row as u32, path, label, group, digest }))
    }
}

/// How many bad images there are, and the first of them with what is wrong.
fn named(skipped: &[Skipped]) -> String {
    let mut text = format!("{} bad {}:", skipped.len(), if skipped.len() == 1 { "image" } else { "images" });
    for Skipped { path, reason } in skipped.iter().take(NAMED) {
        text.push_str(&format!("\n  {path}: {reason}"));
    }
    if skipped.len() > NAMED {
        text.push_str(&format!("\n  and {} more", skipped.len() - NAMED));
    }
    text
}

fn refusal(skipped: &[Skipped]) -> String {
    let mut text = named(skipped);
    text.push_str("\nmend or remove them, or set `on_bad_image = \"skip\"` in the table that names them, `[dataset]` or `[training.*]`, to leave them out");
    text
}
