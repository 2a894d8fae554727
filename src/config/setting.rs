//! A resolved setting: what `emolab config` and `run.json` show.

use std::fmt;

use figment::value::Value;
use serde::Serialize;

/// A resolved setting, as `emolab config` and `run.json` show it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Setting {
    /// Dotted path: `svm.c`, `method[0].variant`.
    pub path: String,
    /// Its value.
    pub value: Shown,
    /// `default`, `file:line:column`, `EMOLAB_SVM__C`, `--set svm.c=1`.
    pub origin: String,
}

/// A value to show.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Shown {
    Flag(bool),
    Integer(i64),
    Number(f64),
    Text(String),
}

impl Shown {
    /// A value as it was stated; lists and tables in one line.
    pub(super) fn of(value: &Value) -> Self {
        match value {
            Value::Bool(_, flag) => Self::Flag(*flag),
            Value::String(_, text) => Self::Text(text.clone()),
            Value::Char(_, character) => Self::Text(character.to_string()),
            Value::Num(_, number) => match number.to_i128().and_then(|number| i64::try_from(number).ok()) {
                Some(number) => Self::Integer(number),
                None => Self::Number(number.to_f64().unwrap_or(f64::NAN)),
            },
            Value::Empty(..) => Self::Text(String::new()),
            Value::Array(_, items) => {
                let items: Vec<String> = items.iter().map(|item| Self::of(item).to_string()).collect();
                Self::Text(format!("[{}]", items.join(", ")))
            }
            Value::Dict(_, fields) => {
                let field = |(key, value): (&String, &Value)| format!("{key} = {}", Self::of(value));
                Self::Text(format!("{{ {} }}", fields.iter().map(field).collect::<Vec<_>>().join(", ")))
            }
        }
    }

    /// The number that it is.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Integer(number) => Some(*number as f64),
            Self::Number(number) => Some(*number),
            Self::Flag(_) | Self::Text(_) => None,
        }
    }
}

impl fmt::Display for Shown {
    /// As TOML.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Number(number) => write!(f, "{number:?}"),
            // A JSON string is a TOML basic string.
            Self::Text(text) => write!(f, "{}", serde_json::Value::from(text.as_str())),
        }
    }
}
