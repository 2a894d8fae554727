//! `check-overlap`: whether a network is evaluated on what it was trained on.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::duplicates::{Likeness, SamePair};
use super::hash_images::Hashes;
use super::inspect::{Image, Manifest};
use super::known_images::{Told, look_for};
use super::split::Split;
use super::training_images::{Chosen, TrainingImages};
use super::{from_json, to_json};
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
    /// How they are the same.
    pub shares: String,
}

const OF_GROUP: &str = "of the same group";

impl Pair {
    fn is_of_groups(&self) -> bool {
        self.shares.starts_with(OF_GROUP)
    }
}

impl Overlap {
    /// What is said wherever the method's numbers are shown; nothing without an overlap.
    fn warning(&self, method: &str) -> Option<String> {
        let (known, all) = (self.pairs.len(), self.evaluated);
        (known > 0).then(|| {
            format!(
                "{method} was trained on {known} of the {all} images that it is tested on, or on their like"
            )
        })
    }
}

/// What is said of methods, each with what it was trained on of its tested images.
pub(super) fn warnings(
    context: &Context<'_>,
    overlaps: &[(String, Handle<Overlap>)],
) -> Result<Vec<String>, StageError> {
    let mut warnings = Vec::new();
    for (method, overlap) in overlaps {
        warnings.extend(context.get(overlap)?.warning(method));
    }
    Ok(warnings)
}

impl Artifact for Overlap {
    fn save(&self) -> Result<Files, ArtifactError> {
        Ok(Files::from([(FILE.to_owned(), to_json(self)?)]))
    }

    fn load(files: &Files) -> Result<Self, ArtifactError> {
        from_json(files, FILE)
    }
}

/// What a network was trained and validated on.
#[derive(Serialize)]
pub struct TrainedOn {
    /// Which images.
    #[serde(flatten)]
    pub corpus: TrainingImages,
    /// What tells them.
    pub hashes: Handle<Hashes>,
}

/// What it is evaluated on.
#[derive(Serialize)]
pub struct EvaluatedOn {
    /// Groups, digests.
    pub manifest: Handle<Manifest>,
    /// Which of them are tested.
    pub split: Handle<Split>,
    /// What tells them.
    pub hashes: Handle<Hashes>,
}

/// Which groups of two data sets are the same group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SameGroups {
    /// Those of equal names: both are of one data set, or drawn and named by their code points.
    OfEqualNames,
    /// Those of equal names in the `group` columns of two manifests, but for names that are numbers: each data set counts
    /// its own, so that equal numbers say nothing.
    OfEqualWords,
}

/// The stage.
#[derive(Serialize)]
pub struct CheckOverlap {
    /// What the network was trained and validated on.
    pub trained: TrainedOn,
    /// What it is evaluated on.
    pub evaluated: EvaluatedOn,
    /// Which groups of the two are the same.
    pub groups: SameGroups,
    /// Bits in which the perceptual hashes of near-duplicates differ, at most.
    pub near_duplicate_distance: u32,
    /// Whether an overlap is said instead of refused.
    pub allow: bool,
    /// The method, for the message.
    pub method: String,
}

impl Stage for CheckOverlap {
    const NAME: &'static str = "check-overlap";
    const VERSION: u32 = 2;
    type Output = Overlap;

    fn run(&self, context: &Context<'_>) -> Result<Overlap, StageError> {
        let trained = context.get(&self.trained.corpus.manifest)?;
        let Chosen { training, mut validation, .. } = self.trained.corpus.choose(context)?;
        let mut places = training;
        places.append(&mut validation);
        let (manifest, split) = (context.get(&self.evaluated.manifest)?, context.get(&self.evaluated.split)?);
        let tested = split.tested();
        let (hashes, known) = (context.get(&self.evaluated.hashes)?, context.get(&self.trained.hashes)?);
        let known = Told { manifest: &trained, hashes: &known, places: &places };
        let sought = Told { manifest: &manifest, hashes: &hashes, places: &tested };
        let found = look_for(context, sought, known, self.near_duplicate_distance);

        let mut groups: HashMap<&str, &str> = HashMap::new();
        for image in places.iter().map(|&at| &trained.images[at]).filter(|image| self.groups.count(image)) {
            groups.entry(&image.group).or_insert(&image.path);
        }
        let pair = |(&at, found): (&usize, &Option<SamePair>)| {
            let image = &manifest.images[at];
            let same = found.as_ref().map(|pair| (trained.images[pair.first].path.as_str(), shares(pair)));
            let of_group = || {
                let path = groups.get(image.group.as_str()).filter(|_| self.groups.count(image))?;
                Some((*path, format!("{OF_GROUP}, `{}`", image.group)))
            };
            let (path, shares) = same.or_else(of_group)?;
            Some(Pair { evaluated: image.path.clone(), trained: path.to_owned(), shares })
        };
        let pairs = tested.iter().zip(&found).filter_map(pair).collect();
        let overlap = Overlap { pairs, evaluated: tested.len() };
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
            overlap
                .pairs
                .iter()
                .take(NAMED)
                .map(|pair| format!("  `{}` and `{}`: {}", pair.evaluated, pair.trained, pair.shares)),
        );
        if overlap.pairs.len() > NAMED {
            lines.push(format!("  and {} more", overlap.pairs.len() - NAMED));
        }
        if self.groups == SameGroups::OfEqualWords && overlap.pairs.iter().any(Pair::is_of_groups) {
            lines.push(
                "groups of two manifests are one where their names are equal and no numbers: rename those that are not"
                    .to_owned(),
            );
        }
        lines.push(
            "train on other images, or set `allow_overlap = true` in the training's table: every figure then says so"
                .to_owned(),
        );
        lines.join("\n")
    }
}

impl SameGroups {
    /// Whether an image's group says anything in the other data set.
    fn count(self, image: &Image) -> bool {
        let Image { group, path, .. } = image;
        // Without a `group`, an image's path stands for one.
        let is_given = !group.is_empty() && group != path;
        is_given && (self == Self::OfEqualNames || group.parse::<f64>().is_err())
    }
}

/// How two images are the same, for people.
fn shares(pair: &SamePair) -> String {
    match pair.likeness {
        Likeness::Bytes => "the same image".to_owned(),
        Likeness::Pixels => "the same image, equal in pixels".to_owned(),
        Likeness::NearDuplicate => {
            format!("near-duplicates, {} of 256 bits of their hashes differ", pair.distance)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Emotion;

    #[test]
    fn groups_of_two_manifests_count_by_words_and_not_by_numbers_or_paths() {
        let image = |group: &str| Image {
            row: 0,
            path: "awe/1.png".to_owned(),
            label: Emotion::Awe,
            group: group.to_owned(),
            digest: None,
        };
        let count = |groups: SameGroups| {
            ["series-a", "12", "1.50", "awe/1.png", ""].map(|group| groups.count(&image(group)))
        };
        assert_eq!(count(SameGroups::OfEqualNames), [true, true, true, false, false]);
        assert_eq!(count(SameGroups::OfEqualWords), [true, false, false, false, false]);
    }
}
