//! The graph of stages, wired by typed handles and then treated alike.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::Value;

use super::data::Sourced;
use crate::config::experiment::Dataset;
use crate::stage::{Artifact, ArtifactError, Context, Files, Handle, Occupies, Output, Stage, StageError};
use crate::stages::list::Listing;
use crate::store::Key;
use crate::types::Digest;

/// A stage in the graph.
pub struct Node {
    /// Its key.
    pub key: Key,
    /// Stage name: `fit-pca`.
    pub name: &'static str,
    /// Version of its code.
    pub version: u32,
    /// What a person reads: `fit-pca ImageNet-CNN fold 3`.
    pub label: String,
    /// What its key is the hash of.
    pub parameters: Value,
    /// Keys of its inputs.
    pub inputs: Vec<Key>,
    /// Which point of a sweep it was planned for first: the value on each axis.
    point: Vec<String>,
    work: Box<dyn Work>,
}

impl Node {
    /// Computes the output.
    pub fn run(&self, context: &Context<'_>) -> Result<Output, StageError> {
        self.work.run(context)
    }

    /// How it uses the run's threads.
    pub fn occupies(&self) -> Occupies {
        self.work.occupies()
    }

    /// Most memory that it takes, given the bytes of its inputs.
    pub fn memory(&self, inputs: u64) -> u64 {
        self.work.memory(inputs)
    }

    /// The output's files.
    pub fn save(&self, output: &Output) -> Result<Files, ArtifactError> {
        self.work.save(output)
    }

    /// The output from its files.
    pub fn load(&self, files: &Files) -> Result<Output, ArtifactError> {
        self.work.load(files)
    }
}

trait Work: Send + Sync {
    fn occupies(&self) -> Occupies;
    fn memory(&self, inputs: u64) -> u64;
    fn run(&self, context: &Context<'_>) -> Result<Output, StageError>;
    fn save(&self, output: &Output) -> Result<Files, ArtifactError>;
    fn load(&self, files: &Files) -> Result<Output, ArtifactError>;
}

impl<S: Stage> Work for S {
    fn occupies(&self) -> Occupies {
        S::OCCUPIES
    }

    fn memory(&self, inputs: u64) -> u64 {
        Stage::memory(self, inputs)
    }

    fn run(&self, context: &Context<'_>) -> Result<Output, StageError> {
        Ok(Arc::new(Stage::run(self, context)?))
    }

    fn save(&self, output: &Output) -> Result<Files, ArtifactError> {
        let output = output.downcast_ref::<S::Output>();
        output.ok_or_else(|| ArtifactError("not this stage's output".to_owned()))?.save()
    }

    fn load(&self, files: &Files) -> Result<Output, ArtifactError> {
        Ok(Arc::new(S::Output::load(files)?))
    }
}

/// Stages in an order in which each stands after its inputs. Equal keys merge.
#[derive(Default)]
pub struct Graph {
    nodes: Vec<Node>,
    positions: HashMap<Key, usize>,
    point: Vec<String>,
    /// Data sets whose stages are in it, as asked for.
    pub(super) sourced: Vec<(Dataset, bool, String, Sourced)>,
    /// What the stages that list images found, by their keys.
    pub(super) listings: HashMap<Key, Arc<Listing>>,
}

impl Graph {
    /// Adds a stage; one with the same key is there only once.
    pub fn add<S: Stage>(&mut self, label: impl Into<String>, stage: S) -> Handle<S::Output> {
        // Stages are structs of numbers, strings and handles, which always serialise.
        let parameters = serde_json::to_value(&stage).unwrap_or(Value::Null);
        let key = Key::of(S::NAME, S::VERSION, &parameters);
        if !self.positions.contains_key(&key) {
            let mut inputs = Vec::new();
            collect_inputs(&parameters, &mut inputs);
            self.positions.insert(key, self.nodes.len());
            let (name, version, label) = (S::NAME, S::VERSION, label.into());
            let point = self.point.clone();
            self.nodes.push(Node {
                key,
                name,
                version,
                label,
                parameters,
                inputs,
                point,
                work: Box::new(stage),
            });
        }
        Handle::new(key)
    }

    /// What is added from now on belongs to this point of a sweep.
    pub(super) fn begin_point(&mut self, values: Vec<String>) {
        self.point = values;
    }

    /// Tells stages of different points apart: where several have one label, each gets the values of the axes in
    /// which they differ.
    pub(super) fn tell_apart(&mut self) {
        let mut alike: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, node) in self.nodes.iter().enumerate() {
            alike.entry(node.label.clone()).or_default().push(at);
        }
        for positions in alike.into_values().filter(|positions| positions.len() > 1) {
            let first = self.nodes[positions[0]].point.clone();
            let differs = |axis: &usize| {
                positions.iter().any(|at| self.nodes[*at].point.get(*axis) != first.get(*axis))
            };
            let axes: Vec<usize> = (0..first.len()).filter(differs).collect();
            if axes.is_empty() {
                continue;
            }
            for at in positions {
                let node = &mut self.nodes[at];
                let values: Vec<&str> =
                    axes.iter().filter_map(|axis| node.point.get(*axis)).map(String::as_str).collect();
                node.label = format!("{} ({})", node.label, values.join(", "));
            }
        }
    }

    /// Positions of a stage and of all that it needs, directly or not.
    pub fn needed_for(&self, keys: impl IntoIterator<Item = Key>) -> BTreeSet<usize> {
        let mut needed = BTreeSet::new();
        let mut open: Vec<usize> = keys.into_iter().filter_map(|key| self.position(key)).collect();
        while let Some(at) = open.pop() {
            if needed.insert(at) {
                open.extend(self.nodes[at].inputs.iter().filter_map(|key| self.position(*key)));
            }
        }
        needed
    }

    /// Leaves out all stages but those at some positions, which need no others.
    pub(super) fn keep(&mut self, positions: &BTreeSet<usize>) {
        let mut position = 0..;
        self.nodes.retain(|_| position.next().is_some_and(|position| positions.contains(&position)));
        self.positions = self.nodes.iter().enumerate().map(|(at, node)| (node.key, at)).collect();
    }

    /// All stages.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Position of a key among [`Graph::nodes`].
    pub fn position(&self, key: Key) -> Option<usize> {
        self.positions.get(&key).copied()
    }
}

fn collect_inputs(value: &Value, inputs: &mut Vec<Key>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match field.as_str().and_then(Digest::from_hex) {
                    Some(digest) if name == "$input" => {
                        if !inputs.contains(&Key(digest)) {
                            inputs.push(Key(digest));
                        }
                    }
                    _ => collect_inputs(field, inputs),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_inputs(item, inputs)),
        _ => {}
    }
}
