//! `run.json`: everything needed to tell what a results folder is and to make it again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::config::Resolved;
use crate::plan::Plan;
use crate::run::Outcome;
use crate::stages::summary::Summary;
use crate::stages::sweep::SweepSummary;
use crate::store::Key;
use crate::types::Digest;

/// The record of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Experiment name.
    pub experiment: String,
    /// The experiment file as it was named, relative to the project where it lies in it.
    pub file: String,
    /// `--set` arguments.
    pub set: Vec<String>,
    /// Said when drawings stand in for the data set; null for the real one.
    pub stand_in: Option<String>,
    /// Seed of every random choice.
    pub seed: u64,
    /// Digest of the data.
    pub data: Digest,
    /// Every setting with its value and origin.
    pub settings: Vec<SettingEntry>,
    /// Every stage.
    pub stages: Vec<StageEntry>,
    /// By a sweep's point, from 0, its methods that failed, and why.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub failed: BTreeMap<usize, BTreeMap<String, String>>,
    /// Versions of what shapes the numbers.
    pub versions: BTreeMap<String, String>,
    /// What it found; none of a sweep, and missing in records of older versions.
    #[serde(default)]
    pub summary: Option<Summary>,
    /// The same of a sweep.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sweep: Option<SweepSummary>,
    /// Digests of the files beside this one.
    pub files: BTreeMap<String, Digest>,
}

/// A setting as recorded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SettingEntry {
    /// Dotted path.
    pub path: String,
    /// Its value.
    pub value: Value,
    /// Where it came from.
    pub origin: String,
}

/// A stage as recorded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StageEntry {
    /// What a person reads.
    pub label: String,
    /// Stage name.
    pub stage: String,
    /// Its key.
    pub key: Key,
    /// Whether the run that wrote this found it computed already.
    pub hit: bool,
    /// How long it took when it was computed.
    pub seconds: f64,
}

impl RunRecord {
    /// Of a run that ended well.
    pub fn new(resolved: &Resolved, file: &str, set: &[String], plan: &Plan, outcome: &Outcome) -> Self {
        let setting = |setting: &crate::config::Setting| SettingEntry {
            path: setting.path.clone(),
            value: serde_json::json!(setting.value),
            origin: setting.origin.clone(),
        };
        let nodes = plan.graph.nodes().iter().zip(&outcome.stages);
        let stages = nodes.map(|(node, run)| StageEntry {
            label: node.label.clone(),
            stage: node.name.to_owned(),
            key: node.key,
            hit: run.hit,
            seconds: run.record.seconds,
        });
        Self {
            experiment: resolved.experiment.name.clone(),
            file: file.to_owned(),
            set: set.to_vec(),
            stand_in: plan.stand_in.clone(),
            seed: resolved.experiment.seed.0,
            data: plan.data,
            settings: resolved.settings.iter().map(setting).collect(),
            stages: stages.collect(),
            failed: plan.failures.methods.clone(),
            versions: versions(),
            summary: None,
            sweep: None,
            files: BTreeMap::new(),
        }
    }

    /// What `run.json` holds.
    ///
    /// # Errors
    /// It is no such record.
    pub fn from_json(text: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(text)
    }

    /// The value of a setting.
    pub fn setting(&self, path: &str) -> Option<&Value> {
        self.settings.iter().find(|setting| setting.path == path).map(|setting| &setting.value)
    }

    /// The value of a setting that is a string.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.setting(path).and_then(Value::as_str)
    }

    /// Settings without their origins: moving a line in a file changes no result.
    pub(super) fn values(&self) -> Vec<(&str, &Value)> {
        self.settings.iter().map(|setting| (setting.path.as_str(), &setting.value)).collect()
    }

    pub(super) fn to_json(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec_pretty(self).unwrap_or_default();
        text.push(b'\n');
        text
    }
}

fn versions() -> BTreeMap<String, String> {
    let named = [
        ("emolab", env!("CARGO_PKG_VERSION")),
        ("libtorch", env!("BUILT_LIBTORCH_VERSION")),
        ("images", crate::images::VERSION),
    ];
    named.into_iter().map(|(name, version)| (name.to_owned(), version.to_owned())).collect()
}
