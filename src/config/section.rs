//! Reads settings out of merged layers: checks each value, notes its origin, collects every problem.
//!
//! A setting is stated where it is read: `pca.integer("components", "...", 1, 1_000_000).or(20)`. Reading never stops at a
//! problem; a placeholder stands in and the caller finds the problems in [`Reader::finish`].

use std::cell::RefCell;
use std::path::PathBuf;

use figment::value::{Dict, Value};

use super::document::{Document, Place, Step};
use super::field::{Description, Field, note_leaves};
use super::layers::{Layer, Layers};
use super::names::{dotted, kind_of, nearest, number, one_of};
use super::problem::Problem;
use super::setting::{Setting, Shown};

/// Reads one experiment.
pub struct Reader<'a> {
    pub(super) layers: &'a Layers,
    pub(super) problems: RefCell<Vec<Problem>>,
    pub(super) settings: RefCell<Vec<Setting>>,
    pub(super) descriptions: RefCell<Vec<Description>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(layers: &'a Layers) -> Self {
        Self {
            layers,
            problems: RefCell::default(),
            settings: RefCell::default(),
            descriptions: RefCell::default(),
        }
    }

    /// The file's top level.
    pub(super) fn top(&'a self) -> Section<'a> {
        Section {
            reader: self,
            path: Vec::new(),
            values: Some(&self.layers.values),
            asked: RefCell::default(),
            refused: RefCell::default(),
        }
    }

    /// Settings in the order in which they were read, and all problems in the order of their places.
    pub(super) fn finish(self) -> (Vec<Setting>, Vec<Problem>) {
        (self.settings.into_inner(), self.problems.into_inner())
    }

    pub(super) fn descriptions(self) -> Vec<Description> {
        self.descriptions.into_inner()
    }

    /// A problem with the value at `path`; `on_key` puts the caret under the key.
    pub(super) fn problem(
        &self,
        path: &[Step],
        value: Option<&Value>,
        on_key: bool,
        message: String,
    ) -> Problem {
        let path = &self.layers.stated(path);
        let source = value.and_then(|value| source_of(self.layers, value));
        match source.and_then(|position| self.layers.sources.get(position)) {
            Some(Layer::Variable(name, text)) => {
                Problem::elsewhere(message, format!("environment variable {name}={text}"))
            }
            Some(Layer::Argument(argument)) => Problem::elsewhere(message, format!("--set {argument}")),
            Some(Layer::File(document)) => at(document, path, on_key, message),
            None => match self.layers.main_file() {
                Some(document) => at(document, path, true, message),
                None => Problem::elsewhere(message, "experiment"),
            },
        }
    }

    /// Whether a value stands in a file, and not in a variable or an argument.
    pub(super) fn is_from_file(&self, value: &Value) -> bool {
        let source = source_of(self.layers, value).and_then(|position| self.layers.sources.get(position));
        matches!(source, Some(Layer::File(_)))
    }

    pub(super) fn origin(&self, path: &[Step], value: &Value) -> String {
        let path = &self.layers.stated(path);
        match source_of(self.layers, value).and_then(|position| self.layers.sources.get(position)) {
            Some(Layer::Variable(name, _)) => name.clone(),
            Some(Layer::Argument(argument)) => format!("--set {argument}"),
            Some(Layer::File(document)) => {
                let start = document.place(path).map_or(0, |place| place.key.start);
                let (line, column) = document.line_and_column(start);
                format!("{}:{line}:{column}", document.path.display())
            }
            None => "default".to_owned(),
        }
    }
}

impl Reader<'_> {
    /// The problems so far, no longer kept.
    pub(super) fn take_problems(&self) -> Vec<Problem> {
        self.problems.take()
    }

    /// Orders values as their files do: source, then place in it.
    pub(super) fn start_of(&self, path: &[Step], value: &Value) -> (usize, usize) {
        let source = source_of(self.layers, value);
        let start = match source.and_then(|position| self.layers.sources.get(position)) {
            Some(Layer::File(document)) => document.place(path).map_or(0, |place| place.key.start),
            _ => 0,
        };
        (source.unwrap_or(usize::MAX), start)
    }

    /// Notes a value as a setting, whatever it is.
    pub(super) fn note(&self, path: &[Step], value: &Value) {
        note_leaves(self, path, value);
    }
}

/// A table's own tag is its strongest layer's; a problem inside it lies where its values do.
fn source_of(layers: &Layers, value: &Value) -> Option<usize> {
    layers.source_of(value.tag()).or_else(|| match value {
        Value::Dict(_, fields) => fields.values().find_map(|field| source_of(layers, field)),
        Value::Array(_, items) => items.iter().find_map(|item| source_of(layers, item)),
        _ => None,
    })
}

fn at(document: &std::sync::Arc<Document>, path: &[Step], on_key: bool, message: String) -> Problem {
    let span =
        document.place(path).map_or(0..0, |Place { key, value }| if on_key { key } else { value }.clone());
    Problem::at(document, span, message)
}

/// One table of the experiment.
pub struct Section<'a> {
    pub(super) reader: &'a Reader<'a>,
    pub(super) path: Vec<Step>,
    values: Option<&'a Dict>,
    asked: RefCell<Vec<&'static str>>,
    refused: RefCell<Vec<&'static str>>,
}

impl<'a> Section<'a> {
    /// A table inside this one; absent counts as empty.
    pub fn table(&self, key: &'static str) -> Section<'a> {
        let value = self.take(key);
        let values = value.and_then(|value| {
            let table = value.as_dict();
            if table.is_none() {
                let path = self.path_to(key);
                let problem = self.reader.problem(&path, Some(value), false, format!("`{key}` is a table"));
                self.report(problem.label(format!("expected a table, found {}", kind_of(value))));
            }
            table
        });
        self.inner(self.path_to(key), values)
    }

    /// The tables `[[key]]`.
    pub fn tables(&self, key: &'static str) -> Vec<Section<'a>> {
        let Some(value) = self.take(key) else { return Vec::new() };
        let items = value.as_array().unwrap_or(&[]);
        if value.as_array().is_none() || items.iter().any(|item| item.as_dict().is_none()) {
            let message = format!("`{key}` is a list of tables");
            let problem = self.reader.problem(&self.path_to(key), Some(value), true, message);
            self.report(if self.reader.is_from_file(value) {
                problem.label(format!("write `[[{key}]]`, with two brackets"))
            } else {
                problem.label("a list of tables can be set in files alone: write one that `extends` this one")
            });
        }
        let section = |(index, item): (usize, &'a Value)| {
            let mut path = self.path_to(key);
            path.push(Step::Index(index));
            item.as_dict().map(|values| self.inner(path, Some(values)))
        };
        items.iter().enumerate().filter_map(section).collect()
    }

    fn inner(&self, path: Vec<Step>, values: Option<&'a Dict>) -> Section<'a> {
        Section { reader: self.reader, path, values, asked: RefCell::default(), refused: RefCell::default() }
    }

    /// A line of text, as it stands in figures, tables and on terminals.
    pub fn text(&self, key: &'static str, help: &'static str) -> Field<'_, 'a, String> {
        let read = |value: &Value| {
            let text = value.as_str().ok_or("a string")?;
            let is_line = !text.trim().is_empty() && !text.contains(char::is_control);
            let line = is_line.then(|| text.to_owned());
            line.ok_or_else(|| "a line of text, not empty and without control characters".to_owned())
        };
        let shape = serde_json::json!({"type": "string", "minLength": 1});
        self.field(key, help, shape, read, |text| Shown::Text(text.clone()))
    }

    /// A path, as written.
    pub fn path(&self, key: &'static str, help: &'static str) -> Field<'_, 'a, PathBuf> {
        let read = |value: &Value| {
            let text = value.as_str().filter(|text| !text.is_empty());
            text.map(PathBuf::from).ok_or_else(|| "a path as a string".to_owned())
        };
        let show = |path: &PathBuf| Shown::Text(path.display().to_string());
        self.field(key, help, serde_json::json!({"type": "string", "minLength": 1}), read, show)
    }

    /// `true` or `false`.
    pub fn flag(&self, key: &'static str, help: &'static str) -> Field<'_, 'a, bool> {
        let read = |value: &Value| value.to_bool().ok_or_else(|| "`true` or `false`".to_owned());
        self.field(key, help, serde_json::json!({"type": "boolean"}), read, |flag| Shown::Flag(*flag))
    }

    /// A whole number within a range, both ends included.
    pub fn integer(&self, key: &'static str, help: &'static str, low: i64, high: i64) -> Field<'_, 'a, i64> {
        let shape = serde_json::json!({"type": "integer", "minimum": low, "maximum": high});
        let read = move |value: &Value| {
            let number = value.to_i128().and_then(|number| i64::try_from(number).ok());
            let expected = if high == i64::MAX {
                format!("a whole number, {low} or more")
            } else {
                format!("a whole number from {low} to {high}")
            };
            number.filter(|number| (low..=high).contains(number)).ok_or(expected)
        };
        self.field(key, help, shape, read, |number| Shown::Integer(*number))
    }

    /// A number from 0 to 1.
    pub fn fraction(&self, key: &'static str, help: &'static str) -> Field<'_, 'a, f64> {
        let shape = serde_json::json!({"type": "number", "minimum": 0, "maximum": 1});
        let read = |value: &Value| {
            let number = number(value).filter(|number| (0.0..=1.0).contains(number));
            number.ok_or_else(|| "a fraction from 0 to 1".to_owned())
        };
        self.field(key, help, shape, read, |number| Shown::Number(*number))
    }

    /// One of some names.
    pub fn choice<T: Copy + PartialEq>(
        &self,
        key: &'static str,
        help: &'static str,
        choices: &'a [(&'static str, T)],
    ) -> Field<'_, 'a, T> {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        let read = move |value: &Value| {
            let chosen = value.as_str().and_then(|text| choices.iter().find(|(name, _)| *name == text));
            chosen.map(|(_, choice)| *choice).ok_or_else(|| one_of(choices.iter().map(|(name, _)| *name)))
        };
        let show = move |chosen: &T| {
            let name = choices.iter().find(|(_, choice)| choice == chosen).map_or("", |(name, _)| name);
            Shown::Text(name.to_owned())
        };
        let mut field = self.field(key, help, serde_json::json!({"enum": names}), read, show);
        field.names = choices.iter().map(|(name, _)| *name).collect();
        field
    }

    /// A setting with a reader of its own: the value, or what was expected instead.
    pub fn field<T>(
        &self,
        key: &'static str,
        help: &'static str,
        shape: serde_json::Value,
        read: impl Fn(&Value) -> Result<T, String> + 'a,
        show: impl Fn(&T) -> Shown + 'a,
    ) -> Field<'_, 'a, T> {
        Field::new(self, key, help, shape, Box::new(read), Box::new(show))
    }

    /// All that the table holds, whether or not it is known.
    pub(super) fn entries(&self) -> Option<&'a Dict> {
        self.values
    }

    /// Whether the table sets this key.
    pub fn has(&self, key: &str) -> bool {
        self.values.is_some_and(|values| values.contains_key(key))
    }

    /// Reports a problem with the value of `key`, or with the table where the key is absent.
    pub fn refuse(&self, key: &'static str, message: String, label: &str) {
        let value = self.values.and_then(|values| values.get(key));
        let path = if value.is_some() { self.path_to(key) } else { self.path.clone() };
        let problem = self.reader.problem(&path, value, value.is_none(), message);
        self.report(problem.label(label));
    }

    /// A problem with entry `name` of the table `key`, or with the name itself.
    pub(super) fn entry_problem(
        &self,
        key: &str,
        (name, value): (&str, &Value),
        on_name: bool,
        message: String,
    ) -> Problem {
        let mut path = self.path_to(key);
        path.push(Step::Key(name.to_owned()));
        self.reader.problem(&path, Some(value), on_name, message)
    }

    /// What the table `key` holds; nothing where it is no table.
    pub fn entries_of(&self, key: &str) -> impl Iterator<Item = (&'a str, &'a Value)> {
        let table = self.values.and_then(|values| values.get(key)).and_then(Value::as_dict);
        table.into_iter().flatten().map(|(name, value)| (name.as_str(), value))
    }

    /// Notes that the value of `key` was refused: what depends on it cannot be judged.
    pub(super) fn note_refused(&self, key: &'static str) {
        self.refused.borrow_mut().push(key);
    }

    /// Keys that are known but cannot be judged, since what they depend on is wrong and told already.
    pub fn pass_over(&self, keys: &[&'static str]) {
        self.asked.borrow_mut().extend(keys);
    }

    /// Keys that exist under another choice: allowed where a weaker layer than the choice itself set them,
    /// since the stronger layer has turned them off, and where the choice itself is wrong; a problem otherwise.
    pub fn belongs_elsewhere(&self, keys: &[&'static str], tag: &'static str, because: &str) {
        let Some(values) = self.values else { return };
        if self.refused.borrow().contains(&tag) {
            return self.pass_over(keys);
        }
        let layer_of = |key: &str| {
            // A sweep's value is stronger than any layer.
            let moved = self.reader.layers.is_moved(&self.path_to(key)).then_some(usize::MAX);
            moved.or_else(|| values.get(key).and_then(|value| source_of(self.reader.layers, value)))
        };
        for key in keys {
            self.asked.borrow_mut().push(key);
            let Some(value) = values.get(*key) else { continue };
            if layer_of(key) < layer_of(tag) {
                continue;
            }
            let message = format!("`{key}` does not go with {because}");
            let problem = self.reader.problem(&self.path_to(key), Some(value), true, message);
            self.report(problem.label("leave this out"));
        }
    }

    /// Ends the table: a key that nobody asked for is a problem.
    pub fn end(self) {
        let Some(values) = self.values else { return };
        let asked = self.asked.borrow();
        for (key, value) in values {
            if asked.contains(&key.as_str()) {
                continue;
            }
            let table = dotted(&self.path);
            let of = if table.is_empty() { "the top level".to_owned() } else { format!("`[{table}]`") };
            let message = format!("unknown key `{key}` in {of}");
            let mut path = self.path.clone();
            path.push(Step::Key(key.clone()));
            let problem = self.reader.problem(&path, Some(value), true, message);
            let mut problem = problem.label(format!("expected {}", one_of(asked.iter().copied())));
            if let Some(name) = nearest(key, asked.iter().copied()) {
                problem = problem.hint(format!("did you mean `{name}`?"));
            }
            self.reader.problems.borrow_mut().push(problem);
        }
    }

    pub(super) fn take(&self, key: &'static str) -> Option<&'a Value> {
        if !self.asked.borrow().contains(&key) {
            self.asked.borrow_mut().push(key);
        }
        self.values.and_then(|values| values.get(key))
    }

    pub(super) fn path_to(&self, key: &str) -> Vec<Step> {
        let mut path = self.path.clone();
        path.push(Step::Key(key.to_owned()));
        path
    }

    pub(super) fn report(&self, problem: Problem) {
        self.reader.problems.borrow_mut().push(problem);
    }
}
