//! Which picture a sweep gets: curves along one axis, cells over two, in panels by data set; or a word why none.

use std::collections::BTreeSet;

use serde_json::Value;

use super::sweep::{AxisEntry, MakeSweepReport, PointEntry};
use super::sweep_points::{MethodAt, PointAt};
use crate::figures::heat_map::{self, Cell, CellAxis, HeatMaps, HeatPanel};
use crate::figures::sweep::{self, Curve, CurvePoint, Facet, Rate, SweepAxis, SweepCurves};
use crate::figures::sweep_table::plain;
use crate::figures::{FigureError, Heading};
use crate::stage::StageError;
use crate::types::Emotion;

/// Columns of panels, at most.
const MOST_FACETS: usize = 6;
const MOST_PANELS: usize = 24;
/// Values of a heat map beside each other, unless both axes have more.
const MOST_ACROSS: usize = 10;
/// A list of numbers that spans so many times its smallest is drawn on a logarithmic axis.
const WIDE: f64 = 10.0;

/// The picture, or why there is none.
pub(super) fn svg(
    report: &MakeSweepReport,
    points: &[PointAt],
    warnings: &[String],
) -> Result<Result<String, String>, StageError> {
    let failed = |error: FigureError| StageError::Failed(error.to_string());
    let dimensions: Vec<Dimension<'_>> =
        report.dimensions.iter().map(|axes| Dimension { report, axes }).filter(|all| all.len() > 1).collect();
    let (data, mut free): (Vec<_>, Vec<_>) = dimensions.into_iter().partition(Dimension::is_data);
    let mut facets = data;
    // Numbers with many values first.
    free.sort_by_key(|dimension| (!dimension.is_numeric(), std::cmp::Reverse(dimension.len())));
    if free.is_empty() {
        free.extend(facets.pop());
    }
    facets.extend(free.drain(free.len().min(2)..));
    let facets = Facets::of(report, points, &facets);
    let Some(facets) = facets else {
        return Ok(Err(format!(
            "no figure: it would need more than {MOST_FACETS} columns of panels; sweep.csv has all"
        )));
    };
    let heading = |what: &str| Heading {
        title: report.title.clone(),
        warnings: warnings.to_vec(),
        subtitle: vec![report.protocol.clone(), what.to_owned()],
    };
    Ok(Ok(match &free[..] {
        [] => return Ok(Err("no figure: there is one point".to_owned())),
        [across] => {
            let mut what =
                "Bands: 95 % intervals, of the mean from a bootstrap over groups, of a class by Wilson; \
                dotted: chance"
                    .to_owned();
            if points.iter().any(|point| point.clamped.is_some()) {
                what.push_str("; hollow: as many components as the data have");
            }
            sweep::svg(&curves(report, points, across, &facets, heading(&what))).map_err(failed)?
        }
        [across, down, ..] => {
            // Many values go down the page.
            let (across, down) = if across.len() > MOST_ACROSS { (down, across) } else { (across, down) };
            let mut what = "Cells: mean true positive rate".to_owned();
            if report.points.iter().any(PointEntry::has_failures) {
                what.push_str("; ×: failed");
            }
            let maps = cells(report, points, (across, down), &facets, heading(&what));
            if maps.panels.len() > MOST_PANELS {
                return Ok(Err(format!(
                    "no figure: it would need more than {MOST_PANELS} panels; sweep.csv has all"
                )));
            }
            heat_map::svg(&maps).map_err(failed)?
        }
    }))
}

/// Axes that move together.
struct Dimension<'a> {
    report: &'a MakeSweepReport,
    axes: &'a [usize],
}

impl Dimension<'_> {
    fn values(&self) -> &[Value] {
        let first = self.axes.first().and_then(|axis| self.report.axes.get(*axis));
        first.map(|axis| axis.values.as_slice()).unwrap_or_default()
    }

    fn len(&self) -> usize {
        self.values().len()
    }

    /// The axes that are named: the first, and of others that move with it those of numbers, which are short.
    fn shown(&self) -> impl Iterator<Item = &AxisEntry> {
        let axes = self.axes.iter().filter_map(|axis| self.report.axes.get(*axis)).enumerate();
        axes.filter(|(at, axis)| *at == 0 || axis.values.iter().all(Value::is_number)).map(|(_, axis)| axis)
    }

    fn title(&self) -> String {
        let names: Vec<&str> = self.shown().map(|axis| axis.path.as_str()).collect();
        match names[..] {
            [name] => name.to_owned(),
            // Their last words, so that there is room for all.
            _ => names.iter().filter_map(|name| name.rsplit('.').next()).collect::<Vec<_>>().join("/"),
        }
    }

    fn is_data(&self) -> bool {
        let paths = self.axes.iter().filter_map(|axis| self.report.axes.get(*axis));
        paths.into_iter().any(|axis| axis.path.starts_with("dataset."))
    }

    fn is_numeric(&self) -> bool {
        self.values().iter().all(Value::is_number)
    }

    /// Places of values in ascending order; texts keep theirs.
    fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.len()).collect();
        if self.is_numeric() {
            let number = |at: &usize| self.values().get(*at).and_then(Value::as_f64).unwrap_or_default();
            order.sort_by(|a, b| number(a).total_cmp(&number(b)));
        }
        order
    }

    /// The place of a point's value.
    fn place(&self, point: usize) -> Option<usize> {
        let axis = self.axes.first()?;
        let value = self.report.points.get(point)?.values.get(*axis)?;
        self.values().iter().position(|other| other == value)
    }

    /// What stands beside its values: as short as tells them apart.
    fn labels(&self) -> Vec<String> {
        let written = |write: fn(&Value) -> String| {
            let label = |at: usize| {
                let values = self.shown().filter_map(|axis| axis.values.get(at)).map(write);
                values.collect::<Vec<_>>().join("/")
            };
            self.order().into_iter().map(label).collect::<Vec<_>>()
        };
        let labels = written(short);
        let distinct: BTreeSet<&String> = labels.iter().collect();
        if distinct.len() < labels.len() { written(plain) } else { labels }
    }

    fn axis(&self) -> SweepAxis {
        let numbers: Vec<f64> =
            self.order().into_iter().filter_map(|at| self.values().get(at)?.as_f64()).collect();
        let places = if self.is_numeric() {
            let is_log =
                self.axes.iter().filter_map(|axis| self.report.axes.get(*axis)).any(|axis| axis.is_log);
            spread(&numbers, is_log)
        } else {
            let last = self.len().saturating_sub(1).max(1) as f64;
            (0..self.len()).map(|at| at as f64 / last).collect()
        };
        SweepAxis { title: self.title(), labels: self.labels(), places }
    }
}

/// A value as it stands beside an axis, a number of many digits with four; whole numbers, as seeds are, keep theirs.
fn short(value: &Value) -> String {
    let whole = plain(value);
    match value.as_f64() {
        Some(number) if value.is_f64() && whole.len() > LONG => {
            let rounded = format!("{number:.3e}").parse().unwrap_or(number);
            let plain = format!("{rounded}");
            if plain.len() > LONG { format!("{rounded:e}") } else { plain }
        }
        _ => whole,
    }
}

/// Characters of a number that is written as it is.
const LONG: usize = 6;

/// Numbers, ascending, from 0 to 1.
fn spread(numbers: &[f64], is_log: bool) -> Vec<f64> {
    let (Some(&low), Some(&high)) = (numbers.first(), numbers.last()) else { return Vec::new() };
    let is_log = low > 0.0 && (is_log || high / low >= WIDE);
    let place = |number: f64| if is_log { number.ln() } else { number };
    let (start, length) = (place(low), (place(high) - place(low)).max(f64::MIN_POSITIVE));
    numbers.iter().map(|number| (place(*number) - start) / length).collect()
}

/// Points by panel.
struct Facets(Vec<(String, Vec<usize>)>);

impl Facets {
    fn of(report: &MakeSweepReport, points: &[PointAt], dimensions: &[Dimension<'_>]) -> Option<Self> {
        let mut facets: Vec<(Vec<Option<usize>>, Vec<usize>)> = Vec::new();
        for point in 0..report.points.len() {
            let places: Vec<_> = dimensions.iter().map(|dimension| dimension.place(point)).collect();
            match facets.iter_mut().find(|(other, _)| *other == places) {
                Some((_, members)) => members.push(point),
                None => facets.push((places, vec![point])),
            }
        }
        let only_data = dimensions.iter().all(Dimension::is_data);
        let data_set = |members: &[usize]| {
            let mut sets = members.iter().filter_map(|point| Some(points.get(*point)?.data_set.as_str()));
            sets.find(|set| !set.is_empty())
        };
        let sets: Vec<Option<&str>> = facets.iter().map(|(_, members)| data_set(members)).collect();
        let name = |(places, members): &(Vec<Option<usize>>, Vec<usize>)| {
            let value = |(dimension, place): (&Dimension<'_>, &Option<usize>)| {
                Some(format!("{} = {}", dimension.title(), plain(dimension.values().get((*place)?)?)))
            };
            let values = dimensions.iter().zip(places).filter_map(value).collect::<Vec<_>>().join(", ");
            match data_set(members).filter(|_| only_data) {
                // Of one name there can be several, which differ in a setting.
                Some(set) if sets.iter().filter(|other| **other == Some(set)).count() > 1 => {
                    format!("{set}, {values}")
                }
                Some(set) => set.to_owned(),
                None => values,
            }
        };
        let named: Vec<String> = facets.iter().map(name).collect();
        let members = facets.iter().map(|(_, members)| members.clone());
        (facets.len() <= MOST_FACETS).then(|| Self(named.into_iter().zip(members).collect()))
    }
}

fn find<'a>(
    points: &'a [PointAt],
    members: &[usize],
    method: &str,
    is_at: impl Fn(usize) -> bool,
) -> Option<(&'a PointAt, &'a MethodAt)> {
    let point = points.get(members.iter().copied().find(|point| is_at(*point))?)?;
    Some((point, point.methods.iter().find(|other| other.name == method)?))
}

fn curves(
    report: &MakeSweepReport,
    points: &[PointAt],
    across: &Dimension<'_>,
    facets: &Facets,
    heading: Heading,
) -> SweepCurves {
    let facet = |(name, members): &(String, Vec<usize>)| {
        let curve = |method: &String| {
            let at = |place: usize| {
                let (point, method) =
                    find(points, members, method, |point| across.place(point) == Some(place))?;
                let class = |emotion: Emotion| {
                    let value = method.rates[emotion.index()]?;
                    Some(Rate { value, interval: method.interval(emotion) })
                };
                Some(CurvePoint {
                    mean: method.mean.map(|value| Rate { value, interval: method.mean_interval }),
                    classes: Emotion::ALL.map(class),
                    kept_variance: method.kept_variance,
                    is_clamped: point.clamped.is_some(),
                })
            };
            let has_failed = |place: &usize| {
                let mut at = members.iter().filter(|point| across.place(**point) == Some(*place));
                at.any(|point| report.has_failed(*point, method))
            };
            let (places, order) = (across.order().into_iter().enumerate(), across.order());
            Curve {
                method: method.clone(),
                points: order.into_iter().map(at).collect(),
                failed: places.filter(|(_, place)| has_failed(place)).map(|(at, _)| at).collect(),
            }
        };
        let curves: Vec<Curve> = report.method_names().iter().map(curve).collect();
        let classes: [bool; 8] = std::array::from_fn(|class| {
            let mut points = curves.iter().flat_map(|curve| &curve.points).flatten();
            points.any(|point| point.classes[class].is_some())
        });
        let present = classes.iter().filter(|is_there| **is_there).count();
        let chance = (present > 0).then(|| 1.0 / present as f64);
        Facet { name: name.clone(), curves, chance, classes }
    };
    let facets = facets.0.iter().map(facet).collect();
    SweepCurves { heading, axis: across.axis(), facets, columns: report.columns }
}

fn cells(
    report: &MakeSweepReport,
    points: &[PointAt],
    (across, down): (&Dimension<'_>, &Dimension<'_>),
    facets: &Facets,
    heading: Heading,
) -> HeatMaps {
    let mut panels = Vec::new();
    let names = report.method_names();
    for (name, members) in &facets.0 {
        for method in &names {
            let cell = |row: usize, column: usize| {
                let is_at = |point| across.place(point) == Some(column) && down.place(point) == Some(row);
                let found = find(points, members, method, is_at).and_then(|(_, method)| {
                    Some(Rate { value: method.mean?, interval: method.mean_interval })
                });
                match found {
                    Some(rate) => Cell::Rate(rate),
                    None if members.iter().any(|at| is_at(*at) && report.has_failed(*at, method)) => {
                        Cell::Failed
                    }
                    None => Cell::LeftOut,
                }
            };
            let row = |row: usize| across.order().into_iter().map(|column| cell(row, column)).collect();
            let name = match (facets.0.len(), names.len()) {
                (1, _) => method.clone(),
                (_, 1) => name.clone(),
                _ => format!("{method}, {name}"),
            };
            panels.push(HeatPanel { name, cells: down.order().into_iter().map(row).collect() });
        }
    }
    let axis = |dimension: &Dimension<'_>| CellAxis { title: dimension.title(), labels: dimension.labels() };
    HeatMaps { heading, across: axis(across), down: axis(down), panels, columns: report.columns }
}
