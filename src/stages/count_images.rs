//! `draw-counts`: images per emotion and per source: figure 2; and `tabulate-counts`: tables 1 and 2.

use std::collections::BTreeMap;

use serde::Serialize;

use super::drawing::{Drawing, drawn};
use super::inspect::Manifest;
use super::list::Listing;
use crate::dataset::stand_in;
use crate::figures::count_table::{CountTable, SetCounts};
use crate::figures::image_counts::{self, ImageCounts, Source};
use crate::figures::{Columns, Heading};
use crate::stage::{Context, Files, Handle, Stage, StageError};

/// Sources that are drawn; the smallest beyond them are one.
const MOST_SOURCES: usize = 10;
/// Where nothing tells the source.
const ONE_SOURCE: &str = "all images";

/// `draw-counts`.
#[derive(Serialize)]
pub struct DrawCounts {
    /// Labels.
    pub manifest: Handle<Manifest>,
    /// Sources.
    pub listing: Handle<Listing>,
    /// Names the files: `figure2`.
    pub name: &'static str,
    /// Title of the figure.
    pub title: String,
    /// Name of the data set.
    pub dataset: String,
    /// How wide it is.
    pub columns: Columns,
    /// Said in the figure when drawings stand in for the data set; their sources are the styles.
    pub stand_in: Option<String>,
}

impl Stage for DrawCounts {
    const NAME: &'static str = "draw-counts";
    const VERSION: u32 = 3;
    type Output = Drawing;

    fn run(&self, context: &Context<'_>) -> Result<Drawing, StageError> {
        let (manifest, listing) = (context.get(&self.manifest)?, context.get(&self.listing)?);
        let mut counts: BTreeMap<String, [usize; 8]> = BTreeMap::new();
        for image in &manifest.images {
            let listed = listing.images.get(image.row as usize).and_then(|listed| listed.source.clone());
            let style =
                || self.stand_in.as_ref().and_then(|_| stand_in::style_of(&image.path)).map(str::to_owned);
            let source = listed.or_else(style).unwrap_or_else(|| ONE_SOURCE.to_owned());
            counts.entry(source).or_default()[image.label.index()] += 1;
        }
        let sources = largest(counts.into_iter().map(|(name, images)| Source { name, images }).collect());
        let what = if self.stand_in.is_some() {
            "Sources: styles of drawing."
        } else {
            "Sources: the manifest's column."
        };
        let notes = if sources.iter().any(|source| source.name != ONE_SOURCE) {
            vec![what.to_owned()]
        } else {
            vec!["Nothing tells the images' sources: the manifest has no column `source`.".to_owned()]
        };
        let heading = Heading {
            title: self.title.clone(),
            warnings: self.stand_in.iter().cloned().collect(),
            subtitle: vec![format!("{} usable images", manifest.images.len())],
        };
        let data_set = self.stand_in.as_ref().unwrap_or(&self.dataset);
        let table = image_counts::csv(&sources, data_set);
        let figure = ImageCounts { heading, columns: self.columns, sources, notes };
        let mut files = drawn(self.name, image_counts::svg(&figure))?;
        files.insert(format!("{}.csv", self.name), table.into_bytes());
        Ok(Drawing(files))
    }
}

/// In the order of their names; where there are too many, the smallest summed up at the end.
fn largest(mut sources: Vec<Source>) -> Vec<Source> {
    if sources.len() <= MOST_SOURCES {
        return sources;
    }
    let total = |source: &Source| source.images.iter().sum::<usize>();
    sources.sort_by(|a, b| total(b).cmp(&total(a)).then_with(|| a.name.cmp(&b.name)));
    let rest = sources.split_off(MOST_SOURCES - 1);
    sources.sort_by(|a, b| a.name.cmp(&b.name));
    let mut images = [0; 8];
    for source in &rest {
        images.iter_mut().zip(source.images).for_each(|(sum, count)| *sum += count);
    }
    sources.push(Source { name: format!("{} others", rest.len()), images });
    sources
}

/// `tabulate-counts`.
#[derive(Serialize)]
pub struct TabulateCounts {
    /// Names the files: `table1`.
    pub name: &'static str,
    /// Title of the table.
    pub title: String,
    /// Its sets.
    pub sets: Vec<CountedSet>,
    /// Whether they are summed up.
    pub with_total: bool,
}

/// One set of a table.
#[derive(Serialize)]
pub struct CountedSet {
    /// What it is called.
    pub name: String,
    /// What the paper states, by emotion.
    pub paper: [usize; 8],
    /// The images that are here.
    pub manifest: Option<Handle<Manifest>>,
    /// Said where drawings stand in for it.
    pub stand_in: Option<String>,
}

impl Stage for TabulateCounts {
    const NAME: &'static str = "tabulate-counts";
    const VERSION: u32 = 2;
    type Output = Drawing;

    fn run(&self, context: &Context<'_>) -> Result<Drawing, StageError> {
        let set = |set: &CountedSet| {
            let manifest = set.manifest.as_ref().map(|manifest| context.get(manifest)).transpose()?;
            Ok(SetCounts {
                name: set.name.clone(),
                paper: set.paper,
                here: manifest.map(|manifest| manifest.counts()),
                stand_in: set.stand_in.clone(),
            })
        };
        let sets = self.sets.iter().map(set).collect::<Result<_, StageError>>()?;
        let table = CountTable { title: self.title.clone(), sets, with_total: self.with_total };
        let words = table.words();
        Ok(Drawing(Files::from([
            (format!("{}.csv", self.name), table.csv().into_bytes()),
            (format!("{}.md", self.name), words.markdown().into_bytes()),
            (format!("{}.tex", self.name), words.latex(&format!("tab:{}", self.name)).into_bytes()),
        ])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_beyond_ten_are_summed_up() {
        let source = |at: usize| Source { name: format!("s{at:02}"), images: [at; 8] };
        assert_eq!(largest((0..10).map(source).collect()).len(), 10);
        let few = largest((0..14).map(source).collect());
        assert_eq!(few.len(), 10);
        assert_eq!((few[0].name.as_str(), few[9].name.as_str()), ("s05", "5 others"));
        assert_eq!(few[9].images, [1 + 2 + 3 + 4; 8]);
    }
}
