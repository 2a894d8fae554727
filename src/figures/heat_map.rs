//! A sweep over two axes: the mean rate of each point as a coloured cell, a panel per method and data set.

use super::canvas::{Align, Canvas, Type, draw};
use super::heading::Heading;
use super::per_class_tpr::short;
use super::sweep::Rate;
use super::text::{Weight, width, wrap};
use super::theme::Columns;
use super::{FigureError, theme};

/// What the figure shows.
#[derive(Clone, Debug, PartialEq)]
pub struct HeatMaps {
    /// The words above it.
    pub heading: Heading,
    /// From left to right.
    pub across: CellAxis,
    /// From top to bottom.
    pub down: CellAxis,
    /// Panels, in reading order.
    pub panels: Vec<HeatPanel>,
    /// How wide it is, unless a panel needs more.
    pub columns: Columns,
}

/// An axis of cells.
#[derive(Clone, Debug, PartialEq)]
pub struct CellAxis {
    /// The setting.
    pub title: String,
    /// One per row or column.
    pub labels: Vec<String>,
}

/// One panel.
#[derive(Clone, Debug, PartialEq)]
pub struct HeatPanel {
    /// What stands above it.
    pub name: String,
    /// `cells[down][across]`.
    pub cells: Vec<Vec<Cell>>,
}

/// One point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell {
    /// Its mean rate.
    Rate(Rate),
    /// It was not to be computed.
    LeftOut,
    /// It could not be computed.
    Failed,
}

/// Height of a cell.
const CELL: f64 = 34.0;
/// How wide a cell may become where there is room.
const WIDEST: f64 = 64.0;
/// Distance of the baselines of a rate and its interval.
const LINE: f64 = 1.25 * theme::MARK;
/// The largest scale of colours, in steps.
const SCALE: (f64, f64) = (160.0, 9.0);
const STEPS: usize = 80;
/// Between two panels.
const BETWEEN: f64 = 34.0;
/// Least room of a panel's name.
const NAME: f64 = 130.0;

/// The figure as SVG, all text as outlines; the same data gives the same bytes.
///
/// # Errors
/// Nothing to draw.
pub fn svg(figure: &HeatMaps) -> Result<String, FigureError> {
    if figure.panels.is_empty() || figure.across.labels.is_empty() || figure.down.labels.is_empty() {
        return Err(FigureError::NoMethods);
    }
    let number = Type::regular(theme::MARK, theme::FAINT_INK);
    let widest = |axis: &CellAxis| {
        axis.labels.iter().map(|label| width(label, number.size, number.weight)).fold(0.0, f64::max)
    };
    let left_room = widest(&figure.down) + 10.0 + theme::AXIS_TITLE * theme::LINE_HEIGHT;
    let most = figure.columns.width() - 2.0 * theme::MARGIN;
    let (shown, least) = shown(figure, most - left_room, widest(&figure.across));
    let across = figure.across.labels.len() as f64;
    let panel = |cell: f64| left_room + (across * cell).max(NAME);
    let per_row = ((most + BETWEEN) / (panel(least) + BETWEEN)) as usize;
    let per_row = per_row.clamp(1, figure.panels.len());
    // As wide as the room for as many panels allows.
    let room = (most + BETWEEN) / per_row as f64 - BETWEEN - left_room;
    let cell = ((room / across).min(WIDEST).max(least), CELL);
    let grid = (across * cell.0, figure.down.labels.len() as f64 * cell.1);
    let panel_width = panel(cell.0);
    let name = |panel: &HeatPanel| wrap(&panel.name, theme::CLASS_LABEL, Weight::Bold, grid.0.max(NAME), 3);
    let lines = figure.panels.iter().map(|panel| name(panel).len()).max().unwrap_or(1);
    let title_room = lines as f64 * theme::CLASS_LABEL * theme::LINE_HEIGHT + 8.0;
    let below = number.size + theme::AXIS_TITLE + 2.0 * theme::GAP;
    let rows = figure.panels.len().div_ceil(per_row);
    let drawn = per_row as f64 * (panel_width + BETWEEN) - BETWEEN + 2.0 * theme::MARGIN;
    let sheet = drawn.max(figure.columns.width());
    let mut heading = figure.heading.clone();
    if shown == Shown::WithInterval {
        heading.subtitle.push("Below each rate: its 95 % interval, from a bootstrap over groups".to_owned());
    }
    let heading = heading.lines(sheet - 2.0 * theme::MARGIN);
    let top = theme::MARGIN + heading.height() + theme::GAP;
    let row_height = title_room + grid.1 + below;
    let scale_at = top + rows as f64 * row_height + theme::GAP;
    let height = (scale_at + SCALE.1 + 2.0 * number.size + theme::MARGIN).ceil();
    draw(sheet, height, &figure.heading.title, &describe(figure), |canvas| {
        heading.draw(canvas)?;
        for (place, panel) in figure.panels.iter().enumerate() {
            let left = theme::MARGIN + (place % per_row) as f64 * (panel_width + BETWEEN) + left_room;
            let above = top + (place / per_row) as f64 * row_height;
            let face = Type { size: theme::CLASS_LABEL, weight: Weight::Bold, color: theme::INK };
            for (line, text) in name(panel).iter().enumerate() {
                let y = above + face.size * (1.0 + line as f64 * theme::LINE_HEIGHT);
                canvas.text(text, (left, y), Align::Start, face)?;
            }
            let corner = (left, above + title_room);
            cells(canvas, panel, corner, (cell, shown))?;
            labels(canvas, figure, corner, cell, grid)?;
        }
        scale(canvas, (theme::MARGIN + left_room, scale_at), sheet - theme::MARGIN)
    })
}

/// What stands in a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    WithInterval,
    Rate,
    /// Without the zero in front.
    Short,
}

/// As much as fits into `room`, and the least width of a cell for it. Labels that do not fit beside each other stand on their own
/// width.
fn shown(figure: &HeatMaps, room: f64, widest_label: f64) -> (Shown, f64) {
    let across = figure.across.labels.len() as f64;
    let width_of = |text: &str| width(text, theme::MARK, Weight::Regular);
    let fitting = |text: f64, beside: f64| (text + beside).max(widest_label + beside);
    let intervals = widest_interval(&figure.panels);
    let with_interval = fitting(intervals, 8.0);
    let rate = fitting(width_of("0.00"), 8.0);
    if intervals > 0.0 && across * with_interval <= room {
        (Shown::WithInterval, with_interval)
    } else if across * rate <= room {
        (Shown::Rate, rate)
    } else {
        (Shown::Short, fitting(width_of(".00"), 4.0))
    }
}

fn interval(rate: &Rate) -> Option<String> {
    rate.interval.map(|interval| format!("{:.2}–{:.2}", interval.low, interval.high))
}

fn widest_interval(panels: &[HeatPanel]) -> f64 {
    let rates = panels.iter().flat_map(|panel| panel.cells.iter().flatten()).filter_map(|cell| match cell {
        Cell::Rate(rate) => interval(rate),
        Cell::LeftOut | Cell::Failed => None,
    });
    rates.map(|text| width(&text, theme::MARK, Weight::Regular)).fold(0.0, f64::max)
}

/// What the colours mean, up to `end` on the right.
fn scale(canvas: &Canvas<'_>, (left, top): (f64, f64), end: f64) -> Result<(), FigureError> {
    let face = Type::regular(theme::MARK, theme::FAINT_INK);
    let meaning = "mean true positive rate";
    let length = (end - left - theme::GAP - width(meaning, face.size, face.weight)).min(SCALE.0);
    let (right, bottom) = (left + length, top + SCALE.1);
    for at in 0..STEPS {
        let share = at as f64 / STEPS as f64;
        // Each to the end: beside each other, steps would leave hairlines.
        let fill = theme::intensity(share + 0.5 / STEPS as f64);
        canvas.fill((left + share * length, top), (right, bottom), fill)?;
    }
    let edge = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)];
    canvas.line(&edge, theme::THIN, theme::FAINT_INK)?;
    for (share, label) in [(0.0, "0"), (0.5, "0.5"), (1.0, "1")] {
        canvas.text(label, (left + share * length, bottom + face.size + 3.0), Align::Middle, face)?;
    }
    let beside = (right + theme::GAP, top + 0.5 * SCALE.1 + 0.36 * face.size);
    canvas.text(meaning, beside, Align::Start, face)
}

fn cells(
    canvas: &Canvas<'_>,
    panel: &HeatPanel,
    (left, top): (f64, f64),
    (cell, shown): ((f64, f64), Shown),
) -> Result<(), FigureError> {
    for (row, points) in panel.cells.iter().enumerate() {
        for (column, point) in points.iter().enumerate() {
            let (fill, lines, ink) = match point {
                Cell::Rate(rate) => {
                    let ink = if theme::intensity_is_dark(rate.value) { theme::PAPER } else { theme::INK };
                    let lines = match shown {
                        Shown::WithInterval => [Some(format!("{:.2}", rate.value)), interval(rate)],
                        Shown::Rate => [Some(format!("{:.2}", rate.value)), None],
                        Shown::Short => [Some(short(rate.value)), None],
                    };
                    (theme::intensity(rate.value), lines, ink)
                }
                Cell::LeftOut => (theme::BAND, [Some("–".to_owned()), None], theme::INK),
                Cell::Failed => (theme::BAND, [Some("×".to_owned()), None], theme::WARNING),
            };
            let corner = (left + column as f64 * cell.0, top + row as f64 * cell.1);
            let opposite = (corner.0 + cell.0 - 1.5, corner.1 + cell.1 - 1.5);
            canvas.fill(corner, opposite, fill)?;
            let face = Type::regular(theme::MARK, ink);
            let middle = (corner.0 + cell.0 / 2.0, corner.1 + cell.1 / 2.0 + 0.36 * face.size);
            let first = middle.1 - if lines[1].is_some() { LINE / 2.0 } else { 0.0 };
            for (line, text) in lines.iter().flatten().enumerate() {
                canvas.text(text, (middle.0, first + line as f64 * LINE), Align::Middle, face)?;
            }
        }
    }
    Ok(())
}

fn labels(
    canvas: &Canvas<'_>,
    figure: &HeatMaps,
    (left, top): (f64, f64),
    cell: (f64, f64),
    grid: (f64, f64),
) -> Result<(), FigureError> {
    let number = Type::regular(theme::MARK, theme::FAINT_INK);
    let title = Type::regular(theme::AXIS_TITLE, theme::INK);
    for (column, label) in figure.across.labels.iter().enumerate() {
        let at = (left + (column as f64 + 0.5) * cell.0, top + grid.1 + number.size + 4.0);
        canvas.text(label, at, Align::Middle, number)?;
    }
    for (row, label) in figure.down.labels.iter().enumerate() {
        let at = (left - 7.0, top + (row as f64 + 0.5) * cell.1 + 0.36 * number.size);
        canvas.text(label, at, Align::End, number)?;
    }
    let below = top + grid.1 + number.size + title.size + 10.0;
    let fitted = |text: &str, most: f64| wrap(text, title.size, title.weight, most, 1).concat();
    let across = fitted(&figure.across.title, grid.0 + BETWEEN);
    canvas.text(&across, (left + grid.0 / 2.0, below), Align::Middle, title)?;
    let labels = figure.down.labels.iter().map(|label| width(label, number.size, number.weight));
    let beside = left - labels.fold(0.0, f64::max) - 14.0;
    // As far beyond the cells as the labels below them go.
    let down = fitted(&figure.down.title, grid.1 + 2.0 * (number.size + title.size));
    canvas.upward(&down, (beside - title.size / 2.0, top + grid.1 / 2.0), title)
}

/// The figure in words.
fn describe(figure: &HeatMaps) -> String {
    let mut sentences = figure.heading.sentences();
    for panel in &figure.panels {
        let mut cells = Vec::new();
        for (down, points) in figure.down.labels.iter().zip(&panel.cells) {
            for (across, point) in figure.across.labels.iter().zip(points) {
                let point = match point {
                    Cell::Rate(rate) => match rate.interval {
                        Some(interval) => {
                            format!("{:.3} ({:.3} to {:.3})", rate.value, interval.low, interval.high)
                        }
                        None => format!("{:.3}", rate.value),
                    },
                    Cell::LeftOut => "none".to_owned(),
                    Cell::Failed => "failed".to_owned(),
                };
                cells.push(format!("{down}, {across}: {point}"));
            }
        }
        let (down, across) = (&figure.down.title, &figure.across.title);
        sentences.push(format!("{}, mean rate by {down} and {across}: {}", panel.name, cells.join("; ")));
    }
    sentences.join(". ")
}

#[cfg(test)]
mod tests {
    use super::super::text::parse_svg;
    use super::*;

    #[test]
    fn long_names_of_axes_stay_on_the_sheet() {
        let axis = |labels: &[&str]| CellAxis {
            title: "training.noisy-fine-tuned.layer_rates of the network that is fine-tuned".to_owned(),
            labels: labels.iter().map(|label| (*label).to_owned()).collect(),
        };
        let rate = Cell::Rate(Rate { value: 0.5, interval: None });
        let panel = HeatPanel { name: "method".to_owned(), cells: vec![vec![rate, Cell::Failed]; 2] };
        let heading = Heading { title: "sweep".to_owned(), warnings: Vec::new(), subtitle: Vec::new() };
        let figure = HeatMaps {
            heading,
            across: axis(&["1", "2"]),
            down: axis(&["1", "2"]),
            panels: vec![panel],
            columns: Columns::One,
        };
        let tree = parse_svg(&svg(&figure).unwrap()).unwrap();
        let (drawn, sheet) = (tree.root().abs_bounding_box(), tree.size());
        assert!(drawn.left() >= 0.0 && drawn.top() >= 0.0, "{drawn:?}");
        assert!(drawn.right() <= sheet.width() && drawn.bottom() <= sheet.height(), "{drawn:?} on {sheet:?}");
    }
}
