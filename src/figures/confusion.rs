//! Figure 3: row-normalised confusion matrices side by side, on one scale.

use super::canvas::{Align, Canvas, Type, draw};
use super::heading::Heading;
use super::per_class_tpr::short;
use super::text::{Weight, width, wrap};
use super::theme::Columns;
use super::{FigureError, theme};
use crate::metrics::Interval;
use crate::types::Emotion;

/// What the figure shows.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfusionMatrices {
    /// The words above it.
    pub heading: Heading,
    /// How wide it is.
    pub columns: Columns,
    /// From left to right.
    pub matrices: Vec<Matrix>,
}

/// One matrix.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    /// The method's name.
    pub name: String,
    /// Its mean true positive rate.
    pub mean: Option<f64>,
    /// Of level 95 %.
    pub mean_interval: Option<Interval>,
    /// `rates[label][predicted]`, 0 to 1; `None` for a class without images.
    pub rates: [Option<[f64; 8]>; 8],
}

/// Side of the largest cell.
const CELL_MOST: f64 = 34.0;
/// Between two matrices.
const BETWEEN: f64 = 12.0;
/// Of the shared scale.
const SCALE_WIDTH: f64 = 9.0;
const SCALE_STEPS: usize = 64;

/// The figure as SVG, all text as outlines; the same data gives the same bytes.
///
/// # Errors
/// No matrices, or a rate outside 0 to 1.
pub fn svg(figure: &ConfusionMatrices) -> Result<String, FigureError> {
    check(figure)?;
    let layout = Layout::of(figure);
    let heading = figure.heading.lines(layout.width - 2.0 * theme::MARGIN);
    let top = theme::MARGIN + heading.height() + theme::GAP;
    let height = (top + layout.rows as f64 * layout.row_height() + theme::MARGIN).ceil();
    draw(layout.width, height, &figure.heading.title, &describe(figure), |canvas| {
        heading.draw(canvas)?;
        for (index, matrix) in figure.matrices.iter().enumerate() {
            let left = layout.left + (index % layout.columns) as f64 * (layout.side() + BETWEEN);
            let above = top + (index / layout.columns) as f64 * layout.row_height();
            matrix_title(canvas, matrix, (left, above), layout.side())?;
            let corner = (left, above + layout.title_room);
            cells(canvas, matrix, corner, layout.cell)?;
            labels(canvas, corner, layout.cell, index % layout.columns == 0)?;
        }
        scale(canvas, &layout, top + layout.title_room)
    })
}

fn check(figure: &ConfusionMatrices) -> Result<(), FigureError> {
    if figure.matrices.is_empty() {
        return Err(FigureError::NoMethods);
    }
    let bad = |value: &f64| !(0.0..=1.0).contains(value);
    for matrix in &figure.matrices {
        let method = || matrix.name.clone();
        for (emotion, row) in Emotion::ALL.into_iter().zip(&matrix.rates) {
            if let Some(&value) = row.iter().flatten().find(|value| bad(value)) {
                return Err(FigureError::Rate { method: method(), emotion, value });
            }
        }
        let interval = matrix.mean_interval.into_iter().flat_map(|interval| [interval.low, interval.high]);
        if let Some(value) = matrix.mean.into_iter().chain(interval).find(bad) {
            return Err(FigureError::Mean { method: method(), value });
        }
    }
    Ok(())
}

/// Where everything stands, in user units.
struct Layout {
    width: f64,
    left: f64,
    cell: f64,
    columns: usize,
    rows: usize,
    title_room: f64,
    label_room: f64,
}

impl Layout {
    fn of(figure: &ConfusionMatrices) -> Self {
        let most = match figure.columns {
            Columns::One => 1,
            Columns::Two => 3,
        };
        let columns = figure.matrices.len().min(most);
        let widest = Emotion::ALL
            .into_iter()
            .map(|emotion| width(emotion.name(), theme::CLASS_LABEL, Weight::Regular))
            .fold(0.0, f64::max);
        let left = theme::MARGIN + theme::AXIS_TITLE * theme::LINE_HEIGHT + widest + 5.0;
        let scale_room = theme::GAP + SCALE_WIDTH + 5.0 + width("0.0", theme::AXIS_NUMBER, Weight::Regular);
        let sheet = figure.columns.width();
        let between = (columns - 1) as f64 * BETWEEN;
        let room = sheet - left - between - scale_room - theme::MARGIN;
        let cell = (room / columns as f64 / 8.0).min(CELL_MOST);
        let title_lines = |matrix| title_lines(matrix, 8.0 * cell).len();
        let lines = figure.matrices.iter().map(title_lines).max().unwrap_or(1);
        Self {
            width: sheet,
            left,
            cell,
            columns,
            rows: figure.matrices.len().div_ceil(columns),
            title_room: lines as f64 * theme::CLASS_LABEL * theme::LINE_HEIGHT + 4.0,
            label_room: widest + 9.0 + theme::AXIS_TITLE * theme::LINE_HEIGHT,
        }
    }

    /// Of a matrix.
    fn side(&self) -> f64 {
        8.0 * self.cell
    }

    fn row_height(&self) -> f64 {
        self.title_room + self.side() + self.label_room + theme::GAP
    }
}

/// Its name in bold, and its mean with the interval.
fn title_lines(matrix: &Matrix, side: f64) -> Vec<(String, Weight)> {
    let name = wrap(&matrix.name, theme::CLASS_LABEL, Weight::Bold, side, 3);
    let mean = matrix.mean.map_or_else(
        || "no mean true positive rate".to_owned(),
        |mean| format!("mean true positive rate {mean:.3}"),
    );
    let within =
        matrix.mean_interval.map(|Interval { low, high }| format!("95 % interval {low:.3} to {high:.3}"));
    let bold = name.into_iter().map(|line| (line, Weight::Bold));
    bold.chain([mean].into_iter().chain(within).map(|line| (line, Weight::Regular))).collect()
}

fn matrix_title(
    canvas: &Canvas<'_>,
    matrix: &Matrix,
    (left, top): (f64, f64),
    side: f64,
) -> Result<(), FigureError> {
    for (number, (line, weight)) in title_lines(matrix, side).into_iter().enumerate() {
        let face = Type { size: theme::CLASS_LABEL, weight, color: theme::INK };
        let baseline = top + face.size + number as f64 * face.size * theme::LINE_HEIGHT;
        canvas.text(&line, (left + side / 2.0, baseline), Align::Middle, face)?;
    }
    Ok(())
}

fn cells(
    canvas: &Canvas<'_>,
    matrix: &Matrix,
    (left, top): (f64, f64),
    cell: f64,
) -> Result<(), FigureError> {
    let side = 8.0 * cell;
    for (row, rates) in matrix.rates.iter().enumerate() {
        for column in 0..8 {
            let (x, y) = (left + column as f64 * cell, top + row as f64 * cell);
            let rate = rates.map(|rates| rates[column]);
            let fill = rate.map_or(theme::BAND, theme::intensity);
            canvas.fill((x, y), (x + cell, y + cell), fill)?;
            let ink = if rate.is_some_and(theme::intensity_is_dark) { theme::PAPER } else { theme::INK };
            let weight = if row == column && rate.is_some() { Weight::Bold } else { Weight::Regular };
            let face = Type { size: theme::MARK, weight, color: ink };
            let text = rate.map_or_else(|| "–".to_owned(), cell_text);
            let at = (x + cell / 2.0, y + cell / 2.0 + 0.36 * face.size);
            canvas.text(&text, at, Align::Middle, face)?;
        }
    }
    for line in 0..=8 {
        let at = f64::from(line) * cell;
        canvas.line(&[(left + at, top), (left + at, top + side)], theme::THIN, theme::PAPER)?;
        canvas.line(&[(left, top + at), (left + side, top + at)], theme::THIN, theme::PAPER)?;
    }
    let corners = [(0.0, 0.0), (side, 0.0), (side, side), (0.0, side), (0.0, 0.0)];
    canvas.line(&corners.map(|(x, y)| (left + x, top + y)), theme::THIN, theme::FAINT_INK)
}

/// Short enough for the smallest cell.
fn cell_text(rate: f64) -> String {
    let text = short(rate);
    if text == "1.00" { "1".to_owned() } else { text }
}

fn labels(
    canvas: &Canvas<'_>,
    (left, top): (f64, f64),
    cell: f64,
    is_first: bool,
) -> Result<(), FigureError> {
    let side = 8.0 * cell;
    let face = Type::regular(theme::CLASS_LABEL, theme::INK);
    let axis = Type::regular(theme::AXIS_TITLE, theme::FAINT_INK);
    let mut longest: f64 = 0.0;
    for emotion in Emotion::ALL {
        let middle = (emotion.index() as f64 + 0.5) * cell;
        let long = width(emotion.name(), face.size, face.weight);
        longest = longest.max(long);
        canvas.upward(
            emotion.name(),
            (left + middle + 0.12 * face.size, top + side + 5.0 + long / 2.0),
            face,
        )?;
        if is_first {
            let at = (left - 5.0, top + middle + 0.36 * face.size);
            canvas.text(emotion.name(), at, Align::End, face)?;
        }
    }
    let below = top + side + 8.0 + longest + axis.size;
    canvas.text("predicted", (left + side / 2.0, below), Align::Middle, axis)?;
    if is_first {
        canvas.upward("true emotion", (left - 9.0 - longest, top + side / 2.0), axis)?;
    }
    Ok(())
}

/// The colours and what they mean, beside the first row.
fn scale(canvas: &Canvas<'_>, layout: &Layout, top: f64) -> Result<(), FigureError> {
    let side = layout.side();
    let left =
        layout.left + layout.columns as f64 * side + (layout.columns - 1) as f64 * BETWEEN + theme::GAP;
    let step = side / SCALE_STEPS as f64;
    for number in 0..SCALE_STEPS {
        let rate = 1.0 - (number as f64 + 0.5) / SCALE_STEPS as f64;
        let y = top + number as f64 * step;
        canvas.fill(
            (left, y),
            (left + SCALE_WIDTH, (y + step + 0.3).min(top + side)),
            theme::intensity(rate),
        )?;
    }
    let corners = [(0.0, 0.0), (SCALE_WIDTH, 0.0), (SCALE_WIDTH, side), (0.0, side), (0.0, 0.0)];
    canvas.line(&corners.map(|(x, y)| (left + x, top + y)), theme::THIN, theme::FAINT_INK)?;
    let number = Type::regular(theme::AXIS_NUMBER, theme::FAINT_INK);
    for tick in 0..=5 {
        let rate = f64::from(tick) / 5.0;
        let at = (left + SCALE_WIDTH + 4.0, top + side * (1.0 - rate) + 0.36 * number.size);
        canvas.text(&format!("{rate:.1}"), at, Align::Start, number)?;
    }
    Ok(())
}

/// The figure in words.
fn describe(figure: &ConfusionMatrices) -> String {
    let mut sentences = figure.heading.sentences();
    for matrix in &figure.matrices {
        let rows = Emotion::ALL.into_iter().zip(&matrix.rates).filter_map(|(emotion, row)| {
            let row = row.as_ref()?.map(|rate| format!("{rate:.2}"));
            Some(format!("{emotion} {}", row.join(" ")))
        });
        let within = matrix.mean_interval.map(|Interval { low, high }| format!(", {low:.3} to {high:.3}"));
        let within = within.unwrap_or_default();
        let mean = matrix.mean.map(|mean| format!(" (mean {mean:.3}{within})")).unwrap_or_default();
        sentences.push(format!("{}{mean}: {}", matrix.name, rows.collect::<Vec<_>>().join(", ")));
    }
    sentences.join(". ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure() -> ConfusionMatrices {
        let mut rates = [Some([0.125; 8]); 8];
        rates[1] = None;
        let mean_interval = Some(Interval { low: 0.1, high: 0.15 });
        let matrix = |name: &str| Matrix { name: name.to_owned(), mean: Some(0.125), mean_interval, rates };
        let heading = Heading { title: "Figure 3".to_owned(), ..Heading::default() };
        ConfusionMatrices {
            heading,
            columns: Columns::Two,
            matrices: ["a", "b", "c", "d"].map(matrix).to_vec(),
        }
    }

    #[test]
    fn a_fourth_matrix_starts_a_row_and_the_words_hold_every_number() {
        let (three, four) = (
            svg(&ConfusionMatrices { matrices: figure().matrices[..3].to_vec(), ..figure() }),
            svg(&figure()),
        );
        let size = |svg: &str, key: &str| -> f64 {
            let rest = svg.split(&format!("{key}=\"")).nth(1).unwrap();
            rest.split('"').next().unwrap().parse().unwrap()
        };
        let (three, four) = (three.unwrap(), four.unwrap());
        assert_eq!(size(&three, "width").to_bits(), size(&four, "width").to_bits());
        assert!(size(&four, "height") > 1.7 * size(&three, "height"));
        assert!(
            three.contains("a (mean 0.125, 0.100 to 0.150): amusement 0.12 0.12")
                && !three.contains("anger 0.12")
        );
    }

    #[test]
    fn what_is_no_rate_is_refused() {
        let mut wrong = figure();
        wrong.matrices[1].rates[3] = Some([1.5; 8]);
        assert!(matches!(svg(&wrong), Err(FigureError::Rate { emotion: Emotion::Contentment, .. })));
        let mut wrong = figure();
        wrong.matrices[2].mean_interval = Some(Interval { low: -0.1, high: 0.2 });
        assert!(matches!(svg(&wrong), Err(FigureError::Mean { value: -0.1, .. })));
        let none = ConfusionMatrices { matrices: Vec::new(), ..figure() };
        assert_eq!(svg(&none), Err(FigureError::NoMethods));
    }
}
