//! One TOML file with the place of every key and value in it.

use std::ops::Range;
use std::path::PathBuf;

use figment::value::{Dict, Num, Tag, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A parsed file.
#[derive(Debug)]
pub struct Document {
    /// As the user named it.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
    places: Vec<(Vec<Step>, Place)>,
}

/// A step on the way to a value: into a table or an array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A key of a table.
    Key(String),
    /// A position in an array, from 0.
    Index(usize),
}

/// Byte ranges of a key and its value.
#[derive(Clone, Debug)]
pub struct Place {
    /// The key; equal to the value's for array elements.
    pub key: Range<usize>,
    /// The value.
    pub value: Range<usize>,
}

/// A TOML syntax error.
pub struct SyntaxError {
    /// What the parser says.
    pub message: String,
    /// Where.
    pub span: Range<usize>,
}

impl Document {
    /// Parses the text; all syntax errors at once.
    pub fn parse(path: PathBuf, text: String) -> Result<(Self, Dict), (Self, Vec<SyntaxError>)> {
        let (table, errors) = DeTable::parse_recoverable(&text);
        if errors.is_empty() {
            let mut places = Vec::new();
            let values = dictionary(table.get_ref(), &mut Vec::new(), &mut places);
            return Ok((Self { path, text, places }, values));
        }
        let errors = errors
            .into_iter()
            .map(|error| SyntaxError {
                message: error.message().trim().replace('\n', ", "),
                span: error.span().unwrap_or(0..0),
            })
            .collect();
        Err((Self { path, text, places: Vec::new() }, errors))
    }

    /// Where the value at `path` stands, or the nearest table above it.
    pub fn place(&self, path: &[Step]) -> Option<&Place> {
        (1..=path.len()).rev().find_map(|length| {
            self.places.iter().find(|(known, _)| known == &path[..length]).map(|(_, place)| place)
        })
    }

    /// Line and column of a byte, both from 1; the column counts characters.
    pub fn line_and_column(&self, byte: usize) -> (usize, usize) {
        let before = self.text.get(..byte).unwrap_or(&self.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }
}

fn dictionary(table: &DeTable<'_>, path: &mut Vec<Step>, places: &mut Vec<(Vec<Step>, Place)>) -> Dict {
    let mut values = Dict::new();
    for (key, value) in table {
        path.push(Step::Key(key.get_ref().to_string()));
        places.push((path.clone(), Place { key: key.span(), value: value.span() }));
        values.insert(key.get_ref().to_string(), convert(value, path, places));
        path.pop();
    }
    values
}

fn convert(
    value: &Spanned<DeValue<'_>>,
    path: &mut Vec<Step>,
    places: &mut Vec<(Vec<Step>, Place)>,
) -> Value {
    let tag = Tag::Default;
    match value.get_ref() {
        DeValue::String(text) => Value::String(tag, text.to_string()),
        DeValue::Boolean(flag) => Value::Bool(tag, *flag),
        DeValue::Datetime(moment) => Value::String(tag, moment.to_string()),
        DeValue::Integer(number) => {
            let parsed = i64::from_str_radix(number.as_str(), number.radix());
            // Beyond 64 bits it is no setting of ours: as a float it meets the range checks.
            parsed.map_or_else(
                |_| Value::Num(tag, Num::F64(f64::MAX)),
                |number| Value::Num(tag, Num::I64(number)),
            )
        }
        DeValue::Float(number) => Value::Num(tag, Num::F64(number.as_str().parse().unwrap_or(f64::NAN))),
        DeValue::Table(table) => Value::Dict(tag, dictionary(table, path, places)),
        DeValue::Array(items) => {
            let mut values = Vec::new();
            for (index, item) in items.iter().enumerate() {
                path.push(Step::Index(index));
                places.push((path.clone(), Place { key: item.span(), value: item.span() }));
                values.push(convert(item, path, places));
                path.pop();
            }
            Value::Array(tag, values)
        }
    }
}
