//! A resolved setting: what `emolab config` and `run.json` show.

use std::fmt;

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
