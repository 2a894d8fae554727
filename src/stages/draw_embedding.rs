//! `draw-embedding`: maps of the tested images side by side, as thumbnails and as points: figure 4.

use std::fmt::Write as _;
use std::path::PathBuf;

use rayon::prelude::*;
use serde::Serialize;

use super::drawing::{Drawing, drawn};
use super::embed::{Embedding, Facts};
use super::inspect::{Image, Manifest};
use super::list::Listing;
use super::overlap::{self, Overlap};
use crate::figures::embedding::{Embeddings, Map, points_svg, thumbnails_svg};
use crate::figures::tables::field;
use crate::figures::{Columns, Heading};
use crate::images::{self, Limits};
use crate::stage::{Context, Handle, Stage, StageError};

/// Side of a thumbnail in pixels.
const THUMBNAIL: u32 = 80;

/// The stage.
#[derive(Serialize)]
pub struct DrawEmbedding {
    /// Labels and names.
    pub manifest: Handle<Manifest>,
    /// Where the images' bytes are; `None` where features were made elsewhere, and there are points only.
    pub listing: Option<Handle<Listing>>,
    /// What is drawn, by the method's name.
    pub embeddings: Vec<(String, Handle<Embedding>)>,
    /// Title of the figure.
    pub title: String,
    /// Its number, which names its files.
    pub number: Option<u32>,
    /// How wide it is.
    pub columns: Columns,
    /// Said in the figure: stand-ins, leaks.
    pub warnings: Vec<String>,
    /// What methods were trained on and is drawn, which the figure says too.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub overlaps: Vec<(String, Handle<Overlap>)>,
    /// Which images the table is about.
    pub data_set: String,
    /// What decodes and resizes.
    pub images: &'static str,
    /// Where the files lie.
    #[serde(skip)]
    pub folder: PathBuf,
    /// Images with more pixels are refused.
    #[serde(skip)]
    pub max_pixels: u64,
}

impl Stage for DrawEmbedding {
    const NAME: &'static str = "draw-embedding";
    const VERSION: u32 = 5;
    type Output = Drawing;

    fn run(&self, context: &Context<'_>) -> Result<Drawing, StageError> {
        let manifest = context.get(&self.manifest)?;
        let mut maps = Vec::new();
        let mut notes = Vec::new();
        let mut table = "method,image,label,x,y,data_set\n".to_owned();
        let mut shown: Vec<u32> = Vec::new();
        for (method, embedding) in &self.embeddings {
            let embedding = context.get(embedding)?;
            let lost = || StageError::Failed("the map is of other images than the manifest's".to_owned());
            let images: Vec<&Image> = (embedding.images.iter())
                .map(|at| manifest.images.get(*at as usize).ok_or_else(lost))
                .collect::<Result<_, _>>()?;
            for (image, [x, y]) in images.iter().zip(&embedding.places) {
                let (name, path, data_set) = (field(method), field(&image.path), field(&self.data_set));
                // Writing to a string cannot fail.
                let _ = writeln!(table, "{name},{path},{},{x},{y},{data_set}", image.label);
            }
            notes.push(note(method, images.len(), embedding.facts));
            let points = images.iter().zip(&embedding.places).map(|(image, place)| (image.label, *place));
            maps.push(Map { name: method.clone(), points: points.collect() });
            shown.clone_from(&embedding.images);
        }
        if self.listing.is_none() {
            notes.push(
                "The images themselves are not drawn: not all features were made from them here.".to_owned(),
            );
        }
        let mut warnings = self.warnings.clone();
        warnings.extend(overlap::warnings(context, &self.overlaps)?);
        let heading = Heading { title: self.title.clone(), warnings, subtitle: Vec::new() };
        let figure = Embeddings { heading, columns: self.columns, maps, notes };
        let name = self.number.map_or_else(|| "embedding".to_owned(), |number| format!("figure{number}"));
        let mut files = drawn(&format!("{name}_points"), points_svg(&figure))?;
        if let Some(listing) = &self.listing {
            let pictures = self.pictures(context, &manifest, &*context.get(listing)?, &shown)?;
            files.extend(drawn(&name, thumbnails_svg(&figure, &pictures))?);
        }
        files.insert(format!("{name}.csv"), table.into_bytes());
        Ok(Drawing(files))
    }
}

/// In words for people.
fn note(method: &str, images: usize, facts: Facts) -> String {
    let Facts { components, kept_variance, perplexity } = facts;
    format!(
        "{method}: t-SNE of {images} test images from {components} principal components ({:.0} % of the variance), \
         perplexity {perplexity:.0}.",
        100.0 * kept_variance
    )
}

impl DrawEmbedding {
    fn pictures(
        &self,
        context: &Context<'_>,
        manifest: &Manifest,
        listing: &Listing,
        shown: &[u32],
    ) -> Result<Vec<Vec<u8>>, StageError> {
        let limits = Limits { max_pixels: self.max_pixels, ..Limits::default() };
        let picture = |at: &u32| {
            context.check_cancelled()?;
            let image = &manifest.images[*at as usize];
            let bytes = listing.bytes(image.row as usize, &self.folder)?;
            let bad = |error: images::ImageError| StageError::BadInput(format!("{}: {error}", image.path));
            images::square(&images::decode(&bytes, &limits).map_err(bad)?, THUMBNAIL).map_err(bad)
        };
        context.parallel(|| shown.par_iter().map(picture).collect())
    }
}
