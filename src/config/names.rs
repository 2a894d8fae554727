//! How paths, values and choices are put into words.

use figment::value::Value;

use super::document::Step;
use super::setting::Shown;

/// `method[0].variant`
pub(super) fn dotted(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Key(key) => {
                if !text.is_empty() {
                    text.push('.');
                }
                // As TOML has it.
                if key.contains('.') { text.push_str(&format!("{key:?}")) } else { text.push_str(key) }
            }
            Step::Index(index) => {
                text.push_str(&format!("[{index}]"));
            }
        }
    }
    text
}

pub(super) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Num(_, number) => number
            .to_f64()
            .or_else(|| number.to_i128().map(|number| number as f64))
            .or_else(|| number.to_u128().map(|number| number as f64)),
        _ => None,
    }
}

/// A finite number above 0.
pub(super) fn above_0(value: &Value) -> Option<f64> {
    number(value).filter(|number| number.is_finite() && *number > 0.0)
}

/// A finite number, 0 or more.
pub(super) fn from_0(value: &Value) -> Option<f64> {
    number(value).filter(|number| number.is_finite() && *number >= 0.0)
}

pub(super) fn show_value(value: &Value) -> String {
    match value {
        Value::String(_, text) => format!("{text:?}"),
        Value::Bool(_, flag) => flag.to_string(),
        Value::Num(..) => Shown::of(value).to_string(),
        other => kind_of(other).to_owned(),
    }
}

pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::String(..) | Value::Char(..) => "a string",
        Value::Bool(..) => "a flag",
        Value::Num(..) => "a number",
        Value::Empty(..) => "nothing",
        Value::Dict(..) => "a table",
        Value::Array(..) => "a list",
    }
}

pub(super) fn one_of(names: impl Iterator<Item = &'static str>) -> String {
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    match names.as_slice() {
        [] => "no key".to_owned(),
        [only] => only.clone(),
        [rest @ .., last] => format!("{} or {last}", rest.join(", ")),
    }
}

/// The known name that a mistyped one is likely to mean.
pub(super) fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let distance = |other: &str| strsim::osa_distance(&name.to_lowercase(), other);
    let close = |other: &&str| {
        let longest = name.chars().count().max(other.chars().count());
        distance(other) * 3 <= longest
    };
    known.filter(close).min_by_key(|other| distance(other))
}
