//! The graph of stages, wired by typed handles and then treated alike.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use crate::stage::{Artifact, ArtifactError, Context, Files, Handle, Output, Stage, StageError};
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
    work: Box<dyn Work>,
}

impl Node {
    /// Computes the output.
    pub fn run(&self, context: &Context<'_>) -> Result<Output, StageError> {
        self.work.run(context)
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
    fn run(&self, context: &Context<'_>) -> Result<Output, StageError>;
    fn save(&self, output: &Output) -> Result<Files, ArtifactError>;
    fn load(&self, files: &Files) -> Result<Output, ArtifactError>;
}

impl<S: Stage> Work for S {
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
            self.nodes.push(Node { key, name, version, label, parameters, inputs, work: Box::new(stage) });
        }
        Handle::new(key)
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
