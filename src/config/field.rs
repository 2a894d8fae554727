//! One setting, stated where it is read: its check, its default and its description.

use figment::value::Value;

use super::document::Step;
use super::names::{dotted, nearest, one_of, show_value};
use super::section::{Reader, Section};
use super::setting::{Setting, Shown};

/// What a setting is, for the schema.
#[derive(Clone, Debug)]
pub(super) struct Description {
    pub path: Vec<Step>,
    pub help: &'static str,
    pub shape: serde_json::Value,
    pub default: Option<Shown>,
    pub required: bool,
}

/// Takes a value, or says what was expected instead.
pub(super) type Read<'a, T> = Box<dyn Fn(&Value) -> Result<T, String> + 'a>;

/// A setting about to be read.
pub struct Field<'s, 'a, T> {
    section: &'s Section<'a>,
    key: &'static str,
    help: &'static str,
    shape: serde_json::Value,
    read: Read<'a, T>,
    show: Box<dyn Fn(&T) -> Shown + 'a>,
    pub(super) names: Vec<&'static str>,
}

impl<'s, 'a, T> Field<'s, 'a, T> {
    pub(super) fn new(
        section: &'s Section<'a>,
        key: &'static str,
        help: &'static str,
        shape: serde_json::Value,
        read: Read<'a, T>,
        show: Box<dyn Fn(&T) -> Shown + 'a>,
    ) -> Self {
        Self { section, key, help, shape, read, show, names: Vec::new() }
    }

    /// The value, or this default.
    pub fn or(self, default: T) -> T {
        let shown = (self.show)(&default);
        self.describe(Some(shown.clone()), false);
        if let Some(found) = self.get() {
            return found;
        }
        if !self.section.has(self.key) {
            let path = dotted(&self.section.path_to(self.key));
            let setting = Setting { path, value: shown, origin: "default".to_owned() };
            self.section.reader.settings.borrow_mut().push(setting);
        }
        default
    }

    /// The value if there is one.
    pub fn optional(self) -> Option<T> {
        self.describe(None, false);
        self.get()
    }

    /// The value; where it is missing, a problem and a placeholder.
    pub fn required(self) -> Option<T> {
        self.describe(None, true);
        let found = self.get();
        if found.is_none() && !self.section.has(self.key) {
            let table = dotted(&self.section.path);
            let message = if table.is_empty() {
                format!("`{}` is missing", self.key)
            } else {
                format!("`{}` is missing in `[{table}]`", self.key)
            };
            // The table itself may have been given by the environment alone, or not at all.
            let problem = self.section.reader.problem(&self.section.path, None, true, message);
            let expected = match self.names.as_slice() {
                [] => self.help.to_owned(),
                names => format!("{} Expected {}", self.help, one_of(names.iter().copied())),
            };
            self.section.report(problem.label(expected));
        }
        found
    }

    fn get(&self) -> Option<T> {
        let value = self.section.take(self.key)?;
        let path = self.section.path_to(self.key);
        let reader = self.section.reader;
        match (self.read)(value) {
            Ok(read) => {
                note_leaves(reader, &path, value);
                Some(read)
            }
            Err(expected) => {
                self.section.note_refused(self.key);
                let message = format!("`{}` cannot be {}", dotted(&path), show_value(value));
                let mut problem = reader.problem(&path, Some(value), false, message);
                problem = problem.label(format!("expected {expected}"));
                if let Some(name) = value.as_str().and_then(|text| nearest(text, self.names.iter().copied()))
                {
                    problem = problem.hint(format!("did you mean `{name}`?"));
                }
                if value.as_str().is_none() && expected == "a string" && !reader.is_from_file(value) {
                    let quoted = format!("--set '{}=\"{}\"'", dotted(&path), show_value(value));
                    problem = problem.hint(format!("quotes make it text, as in {quoted}"));
                }
                self.section.report(problem);
                None
            }
        }
    }

    fn describe(&self, default: Option<Shown>, required: bool) {
        self.section.reader.descriptions.borrow_mut().push(Description {
            path: self.section.path_to(self.key),
            help: self.help,
            shape: self.shape.clone(),
            default,
            required,
        });
    }
}

pub(super) fn note_leaves(reader: &Reader<'_>, path: &[Step], value: &Value) {
    let value_shown = match value {
        Value::Dict(_, fields) => {
            for (key, field) in fields {
                let mut path = path.to_vec();
                path.push(Step::Key(key.clone()));
                note_leaves(reader, &path, field);
            }
            return;
        }
        Value::Array(_, items) => {
            for (index, item) in items.iter().enumerate() {
                let mut path = path.to_vec();
                path.push(Step::Index(index));
                note_leaves(reader, &path, item);
            }
            return;
        }
        Value::Empty(..) => return,
        leaf => Shown::of(leaf),
    };
    let setting = Setting { path: dotted(path), value: value_shown, origin: reader.origin(path, value) };
    reader.settings.borrow_mut().push(setting);
}
