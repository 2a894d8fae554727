//! A finished run as its page tells it.

use std::path::Path;

use serde::Serialize;

use super::cite::{self, Cite};
use super::confusion::{Matrix, matrices};
use super::data::{self, Data};
use super::figures::{Figure, figures};
use super::originals::Originals;
use super::overview::{Fact, overview};
use super::provenance::{self, Provenance};
use super::rates::{Estimate, Rates};
use super::table::{Csv, Table};
use super::tables::{ShownTable, tables};
use super::tested::Tested;
use super::{ReportError, originals};
use crate::dataset::card::{self, Card};
use crate::fs::Beneath;
use crate::parity::FinishedRun;
use crate::results::{RECORD, RunRecord};
use crate::stages::inspect::Manifest;
use crate::store::{Store, key};

/// Where a page's images come from.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    /// Relative paths of the experiment start here.
    pub project: &'a Path,
    /// What holds the listing of the images, and drawings.
    pub store: &'a Store,
    /// Images of a run that are embedded as thumbnails, at most.
    pub thumbnails: usize,
}

/// What a page says of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Run {
    /// Name of its results folder.
    pub name: String,
    /// Title of its experiment.
    pub title: String,
    /// What the data set is called.
    pub data_set: String,
    /// Said in every place where numbers are shown, when drawings stand in for the data set.
    pub stand_in: Option<String>,
    /// The run in a few words.
    overview: Vec<Fact>,
    /// True positive rates.
    rates: Option<Table>,
    figures: Vec<Figure>,
    matrices: Vec<Matrix>,
    /// Every answer, as JSON for the page's script.
    tested: String,
    thumbnails: Thumbnails,
    tables: Vec<ShownTable>,
    data: Data,
    provenance: Provenance,
    cite: Cite,
    /// A row per method for the comparison of several runs.
    #[serde(skip)]
    pub(super) compared: Vec<Compared>,
    /// What is compared with the paper.
    #[serde(skip)]
    pub(super) finished: FinishedRun,
}

/// A method of a run, for the comparison of several runs.
#[derive(Clone, Debug)]
pub(super) struct Compared {
    pub method: String,
    pub mean: Estimate,
    pub accuracy: Estimate,
}

/// What is said of the thumbnails.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Thumbnails {
    /// How many there are.
    pub count: usize,
    /// How many images were tested.
    pub tested: usize,
    /// Which images have one, and why not all.
    pub words: String,
}

impl Run {
    /// Reads a results folder.
    ///
    /// # Errors
    /// It is none, or a file in it is not what its name says.
    pub fn read(folder: &Beneath, sources: &Sources<'_>) -> Result<Self, ReportError> {
        let no_record = || ReportError::NoRecord { folder: folder.path().to_owned() };
        let record = folder.read(RECORD).map_err(|_| no_record())?;
        let record = RunRecord::from_json(&record).map_err(|_| no_record())?;
        let (names, others) = folder.files()?;
        let csv = |name: &str| {
            let is_there = names.iter().any(|other| other == name);
            is_there.then(|| Csv::parse(name, &folder.read(name)?)).transpose()
        };
        let card = card_of(&record, sources.project);
        let title = record.text("dataset.name").unwrap_or_default();
        let data_set = card.as_ref().map_or_else(|| title.to_owned(), |card| card.title.clone());
        let (tested, thumbnails) = tested(folder, &names, &record, sources)?;
        let manifest: Option<Manifest> = originals::artifact(&record, sources.store, "inspect-images");
        let counts = manifest.as_ref().map(Manifest::counts);
        let measures = csv("measures.csv")?;
        let rates = csv("per_class_tpr.csv")?.map(|rates| Rates::of(&rates, measures.as_ref()));
        let compared = rates.iter().flat_map(|rates| &rates.methods).map(|method| Compared {
            method: method.name.clone(),
            mean: method.mean,
            accuracy: method.accuracy,
        });
        let caption = format!("True positive rate by emotion and method, {data_set}");
        let no_best = no_best(folder, &names)?;
        let (tables, unreadable) = tables(folder, &names)?;
        let mut overview = overview(&record, &data_set, tested.images.len(), no_best.as_deref());
        overview.extend(not_shown(others.into_iter().chain(unreadable)));
        overview.extend(changed(folder, &names, &record)?);
        Ok(Self {
            name: record.experiment.clone(),
            title: record.text("experiment.title").unwrap_or(&record.experiment).to_owned(),
            stand_in: record.stand_in.clone(),
            overview,
            rates: rates.as_ref().map(|rates| rates.table(caption, counts.as_ref())),
            figures: figures(folder, &names)?,
            matrices: matrices(&tested),
            tested: script_json(&tested),
            thumbnails,
            tables,
            data: data::data(&record, &tested, manifest.as_ref(), card.as_ref()),
            provenance: provenance::provenance(&record),
            cite: cite::cite(&record, card.as_ref()),
            compared: compared.collect(),
            finished: FinishedRun::of(record, folder)?,
            data_set,
        })
    }

    /// What was changed in its folder after the run, if anything was.
    pub fn changed(&self) -> Option<&str> {
        let fact = self.overview.iter().find(|fact| fact.name == CHANGED);
        fact.map(|fact| fact.words.as_str())
    }

    /// How many thumbnails its page holds.
    pub fn thumbnails(&self) -> &Thumbnails {
        &self.thumbnails
    }

    /// Under which terms its images may be passed on.
    pub fn licence(&self) -> &str {
        self.cite.licence()
    }
}

fn card_of(record: &RunRecord, project: &Path) -> Option<Card> {
    // A card that cannot be read does not keep a finished run from being shown.
    card::find(record.text("dataset.name")?, Some(&project.join("datasets"))).ok().flatten()
}

/// What else lies in the folder: somebody put it there.
fn not_shown(others: impl Iterator<Item = String>) -> Option<Fact> {
    // A dot is how a file being written begins.
    let others: Vec<String> = others.filter(|name| !name.starts_with('.')).collect();
    let words = format!("{}: no file, or no table that can be read", others.join(", "));
    (!others.is_empty()).then_some(Fact { name: "Not shown", words })
}

const CHANGED: &str = "Changed files";

/// Files that are not those that the run wrote, as where some of another run were put back.
fn changed(folder: &Beneath, names: &[String], record: &RunRecord) -> Result<Option<Fact>, ReportError> {
    let mut changed = Vec::new();
    for (name, digest) in record.files.iter().filter(|(name, _)| names.contains(name)) {
        if key::digest(&folder.read(name)?) != *digest {
            changed.push(name.as_str());
        }
    }
    let words =
        format!("{}: not as this run wrote them; numbers may differ. Run it again", changed.join(", "));
    Ok((!changed.is_empty()).then_some(Fact { name: CHANGED, words }))
}

/// Why no best point of a sweep was chosen, although one should have been.
fn no_best(folder: &Beneath, names: &[String]) -> Result<Option<String>, ReportError> {
    const FILE: &str = "best.json";
    if !names.iter().any(|name| name == FILE) {
        return Ok(None);
    }
    let unreadable =
        |error: serde_json::Error| ReportError::Table { name: FILE.to_owned(), reason: error.to_string() };
    let record: serde_json::Value = serde_json::from_slice(&folder.read(FILE)?).map_err(unreadable)?;
    let why = record.get("none_chosen_because").and_then(serde_json::Value::as_str);
    Ok(why.map(str::to_owned))
}

fn tested(
    folder: &Beneath,
    names: &[String],
    record: &RunRecord,
    sources: &Sources<'_>,
) -> Result<(Tested, Thumbnails), ReportError> {
    const FILE: &str = "predictions.parquet";
    if !names.iter().any(|name| name == FILE) {
        let words = "This run left no predictions, so that there is nothing to open.".to_owned();
        return Ok((Tested::default(), Thumbnails { count: 0, tested: 0, words }));
    }
    let mut tested = Tested::parse(&folder.read(FILE)?)?;
    let all = tested.images.len();
    let wanted = sources.thumbnails.min(all);
    let originals = (wanted > 0).then(|| Originals::of(record, sources.project, sources.store)).flatten();
    let count = originals.map_or(0, |originals| tested.add_thumbnails(&originals, wanted).0);
    let words = match (count, wanted) {
        (_, 0) => {
            format!("The {all} tested images are named but not shown: the page was made without thumbnails.")
        }
        (0, _) => {
            format!("The {all} tested images are named but not shown: they are not where the run found them.")
        }
        (count, _) if count == all => format!("Thumbnails of all {all} tested images are inside this page."),
        (count, wanted) if count == wanted => format!(
            "Thumbnails of {count} of the {all} tested images are inside this page, of every cell the surest answers \
             first; `--thumbnails {all}` embeds all."
        ),
        (count, _) => format!(
            "Thumbnails of {count} of the {all} tested images are inside this page; the others are gone, or are not \
             what they were."
        ),
    };
    Ok((tested, Thumbnails { count, tested: all, words }))
}

/// JSON that can stand inside a script element.
fn script_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default().replace('<', "\\u003c")
}
