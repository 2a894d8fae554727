//! From the table to points: each is resolved and checked as the experiment that it is.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::super::document::Step;
use super::super::field::Description;
use super::super::layers::{Layers, Moved};
use super::super::problem::Problem;
use super::super::section::Reader;
use super::super::setting::{Setting, Shown};
use super::super::{schema as settings, tables};
use super::axis::{self, Declared, Known};
use super::{Axis, Point, Sweep, grid, label};

const SELECTIONS: [(&str, bool); 2] = [("inner-cv", true), ("none", false)];

/// What `[sweep]` states.
pub struct Stated {
    axes: Vec<Declared>,
    dimensions: Vec<Vec<usize>>,
    grid: Vec<Vec<usize>>,
    inner_folds: Option<usize>,
}

/// Reads `[sweep]`; the experiment has been read already, so that it is known which settings there are.
pub fn declare(reader: &Reader<'_>) -> Option<Stated> {
    let top = reader.top();
    let section = top.table("sweep");
    let entries = section.entries()?;
    let known = known(&reader.descriptions.borrow());
    let mut axes = Vec::new();
    axis::read(reader, &section.path, "", entries, &known, &mut axes);
    // As in the file; those from elsewhere follow.
    axes.sort_by_key(|axis| reader.start_of(&axis.place, &axis.stated));
    let help = "How the best point is chosen: in a cross validation inside each fold's training images.";
    let inside = section.choice("select", help, &SELECTIONS).or(true);
    let inner_folds = if inside {
        let folds = section.integer("inner_folds", "Folds of that cross validation.", 2, 1000).or(5);
        Some(folds as usize)
    } else {
        section.belongs_elsewhere(&["inner_folds"], "select", "`select = \"none\"`");
        None
    };
    let dimensions = grid::dimensions(&section, &axes);
    if axes.is_empty() && reader.problems.borrow().is_empty() {
        let problem = reader.problem(&section.path, None, true, "`[sweep]` has no axis".to_owned());
        section
            .report(problem.label("expected a setting with its values, as in \"pca.components\" = [5, 10]"));
    }
    for axis in &axes {
        reader.note(&axis.place, &axis.stated);
    }
    let grid = grid::grid(&section, &axes, &dimensions);
    Some(Stated { axes, dimensions, grid, inner_folds })
}

fn known(descriptions: &[Description]) -> Vec<Known> {
    let mut found: BTreeMap<String, bool> = BTreeMap::new();
    for description in settings::all().iter().chain(descriptions) {
        let takes = takes_integers(&description.shape);
        *found.entry(axis::setting(&description.path)).or_default() |= takes;
    }
    found.into_iter().map(|(path, takes_integers)| Known { path, takes_integers }).collect()
}

fn takes_integers(shape: &Json) -> bool {
    let of = |shape: &Json| shape["type"] == "integer";
    of(shape) || shape["anyOf"].as_array().is_some_and(|any| any.iter().any(of))
}

/// Every point, and the problems of all of them, each told once.
pub fn points(layers: &Layers, stated: Stated, descriptions: &[Description]) -> Result<Sweep, Vec<Problem>> {
    let Stated { axes, dimensions, grid, inner_folds } = stated;
    let targets: Vec<Vec<Vec<Step>>> = axes.iter().map(|axis| targets(&axis.path, descriptions)).collect();
    let mut problems: Vec<Problem> = Vec::new();
    for (axis, targets) in axes.iter().zip(&targets) {
        if targets.is_empty() {
            let reader = Reader::new(layers);
            let message = format!("no method has the setting `{}`", axis.path.trim_start_matches("method."));
            let problem = reader.problem(&axis.place, Some(&axis.stated), true, message);
            problems.push(problem.label("leave this axis out"));
        }
        problems.extend(targets.iter().find_map(|target| set_and_swept(layers, axis, target)));
    }
    let mut points: Vec<(Vec<Setting>, Point)> = Vec::new();
    for at in &grid {
        let values: Vec<Shown> =
            axes.iter().zip(at).map(|(axis, &value)| Shown::of(&axis.values[value].0)).collect();
        let moved = axes.iter().zip(at).zip(&targets).flat_map(|((axis, &value), targets)| {
            let (value, place) = &axis.values[value];
            targets.iter().map(move |target| Moved {
                to: target.clone(),
                from: place.clone(),
                value: value.clone(),
            })
        });
        let layers = layers.with(moved.collect());
        let reader = Reader::new(&layers);
        let experiment = tables::read(&reader);
        let (settings, own) = reader.finish();
        for problem in own {
            let known = |other: &Problem| {
                other.message() == problem.message() && other.location() == problem.location()
            };
            if !problems.iter().any(known) {
                let point = label(axes.iter().map(|axis| axis.path.as_str()).zip(&values));
                problems.push(problem.hint(format!("at the point {point}")));
            }
        }
        // Points that are equal after resolution are one.
        if !points.iter().any(|(known, _)| are_same(known, &settings)) {
            points.push((settings, Point { values, experiment }));
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let axes = axes.into_iter().map(|axis| Axis {
        values: axis.values.iter().map(|(value, _)| Shown::of(value)).collect(),
        path: axis.path,
        is_log: axis.is_log,
    });
    let points = points.into_iter().map(|(_, point)| point).collect();
    Ok(Sweep { axes: axes.collect(), dimensions, points, inner_folds })
}

/// A setting of an axis that an argument or a variable gives one value, which no point would take.
fn set_and_swept(layers: &Layers, axis: &Declared, target: &[Step]) -> Option<Problem> {
    let source = layers.source_of(layers.value_at(target)?.tag())?;
    let set = layers.sources.get(source)?.outside()?;
    let message = format!("`{}` is swept, so that {set} would change nothing", axis.path);
    let problem = Reader::new(layers).problem(&axis.place, Some(&axis.stated), true, message);
    Some(problem.label("leave one of the two out"))
}

/// Whether settings come to the same values; 1 and 1.0 do.
fn are_same(a: &[Setting], b: &[Setting]) -> bool {
    let same = |(a, b): (&Setting, &Setting)| {
        let numbers = a.value.number().zip(b.value.number());
        a.path == b.path && (a.value == b.value || numbers.is_some_and(|(a, b)| a.total_cmp(&b).is_eq()))
    };
    a.len() == b.len() && a.iter().zip(b).all(same)
}

/// Where a point's value goes: into the table, or into every method that has the setting.
fn targets(path: &str, descriptions: &[Description]) -> Vec<Vec<Step>> {
    if path.starts_with("method.") {
        let mut targets: Vec<Vec<Step>> = Vec::new();
        for description in descriptions {
            if axis::setting(&description.path) == path && !targets.contains(&description.path) {
                targets.push(description.path.clone());
            }
        }
        return targets;
    }
    vec![path.split('.').map(|key| Step::Key(key.to_owned())).collect()]
}

/// `[sweep]` for editors: axes are free names, the rest is described.
pub fn schema() -> Json {
    let range = json!({
        "type": "object",
        "properties": {
            "from": {"type": "number"},
            "to": {"type": "number"},
            "step": {"type": "number", "exclusiveMinimum": 0},
            "steps": {"type": "integer", "minimum": 2},
            "scale": {"enum": ["linear", "log"]}
        },
        "required": ["from", "to"],
        "additionalProperties": false
    });
    let names = json!({"type": "array", "items": {"type": "string"}, "minItems": 2});
    json!({
        "type": "object",
        "description": "The experiment at many points: settings and the values that they take.",
        "properties": {
            "zip": {
                "description": "Axes that move together, or several such lists.",
                "anyOf": [names, {"type": "array", "items": names}]
            },
            "exclude": {
                "description": "Points left out: axes and their values.",
                "type": "array",
                "items": {"type": "object"}
            },
            "select": {
                "description": "How the best point is chosen: in a cross validation inside each fold's training images.",
                "enum": ["inner-cv", "none"],
                "default": "inner-cv"
            },
            "inner_folds": {
                "description": "Folds of that cross validation.",
                "type": "integer", "minimum": 2, "maximum": 1000, "default": 5
            }
        },
        "additionalProperties": {"anyOf": [{"type": "array", "minItems": 1}, range, {"type": "object"}]}
    })
}
