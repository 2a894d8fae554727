//! No text is cut or lies on another, at 3, 6 and 10 methods: read back from the outlines of the drawn figures.

use resvg::usvg::tiny_skia_path::PathSegment;
use resvg::usvg::{Group, Node, Paint, Path, Rect};

use super::confusion::{self, ConfusionMatrices, Matrix};
use super::heat_map::{self, Cell, CellAxis, HeatMaps, HeatPanel};
use super::per_class_tpr::{self, MethodBars, PerClassBars};
use super::sweep::{self, Curve, CurvePoint, Facet, Rate, SweepAxis, SweepCurves};
use super::text::parse_svg;
use super::theme::{self, Columns};
use super::training::{self, Curves, EpochRow, TrainingCurves};
use super::{FigureError, Heading};
use crate::metrics::Interval;
use crate::types::Emotion;

const METHODS: [&str; 10] = [
    "ImageNet-CNN",
    "Noisy-Fine-tuned-CNN",
    "Fine-tuned-CNN",
    "Global histogram of colours",
    "GIST",
    "Bag of visual words",
    "Principles of art",
    "SentiBank",
    "DINOv2 ViT-L/14",
    "CLIP",
];

/// How far outlines of neighbouring lines may come into each other's boxes: a comma's tail.
const TOUCH: f32 = 0.5;

/// All that is drawn.
pub(super) fn paths(group: &Group, found: &mut Vec<Path>) {
    for node in group.children() {
        match node {
            Node::Group(group) => paths(group, found),
            Node::Path(path) => found.push((**path).clone()),
            Node::Image(_) | Node::Text(_) => panic!("only paths are expected"),
        }
    }
}

/// A line of text is one opaque fill with the curves, or at least the many corners, of letters.
fn is_text(path: &Path) -> bool {
    let is_opaque = path.fill().is_some_and(|fill| fill.opacity().get() >= 1.0);
    let is_curve = |segment| matches!(segment, PathSegment::QuadTo(..) | PathSegment::CubicTo(..));
    is_opaque && (path.data().segments().any(is_curve) || path.data().segments().count() > 8)
}

/// Boxes of the lines of text; every one is on the sheet and clear of the others.
fn legible(what: &str, svg: Result<String, FigureError>) -> Vec<Rect> {
    let tree = parse_svg(&svg.unwrap()).unwrap();
    let mut all = Vec::new();
    paths(tree.root(), &mut all);
    let (width, height) = (tree.size().width(), tree.size().height());
    for bounds in all.iter().map(Path::abs_bounding_box) {
        let is_on = bounds.left() >= 0.0 && bounds.right() <= width;
        assert!(is_on && bounds.top() >= 0.0 && bounds.bottom() <= height, "{what}: {bounds:?} is cut");
    }
    let texts: Vec<Rect> = all.iter().filter(|path| is_text(path)).map(Path::abs_bounding_box).collect();
    for (at, one) in texts.iter().enumerate() {
        for other in &texts[at + 1..] {
            let apart = one.right() <= other.left() + TOUCH
                || other.right() <= one.left() + TOUCH
                || one.bottom() <= other.top() + TOUCH
                || other.bottom() <= one.top() + TOUCH;
            assert!(apart, "{what}: the texts at {one:?} and {other:?} lie on each other");
        }
    }
    texts
}

fn heading() -> Heading {
    Heading {
        title: "Figure 5: true positive rates by emotion on IAPS-Subset".to_owned(),
        warnings: vec!["stand-in images, not IAPS-Subset".to_owned()],
        subtitle: vec![
            "5-fold cross validation, stratified, groups kept together; PCA to 20 components".to_owned(),
        ],
    }
}

fn rate(seed: usize) -> f64 {
    (seed * 37 % 101) as f64 / 100.0
}

fn interval(rate: f64) -> Interval {
    Interval { low: (rate - 0.11).max(0.0), high: (rate + 0.13).min(1.0) }
}

#[test]
fn bars_of_three_to_ten_methods() {
    for columns in [Columns::One, Columns::Two] {
        for count in [3, 6, 10] {
            let method = |(at, name): (usize, &&str)| {
                let rates = std::array::from_fn(|class| Some(rate(class * 5 + at + 1)));
                MethodBars {
                    name: (*name).to_owned(),
                    rates,
                    intervals: rates.map(|rate| rate.map(interval)),
                    mean: Some(0.5),
                    mean_interval: Some(interval(0.5)),
                    published: None,
                }
            };
            let mut omitted: [Option<String>; 8] = Default::default();
            omitted[Emotion::Anger.index()] = Some("n < 10".to_owned());
            let methods = METHODS[..count].iter().enumerate().map(method).collect();
            let figure =
                PerClassBars { heading: heading(), columns, methods, omitted, chance: Some(1.0 / 7.0) };
            let texts = legible(&format!("{count} methods, {columns:?}"), per_class_tpr::svg(&figure));
            assert!(texts.len() > 8 + count, "emotions and a legend at least");
        }
    }
}

#[test]
fn confusion_matrices_of_three_to_ten_methods() {
    for columns in [Columns::One, Columns::Two] {
        for count in [3, 6, 10] {
            let matrix = |(at, name): (usize, &&str)| {
                let row = |label: usize| {
                    (label != 1).then(|| std::array::from_fn(|other| rate(label * 8 + other + at)))
                };
                Matrix {
                    name: (*name).to_owned(),
                    mean: Some(0.483),
                    mean_interval: Some(interval(0.483)),
                    rates: std::array::from_fn(row),
                }
            };
            let matrices = METHODS[..count].iter().enumerate().map(matrix).collect();
            let figure = ConfusionMatrices { heading: heading(), columns, matrices };
            let texts = legible(&format!("{count} matrices, {columns:?}"), confusion::svg(&figure));
            assert!(texts.len() > count * (56 + 8), "numbers and emotions at least");
        }
    }
}

fn sweep_of(methods: usize, facets: usize, places: usize) -> SweepCurves {
    let facet = |facet: usize| {
        let curve = |(at, name): (usize, &&str)| {
            let point = |place: usize| {
                let rates: [f64; 8] = std::array::from_fn(|class| rate(class * 7 + at * 3 + place + facet));
                let rate = |value| Rate { value, interval: Some(interval(value)) };
                (place != 2).then(|| CurvePoint {
                    mean: Some(rate(rates[0])),
                    classes: rates.map(|value| Some(rate(value))),
                    kept_variance: Some(rates[1]),
                    is_clamped: false,
                })
            };
            let points = (0..places).map(point).collect();
            Curve { method: (*name).to_owned(), points, failed: vec![2] }
        };
        let mut classes = [true; 8];
        classes[Emotion::Anger.index()] = false;
        Facet {
            name: format!("stand-in images for Abstract Paintings {facet}"),
            curves: METHODS[..methods].iter().enumerate().map(curve).collect(),
            chance: Some(0.125),
            classes,
        }
    };
    let axis = SweepAxis {
        title: "pca.components".to_owned(),
        labels: (0..places).map(|place| (5 + 13 * place).to_string()).collect(),
        places: (0..places).map(|place| place as f64 / (places - 1) as f64).collect(),
    };
    let columns = if facets == 1 { Columns::One } else { Columns::Two };
    SweepCurves { heading: heading(), axis, facets: (0..facets).map(facet).collect(), columns }
}

#[test]
fn a_sweep_of_three_to_ten_methods_on_one_to_six_sets() {
    for (methods, facets, places) in
        [(3, 1, 6), (6, 1, 6), (10, 1, 6), (3, 3, 8), (10, 3, 8), (10, 2, 40), (10, 6, 40), (1, 1, 200)]
    {
        let figure = sweep_of(methods, facets, places);
        legible(&format!("{methods} methods, {facets} sets, {places} points"), sweep::svg(&figure));
    }
}

#[test]
fn a_method_that_failed_has_its_cross_on_every_axis_and_in_the_legend() {
    let crosses = |figure: &SweepCurves| {
        let tree = parse_svg(&sweep::svg(figure).unwrap()).unwrap();
        let mut all = Vec::new();
        paths(tree.root(), &mut all);
        let is_warning = |path: &&Path| {
            path.stroke().is_some_and(|stroke| {
                matches!(stroke.paint(), Paint::Color(color) if color.red == theme::WARNING.0 && color.green == theme::WARNING.1)
            })
        };
        all.iter().filter(is_warning).map(Path::abs_bounding_box).collect::<Vec<_>>()
    };
    let mut figure = sweep_of(3, 1, 6);
    // Two strokes each: the mean's panel, seven classes, the variance, and the legend.
    let drawn = crosses(&figure);
    assert_eq!(drawn.len(), 2 * (1 + 7 + 1 + 1));
    assert!(drawn.iter().all(|stroke| stroke.width() > 3.5 && stroke.height() > 3.5), "{drawn:?}");
    let words = sweep::svg(&figure).unwrap();
    assert_eq!(words.matches("31: failed").count(), 3, "{words:.900}");
    figure.facets[0].curves[1..].iter_mut().for_each(|curve| curve.failed.clear());
    assert_eq!(crosses(&figure), drawn, "one method that failed is enough");
    assert_eq!(sweep::svg(&figure).unwrap().matches("31: failed").count(), 1);
    figure.facets[0].curves[0].failed.clear();
    assert_eq!(crosses(&figure), [], "a point that is left out is none that failed");
    assert!(sweep::svg(&figure).unwrap().contains("31: none"));
}

#[test]
fn cells_of_three_to_ten_methods() {
    for count in [3, 6, 10] {
        let panel = |(at, name): (usize, &&str)| {
            let cell = |row: usize, column: usize| match (row, column) {
                (1, 1) => Cell::Failed,
                (2, 0) => Cell::LeftOut,
                _ => {
                    let value = rate(row * 6 + column + at);
                    Cell::Rate(Rate { value, interval: Some(interval(value)) })
                }
            };
            let row = |row| (0..6).map(|column| cell(row, column)).collect();
            HeatPanel { name: (*name).to_owned(), cells: (0..5).map(row).collect() }
        };
        let axis = |title: &str, labels: usize| CellAxis {
            title: title.to_owned(),
            labels: (0..labels).map(|label| format!("{}", 10_usize.pow(label as u32))).collect(),
        };
        let figure = HeatMaps {
            heading: heading(),
            across: axis("pca.components", 6),
            down: axis("svm.c", 5),
            panels: METHODS[..count].iter().enumerate().map(panel).collect(),
            columns: if count == 3 { Columns::One } else { Columns::Two },
        };
        let svg = heat_map::svg(&figure);
        assert!(svg.as_ref().unwrap().contains("10, 10: failed; 10, 100: "));
        legible(&format!("{count} panels"), svg);
    }
}

#[test]
fn trainings_of_three_to_ten_networks() {
    for count in [3, 6, 10] {
        let network = |name: &&str| Curves {
            name: format!("{name}: 16315 images, 1165 to validate on"),
            epochs: (1..=30)
                .map(|epoch| EpochRow {
                    epoch,
                    step: 510 * epoch,
                    rate: 0.001,
                    training_loss: 2.0 / epoch as f64,
                    training_accuracy: rate(epoch),
                    validation_loss: Some(2.1 / epoch as f64),
                    validation_accuracy: Some(rate(epoch + 3)),
                })
                .collect(),
            kept: 12,
        };
        let networks = METHODS[..count].iter().map(network).collect();
        let figure = TrainingCurves { heading: heading(), columns: Columns::Two, networks };
        legible(&format!("{count} trainings"), training::svg(&figure));
    }
}
