//! Where settings come from, weakest first: defaults, a file named by `extends`, the file, `EMOLAB_*`
//! environment variables, `--set a.b=value`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use figment::value::{Dict, Map, Tag, Value};
use figment::{Figment, Metadata, Profile, Provider};

use super::document::{Document, Step};
use super::problem::Problem;
use super::read_document;

/// Variables that steer the program itself and are no settings of an experiment.
const RESERVED: [&str; 3] = ["EMOLAB_STORE", "EMOLAB_DEPS", "EMOLAB_TORCH_WORKER"];
const PREFIX: &str = "EMOLAB_";

/// Settings from outside the files.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// Environment variables, all of them; those without the prefix are ignored.
    pub environment: BTreeMap<String, OsString>,
    /// `--set` arguments as typed: `svm.c=10`.
    pub arguments: Vec<String>,
}

impl Overrides {
    /// The process environment and these `--set` arguments.
    pub fn from_process(arguments: &[String]) -> Self {
        let named = |(name, value): (OsString, OsString)| (name.to_string_lossy().into_owned(), value);
        Self { environment: std::env::vars_os().map(named).collect(), arguments: arguments.to_vec() }
    }
}

/// One source of values.
#[derive(Clone, Debug)]
pub enum Layer {
    /// An experiment file.
    File(Arc<Document>),
    /// One environment variable: its name and value.
    Variable(String, String),
    /// One `--set` argument.
    Argument(String),
}

impl Layer {
    /// As it was written, of what is no file.
    pub fn outside(&self) -> Option<String> {
        match self {
            Self::File(_) => None,
            Self::Variable(name, value) => Some(format!("`{name}={value}`")),
            Self::Argument(argument) => Some(format!("`--set {argument}`")),
        }
    }
}

/// All sources, merged.
pub struct Layers {
    /// Weakest first.
    pub sources: Vec<Layer>,
    /// The merged values; each value's tag leads to its source.
    pub values: Dict,
    figment: Figment,
    moved: Vec<Moved>,
}

/// A value of a sweep that stands in the place of a setting.
#[derive(Clone, Debug)]
pub struct Moved {
    /// The setting.
    pub to: Vec<Step>,
    /// Where the value was stated.
    pub from: Vec<Step>,
    /// The value.
    pub value: Value,
}

impl Layers {
    /// A single source.
    pub fn of(layer: Layer, values: Dict) -> Self {
        Self {
            sources: vec![layer],
            values: values.clone(),
            figment: Figment::from(Source { position: 0, values }),
            moved: Vec::new(),
        }
    }

    /// With these values over all others; each keeps the source and the place where it was stated.
    pub fn with(&self, moved: Vec<Moved>) -> Self {
        let mut values = self.values.clone();
        for Moved { to, value, .. } in &moved {
            put(&mut values, to, value);
        }
        Self { sources: self.sources.clone(), values, figment: self.figment.clone(), moved }
    }

    /// Where the value at `path` was stated.
    pub fn stated(&self, path: &[Step]) -> Vec<Step> {
        let inside = |moved: &Moved| Some([&moved.from, path.strip_prefix(moved.to.as_slice())?].concat());
        self.moved.iter().find_map(inside).unwrap_or_else(|| path.to_owned())
    }

    /// Whether a value of a sweep stands at `path`.
    pub fn is_moved(&self, path: &[Step]) -> bool {
        self.moved.iter().any(|moved| moved.to == path)
    }

    /// The value at a path.
    pub fn value_at(&self, path: &[Step]) -> Option<&Value> {
        let (Step::Key(first), rest) = path.split_first()? else { return None };
        rest.iter().try_fold(self.values.get(first)?, |value, step| match (value, step) {
            (Value::Dict(_, fields), Step::Key(key)) => fields.get(key),
            (Value::Array(_, items), Step::Index(at)) => items.get(*at),
            _ => None,
        })
    }

    /// Position in `sources` of where a value came from.
    pub fn source_of(&self, tag: Tag) -> Option<usize> {
        self.figment.get_metadata(tag)?.name.parse().ok()
    }

    /// The experiment file itself, for problems that have no place of their own.
    pub fn main_file(&self) -> Option<&Arc<Document>> {
        self.sources.iter().rev().find_map(|layer| match layer {
            Layer::File(document) => Some(document),
            _ => None,
        })
    }
}

struct Source {
    position: usize,
    values: Dict,
}

impl Provider for Source {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.position.to_string())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Profile::Default.collect(self.values.clone()))
    }
}

/// Parses every source and lays them over each other.
pub fn gather(file: &Path, overrides: &Overrides) -> Result<Layers, Vec<Problem>> {
    let mut layers: Vec<(Layer, Dict)> = Vec::new();
    files(file, &mut Vec::new(), &mut layers)?;
    let mut problems = Vec::new();
    for (name, value) in &overrides.environment {
        let Some(path) = name.strip_prefix(PREFIX).filter(|_| !RESERVED.contains(&name.as_str())) else {
            continue;
        };
        let path: Vec<String> = path.split("__").map(str::to_lowercase).collect();
        let Some(value) = value.to_str() else {
            let message = format!("the environment variable `{name}` is not UTF-8");
            problems.push(Problem::elsewhere(message, format!("environment variable {name}")));
            continue;
        };
        layers.push((Layer::Variable(name.clone(), value.to_owned()), nested(&path, parse_value(value))));
    }
    for argument in &overrides.arguments {
        let Some((path, value)) = argument.split_once('=') else {
            let message = format!("`--set {argument}` has no value");
            problems.push(
                Problem::elsewhere(message, format!("--set {argument}")).hint("write `--set svm.c=10`"),
            );
            continue;
        };
        let path: Vec<String> = path.split('.').map(|step| step.trim().to_owned()).collect();
        layers.push((Layer::Argument(argument.clone()), nested(&path, parse_value(value.trim()))));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let mut figment = Figment::new();
    let mut sources = Vec::new();
    for (position, (layer, values)) in layers.into_iter().enumerate() {
        figment = figment.merge(Source { position, values });
        sources.push(layer);
    }
    let merged = figment.data().map(|mut data| data.remove(&Profile::Default).unwrap_or_default());
    let values = merged.map_err(|error| vec![Problem::elsewhere(error.to_string(), file.display())])?;
    Ok(Layers { sources, values, figment, moved: Vec::new() })
}

/// The file and, before it, those that it extends.
fn files(file: &Path, above: &mut Vec<PathBuf>, layers: &mut Vec<(Layer, Dict)>) -> Result<(), Vec<Problem>> {
    let text = read_document(file).map_err(|problem| vec![problem])?;
    let (document, mut values) = match Document::parse(file.to_owned(), text) {
        Ok(parsed) => parsed,
        Err((document, errors)) => {
            let document = Arc::new(document);
            let problem = |error: super::document::SyntaxError| {
                Problem::at(&document, error.span, format!("this is no valid TOML: {}", error.message))
            };
            return Err(errors.into_iter().map(problem).collect());
        }
    };
    let document = Arc::new(document);
    if let Some(extends) = values.remove("extends") {
        let place = document.place(&[Step::Key("extends".to_owned())]);
        let span = place.map_or(0..0, |place| place.value.clone());
        let Some(base) = extends.as_str() else {
            let problem = Problem::at(&document, span, "`extends` names a file".to_owned());
            return Err(vec![problem.label("expected a string")]);
        };
        let base = file.parent().unwrap_or(Path::new(".")).join(base);
        let identity = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        above.push(identity(file));
        if above.contains(&identity(&base)) {
            let message =
                format!("`extends` goes round in a circle: `{}` stands above already", base.display());
            return Err(vec![Problem::at(&document, span, message)]);
        }
        if !base.is_file() {
            let message = format!("`extends` names `{}`, which is no file", base.display());
            return Err(vec![Problem::at(&document, span, message).label("relative to this file's folder")]);
        }
        files(&base, above, layers)?;
    }
    layers.push((Layer::File(document), values));
    Ok(())
}

/// Sets the value at `path`; tables on the way are made, lists are there.
fn put(values: &mut Dict, path: &[Step], value: &Value) {
    let [Step::Key(key), rest @ ..] = path else { return };
    let slot = values.entry(key.clone()).or_insert_with(|| Value::from(Dict::new()));
    put_below(slot, rest, value);
}

fn put_below(slot: &mut Value, path: &[Step], value: &Value) {
    match (path, slot) {
        ([], slot) => *slot = value.clone(),
        ([Step::Key(_), ..], Value::Dict(_, fields)) => put(fields, path, value),
        ([Step::Index(at), rest @ ..], Value::Array(_, items)) => {
            if let Some(item) = items.get_mut(*at) {
                put_below(item, rest, value);
            }
        }
        // Something else stands where a table must, which is a problem of its own.
        _ => {}
    }
}

fn nested(path: &[String], value: Value) -> Dict {
    match path {
        [key] => Dict::from([(key.clone(), value)]),
        [key, rest @ ..] => Dict::from([(key.clone(), Value::from(nested(rest, value)))]),
        [] => Dict::new(),
    }
}

/// As TOML where that parses, else as a string, so that `--set svm.solver=linfa` needs no quotes.
fn parse_value(text: &str) -> Value {
    let line = format!("value = {text}");
    match Document::parse(PathBuf::new(), line) {
        Ok((_, mut values)) if values.len() == 1 => {
            values.remove("value").unwrap_or_else(|| Value::from(text))
        }
        _ => Value::from(text),
    }
}
