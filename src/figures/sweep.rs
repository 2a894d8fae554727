//! A sweep along one axis: the mean rate, the rate of each class, and the variance that the components keep, with
//! confidence bands; a column of panels per data set, in as many rows as fit the page.

use super::canvas::{Align, Canvas, Type, draw};
use super::heading::Heading;
use super::legend::Legend;
use super::sweep_panel::Panel;
use super::text::{Weight, wrap};
use super::theme::Columns;
use super::{FigureError, theme};
use crate::metrics::Interval;
use crate::types::Emotion;

/// What the figure shows.
#[derive(Clone, Debug, PartialEq)]
pub struct SweepCurves {
    /// The words above it.
    pub heading: Heading,
    /// What runs from left to right.
    pub axis: SweepAxis,
    /// Columns of panels.
    pub facets: Vec<Facet>,
    /// How wide it is; facets beside each other take two columns.
    pub columns: Columns,
}

/// The axis.
#[derive(Clone, Debug, PartialEq)]
pub struct SweepAxis {
    /// The setting.
    pub title: String,
    /// What stands at each place, ascending.
    pub labels: Vec<String>,
    /// Where they stand, 0 to 1.
    pub places: Vec<f64>,
}

/// A column of panels.
#[derive(Clone, Debug, PartialEq)]
pub struct Facet {
    /// What stands above it.
    pub name: String,
    /// One line each.
    pub curves: Vec<Curve>,
    /// The rate of guessing.
    pub chance: Option<f64>,
    /// Classes that are there.
    pub classes: [bool; 8],
}

impl Facet {
    /// Places of the axis at which a method failed, one as often as methods did.
    pub(super) fn failed(&self) -> impl Iterator<Item = usize> {
        self.curves.iter().flat_map(|curve| curve.failed.iter().copied())
    }
}

/// A method along the axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// Its name, the same in every facet.
    pub method: String,
    /// One per place of the axis; none where the point is left out or the method failed.
    pub points: Vec<Option<CurvePoint>>,
    /// Places of the axis at which it failed.
    pub failed: Vec<usize>,
}

/// A method at a place.
#[derive(Clone, Debug, PartialEq)]
pub struct CurvePoint {
    /// Mean of the classes' rates.
    pub mean: Option<Rate>,
    /// By class.
    pub classes: [Option<Rate>; 8],
    /// Share of the variance that the components keep.
    pub kept_variance: Option<f64>,
    /// Whether the data had fewer components than asked for.
    pub is_clamped: bool,
}

/// A rate and its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// 0 to 1.
    pub value: f64,
    /// Of level 95 %.
    pub interval: Option<Interval>,
}

const MEAN_HEIGHT: f64 = 210.0;
pub(super) const CLASS_HEIGHT: f64 = 92.0;
const VARIANCE_HEIGHT: f64 = 110.0;
/// Room left of a panel for its numbers.
const NUMBERS: f64 = 34.0;
/// Half the width of the cross where a method failed.
pub(super) const CROSS: f64 = 3.2;
/// Between two columns of panels.
const BETWEEN: f64 = 26.0;

/// Least width of a facet.
const NARROWEST: f64 = 190.0;
/// Least width of a panel of a class, with its numbers.
const NARROWEST_CLASS: f64 = 88.0;
/// Panels of classes in a row, at most.
const MOST_CLASSES: f64 = 4.0;
/// Between two of them.
const GAP_OF_CLASSES: f64 = 10.0;

/// Facets beside each other on a sheet, the width of each, and panels of classes in a row of it.
fn column(facets: usize, sheet: f64) -> (usize, f64, usize) {
    let room = sheet - 2.0 * theme::MARGIN + BETWEEN;
    let across = ((room / (NARROWEST + BETWEEN)) as usize).clamp(1, facets);
    // Rows as equal as they can be.
    let across = facets.div_ceil(facets.div_ceil(across));
    let column = room / across as f64 - BETWEEN;
    let classes = ((column + GAP_OF_CLASSES) / (NARROWEST_CLASS + GAP_OF_CLASSES)).floor();
    (across, column, classes.clamp(1.0, MOST_CLASSES) as usize)
}

/// The figure as SVG, all text as outlines; the same data gives the same bytes.
///
/// # Errors
/// Nothing to draw.
pub fn svg(figure: &SweepCurves) -> Result<String, FigureError> {
    let methods = methods(figure);
    if figure.facets.is_empty() || methods.is_empty() || figure.axis.labels.is_empty() {
        return Err(FigureError::NoMethods);
    }
    let layout = Layout::of(figure, &methods);
    draw(layout.width, layout.height, &figure.heading.title, &describe(figure), |canvas| {
        layout.heading.draw(canvas)?;
        for (number, facet) in figure.facets.iter().enumerate() {
            let (left, top) = layout.corner(number);
            let face = Type { size: theme::CLASS_LABEL, weight: Weight::Bold, color: theme::INK };
            for (line, text) in wrap(&facet.name, face.size, face.weight, layout.column, 2).iter().enumerate()
            {
                let y = top + face.size * (1.0 + line as f64 * theme::LINE_HEIGHT);
                canvas.text(text, (left + NUMBERS, y), Align::Start, face)?;
            }
            facet_panels(canvas, figure, facet, &methods, &layout, (left, top))?;
        }
        legend(canvas, methods.len(), &layout)
    })
}

struct Layout {
    width: f64,
    height: f64,
    heading: super::heading::Lines,
    top: f64,
    across: usize,
    column: f64,
    per_row: usize,
    classes: Vec<Emotion>,
    with_variance: bool,
    legend: Legend,
}

impl Layout {
    fn of(figure: &SweepCurves, methods: &[&str]) -> Self {
        let columns = if figure.facets.len() > 1 { Columns::Two } else { figure.columns };
        let width = columns.width();
        let (across, column, per_row) = column(figure.facets.len(), width);
        let heading = figure.heading.lines(width - 2.0 * theme::MARGIN);
        let top = theme::MARGIN + heading.height() + theme::GAP;
        let is_there = |emotion: &Emotion| figure.facets.iter().any(|facet| facet.classes[emotion.index()]);
        let classes: Vec<Emotion> = Emotion::ALL.into_iter().filter(is_there).collect();
        let points = || figure.facets.iter().flat_map(|facet| &facet.curves).flat_map(|curve| &curve.points);
        let with_variance = points().flatten().any(|point| point.kept_variance.is_some());
        let mut layout = Self {
            width,
            height: 0.0,
            heading,
            top,
            across,
            column,
            per_row,
            classes,
            with_variance,
            legend: Legend::of(entries(figure, methods).into_iter(), width - 2.0 * theme::MARGIN - NUMBERS),
        };
        let rows = figure.facets.len().div_ceil(across) as f64;
        layout.height = (top
            + rows * layout.facet_height()
            + (rows - 1.0) * theme::GAP
            + layout.legend.height()
            + theme::MARGIN)
            .ceil();
        layout
    }

    /// Left and top of a facet.
    fn corner(&self, facet: usize) -> (f64, f64) {
        let (row, place) = (facet / self.across, facet % self.across);
        (
            theme::MARGIN + place as f64 * (self.column + BETWEEN),
            self.top + row as f64 * (self.facet_height() + theme::GAP),
        )
    }

    fn facet_height(&self) -> f64 {
        self.variance_at() + if self.with_variance { VARIANCE_HEIGHT + Self::below() } else { 0.0 }
    }

    /// Below a panel with an axis: numbers and title.
    fn below() -> f64 {
        theme::AXIS_NUMBER + theme::AXIS_TITLE + 2.0 * theme::GAP
    }

    /// From a facet's top to the panel of the mean.
    fn mean_at() -> f64 {
        2.0 * theme::CLASS_LABEL * theme::LINE_HEIGHT + theme::GAP + 0.5 * theme::MARK
    }

    /// From a facet's top to the panels of its classes.
    fn classes_at() -> f64 {
        Self::mean_at() + MEAN_HEIGHT + Self::below() + theme::CLASS_LABEL
    }

    fn class_row() -> f64 {
        CLASS_HEIGHT + theme::CLASS_LABEL + theme::GAP
    }

    fn rows(&self) -> usize {
        self.classes.len().div_ceil(self.per_row)
    }

    /// From a facet's top to the panel of the variance.
    fn variance_at(&self) -> f64 {
        Self::classes_at() + self.rows() as f64 * Self::class_row() + Self::below() - theme::GAP
    }
}

fn methods(figure: &SweepCurves) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for curve in figure.facets.iter().flat_map(|facet| &facet.curves) {
        if !names.contains(&curve.method.as_str()) {
            names.push(&curve.method);
        }
    }
    names
}

fn facet_panels(
    canvas: &Canvas<'_>,
    figure: &SweepCurves,
    facet: &Facet,
    methods: &[&str],
    layout: &Layout,
    (left, top): (f64, f64),
) -> Result<(), FigureError> {
    let whole = Panel {
        left: left + NUMBERS,
        top: top + Layout::mean_at(),
        width: layout.column - NUMBERS,
        height: MEAN_HEIGHT,
        axis: &figure.axis,
        title: "mean true positive rate",
        steps: 5,
        with_axis: true,
    };
    whole.frame(canvas)?;
    if let Some(chance) = facet.chance {
        canvas.dots(whole.left, whole.left + whole.width, whole.y(chance), theme::FAINT_INK)?;
    }
    whole.curves(canvas, facet, methods, |point| point.mean)?;
    let gap = GAP_OF_CLASSES;
    let small = (layout.column - (layout.per_row as f64 - 1.0) * gap) / layout.per_row as f64;
    for (place, emotion) in layout.classes.iter().enumerate() {
        let (row, at) = (place / layout.per_row, place % layout.per_row);
        let is_last = place + layout.per_row >= layout.classes.len();
        let panel = Panel {
            left: left + at as f64 * (small + gap) + NUMBERS,
            top: top + Layout::classes_at() + row as f64 * Layout::class_row(),
            width: small - NUMBERS,
            height: CLASS_HEIGHT,
            title: emotion.name(),
            steps: 2,
            with_axis: is_last,
            ..whole
        };
        if facet.classes[emotion.index()] {
            panel.frame(canvas)?;
            panel.curves(canvas, facet, methods, |point| point.classes[emotion.index()])?;
        } else {
            panel.absent(canvas)?;
        }
    }
    if layout.with_variance {
        let panel = Panel {
            top: top + layout.variance_at(),
            height: VARIANCE_HEIGHT,
            title: "variance explained",
            steps: 2,
            ..whole
        };
        panel.frame(canvas)?;
        panel.curves(canvas, facet, methods, |point| {
            point.kept_variance.map(|value| Rate { value, interval: None })
        })?;
    }
    Ok(())
}

/// The legend's last entry, where methods failed.
const FAILED: &str = "failed";

/// What the legend names: the methods, and what a cross on the axis means.
fn entries<'a>(figure: &SweepCurves, methods: &[&'a str]) -> Vec<&'a str> {
    let has_failed = figure.facets.iter().any(|facet| facet.failed().next().is_some());
    methods.iter().copied().chain(has_failed.then_some(FAILED)).collect()
}

/// `methods`: how many of the entries are.
fn legend(canvas: &Canvas<'_>, methods: usize, layout: &Layout) -> Result<(), FigureError> {
    let top = layout.height - theme::MARGIN - layout.legend.height();
    layout.legend.draw(canvas, (theme::MARGIN + NUMBERS, top), |index, (left, top), (right, bottom)| {
        let (middle, centre) = (f64::midpoint(top, bottom), f64::midpoint(left - 4.0, right + 1.0));
        if index >= methods {
            return cross(canvas, (centre, middle), CROSS);
        }
        let (color, _) = theme::method_fill(index);
        canvas.line(&[(left - 4.0, middle), (right + 1.0, middle)], 2.0 * theme::NORMAL, color)?;
        canvas.fill((centre - 3.0, middle - 3.0), (centre + 3.0, middle + 3.0), color)
    })
}

/// What stands where a method failed.
pub(super) fn cross(canvas: &Canvas<'_>, (x, y): (f64, f64), half: f64) -> Result<(), FigureError> {
    let width = half / CROSS * 2.0 * theme::NORMAL;
    for slope in [-half, half] {
        canvas.line(&[(x - half, y - slope), (x + half, y + slope)], width, theme::WARNING)?;
    }
    Ok(())
}

/// The figure in words.
fn describe(figure: &SweepCurves) -> String {
    let mut sentences = figure.heading.sentences();
    for facet in &figure.facets {
        for curve in &facet.curves {
            let rate = |(place, (label, point)): (usize, (&String, &Option<CurvePoint>))| {
                let mean = point.as_ref().and_then(|point| point.mean);
                let absent = if curve.failed.contains(&place) { FAILED } else { "none" };
                let mean = mean.map_or_else(|| absent.to_owned(), |mean| format!("{:.3}", mean.value));
                format!("{label}: {mean}")
            };
            let rates: Vec<String> =
                figure.axis.labels.iter().zip(&curve.points).enumerate().map(rate).collect();
            let (name, method, title) = (&facet.name, &curve.method, &figure.axis.title);
            sentences.push(format!("{name}, {method}, mean rate by {title}: {}", rates.join(", ")));
        }
    }
    sentences.join(". ")
}
