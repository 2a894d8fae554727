//! `split-images`: which image is trained on and which is tested, fold by fold.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::duplicates::SamePair;
use super::inspect::Manifest;
use super::leakage::{self, Gate, Leakage, LeakagePair, Policy};
use super::table::{ReadTable, Table};
use super::{file, from_json, to_json};
use crate::split::{self, Fold, Fractions, Part, SplitError, merge};
use crate::stage::{Artifact, ArtifactError, Context, Files, Handle, Stage, StageError};
use crate::types::{Emotion, Seed};

/// How images are divided.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Division {
    /// Each image is tested in one of so many folds.
    KFold {
        /// Their number.
        folds: usize,
    },
    /// One training part and one test part.
    Holdout {
        /// Share trained on.
        train: f64,
        /// Share tested on.
        test: f64,
        /// Share kept apart.
        validation: f64,
    },
}

impl Division {
    /// How often something is fitted.
    pub fn folds(self) -> usize {
        match self {
            Self::KFold { folds } => folds,
            Self::Holdout { .. } => 1,
        }
    }
}

/// Where each image of the manifest is.
#[derive(Clone, Debug, PartialEq)]
pub struct Split {
    /// `fold 0`, `train`, or `left out`, by manifest position.
    places: Places,
    /// By manifest position: the data set's group, or the one into which duplicates were merged.
    groups: Vec<String>,
    /// What duplicates there are; `None` where no image is read.
    pub leakage: Option<Leakage>,
    /// Classes with too few images, and how many each has.
    pub left_out: BTreeMap<Emotion, usize>,
}

#[derive(Clone, Debug, PartialEq)]
enum Places {
    Folds(Vec<Option<u32>>),
    Parts(Vec<Option<Part>>),
}

impl Places {
    /// Whether two images lie on two sides: in different folds, or in different parts.
    fn apart(&self, pair: &SamePair) -> bool {
        match self {
            Self::Folds(folds) => folds[pair.first] != folds[pair.second],
            Self::Parts(parts) => parts[pair.first] != parts[pair.second],
        }
    }
}

impl Split {
    /// Fold `fold`, from 0; the holdout is fold 0.
    pub fn fold(&self, fold: usize) -> Result<Fold, SplitError> {
        match &self.places {
            Places::Folds(folds) => Fold::of_k_fold(folds, fold as u32),
            Places::Parts(parts) => Fold::of_holdout(parts),
        }
    }
}

impl Split {
    /// What must not be torn apart, by manifest position: what inner splits and resamples keep together as well.
    pub fn groups(&self) -> &[String] {
        &self.groups
    }

    /// Positions in the manifest of one part of a holdout; none of a cross validation.
    pub fn positions(&self, part: Part) -> Vec<usize> {
        let Places::Parts(parts) = &self.places else { return Vec::new() };
        parts.iter().enumerate().filter(|(_, other)| **other == Some(part)).map(|(at, _)| at).collect()
    }

    /// Positions in the manifest of all that is tested, in whatever fold.
    pub fn tested(&self) -> Vec<usize> {
        match &self.places {
            Places::Folds(folds) => {
                folds.iter().enumerate().filter(|(_, fold)| fold.is_some()).map(|(at, _)| at).collect()
            }
            Places::Parts(_) => self.positions(Part::Test),
        }
    }
}

const LEFT_OUT: &str = "left out";
const TABLE: &str = "split.parquet";
const REST: &str = "left_out.json";

/// What is stored beside the table.
#[derive(Serialize, Deserialize)]
struct Rest {
    left_out: BTreeMap<Emotion, usize>,
    leakage: Option<Leakage>,
}

impl Artifact for Split {
    fn save(&self) -> Result<Files, ArtifactError> {
        let places: Vec<String> = match &self.places {
            Places::Folds(folds) => folds
                .iter()
                .map(|fold| fold.map_or_else(|| LEFT_OUT.to_owned(), |fold| fold.to_string()))
                .collect(),
            Places::Parts(parts) => {
                parts.iter().map(|part| part.map_or(LEFT_OUT, Part::name).to_owned()).collect()
            }
        };
        let table = Table::default().text("place", places).text("group", &self.groups).into_parquet()?;
        let rest = to_json(&Rest { left_out: self.left_out.clone(), leakage: self.leakage.clone() })?;
        Ok(Files::from([(TABLE.to_owned(), table), (REST.to_owned(), rest)]))
    }

    fn load(files: &Files) -> Result<Self, ArtifactError> {
        let table = ReadTable::from_parquet(file(files, TABLE)?)?;
        let (places, groups) = (table.text("place")?, table.text("group")?);
        let part = |text: &str| Part::ALL.into_iter().find(|part| part.name() == text);
        let parts: Vec<Option<Part>> = places.iter().map(|text| part(text)).collect();
        let places = if parts.iter().any(Option::is_some) {
            Places::Parts(parts)
        } else {
            Places::Folds(places.iter().map(|text| text.parse().ok()).collect())
        };
        let Rest { left_out, leakage } = from_json(files, REST)?;
        Ok(Self { places, groups, leakage, left_out })
    }
}

/// The stage.
#[derive(Serialize)]
pub struct SplitImages {
    /// What is split.
    pub manifest: Handle<Manifest>,
    /// How.
    pub division: Division,
    /// Each class is spread evenly.
    pub stratified: bool,
    /// Groups stay together.
    pub grouped: bool,
    /// Classes with fewer images are left out.
    pub min_per_class: usize,
    /// Decides which image goes where.
    pub seed: Seed,
    /// What becomes of images that are the same; `None` where no image is read.
    pub gate: Option<Gate>,
    /// The table of the experiment that says what is split.
    #[serde(skip)]
    pub table: &'static str,
}

impl Stage for SplitImages {
    const NAME: &'static str = "split-images";
    const VERSION: u32 = 2;
    type Output = Split;

    fn run(&self, context: &Context<'_>) -> Result<Split, StageError> {
        let manifest = context.get(&self.manifest)?;
        let counts = manifest.counts();
        let few = |emotion: &Emotion| counts[emotion.index()] < self.min_per_class;
        let left_out: BTreeMap<Emotion, usize> =
            Emotion::ALL.into_iter().filter(few).map(|emotion| (emotion, counts[emotion.index()])).collect();
        let present = Emotion::ALL.into_iter().filter(|emotion| counts[emotion.index()] > 0 && !few(emotion));
        if present.count() < 2 {
            let message = format!(
                "fewer than two emotions have {} images or more, as `min_per_class` in `[{}]` asks",
                self.min_per_class, self.table
            );
            return Err(StageError::BadInput(message));
        }
        let kept: Vec<usize> = (0..manifest.images.len())
            .filter(|&at| !left_out.contains_key(&manifest.images[at].label))
            .collect();
        let groups: Vec<String> = manifest.images.iter().map(|image| image.group.clone()).collect();
        let given = self.place(&manifest, &groups, self.grouped, &kept);
        let Some(gate) = &self.gate else {
            return Ok(Split {
                places: given.map_err(|error| self.refused(&error))?,
                groups,
                leakage: None,
                left_out,
            });
        };
        let duplicates = context.get(&gate.duplicates)?;
        let is_kept = |at: usize| !left_out.contains_key(&manifest.images[at].label);
        let mut pairs = leakage::between_kept(&duplicates.pairs, is_kept);
        // Within a group that stays together, a copy is where it should be.
        pairs.retain(|pair| !self.grouped || groups[pair.first] != groups[pair.second]);
        let ends = || pairs.iter().map(|pair| (pair.first, pair.second));
        let (places, groups, merged) = if gate.leakage == Policy::Group && !pairs.is_empty() {
            let merged = merge(&groups, ends());
            // Without groups, copies alone are kept together.
            let own = || manifest.images.iter().map(|image| image.path.clone()).collect::<Vec<_>>();
            let units = if self.grouped { merged.clone() } else { merge(&own(), ends()) };
            let counts = leakage::merged(&groups, &merged);
            (
                self.place(&manifest, &units, true, &kept).map_err(|error| self.refused(&error))?,
                merged,
                counts,
            )
        } else {
            (given.clone().map_err(|error| self.refused(&error))?, groups, [0, 0])
        };
        let pair = |pair: &SamePair| LeakagePair {
            pair: *pair,
            apart: places.apart(pair),
            apart_if_ignored: given.as_ref().is_ok_and(|given| given.apart(pair)),
        };
        let leakage = Leakage { policy: gate.leakage, pairs: pairs.iter().map(pair).collect(), merged };
        if gate.leakage == Policy::Error && leakage.count_apart() > 0 {
            return Err(StageError::BadInput(leakage.refusal(&manifest)));
        }
        Ok(Split { places, groups, leakage: Some(leakage), left_out })
    }
}

impl SplitImages {
    fn refused(&self, error: &SplitError) -> StageError {
        let way_out = match error {
            SplitError::ClassNotInPart { part, .. } | SplitError::EmptyPart { part, .. } => {
                match (self.table, *part) {
                    ("dataset", part) => {
                        format!(
                            "raise `{part}` or `min_per_class`, or set `stratified` or `grouped` to false"
                        )
                    }
                    (table, "train") => {
                        format!("lower `test` or `validation`, or raise `min_per_class`, in `[{table}]`")
                    }
                    (table, part) => format!("raise `{part}` or `min_per_class` in `[{table}]`"),
                }
            }
            _ => "lower `folds`, raise `min_per_class`, or set `stratified` or `grouped` to false".to_owned(),
        };
        StageError::BadInput(format!("{error}\n{way_out}"))
    }

    /// Places the kept images, those of one unit together.
    fn place(
        &self,
        manifest: &Manifest,
        units: &[String],
        grouped: bool,
        kept: &[usize],
    ) -> Result<Places, SplitError> {
        let images = manifest.images.len();
        let labels: Vec<Emotion> = kept.iter().map(|&at| manifest.images[at].label).collect();
        let units: Vec<String> = kept.iter().map(|&at| units[at].clone()).collect();
        let (labels, groups, stratified) = (&labels, &units, self.stratified);
        Ok(match self.division {
            Division::KFold { folds } => {
                let folds = split::k_fold(labels, groups, folds, stratified, grouped, self.seed)?;
                Places::Folds(spread(kept, &folds, images))
            }
            Division::Holdout { train, test, validation } => {
                let fractions = Fractions { train, test, validation };
                let parts = split::holdout(labels, groups, fractions, stratified, grouped, self.seed)?;
                Places::Parts(spread(kept, &parts, images))
            }
        })
    }
}

/// Values for `kept` positions out of `length`; none for the others.
fn spread<T: Copy>(kept: &[usize], values: &[T], length: usize) -> Vec<Option<T>> {
    let mut all = vec![None; length];
    for (&at, &value) in kept.iter().zip(values) {
        all[at] = Some(value);
    }
    all
}
