//! Curves of trainings: loss and accuracy by epoch, a column of two panels per network; and their table.

use std::fmt::Write as _;

use super::canvas::{Align, Canvas, Type, draw};
use super::heading::Heading;
use super::tables::field;
use super::text::{Weight, wrap};
use super::theme::Columns;
use super::{FigureError, theme};

/// What the figure shows.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainingCurves {
    /// The words above it.
    pub heading: Heading,
    /// How wide it is.
    pub columns: Columns,
    /// From left to right.
    pub networks: Vec<Curves>,
}

/// One network's training.
#[derive(Clone, Debug, PartialEq)]
pub struct Curves {
    /// The method's name.
    pub name: String,
    /// In order.
    pub epochs: Vec<EpochRow>,
    /// The epoch, from 1, whose weights were kept.
    pub kept: usize,
}

/// One epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct EpochRow {
    pub epoch: usize,
    pub step: usize,
    pub rate: f64,
    pub training_loss: f64,
    pub training_accuracy: f64,
    pub validation_loss: Option<f64>,
    pub validation_accuracy: Option<f64>,
}

/// `training.csv`: a row per network and epoch.
pub fn training_csv(networks: &[Curves]) -> String {
    let mut table =
        "method,epoch,step,rate,training_loss,training_accuracy,validation_loss,validation_accuracy,kept\n"
            .to_owned();
    for network in networks {
        for row in &network.epochs {
            let number = |value: Option<f64>| value.map(|value| format!("{value:.6}")).unwrap_or_default();
            // Writing to a string cannot fail.
            let _ = writeln!(
                table,
                "{},{},{},{:.6e},{:.6},{:.6},{},{},{}",
                field(&network.name),
                row.epoch,
                row.step,
                row.rate,
                row.training_loss,
                row.training_accuracy,
                number(row.validation_loss),
                number(row.validation_accuracy),
                row.epoch == network.kept,
            );
        }
    }
    table
}

const PANEL_HEIGHT: f64 = 110.0;
/// Numbers on an axis, about.
const TICKS: f64 = 5.0;

/// The figure as SVG, all text as outlines; the same data gives the same bytes.
///
/// # Errors
/// No networks, or one without epochs.
pub fn svg(figure: &TrainingCurves) -> Result<String, FigureError> {
    if figure.networks.is_empty() || figure.networks.iter().any(|network| network.epochs.is_empty()) {
        return Err(FigureError::NoMethods);
    }
    let columns = figure.networks.len().min(match figure.columns {
        Columns::One => 1,
        Columns::Two => 2,
    });
    let rows = figure.networks.len().div_ceil(columns);
    let sheet = figure.columns.width();
    let heading = figure.heading.lines(sheet - 2.0 * theme::MARGIN);
    let top = theme::MARGIN + heading.height() + theme::GAP;
    let between = (columns - 1) as f64 * 2.0 * theme::GAP;
    let column = (sheet - 2.0 * theme::MARGIN - between) / columns as f64;
    let panel_width = column - theme::AXIS_ROOM;
    let lines = figure.networks.iter().map(|network| title(network, panel_width).len()).max().unwrap_or(1);
    let title_room = (lines as f64 + 0.5) * theme::CLASS_LABEL * theme::LINE_HEIGHT;
    let panel = PANEL_HEIGHT + theme::GAP + 2.0 * theme::AXIS_NUMBER;
    let row = title_room + 2.0 * panel + theme::AXIS_TITLE + theme::GAP;
    let height = (top + rows as f64 * row + theme::LEGEND * theme::LINE_HEIGHT + theme::MARGIN).ceil();
    draw(sheet, height, &figure.heading.title, &describe(figure), |canvas| {
        heading.draw(canvas)?;
        for (number, network) in figure.networks.iter().enumerate() {
            let (across, down) = ((number % columns) as f64, (number / columns) as f64);
            let left = theme::MARGIN + across * (column + 2.0 * theme::GAP) + theme::AXIS_ROOM;
            let top = top + down * row;
            let face = Type { size: theme::CLASS_LABEL, weight: Weight::Bold, color: theme::INK };
            for (line, text) in title(network, panel_width).iter().enumerate() {
                let y = top + face.size * (1.0 + line as f64 * theme::LINE_HEIGHT);
                canvas.text(text, (left + panel_width / 2.0, y), Align::Middle, face)?;
            }
            let losses = Panel {
                left,
                top: top + title_room,
                width: panel_width,
                label: "loss",
                highest: network
                    .epochs
                    .iter()
                    .flat_map(|row| [Some(row.training_loss), row.validation_loss])
                    .flatten()
                    .fold(0.0, f64::max),
                network,
            };
            losses.draw(canvas, |row| Some(row.training_loss), |row| row.validation_loss)?;
            let accuracies = Panel { top: losses.top + panel, label: "accuracy", highest: 1.0, ..losses };
            accuracies.draw(canvas, |row| Some(row.training_accuracy), |row| row.validation_accuracy)?;
            let below = accuracies.top + PANEL_HEIGHT + 2.4 * theme::AXIS_NUMBER + 2.0;
            let axis = Type::regular(theme::AXIS_TITLE, theme::INK);
            canvas.text("epoch", (left + panel_width / 2.0, below), Align::Middle, axis)?;
        }
        legend(canvas, (theme::MARGIN + theme::AXIS_ROOM, height - theme::MARGIN))
    })
}

fn title(network: &Curves, room: f64) -> Vec<String> {
    wrap(&network.name, theme::CLASS_LABEL, Weight::Bold, room, 2)
}

/// One pair of axes.
#[derive(Clone, Copy)]
struct Panel<'a> {
    left: f64,
    top: f64,
    width: f64,
    label: &'static str,
    highest: f64,
    network: &'a Curves,
}

impl Panel<'_> {
    fn draw(
        &self,
        canvas: &Canvas<'_>,
        training: impl Fn(&EpochRow) -> Option<f64>,
        validation: impl Fn(&EpochRow) -> Option<f64>,
    ) -> Result<(), FigureError> {
        let number = Type::regular(theme::AXIS_NUMBER, theme::FAINT_INK);
        let right = self.left + self.width;
        let step = nice_step(self.highest);
        let mut tick = 0.0;
        while tick <= self.top_value() + step / 2.0 {
            let y = self.y(tick);
            canvas.line(&[(self.left, y), (right, y)], theme::THIN, theme::GRID)?;
            let at = (self.left - 4.0, y + 0.36 * number.size);
            canvas.text(&format!("{tick:.1}"), at, Align::End, number)?;
            tick += step;
        }
        let last = self.network.epochs.last().map_or(1, |row| row.epoch);
        let each = (nice_step(last as f64).ceil() as usize).max(1);
        for epoch in (1..=last).filter(|epoch| *epoch == 1 || epoch.is_multiple_of(each)) {
            let at = (self.x(epoch), self.top + PANEL_HEIGHT + number.size + 2.0);
            canvas.text(&epoch.to_string(), at, Align::Middle, number)?;
        }
        let kept = self.x(self.network.kept);
        canvas.line(&[(kept, self.top), (kept, self.top + PANEL_HEIGHT)], theme::NORMAL, theme::FAINT_INK)?;
        for (index, value) in [(0, &training as &dyn Fn(&EpochRow) -> Option<f64>), (1, &validation)] {
            let rows = self.network.epochs.iter();
            let points: Vec<(f64, f64)> =
                rows.filter_map(|row| Some((self.x(row.epoch), self.y(value(row)?)))).collect();
            let (color, _) = theme::method_fill(index);
            canvas.line(&points, 1.5 * theme::NORMAL, color)?;
            for (x, y) in points {
                canvas.fill((x - 1.2, y - 1.2), (x + 1.2, y + 1.2), color)?;
            }
        }
        canvas.line(
            &[(self.left, self.top + PANEL_HEIGHT), (right, self.top + PANEL_HEIGHT)],
            theme::NORMAL,
            theme::INK,
        )?;
        let title = Type::regular(theme::AXIS_TITLE, theme::INK);
        canvas.upward(
            self.label,
            (self.left - theme::AXIS_ROOM + theme::AXIS_TITLE, self.top + PANEL_HEIGHT / 2.0),
            title,
        )
    }

    /// The value of the upper edge.
    fn top_value(&self) -> f64 {
        let step = nice_step(self.highest);
        (self.highest / step).ceil().max(1.0) * step
    }

    fn x(&self, epoch: usize) -> f64 {
        let last = self.network.epochs.last().map_or(1, |row| row.epoch);
        self.left + self.width * (epoch as f64 - 0.5) / last as f64
    }

    fn y(&self, value: f64) -> f64 {
        self.top + PANEL_HEIGHT * (1.0 - value / self.top_value())
    }
}

/// A step of 1, 2 or 5 times a power of ten that gives about [`TICKS`] ticks.
pub(super) fn nice_step(highest: f64) -> f64 {
    let rough = (highest / TICKS).max(1e-9);
    let power = 10.0_f64.powf(rough.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= rough * 0.999);
    factor.unwrap_or(10.0) * power
}

fn legend(canvas: &Canvas<'_>, (left, baseline): (f64, f64)) -> Result<(), FigureError> {
    let face = Type::regular(theme::LEGEND, theme::INK);
    let mut x = left;
    for (index, text) in ["training (altered images)", "validation"].into_iter().enumerate() {
        let (color, _) = theme::method_fill(index);
        canvas.fill((x, baseline - theme::SWATCH + 2.0), (x + theme::SWATCH, baseline + 2.0), color)?;
        canvas.text(text, (x + theme::SWATCH + 5.0, baseline), Align::Start, face)?;
        x += theme::SWATCH + 20.0 + super::text::width(text, face.size, face.weight);
    }
    canvas.line(
        &[(x, baseline - theme::SWATCH + 2.0), (x, baseline + 2.0)],
        theme::NORMAL,
        theme::FAINT_INK,
    )?;
    canvas.text("the epoch that was kept", (x + 5.0, baseline), Align::Start, face)
}

/// The figure in words.
fn describe(figure: &TrainingCurves) -> String {
    let mut sentences = figure.heading.sentences();
    for network in &figure.networks {
        let rows = network.epochs.iter().map(|row| {
            let validation = match (row.validation_loss, row.validation_accuracy) {
                (Some(loss), Some(accuracy)) => format!(", validation {loss:.3} and {accuracy:.3}"),
                _ => String::new(),
            };
            let (loss, accuracy) = (row.training_loss, row.training_accuracy);
            format!("epoch {}: loss {loss:.3}, accuracy {accuracy:.3}{validation}", row.epoch)
        });
        let rows = rows.collect::<Vec<_>>().join("; ");
        sentences.push(format!("{} (kept: epoch {}): {rows}", network.name, network.kept));
    }
    sentences.join(". ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curves() -> Vec<Curves> {
        let epochs = (1..=12).map(|epoch| EpochRow {
            epoch,
            step: 10 * epoch,
            rate: 1e-3,
            training_loss: 2.0 / epoch as f64,
            training_accuracy: 0.5,
            validation_loss: Some(2.5 / epoch as f64),
            validation_accuracy: None,
        });
        vec![Curves { name: "a, b".to_owned(), epochs: epochs.collect(), kept: 12 }]
    }

    #[test]
    fn the_table_has_a_row_per_epoch() {
        let table = training_csv(&curves());
        assert_eq!(table.lines().count(), 13);
        assert_eq!(
            table.lines().nth(12).unwrap(),
            "\"a, b\",12,120,1.000000e-3,0.166667,0.500000,0.208333,,true"
        );
    }

    #[test]
    fn the_figure_draws_what_there_is() {
        let figure =
            TrainingCurves { heading: Heading::default(), columns: Columns::Two, networks: curves() };
        assert!(svg(&figure).unwrap().contains("epoch 12: loss 0.167"));
        assert_eq!(svg(&TrainingCurves { networks: Vec::new(), ..figure }), Err(FigureError::NoMethods));
    }

    #[test]
    fn steps_are_round() {
        for (highest, step) in [(1.0, 0.2), (2.3, 0.5), (20.0, 5.0), (0.07, 0.02), (100.0, 20.0)] {
            assert!((nice_step(highest) / step - 1.0).abs() < 1e-9, "{highest}");
        }
    }
}
