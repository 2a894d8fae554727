//! The geometry of the drawn figure, read back from its SVG.

use proptest::prelude::*;
use resvg::usvg::{Group, Node, Paint, Path, Rect};

use super::FigureError;
use super::per_class_tpr::{MethodBars, PerClassBars, svg};
use super::text::{clean, parse_svg};
use super::theme;
use crate::types::Emotion;

fn bars(methods: usize) -> PerClassBars {
    PerClassBars {
        title: "Figure 5: IAPS-Subset".to_owned(),
        warnings: vec!["stand-in images, not IAPS-Subset".to_owned()],
        subtitle: vec!["5-fold cross validation".to_owned()],
        methods: (0..methods)
            .map(|method| MethodBars {
                name: format!("method {method}"),
                rates: std::array::from_fn(|class| Some((class * 13 + method * 7) as f64 % 100.0 / 100.0)),
                mean: Some(0.5),
            })
            .collect(),
        omitted: Default::default(),
        chance: Some(0.125),
    }
}

fn paths(group: &Group, found: &mut Vec<Path>) {
    for node in group.children() {
        match node {
            Node::Group(group) => paths(group, found),
            Node::Path(path) => found.push((**path).clone()),
            Node::Image(_) | Node::Text(_) => panic!("only paths are expected"),
        }
    }
}

fn drawn(bars: &PerClassBars) -> (Vec<Path>, (f32, f32)) {
    let tree = parse_svg(&svg(bars).unwrap()).unwrap();
    let mut found = Vec::new();
    paths(tree.root(), &mut found);
    (found, (tree.size().width(), tree.size().height()))
}

/// Rectangles in the fill of a method: its bars from left to right, then its legend sample.
fn bars_of(paths: &[Path], method: usize) -> Vec<Rect> {
    let (fill, _) = theme::method_fill(method);
    let is_fill = |path: &&Path| {
        path.fill().is_some_and(|paint| {
            matches!(paint.paint(), Paint::Color(color) if (color.red, color.green, color.blue) == (fill.0, fill.1, fill.2))
        })
    };
    paths.iter().filter(is_fill).map(Path::abs_bounding_box).collect()
}

#[test]
fn bars_are_as_tall_as_their_rates_and_equally_wide() {
    let bars = bars(7);
    let (paths, _) = drawn(&bars);
    for (index, method) in bars.methods.iter().enumerate() {
        let rectangles = bars_of(&paths, index);
        assert_eq!(rectangles.len(), 8 + 1 + 1, "eight classes, the mean, the legend");
        for (rectangle, rate) in rectangles.iter().zip(method.rates.iter().chain([&method.mean])) {
            let expected = (rate.unwrap() * theme::PLOT_HEIGHT).max(theme::BAR_FOOT);
            assert!((f64::from(rectangle.height()) - expected).abs() <= 0.11, "{rectangle:?} {rate:?}");
            assert!((rectangle.width() - rectangles[0].width()).abs() <= 0.11);
        }
        assert!(rectangles.windows(2).take(8).all(|pair| pair[0].right() < pair[1].left()));
    }
}

#[test]
fn classes_left_out_and_missing_rates_have_no_bar() {
    let mut bars = bars(2);
    bars.omitted[Emotion::Anger.index()] = Some("n < 10".to_owned());
    bars.methods[1].rates[Emotion::Fear.index()] = None;
    bars.methods[0].mean = None;
    let (paths, _) = drawn(&bars);
    assert_eq!(bars_of(&paths, 0).len(), 7 + 1);
    assert_eq!(bars_of(&paths, 1).len(), 6 + 1 + 1);
}

#[test]
fn bars_of_any_number_of_methods_do_not_overlap() {
    for count in [1, 2, 10, 25] {
        let (paths, _) = drawn(&bars(count));
        let mut rectangles: Vec<Rect> =
            (0..count.min(10)).flat_map(|method| bars_of(&paths, method)).collect();
        let baseline = rectangles[0].bottom();
        rectangles.retain(|rectangle| rectangle.bottom() <= baseline + 0.1);
        assert_eq!(rectangles.len(), 9 * count);
        rectangles.sort_by(|a, b| a.left().total_cmp(&b.left()));
        assert!(rectangles.windows(2).all(|pair| pair[0].right() <= pair[1].left()));
        assert!(rectangles.iter().all(|rectangle| rectangle.width() > 5.0));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_text_is_well_formed_and_stays_on_the_sheet(
        title in "\\PC{0,400}|.{0,40}", name in "\\PC{0,200}|[<&>\"' ]{9}", reason in "\\PC{0,60}", methods in 1usize..12,
    ) {
        let mut bars = bars(methods);
        bars.title = title;
        bars.methods[0].name = name;
        bars.omitted[2] = Some(reason);
        let text = svg(&bars).unwrap();
        prop_assert_eq!(&text, &svg(&bars).unwrap());
        let document = resvg::usvg::roxmltree::Document::parse(&text).unwrap();
        let titled = document.descendants().find(|node| node.has_tag_name("title")).unwrap();
        prop_assert_eq!(titled.text().unwrap_or_default(), clean(&bars.title));
        prop_assert!(!document.descendants().any(|node| node.has_tag_name("text")));
        let (paths, (width, height)) = drawn(&bars);
        for path in &paths {
            let bounds = path.abs_bounding_box();
            prop_assert!(bounds.left() >= 0.0 && bounds.right() <= width, "{bounds:?}");
            prop_assert!(bounds.top() >= 0.0 && bounds.bottom() <= height, "{bounds:?}");
        }
    }
}

#[test]
fn numbers_that_are_no_rates_are_errors() {
    assert_eq!(svg(&bars(0)), Err(FigureError::NoMethods));
    let mut high = bars(1);
    high.methods[0].rates[6] = Some(1.5);
    let error = FigureError::Rate { method: "method 0".to_owned(), emotion: Emotion::Fear, value: 1.5 };
    assert_eq!(svg(&high), Err(error));
    let mut nan = bars(1);
    nan.methods[0].mean = Some(f64::NAN);
    assert!(matches!(svg(&nan), Err(FigureError::Mean { .. })));
    nan.chance = Some(-0.1);
    assert_eq!(svg(&nan), Err(FigureError::Chance { value: -0.1 }));
}
