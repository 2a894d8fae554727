//! `check-overlap`: whether a network is evaluated on what it was trained on.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::hash_images::Hashes;
use super::inspect::{Image, Manifest};
use super::split::Split;
use super::{from_json, to_json};
use crate::images::DifferenceHash;
use crate::split::Part;
use crate::stage::{Artifact, ArtifactError, Context, Files, Handle, Stage, StageError};

const FILE: &str = "overlap.json";
/// Pairs named in an error; the rest are counted.
const NAMED: usize = 20;

/// Images with which a network is evaluated although it was trained on them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overlap {
    /// One per image that is evaluated.
    pub pairs: Vec<Pair>,
    /// Images that are evaluated.
    pub evaluated: usize,
}

/// An image that is evaluated and one that was trained on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    /// As shown.
    pub evaluated: String,
    /// As shown.
    pub trained: String,
    /// What they share: `image`, `group` or `near-duplicate hash`.
    pub shares: String,
}

impl Overlap {
    /// What is said wherever the method's numbers are shown; nothing without an overlap.
    pub(super) fn warning(&self, method: &str) -> Option<String> {
        let (known, all) = (self.pairs.len(), self.evaluated);
        (known > 0)
            .then(|| format!("{method} was trained on {known} of the {all} images that it is tested on"))
    }
}

impl Artifact for Overlap {
    fn save(&self) -> Result<Files, ArtifactError> {
        Ok(Files::from([(FILE.to_owned(), to_json(self)?)]))
    }

    fn load(files: &Files) -> Result<Self, ArtifactError> {
        from_json(files, FILE)
    }
}

/// One side of the check.
#[derive(Serialize)]
pub struct Side {
    /// Labels, groups, digests.
    pub manifest: Handle<Manifest>,
    /// Which of them are used.
    pub split: Handle<Split>,
    /// What tells near-duplicates.
    pub hashes: Handle<Hashes>,
}

/// The stage.
#[derive(Serialize)]
pub struct CheckOverlap {
    /// What the network was trained and validated on.
    pub trained: Side,
    /// What it is evaluated on.
    pub evaluated: Side,
    /// Whether groups of the two data sets have names in common by meaning: one data set, or two of drawn code points.
    pub groups_are_shared: bool,
    /// Whether an overlap is said instead of refused.
    pub allow: bool,
    /// The method, for the message.
    pub method: String,
}

impl Stage for CheckOverlap {
    const NAME: &'static str = "check-overlap";
    const VERSION: u32 = 1;
    type Output = Overlap;

    fn run(&self, context: &Context<'_>) -> Result<Overlap, StageError> {
        let (manifest, split) = (context.get(&self.trained.manifest)?, context.get(&self.trained.split)?);
        let hashes = context.get(&self.trained.hashes)?;
        let mut known: HashMap<Trait, &str> = HashMap::new();
        for part in [Part::Train, Part::Validation] {
            for at in split.positions(part) {
                let image = &manifest.images[at];
                for of in traits(image, &hashes.0[at].difference, self.groups_are_shared) {
                    known.entry(of).or_insert(&image.path);
                }
            }
        }
        let (manifest, split) = (context.get(&self.evaluated.manifest)?, context.get(&self.evaluated.split)?);
        let hashes = context.get(&self.evaluated.hashes)?;
        let tested = split.tested();
        let pair = |&at: &usize| {
            let image = &manifest.images[at];
            let traits = traits(image, &hashes.0[at].difference, self.groups_are_shared);
            let (of, trained) = traits.into_iter().find_map(|of| Some((of, *known.get(&of)?)))?;
            let (evaluated, trained) = (image.path.clone(), trained.to_owned());
            Some(Pair { evaluated, trained, shares: of.name().to_owned() })
        };
        let overlap = Overlap { pairs: tested.iter().filter_map(pair).collect(), evaluated: tested.len() };
        if !overlap.pairs.is_empty() && !self.allow {
            return Err(StageError::BadInput(self.message(&overlap)));
        }
        Ok(overlap)
    }
}

impl CheckOverlap {
    fn message(&self, overlap: &Overlap) -> String {
        let mut lines: Vec<String> = vec![format!(
            "{} of the {} images that `{}` is evaluated on overlap with what it was trained on:",
            overlap.pairs.len(),
            overlap.evaluated,
            self.method
        )];
        lines.extend(
            overlap.pairs.iter().take(NAMED).map(|pair| {
                format!("  `{}` and `{}`: the same {}", pair.evaluated, pair.trained, pair.shares)
            }),
        );
        if overlap.pairs.len() > NAMED {
            lines.push(format!("  and {} more", overlap.pairs.len() - NAMED));
        }
        lines.push(
            "train on other images, or set `allow_overlap = true` in the training's table: every figure then says so"
                .to_owned(),
        );
        lines.join("\n")
    }
}

/// What two images may share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Trait<'a> {
    Image(crate::types::Digest),
    Group(&'a str),
    Hash(DifferenceHash),
}

impl Trait<'_> {
    const fn name(&self) -> &'static str {
        match self {
            Self::Image(_) => "image",
            Self::Group(_) => "group",
            Self::Hash(_) => "near-duplicate hash",
        }
    }
}

fn traits<'a>(image: &'a Image, hash: &DifferenceHash, groups_are_shared: bool) -> Vec<Trait<'a>> {
    let group = groups_are_shared && !image.group.is_empty();
    // A picture without any edge has no hash of its own.
    let hash = (*hash != [0; 4]).then_some(Trait::Hash(*hash));
    let group = group.then_some(Trait::Group(&image.group));
    image.digest.map(Trait::Image).into_iter().chain(group).chain(hash).collect()
}
