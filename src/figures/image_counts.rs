//! Figure 2: images per emotion and per source, on a logarithmic axis where the counts ask for one.

use std::fmt::Write as _;

use super::canvas::{Align, Canvas, Type, draw};
use super::heading::{Heading, notes};
use super::legend::Legend;
use super::tables::field;
use super::text::{Weight, width};
use super::theme::Columns;
use super::{FigureError, theme};
use crate::types::Emotion;

/// What the figure shows.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageCounts {
    /// The words above it.
    pub heading: Heading,
    /// How wide it is.
    pub columns: Columns,
    /// One bar each per emotion.
    pub sources: Vec<Source>,
    /// What stands under it.
    pub notes: Vec<String>,
}

/// Where images come from, and how many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its name.
    pub name: String,
    /// Images by [`Emotion::index`].
    pub images: [usize; 8],
}

/// A largest count this many times the smallest asks for a logarithmic axis.
const LOGARITHMIC_FROM: f64 = 20.0;
const HEADROOM: f64 = 16.0;

/// `figure2.csv`: `source,emotion,images,data_set`.
pub fn csv(sources: &[Source], data_set: &str) -> String {
    let mut table = "source,emotion,images,data_set\n".to_owned();
    for source in sources {
        for (emotion, images) in Emotion::ALL.into_iter().zip(source.images) {
            // Writing to a string cannot fail.
            let _ = writeln!(table, "{},{emotion},{images},{}", field(&source.name), field(data_set));
        }
    }
    table
}

/// The vertical axis.
enum Axis {
    Linear {
        top: f64,
        step: f64,
    },
    /// From a power of ten to a power of ten.
    Logarithmic {
        low: i32,
        high: i32,
    },
}

impl Axis {
    fn of(sources: &[Source]) -> Self {
        let counts = || sources.iter().flat_map(|source| source.images).filter(|count| *count > 0);
        let most = counts().max().unwrap_or(1) as f64;
        let least = counts().min().unwrap_or(1) as f64;
        if most >= LOGARITHMIC_FROM * least {
            let high = (most.log10().ceil() as i32).max(1);
            // A bar of the smallest count must be seen to be one.
            let low = ((least / 1.5).log10().floor() as i32).min(high - 1);
            Self::Logarithmic { low, high }
        } else {
            let step = super::training::nice_step(most).max(1.0);
            Self::Linear { top: (most / step).ceil() * step, step }
        }
    }

    /// 0 at the foot, 1 at the top.
    fn share(&self, count: f64) -> f64 {
        match *self {
            Self::Linear { top, .. } => count / top,
            Self::Logarithmic { low, high } if count > 0.0 => {
                ((count.log10() - f64::from(low)) / f64::from(high - low)).max(0.0)
            }
            Self::Logarithmic { .. } => 0.0,
        }
    }

    fn ticks(&self) -> Vec<f64> {
        match *self {
            Self::Linear { top, step } => {
                (0..=(top / step).round() as u32).map(|tick| f64::from(tick) * step).collect()
            }
            Self::Logarithmic { low, high } => (low..=high).map(|power| 10.0_f64.powi(power)).collect(),
        }
    }
}

/// The figure as SVG.
///
/// # Errors
/// No sources.
pub fn svg(figure: &ImageCounts) -> Result<String, FigureError> {
    if figure.sources.is_empty() {
        return Err(FigureError::NoMethods);
    }
    let axis = Axis::of(&figure.sources);
    let sheet = figure.columns.width();
    let room = sheet - 2.0 * theme::MARGIN;
    let heading = figure.heading.lines(room);
    let per_row = match figure.columns {
        Columns::One => 4,
        Columns::Two => 8,
    };
    let rows = 8_usize.div_ceil(per_row);
    let plot = if rows == 1 { theme::PLOT_HEIGHT } else { theme::ROW_HEIGHT };
    let first = theme::MARGIN + heading.height() + HEADROOM;
    let row = HEADROOM + plot + 1.45 * theme::CLASS_LABEL + 4.0;
    let numbers = axis
        .ticks()
        .iter()
        .map(|tick| width(&count(*tick), theme::AXIS_NUMBER, Weight::Regular))
        .fold(0.0, f64::max);
    let left = theme::MARGIN + 1.4 * theme::AXIS_TITLE + numbers + 6.0;
    let right = sheet - theme::MARGIN;
    let legend = Legend::of(figure.sources.iter().map(|source| source.name.as_str()), right - left);
    let legend_top = first + rows as f64 * row - HEADROOM + theme::GAP;
    let mut words = figure.notes.clone();
    if matches!(axis, Axis::Logarithmic { .. }) {
        words.push("The axis is logarithmic: bars of equal difference have equal ratios.".to_owned());
    }
    let below = notes(&words, room);
    let notes_top = legend_top + legend.height() + 3.0;
    let height = (notes_top + below.height() + theme::MARGIN).ceil();
    draw(sheet, height, &figure.heading.title, &describe(figure), |canvas| {
        heading.draw(canvas)?;
        for number in 0..rows {
            let top = first + number as f64 * row;
            grid(canvas, &axis, (left, right), (top, top + plot))?;
            let of_row = Emotion::ALL.into_iter().skip(number * per_row).take(per_row).enumerate();
            for (at, emotion) in of_row {
                let group = (right - left) / per_row as f64;
                bars(canvas, figure, &axis, emotion, (left + at as f64 * group, group), (top, top + plot))?;
            }
        }
        legend.draw(canvas, (left, legend_top), |index, from, to| {
            let (fill, _) = theme::method_fill(index);
            canvas.fill(from, to, fill)
        })?;
        below.draw_at(canvas, notes_top)
    })
}

fn grid(
    canvas: &Canvas<'_>,
    axis: &Axis,
    (left, right): (f64, f64),
    (top, bottom): (f64, f64),
) -> Result<(), FigureError> {
    let number = Type::regular(theme::AXIS_NUMBER, theme::FAINT_INK);
    for tick in axis.ticks() {
        let y = bottom - axis.share(tick) * (bottom - top);
        canvas.line(&[(left, y), (right, y)], theme::THIN, theme::GRID)?;
        canvas.text(&count(tick), (left - 4.0, y + 0.36 * number.size), Align::End, number)?;
    }
    canvas.line(&[(left, bottom), (right, bottom)], theme::NORMAL, theme::INK)?;
    let title = Type::regular(theme::AXIS_TITLE, theme::INK);
    canvas.upward("images", (theme::MARGIN + theme::AXIS_TITLE, f64::midpoint(top, bottom)), title)
}

fn bars(
    canvas: &Canvas<'_>,
    figure: &ImageCounts,
    axis: &Axis,
    emotion: Emotion,
    (left, group): (f64, f64),
    (top, bottom): (f64, f64),
) -> Result<(), FigureError> {
    let sources = figure.sources.len() as f64;
    let slot = (group * theme::BARS_SHARE / sources).min(theme::SLOT_MOST);
    let centre = left + group / 2.0;
    let face = Type::regular(theme::BAR_NUMBER, theme::INK);
    for (index, source) in figure.sources.iter().enumerate() {
        let middle = centre + (index as f64 + 0.5 - sources / 2.0) * slot;
        let images = source.images[emotion.index()];
        let y = bottom - axis.share(images as f64) * (bottom - top);
        let (fill, _) = theme::method_fill(index);
        if images > 0 {
            let (from, to) = ((middle - 0.44 * slot, y), (middle + 0.44 * slot, bottom));
            canvas.fill(from, to, fill)?;
            let edge = [(from.0, to.1), from, (to.0, from.1), to];
            canvas.line(&edge, theme::THIN, theme::outline(fill))?;
        }
        let text = count(images as f64);
        let long = width(&text, face.size, face.weight);
        let tall = 0.75 * face.size;
        let y = y.min(bottom);
        if long <= slot {
            canvas.text(&text, (middle, y - 2.5), Align::Middle, face)?;
        } else if tall + 1.0 <= slot && y - 2.5 - long > top - HEADROOM - 4.0 {
            canvas.upward(&text, (middle + tall / 2.0, y - 2.5 - long / 2.0), face)?;
        }
    }
    let label = Type::regular(theme::CLASS_LABEL, theme::INK);
    canvas.text(emotion.name(), (centre, bottom + 1.35 * label.size), Align::Middle, label)
}

/// A whole number, thousands set off by commas.
pub(super) fn count(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The figure in words.
fn describe(figure: &ImageCounts) -> String {
    let mut sentences = figure.heading.sentences();
    for source in &figure.sources {
        let counts: Vec<String> = Emotion::ALL
            .into_iter()
            .zip(source.images)
            .map(|(emotion, images)| format!("{emotion} {images}"))
            .collect();
        sentences.push(format!("{}: {}", source.name, counts.join(", ")));
    }
    sentences.extend(figure.notes.iter().cloned());
    sentences.join(". ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(name: &str, images: [usize; 8]) -> Source {
        Source { name: name.to_owned(), images }
    }

    #[test]
    fn the_axis_is_logarithmic_where_counts_differ_much() {
        let even = [source("a", [10, 20, 30, 40, 50, 60, 70, 80])];
        assert!(matches!(Axis::of(&even), Axis::Linear { .. }));
        let wide = [source("a", [3, 20, 30, 40, 50, 60, 70, 90_000])];
        let axis = Axis::of(&wide);
        assert!(matches!(axis, Axis::Logarithmic { low: 0, high: 5 }));
        assert!(axis.share(3.0) > 0.05 && axis.share(90_000.0) < 1.0 && axis.share(0.0) <= 0.0);
        assert_eq!(axis.ticks().len(), 6);
    }

    #[test]
    fn every_count_is_in_the_table_and_in_the_words() {
        let sources = vec![source("Flickr", [1, 2, 3, 4, 5, 6, 7, 8]), source("a, b", [0; 8])];
        let table = csv(&sources, "FI");
        assert_eq!(table.lines().count(), 17);
        assert!(table.contains("Flickr,fear,7,FI\n") && table.contains("\"a, b\",fear,0,FI\n"));
        for columns in [Columns::One, Columns::Two] {
            let figure = ImageCounts {
                heading: Heading::default(),
                columns,
                sources: sources.clone(),
                notes: Vec::new(),
            };
            assert!(svg(&figure).unwrap().contains("Flickr: amusement 1, anger 2"));
        }
        let none = ImageCounts {
            heading: Heading::default(),
            columns: Columns::One,
            sources: Vec::new(),
            notes: Vec::new(),
        };
        assert_eq!(svg(&none), Err(FigureError::NoMethods));
    }

    #[test]
    fn thousands_are_set_off() {
        assert_eq!([0.0, 999.0, 1000.0, 1_234_567.0].map(count), ["0", "999", "1,000", "1,234,567"]);
    }
}
