//! `list-images`: what lies in the data set's folder or manifest, by content.
//!
//! The listing is made while planning, since image digests are outside data; the stage only puts it into the
//! store, so that a later plan can say which images changed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use super::file;
use super::table::{ReadTable, Table};
use crate::images;
use crate::stage::{Artifact, ArtifactError, Context, Files, Stage, StageError};
use crate::store::key;
use crate::types::Digest;

const TABLE: &str = "images.parquet";
const ARCHIVE: &str = "images.tar";

/// One image as listed: nothing about it is checked yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedImage {
    /// As shown; relative to the data set's folder.
    pub path: String,
    /// As found.
    pub label: String,
    /// Images of one group are kept together.
    pub group: String,
    /// Where it comes from, where the manifest says so.
    pub source: Option<String>,
    /// Digest of its bytes; `None` where no image is read.
    pub digest: Option<Digest>,
}

/// The images of a data set in their order, and, for a drawn set, their bytes as a tar archive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// In the order of the manifest, or sorted by path.
    pub images: Vec<ListedImage>,
    /// Archive of drawn images; `None` for a set on disk.
    pub archive: Option<Archive>,
}

/// A tar archive and where each image lies in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Archive {
    /// The archive.
    pub bytes: Vec<u8>,
    /// Offset and length of each image.
    pub places: Vec<(u32, u32)>,
}

impl Listing {
    /// The bytes of image `row`, as they were digested.
    ///
    /// # Errors
    /// The file is gone, or changed since it was listed.
    pub fn bytes(&self, row: usize, folder: &Path) -> Result<Vec<u8>, StageError> {
        let image =
            self.images.get(row).ok_or_else(|| StageError::Failed(format!("there is no image {row}")))?;
        let bytes = match &self.archive {
            Some(archive) => archive.slice(row).to_vec(),
            None => read_image(&folder.join(&image.path))?,
        };
        if image.digest.is_some_and(|digest| digest != key::digest(&bytes)) {
            let message = format!("`{}` changed while the run was going on; run again", image.path);
            return Err(StageError::BadInput(message));
        }
        Ok(bytes)
    }

    fn table(&self) -> Table {
        let images = || self.images.iter();
        let table = Table::default()
            .text("path", images().map(|image| &image.path))
            .text("label", images().map(|image| &image.label))
            .text("group", images().map(|image| &image.group))
            .text("digest", images().map(|image| image.digest.map(Digest::to_hex).unwrap_or_default()));
        if images().all(|image| image.source.is_none()) {
            return table;
        }
        table.text("source", images().map(|image| image.source.as_deref().unwrap_or_default()))
    }

    /// Digest of all that is listed.
    pub fn digest(&self) -> Digest {
        let mut text = String::new();
        for image in &self.images {
            let digest = image.digest.map(Digest::to_hex).unwrap_or_default();
            let fields = [&image.path, &image.label, &image.group, &digest];
            for field in fields.into_iter().chain(&image.source) {
                text.push_str(&field.len().to_string());
                text.push(':');
                text.push_str(field);
            }
        }
        key::digest(text.as_bytes())
    }
}

/// A file that may be an image; one that is too large for that is not read.
fn read_image(path: &Path) -> Result<Vec<u8>, StageError> {
    let length = crate::fs::length(path).unwrap_or(0);
    if length > images::MOST_BYTES {
        let most = images::MOST_BYTES;
        return Err(StageError::BadInput(format!(
            "the file has {length} bytes, and an image at most {most}"
        )));
    }
    crate::fs::read(path).map_err(|error| StageError::BadInput(format!("{error}: {}", error.source)))
}

impl Archive {
    fn slice(&self, row: usize) -> &[u8] {
        let (offset, length) = self.places.get(row).copied().unwrap_or_default();
        self.bytes.get(offset as usize..(offset + length) as usize).unwrap_or_default()
    }
}

impl Artifact for Listing {
    fn save(&self) -> Result<Files, ArtifactError> {
        let mut table = self.table();
        let mut files = Files::new();
        if let Some(archive) = &self.archive {
            table = table
                .integers("offset", archive.places.iter().map(|place| place.0))
                .integers("length", archive.places.iter().map(|place| place.1));
            files.insert(ARCHIVE.to_owned(), archive.bytes.clone());
        }
        files.insert(TABLE.to_owned(), table.into_parquet()?);
        Ok(files)
    }

    fn load(files: &Files) -> Result<Self, ArtifactError> {
        let table = ReadTable::from_parquet(file(files, TABLE)?)?;
        let paths = table.text("path")?;
        let columns = table.text("label")?.into_iter().zip(table.text("group")?).zip(table.text("digest")?);
        let sources = if table.has("source") { table.text("source")? } else { Vec::new() };
        let images = paths.into_iter().zip(columns).enumerate();
        let images = images.map(|(at, (path, ((label, group), digest)))| ListedImage {
            path,
            label,
            group,
            source: sources.get(at).filter(|source| !source.is_empty()).cloned(),
            digest: Digest::from_hex(&digest),
        });
        let images = images.collect();
        let archive = match files.get(ARCHIVE) {
            None => None,
            Some(bytes) => {
                let places = table.integers("offset")?.into_iter().zip(table.integers("length")?).collect();
                Some(Archive { bytes: bytes.clone(), places })
            }
        };
        Ok(Self { images, archive })
    }
}

/// The stage.
#[derive(Serialize)]
pub struct ListImages {
    /// Name of the data set.
    pub dataset: String,
    /// Number of images.
    pub images: usize,
    /// Digest of the listing.
    pub content: Digest,
    /// What was found.
    #[serde(skip)]
    pub listing: Arc<Listing>,
}

impl ListImages {
    /// Of this listing.
    pub fn new(dataset: &str, listing: Arc<Listing>) -> Self {
        let content = listing.digest();
        Self { dataset: dataset.to_owned(), images: listing.images.len(), content, listing }
    }
}

impl Stage for ListImages {
    const NAME: &'static str = "list-images";
    const VERSION: u32 = 1;
    type Output = Listing;

    fn run(&self, _: &Context<'_>) -> Result<Listing, StageError> {
        Ok(Listing::clone(&self.listing))
    }
}

/// Where the files of a listing lie; no part of any key.
#[derive(Clone, Debug, Default)]
pub struct Folder(pub PathBuf);
