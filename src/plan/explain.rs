//! Why a stage must run: which parameter or input changed, from what to what.

use serde::Serialize;
use serde_json::Value;

use super::changed_images::ChangedImages;
use super::graph::{Graph, Node};
use crate::stage::Artifact as _;
use crate::stages::list::Listing;
use crate::store::{History, Lookup, Past, Store};

/// One reason for a miss.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Reason {
    /// The experiment never ran this stage.
    New,
    /// A parameter has another value.
    Parameter {
        /// Dotted path inside the stage's parameters.
        path: String,
        /// As it was; `null` when there was none.
        old: Value,
        /// As it is.
        new: Value,
    },
    /// The stage's code computes something else than before.
    Code {
        /// Version then.
        old: u32,
        /// Version now.
        new: u32,
    },
    /// An earlier stage has another key.
    Input {
        /// Label of that stage.
        stage: String,
    },
    /// The data set has other images than before.
    Images(ChangedImages),
    /// Nothing changed, but the result is not in the store any more.
    Gone,
    /// Nothing changed, but the result in the store is damaged.
    Damaged {
        /// What is wrong with it.
        reason: String,
    },
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::New => write!(f, "never run before"),
            Self::Parameter { path, old: Value::Null, new } => write!(f, "`{path}` is new: {}", brief(new)),
            Self::Parameter { path, old, new: Value::Null } => {
                write!(f, "`{path}` is gone, was {}", brief(old))
            }
            Self::Parameter { path, old, new } => write!(f, "`{path}`: {} -> {}", brief(old), brief(new)),
            Self::Code { old, new } => write!(f, "the stage's code: version {old} -> {new}"),
            Self::Input { stage } => write!(f, "input changed: {stage}"),
            Self::Images(changed) => write!(f, "{changed}"),
            Self::Gone => write!(f, "its result is not in the store any more"),
            Self::Damaged { reason } => write!(f, "damaged: {reason}"),
        }
    }
}

/// Why `node`, which the store does not hold, differs from what the experiment last ran.
pub fn explain(node: &Node, graph: &Graph, history: &History, store: &Store) -> Vec<Reason> {
    let Some(past) = history.get(&node.label) else { return vec![Reason::New] };
    if past.key == node.key {
        return vec![Reason::Gone];
    }
    let mut reasons = Vec::new();
    if past.version != node.version {
        reasons.push(Reason::Code { old: past.version, new: node.version });
    }
    compare("", &past.parameters, &node.parameters, graph, &mut reasons);
    if let Some(changed) = changed_images(node, graph, past, store) {
        // The digest of all images, and their number, say less.
        reasons.retain(|reason| !matches!(reason, Reason::Parameter { path, .. } if path == "content" || path == "images"));
        reasons.push(Reason::Images(changed));
    }
    if reasons.is_empty() { vec![Reason::New] } else { reasons }
}

/// Which images the data set did not have when it was last listed, where the store still has that list.
fn changed_images(node: &Node, graph: &Graph, past: &Past, store: &Store) -> Option<ChangedImages> {
    let now = graph.listings.get(&node.key)?;
    let Ok(Lookup::Hit(record)) = store.look_up(node.name, past.key) else { return None };
    let files = record.files.iter().map(|(name, blob)| Some((name.clone(), store.read_blob(blob).ok()?)));
    let before = Listing::load(&files.collect::<Option<_>>()?).ok()?;
    Some(ChangedImages::between(&before, now))
}

/// What to remember of a plan once it has run.
pub fn history(graph: &Graph) -> History {
    let past =
        |node: &Node| Past { key: node.key, version: node.version, parameters: node.parameters.clone() };
    graph.nodes().iter().map(|node| (node.label.clone(), past(node))).collect()
}

fn compare(path: &str, old: &Value, new: &Value, graph: &Graph, reasons: &mut Vec<Reason>) {
    if old == new {
        return;
    }
    let input = |value: &Value| value.get("$input").cloned();
    if let Some(key) = input(new) {
        let label = graph.nodes().iter().find(|node| key == serde_json::json!(node.key));
        let stage = label.map_or_else(|| path.to_owned(), |node| node.label.clone());
        let reason = Reason::Input { stage };
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
        return;
    }
    match (old, new) {
        (Value::Object(old), Value::Object(new)) if !old.contains_key("$extractor") => {
            let names: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for name in names {
                let inner = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                let at = |fields: &serde_json::Map<String, Value>| {
                    fields.get(name).cloned().unwrap_or(Value::Null)
                };
                compare(&inner, &at(old), &at(new), graph, reasons);
            }
        }
        (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
            let is_one = old.len() == 1;
            for (index, (old, new)) in old.iter().zip(new).enumerate() {
                let inner = if is_one { path.to_owned() } else { format!("{path}[{index}]") };
                compare(&inner, old, new, graph, reasons);
            }
        }
        // The extractor's key only sums up the parameters beside it, which say more.
        (Value::Object(old), _) if old.contains_key("$extractor") => {}
        _ => reasons.push(Reason::Parameter { path: path.to_owned(), old: old.clone(), new: new.clone() }),
    }
}

/// Digests are told apart by their first digits.
fn brief(value: &Value) -> String {
    match value {
        Value::String(text) if crate::types::Digest::from_hex(text).is_some() => format!("{}…", &text[..12]),
        other => {
            let text = other.to_string();
            if text.chars().count() <= 60 { text } else { text.chars().take(59).chain(['…']).collect() }
        }
    }
}
