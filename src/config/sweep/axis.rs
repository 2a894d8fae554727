//! The axes of a sweep: which settings they are, and the values of lists and ranges.

use figment::value::{Dict, Num, Value};

use super::super::document::Step;
use super::super::names::{dotted, kind_of, nearest, number};
use super::super::section::Reader;

/// Values of one axis at most.
const MOST_VALUES: usize = 1000;
/// Keys of `[sweep]` that are no axes.
pub(super) const KEYS: [&str; 4] = ["zip", "exclude", "select", "inner_folds"];
/// Settings that name or draw and change no number, and where networks run: nothing to compare.
const FIXED: [&str; 3] = ["experiment.name", "experiment.title", "compute"];

/// An axis as the file states it.
pub struct Declared {
    /// Dotted path of the setting: `pca.components`.
    pub path: String,
    /// Where it stands.
    pub place: Vec<Step>,
    /// Its value in the file: a list or a range.
    pub stated: Value,
    /// What it takes, each with its place.
    pub values: Vec<(Value, Vec<Step>)>,
    /// A range with `scale = "log"`.
    pub is_log: bool,
}

/// A setting that can be varied.
pub struct Known {
    /// Dotted path, without the positions of methods.
    pub path: String,
    /// Whether it can be a whole number.
    pub takes_integers: bool,
}

/// Reads every axis below `place`; nested tables are read as dotted names.
pub(super) fn read(
    reader: &Reader<'_>,
    place: &[Step],
    name: &str,
    entries: &Dict,
    known: &[Known],
    found: &mut Vec<Declared>,
) {
    for (key, value) in entries {
        if name.is_empty() && KEYS.contains(&key.as_str()) {
            continue;
        }
        let place: Vec<Step> = place.iter().cloned().chain([Step::Key(key.clone())]).collect();
        let written = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
        let path = if written == "seed" { "experiment.seed".to_owned() } else { written.clone() };
        if is_fixed(&path) {
            let message = format!("`{written}` changes no result, so there is nothing to sweep");
            let problem = reader.problem(&place, Some(value), true, message);
            reader.problems.borrow_mut().push(problem.label("leave this axis out"));
        } else if let Some(setting) = known.iter().find(|known| known.path == path) {
            match values(value, &place, setting.takes_integers) {
                Ok((values, is_log)) if !found.iter().any(|other| other.path == path) => {
                    found.push(Declared { path, place, stated: value.clone(), values, is_log });
                }
                Ok(_) => {
                    let message = format!("`{path}` is swept twice");
                    let problem = reader.problem(&place, Some(value), true, message);
                    reader.problems.borrow_mut().push(problem.label("leave one of the two out"));
                }
                Err(expected) => {
                    let message = format!("the axis `{written}` is not what it should be");
                    let problem = reader.problem(&place, Some(value), false, message);
                    reader.problems.borrow_mut().push(problem.label(format!("expected {expected}")));
                }
            }
        } else if let (Some(inner), true) = (value.as_dict(), holds(known, &written)) {
            read(reader, &place, &written, inner, known, found);
        } else {
            unknown(reader, &place, &written, value, known);
        }
    }
}

fn is_fixed(path: &str) -> bool {
    FIXED.iter().any(|fixed| path == *fixed || path.starts_with(&format!("{fixed}.")))
        || path.starts_with("figure.")
}

fn holds(known: &[Known], table: &str) -> bool {
    known.iter().any(|known| known.path.strip_prefix(table).is_some_and(|rest| rest.starts_with('.')))
}

fn unknown(reader: &Reader<'_>, place: &[Step], written: &str, value: &Value, known: &[Known]) {
    let problem =
        reader.problem(place, Some(value), true, format!("there is no setting `{written}` to sweep"));
    let mut problem = problem.label("expected a setting, as in \"pca.components\", `zip` or `exclude`");
    let varied = known.iter().map(|known| known.path.as_str()).filter(|path| !is_fixed(path));
    if let Some(name) = nearest(written, varied.chain(KEYS)) {
        problem = problem.hint(format!("did you mean `{name}`?"));
    }
    reader.problems.borrow_mut().push(problem);
}

/// Values with their places, and whether they are spaced by their logarithm; or what was expected.
type Values = (Vec<(Value, Vec<Step>)>, bool);

fn values(stated: &Value, place: &[Step], takes_integers: bool) -> Result<Values, String> {
    match stated {
        Value::Array(_, items) if items.is_empty() || items.len() > MOST_VALUES => {
            Err(format!("a list of 1 to {MOST_VALUES} values"))
        }
        Value::Array(_, items) => {
            let inside = |index: usize| place.iter().cloned().chain([Step::Index(index)]).collect();
            if let Some(at) = (1..items.len()).find(|&at| items[..at].contains(&items[at])) {
                return Err(format!("values that differ; number {} has been there before", at + 1));
            }
            Ok((items.iter().enumerate().map(|(at, item)| (item.clone(), inside(at))).collect(), false))
        }
        Value::Dict(_, fields) => {
            let (numbers, is_log, whole) = range(fields)?;
            let whole = whole && (takes_integers || !is_log);
            // An integer setting takes the nearest whole numbers, each once.
            let mut values: Vec<Value> = Vec::new();
            for number in numbers {
                let rounded = number.round();
                let number = if whole { Num::I64(rounded as i64) } else { Num::F64(significant(number)) };
                let value = Value::Num(stated.tag(), number);
                if !values.contains(&value) {
                    values.push(value);
                }
            }
            Ok((values.into_iter().map(|value| (value, place.to_vec())).collect(), is_log))
        }
        other => Err(format!(
            "a list, as in [5, 10, 20], or a range, as in {{ from = 5, to = 20, step = 5 }}; found {}",
            kind_of(other)
        )),
    }
}

/// The numbers of a range, whether it is logarithmic, and whether it is stated in whole numbers.
fn range(fields: &Dict) -> Result<(Vec<f64>, bool, bool), String> {
    const FIELDS: [&str; 5] = ["from", "to", "step", "steps", "scale"];
    if let Some(key) = fields.keys().find(|key| !FIELDS.contains(&key.as_str())) {
        let near = nearest(key, FIELDS.into_iter());
        let near = near.map(|name| format!(": did you mean `{name}`?")).unwrap_or_default();
        return Err(format!("`from`, `to`, and `step` or `steps` in place of `{key}`{near}"));
    }
    let bound = |key: &str| {
        let number = fields.get(key).and_then(number).filter(|number| number.is_finite());
        number.ok_or_else(|| format!("a range with a number as `{key}`"))
    };
    let (from, to) = (bound("from")?, bound("to")?);
    let is_log = match fields.get("scale").map(|scale| scale.as_str()) {
        None | Some(Some("linear")) => false,
        Some(Some("log")) => true,
        Some(_) => return Err("`scale = \"log\"` or `scale = \"linear\"`".to_owned()),
    };
    if from >= to {
        return Err(format!("a range whose `from` is below its `to`; {from} is not below {to}"));
    }
    let is_whole = |key: &str| fields.get(key).is_none_or(|value| value.to_i128().is_some());
    let numbers: Vec<f64> = match (fields.get("step"), fields.get("steps")) {
        (Some(step), None) if !is_log => {
            let step = number(step).filter(|step| step.is_finite() && *step > 0.0);
            let step = step.ok_or("a `step` above 0")?;
            // A last value that only rounding keeps out belongs to the range.
            let steps = ((to - from) / step + 1e-9).floor();
            if steps >= MOST_VALUES as f64 {
                return Err(format!("a `step` that gives at most {MOST_VALUES} values"));
            }
            (0..=steps as usize).map(|at| from + at as f64 * step).collect()
        }
        (None, Some(steps)) => {
            let steps = steps.to_i128().filter(|steps| (2..=MOST_VALUES as i128).contains(steps));
            let steps = steps.ok_or_else(|| format!("`steps` as a whole number from 2 to {MOST_VALUES}"))?;
            if is_log && from <= 0.0 {
                return Err("a `from` above 0, for `scale = \"log\"`".to_owned());
            }
            let last = (steps - 1) as f64;
            let at = |at: usize| match (at as f64 / last, is_log) {
                (share, true) => from * (to / from).powf(share),
                (share, false) => from + (to - from) * share,
            };
            (0..steps as usize).map(at).collect()
        }
        (Some(_), None) => return Err("`steps` in place of `step`, for `scale = \"log\"`".to_owned()),
        (Some(_), Some(_)) => return Err("`step` or `steps`, not both".to_owned()),
        (None, None) => return Err("a range with `step`, or with `steps`".to_owned()),
    };
    let are_whole = is_whole("from") && is_whole("to") && is_whole("step");
    // Those of equal steps between whole numbers may not be.
    let near_whole = |number: &f64| (number - number.round()).abs() < 1e-9;
    let are_whole = are_whole && (is_log || numbers.iter().all(near_whole));
    Ok((numbers, is_log, are_whole))
}

/// Without the last bits that powers and sums leave: 0.1, not 0.10000000000000002.
fn significant(number: f64) -> f64 {
    format!("{number:.11e}").parse().unwrap_or(number)
}

/// The axis of that name, as a rule states it.
pub(super) fn position(axes: &[Declared], name: &str) -> Result<usize, Option<String>> {
    let path = if name == "seed" { "experiment.seed" } else { name };
    let found = axes.iter().position(|axis| axis.path == path);
    found.ok_or_else(|| nearest(name, axes.iter().map(|axis| axis.path.as_str())).map(str::to_owned))
}

/// Dotted path without the positions of methods.
pub(super) fn setting(path: &[Step]) -> String {
    let keys: Vec<Step> = path.iter().filter(|step| matches!(step, Step::Key(_))).cloned().collect();
    dotted(&keys)
}

#[cfg(test)]
mod tests {
    use super::super::super::document::Document;
    use super::*;

    fn numbers(range: &str, takes_integers: bool) -> Result<Vec<f64>, String> {
        let (_, parsed) = Document::parse("x".into(), format!("x = {range}")).ok().unwrap();
        let (values, _) = values(&parsed["x"], &[], takes_integers)?;
        Ok(values.iter().map(|(value, _)| number(value).unwrap()).collect())
    }

    #[test]
    fn ranges_hold_both_ends_and_no_rounding() {
        assert_eq!(numbers("{ from = 5, to = 20, step = 5 }", true).unwrap(), [5.0, 10.0, 15.0, 20.0]);
        assert_eq!(numbers("{ from = 0.1, to = 0.35, step = 0.1 }", false).unwrap(), [0.1, 0.2, 0.3]);
        assert_eq!(numbers("{ from = 0.1, to = 0.3, step = 0.1 }", false).unwrap(), [0.1, 0.2, 0.3]);
        assert_eq!(numbers("{ from = 5, to = 20, steps = 4 }", true).unwrap(), [5.0, 10.0, 15.0, 20.0]);
        let (_, whole) =
            Document::parse("x".into(), "x = { from = 5, to = 20, steps = 4 }".into()).ok().unwrap();
        let (whole, _) = values(&whole["x"], &[], true).unwrap();
        assert!(whole.iter().all(|(value, _)| value.to_i128().is_some()), "a count takes them");
        assert_eq!(numbers("{ from = 0, to = 1, steps = 5 }", false).unwrap(), [0.0, 0.25, 0.5, 0.75, 1.0]);
        let log = "{ from = 0.01, to = 100, steps = 5, scale = \"log\" }";
        assert_eq!(numbers(log, false).unwrap(), [0.01, 0.1, 1.0, 10.0, 100.0]);
        // For a setting that takes whole numbers they are rounded, each once.
        let log = "{ from = 1, to = 8, steps = 7, scale = \"log\" }";
        assert_eq!(numbers(log, true).unwrap(), [1.0, 2.0, 3.0, 4.0, 6.0, 8.0]);
        assert_eq!(numbers(log, false).unwrap().len(), 7);
    }

    #[test]
    fn what_is_no_range_says_what_it_should_be() {
        let wrong = [
            ("{ from = 5, to = 20 }", "with `step`"),
            ("{ from = 5, to = 20, step = 0 }", "above 0"),
            ("{ from = 5, to = 20, step = 1e-9 }", "at most 1000"),
            ("{ from = 20, to = 5, step = 5 }", "20 is not below 5"),
            ("{ from = 5, to = 20, step = 5, steps = 3 }", "not both"),
            ("{ from = 0, to = 20, steps = 3, scale = \"log\" }", "above 0"),
            ("{ from = 1, to = 20, step = 3, scale = \"log\" }", "`steps` in place"),
            ("{ from = 1, to = 20, steps = 1 }", "from 2 to"),
            ("{ from = 1, to = 20, steps = 3, scale = \"cubic\" }", "linear"),
            ("{ form = 1, to = 20, steps = 3 }", "did you mean `from`?"),
            ("{ from = \"a\", to = 20, steps = 3 }", "number as `from`"),
            ("[]", "1 to 1000"),
            ("[1, 2, 1]", "number 3"),
            ("7", "found a number"),
        ];
        for (range, expected) in wrong {
            let error = numbers(range, true).unwrap_err();
            assert!(error.contains(expected), "{range}: {error}");
        }
    }
}
