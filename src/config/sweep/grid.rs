//! Which combinations of the axes' values are points: grid, `zip`, `exclude`.

use figment::value::Value;

use super::super::document::Step;
use super::super::names::{number, show_value};
use super::super::section::{Reader, Section};
use super::axis::{Declared, position};

/// Points at most.
const MOST_POINTS: usize = 10_000;

/// Groups of axes that move together, in the order of their first axes.
pub(super) fn dimensions(section: &Section<'_>, axes: &[Declared]) -> Vec<Vec<usize>> {
    let mut group_of: Vec<Option<usize>> = vec![None; axes.len()];
    for (number, (zip, place)) in zips(section).into_iter().enumerate() {
        let reader = section.reader;
        let refuse = |message: String, label: &str| {
            let problem = reader.problem(&place, Some(zip), false, message).label(label);
            reader.problems.borrow_mut().push(problem);
        };
        let names: Option<Vec<&str>> =
            zip.as_array().map(|items| items.iter().filter_map(Value::as_str).collect());
        let Some(names) =
            names.filter(|names| names.len() > 1 && zip.as_array().map(<[_]>::len) == Some(names.len()))
        else {
            refuse(
                "`zip` joins axes".to_owned(),
                "expected a list of two axes or more, or a list of such lists",
            );
            continue;
        };
        for name in &names {
            match position(axes, name) {
                Ok(at) if group_of[at].is_some() => {
                    refuse(format!("the axis `{name}` is zipped twice"), "name each axis once");
                }
                Ok(at) => group_of[at] = Some(number),
                // What is wrong with an axis has been told.
                Err(_) if section.has(name) => {}
                Err(near) => {
                    let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
                    refuse(
                        format!("`zip` names `{name}`, which is no axis"),
                        &format!("expected axes{near}"),
                    );
                }
            }
        }
        let lengths: Vec<usize> = names
            .iter()
            .filter_map(|name| position(axes, name).ok())
            .map(|at| axes[at].values.len())
            .collect();
        if lengths.windows(2).any(|pair| pair[0] != pair[1]) {
            let lengths = lengths.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            refuse(format!("zipped axes have {lengths} values"), "expected axes of the same length");
        }
    }
    let mut dimensions: Vec<Vec<usize>> = Vec::new();
    for axis in 0..axes.len() {
        let same =
            |dimension: &Vec<usize>| group_of[axis].is_some() && group_of[dimension[0]] == group_of[axis];
        match dimensions.iter_mut().find(|dimension| same(dimension)) {
            Some(dimension) => dimension.push(axis),
            None => dimensions.push(vec![axis]),
        }
    }
    dimensions
}

/// `zip = ["a", "b"]` is short for `zip = [["a", "b"]]`.
fn zips<'a>(section: &Section<'a>) -> Vec<(&'a Value, Vec<Step>)> {
    let Some(value) = section.take("zip") else { return Vec::new() };
    let place = section.path_to("zip");
    match value.as_array() {
        Some(items) if items.iter().any(|item| item.as_array().is_some()) => {
            let inside = |at: usize| place.iter().cloned().chain([Step::Index(at)]).collect();
            items.iter().enumerate().map(|(at, item)| (item, inside(at))).collect()
        }
        _ => vec![(value, place)],
    }
}

/// Positions of the values of each point on the axes, without those excluded.
pub(super) fn grid(section: &Section<'_>, axes: &[Declared], dimensions: &[Vec<usize>]) -> Vec<Vec<usize>> {
    // Zipped axes of unequal lengths have been refused; here the shortest counts.
    let length =
        |dimension: &Vec<usize>| dimension.iter().map(|&axis| axes[axis].values.len()).min().unwrap_or(0);
    let total = dimensions.iter().map(length).try_fold(1_usize, usize::checked_mul);
    if total.is_none_or(|total| total > MOST_POINTS) {
        let size = total.map_or_else(|| "very many".to_owned(), |total| total.to_string());
        let message = format!("the sweep has {size} points");
        let problem = section.reader.problem(&section.path, None, true, message);
        section.report(problem.label(format!("expected at most {MOST_POINTS}")));
        return Vec::new();
    }
    let mut points = vec![vec![0; axes.len()]];
    for dimension in dimensions {
        points = points
            .iter()
            .flat_map(|point| {
                (0..length(dimension)).map(move |value| {
                    let mut point = point.clone();
                    for &axis in dimension {
                        point[axis] = value;
                    }
                    point
                })
            })
            .collect();
    }
    exclude(section, axes, &mut points);
    points
}

fn exclude(section: &Section<'_>, axes: &[Declared], points: &mut Vec<Vec<usize>>) {
    let Some(value) = section.take("exclude") else { return };
    let single = std::slice::from_ref(value);
    let rules = value.as_array().unwrap_or(single);
    let all = points.len();
    for (number, rule) in rules.iter().enumerate() {
        let mut place = section.path_to("exclude");
        if value.as_array().is_some() {
            place.push(Step::Index(number));
        }
        match Rule::read(section.reader, &place, rule, axes) {
            Some(rule) if points.iter().any(|point| rule.holds(point)) => {
                points.retain(|point| !rule.holds(point));
            }
            Some(_) => {
                let message = "`exclude` rule that no point meets".to_owned();
                let problem = section.reader.problem(&place, Some(value), false, message);
                section.report(problem.label("leave it out"));
            }
            None => {}
        }
    }
    if points.is_empty() && all > 0 {
        let problem = section.reader.problem(
            &section.path_to("exclude"),
            Some(value),
            true,
            "every point is excluded".to_owned(),
        );
        section.report(problem.label("leave some"));
    }
}

/// Points that have, on each axis named, one of the values named.
struct Rule {
    /// Axis, and positions of its values.
    conditions: Vec<(usize, Vec<usize>)>,
}

impl Rule {
    fn read(reader: &Reader<'_>, place: &[Step], rule: &Value, axes: &[Declared]) -> Option<Self> {
        let refuse = |place: &[Step], value: &Value, message: String, label: String| {
            let problem = reader.problem(place, Some(value), false, message).label(label);
            reader.problems.borrow_mut().push(problem);
        };
        let Some(fields) = rule.as_dict().filter(|fields| !fields.is_empty()) else {
            let expected =
                "expected tables, as in [{ \"svm.c\" = 1, \"pca.components\" = [5, 10] }]".to_owned();
            refuse(place, rule, "`exclude` lists the points to leave out".to_owned(), expected);
            return None;
        };
        let mut conditions = Vec::new();
        for (name, value) in fields {
            let place: Vec<Step> = place.iter().cloned().chain([Step::Key(name.clone())]).collect();
            let axis = match position(axes, name) {
                Ok(axis) => axis,
                Err(near) => {
                    let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
                    let message = format!("`exclude` names `{name}`, which is no axis");
                    refuse(&place, value, message, format!("expected an axis{near}"));
                    return None;
                }
            };
            let single = std::slice::from_ref(value);
            let wanted = value.as_array().unwrap_or(single);
            let find = |wanted: &Value| axes[axis].values.iter().position(|(value, _)| same(value, wanted));
            if let Some(missing) = wanted.iter().find(|wanted| find(wanted).is_none()) {
                let message = format!("`{}` is never {}", axes[axis].path, show_value(missing));
                refuse(&place, value, message, "expected values of the axis".to_owned());
                return None;
            }
            conditions.push((axis, wanted.iter().filter_map(find).collect()));
        }
        Some(Self { conditions })
    }

    fn holds(&self, point: &[usize]) -> bool {
        self.conditions.iter().all(|(axis, values)| values.contains(&point[*axis]))
    }
}

/// 5 and 5.0 are the same value.
fn same(a: &Value, b: &Value) -> bool {
    a == b || number(a).zip(number(b)).is_some_and(|(a, b)| (a - b).abs() <= 1e-9 * a.abs().max(b.abs()))
}
