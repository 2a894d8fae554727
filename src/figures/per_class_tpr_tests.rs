//! The geometry of the drawn figure, read back from its SVG.

use proptest::prelude::*;
use resvg::usvg::{Paint, Path, Rect};

use super::legibility_tests::paths;
use super::per_class_tpr::{MethodBars, PerClassBars, svg};
use super::text::{clean, parse_svg};
use super::theme::{self, Columns};
use super::{FigureError, Heading};
use crate::metrics::Interval;
use crate::types::Emotion;

fn bars(methods: usize) -> PerClassBars {
    PerClassBars {
        heading: Heading {
            title: "Figure 5: IAPS-Subset".to_owned(),
            warnings: vec!["stand-in images, not IAPS-Subset".to_owned()],
            subtitle: vec!["5-fold cross validation".to_owned()],
        },
        columns: Columns::Two,
        methods: (0..methods)
            .map(|method| MethodBars {
                name: format!("method {method}"),
                rates: std::array::from_fn(|class| Some((class * 13 + method * 7) as f64 % 100.0 / 100.0)),
                mean: Some(0.5),
                ..MethodBars::default()
            })
            .collect(),
        omitted: Default::default(),
        chance: Some(0.125),
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

/// Bars of all methods on one row of the figure, from left to right.
fn rows_of_bars(paths: &[Path], methods: usize, rows: usize) -> Vec<Vec<Rect>> {
    let all: Vec<Rect> = (0..methods.min(10)).flat_map(|method| bars_of(paths, method)).collect();
    let mut baselines: Vec<f32> = all.iter().map(Rect::bottom).collect();
    baselines.sort_by(f32::total_cmp);
    baselines.dedup_by(|a, b| (*a - *b).abs() < 0.2);
    let on = |baseline: &f32| {
        let mut row: Vec<Rect> =
            all.iter().copied().filter(|rectangle| (rectangle.bottom() - baseline).abs() < 0.2).collect();
        row.sort_by(|a, b| a.left().total_cmp(&b.left()));
        row
    };
    baselines.iter().take(rows).map(on).collect()
}

#[test]
fn bars_of_any_number_of_methods_do_not_overlap_in_one_column_and_in_two() {
    for (columns, count, rows) in [
        (Columns::Two, 1, 1),
        (Columns::Two, 3, 1),
        (Columns::Two, 10, 1),
        (Columns::Two, 25, 3),
        (Columns::One, 3, 3),
        (Columns::One, 10, 3),
    ] {
        let (paths, (width, _)) = drawn(&PerClassBars { columns, ..bars(count) });
        assert!((f64::from(width) - columns.width()).abs() < 1.0, "{width}");
        let rows = rows_of_bars(&paths, count, rows);
        assert_eq!(rows.iter().map(Vec::len).sum::<usize>(), 9 * count, "{columns:?} {count}");
        for row in &rows {
            assert!(row.windows(2).all(|pair| pair[0].right() <= pair[1].left()));
            assert!(row.iter().all(|rectangle| rectangle.width() > 3.5), "{:?}", row[0]);
        }
    }
}

#[test]
fn error_bars_reach_from_one_end_of_the_interval_to_the_other() {
    let mut bars = bars(1);
    bars.methods[0].intervals[3] = Some(Interval { low: 0.25, high: 0.75 });
    let (paths, _) = drawn(&bars);
    let bar = bars_of(&paths, 0)[3];
    let is_ink = |path: &&Path| {
        path.stroke().is_some_and(|stroke| {
            matches!(stroke.paint(), Paint::Color(color) if (color.red, color.green, color.blue) == (theme::INK.0, theme::INK.1, theme::INK.2))
        })
    };
    let upright = paths
        .iter()
        .filter(is_ink)
        .map(Path::abs_bounding_box)
        .find(|line| line.width() < 0.1 && line.left() > bar.left() && line.right() < bar.right());
    let line = upright.unwrap();
    assert!((f64::from(line.height()) - 0.5 * theme::PLOT_HEIGHT).abs() < 0.2, "{line:?}");
    assert!((f64::from(bar.bottom() - line.bottom()) - 0.25 * theme::PLOT_HEIGHT).abs() < 0.2, "{line:?}");
}

#[test]
fn published_bars_change_no_colour_of_others() {
    let fills = |bars: &PerClassBars| {
        let is_bar = |path: &&Path| path.fill().is_some() && path.abs_bounding_box().width() > 2.0;
        let colour = |path: &Path| match path.fill()?.paint() {
            Paint::Color(colour) => Some((colour.red, colour.green, colour.blue)),
            _ => None,
        };
        drawn(bars).0.iter().filter(is_bar).filter_map(colour).collect::<std::collections::BTreeSet<_>>()
    };
    let own = fills(&bars(3));
    let mut with_published = bars(4);
    with_published.methods[0].published = Some("Somebody (2010), table 3".to_owned());
    let all = fills(&with_published);
    assert!(own.is_subset(&all), "{own:?} and {all:?}");
    let fourth = theme::method_fill(3).0;
    let others: Vec<_> = all.difference(&own).collect();
    assert_eq!(others, [&(fourth.0, fourth.1, fourth.2)], "the published one comes after them");
}

#[test]
fn published_bars_are_hatched_and_name_their_source() {
    let mut bars = bars(2);
    let plain = drawn(&bars).0.len();
    bars.methods[0].published = Some("Somebody (2010), table 3".to_owned());
    let text = svg(&bars).unwrap();
    assert!(text.contains("Hatched: method 0 as published, Somebody (2010), table 3"), "{text:.900}");
    let tree = parse_svg(&text).unwrap();
    let mut found = Vec::new();
    paths(tree.root(), &mut found);
    assert!(found.len() > plain + 20, "a line every few units");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_text_is_well_formed_and_stays_on_the_sheet(
        title in "\\PC{0,400}|.{0,40}", name in "\\PC{0,200}|[<&>\"' ]{9}", reason in "\\PC{0,60}", methods in 1usize..12,
        narrow in any::<bool>(),
    ) {
        let mut bars = bars(methods);
        bars.columns = if narrow { Columns::One } else { Columns::Two };
        bars.methods[0].intervals = [Some(Interval { low: 0.0, high: 1.0 }); 8];
        bars.heading.title = title;
        bars.methods[0].name = name;
        bars.omitted[2] = Some(reason);
        let text = svg(&bars).unwrap();
        prop_assert_eq!(&text, &svg(&bars).unwrap());
        let document = resvg::usvg::roxmltree::Document::parse(&text).unwrap();
        let titled = document.descendants().find(|node| node.has_tag_name("title")).unwrap();
        prop_assert_eq!(titled.text().unwrap_or_default(), clean(&bars.heading.title));
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
fn published_rates_of_a_class_that_is_left_out_are_named() {
    let mut bars = bars(2);
    bars.methods[1].published = Some("Somebody 2010".to_owned());
    let note = "Published rates of what is left out here are not drawn: anger";
    assert!(!svg(&bars).unwrap().contains(note));
    bars.omitted[Emotion::Anger.index()] = Some("n < 10".to_owned());
    assert!(svg(&bars).unwrap().contains(note));
    bars.methods[1].rates[Emotion::Anger.index()] = None;
    assert!(!svg(&bars).unwrap().contains(note));
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
    nan.methods[0].mean = Some(0.5);
    nan.methods[0].mean_interval = Some(Interval { low: -0.1, high: 0.6 });
    assert!(matches!(svg(&nan), Err(FigureError::Mean { .. })));
    nan.methods[0].mean_interval = None;
    nan.chance = Some(-0.1);
    assert_eq!(svg(&nan), Err(FigureError::Chance { value: -0.1 }));
}
