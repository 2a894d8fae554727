//! One pair of axes of a sweep's figure.

use std::collections::BTreeSet;

use super::canvas::{Align, Canvas, Type};
use super::sweep::{CLASS_HEIGHT, CROSS, Curve, CurvePoint, Facet, Rate, SweepAxis, cross};
use super::text::{width, wrap};
use super::{FigureError, theme};

/// Longest value below an axis.
const LONGEST: f64 = 110.0;

/// A pair of axes, 0 to 1 upwards.
#[derive(Clone, Copy)]
pub(super) struct Panel<'a> {
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub height: f64,
    pub axis: &'a SweepAxis,
    pub title: &'a str,
    pub steps: usize,
    pub with_axis: bool,
}

impl Panel<'_> {
    /// Room on both sides, so that marks at the ends are not cut.
    const INSET: f64 = 12.0;

    fn x(&self, place: f64) -> f64 {
        self.left + Self::INSET + (self.width - 2.0 * Self::INSET) * place
    }

    pub fn y(&self, value: f64) -> f64 {
        self.top + self.height * (1.0 - value.clamp(0.0, 1.0))
    }

    fn title(&self, canvas: &Canvas<'_>) -> Result<(), FigureError> {
        let face = Type::regular(theme::MARK, theme::INK);
        canvas.text(self.title, (self.left, self.top - 6.0), Align::Start, face)
    }

    pub fn absent(&self, canvas: &Canvas<'_>) -> Result<(), FigureError> {
        self.title(canvas)?;
        let (right, bottom) = (self.left + self.width, self.top + self.height);
        canvas.fill((self.left, self.top), (right, bottom), theme::BAND)?;
        let face = Type::regular(theme::MARK, theme::FAINT_INK);
        let middle = (self.left + self.width / 2.0, self.top + self.height / 2.0 + 0.36 * face.size);
        canvas.text("left out", middle, Align::Middle, face)
    }

    pub fn frame(&self, canvas: &Canvas<'_>) -> Result<(), FigureError> {
        self.title(canvas)?;
        let number = Type::regular(theme::MARK, theme::FAINT_INK);
        let right = self.left + self.width;
        for step in 0..=self.steps {
            let value = step as f64 / self.steps as f64;
            let y = self.y(value);
            canvas.line(&[(self.left, y), (right, y)], theme::THIN, theme::GRID)?;
            canvas.text(
                &format!("{value:.1}"),
                (self.left - 6.0, y + 0.36 * number.size),
                Align::End,
                number,
            )?;
        }
        let bottom = self.top + self.height;
        canvas.line(&[(self.left, bottom), (right, bottom)], theme::NORMAL, theme::INK)?;
        let mut free_from = f64::NEG_INFINITY;
        for (place, label) in self.axis.places.iter().zip(&self.axis.labels) {
            let x = self.x(*place);
            canvas.line(&[(x, bottom), (x, bottom + 4.0)], theme::THIN, theme::INK)?;
            if !self.with_axis {
                continue;
            }
            let label = wrap(label, number.size, number.weight, self.width.min(LONGEST), 1).concat();
            let room = width(&label, number.size, number.weight) / 2.0;
            // A long one at an end stays beside the axis.
            let beyond = theme::MARGIN - 2.0;
            let x = x.min(right + beyond - room).max(self.left - beyond + room);
            // A number that would touch the one before it is left out; its tick stays.
            if x - room >= free_from {
                canvas.text(&label, (x, bottom + number.size + 6.0), Align::Middle, number)?;
                free_from = x + room + 4.0;
            }
        }
        if self.with_axis && self.height > CLASS_HEIGHT {
            let face = Type::regular(theme::AXIS_TITLE, theme::INK);
            let y = bottom + number.size + 10.0 + face.size;
            let title = wrap(&self.axis.title, face.size, face.weight, self.width, 1).concat();
            canvas.text(&title, (self.left + self.width / 2.0, y), Align::Middle, face)?;
        }
        Ok(())
    }

    pub fn curves(
        &self,
        canvas: &Canvas<'_>,
        facet: &Facet,
        methods: &[&str],
        rate: impl Fn(&CurvePoint) -> Option<Rate>,
    ) -> Result<(), FigureError> {
        let color_of = |curve: &Curve| {
            let index = methods.iter().position(|method| *method == curve.method).unwrap_or(0);
            theme::method_fill(index).0
        };
        for curve in &facet.curves {
            for run in self.runs(curve, &rate) {
                let upper = run.iter().filter_map(|(x, rate, _)| Some((*x, self.y(rate.interval?.high))));
                let lower =
                    run.iter().rev().filter_map(|(x, rate, _)| Some((*x, self.y(rate.interval?.low))));
                let corners: Vec<(f64, f64)> = upper.chain(lower).collect();
                if run.len() > 1 && corners.len() > 2 {
                    canvas.band(&corners, color_of(curve))?;
                } else if let [(x, Rate { interval: Some(interval), .. }, _)] = run[..] {
                    let ends = [(x, self.y(interval.low)), (x, self.y(interval.high))];
                    canvas.line(&ends, theme::NORMAL, color_of(curve))?;
                }
            }
        }
        let (line, mark, half) =
            if self.height > CLASS_HEIGHT { (2.0, 3.0, CROSS) } else { (1.4, 2.0, 0.6 * CROSS) };
        for curve in &facet.curves {
            let color = color_of(curve);
            for run in self.runs(curve, &rate) {
                let points: Vec<(f64, f64)> =
                    run.iter().map(|(x, rate, _)| (*x, self.y(rate.value))).collect();
                if points.len() > 1 {
                    canvas.line(&points, line * theme::NORMAL, color)?;
                }
                for ((x, y), (_, _, is_clamped)) in points.into_iter().zip(&run) {
                    canvas.fill((x - mark, y - mark), (x + mark, y + mark), color)?;
                    if *is_clamped {
                        let inside = mark - 1.2;
                        canvas.fill((x - inside, y - inside), (x + inside, y + inside), theme::PAPER)?;
                    }
                }
            }
        }
        // On the axis, so that a gap is not taken for a point that was never asked for.
        let failed: BTreeSet<usize> = facet.failed().collect();
        let mut failed = failed.into_iter().filter_map(|place| self.axis.places.get(place));
        failed.try_for_each(|place| cross(canvas, (self.x(*place), self.top + self.height), half))
    }

    /// Stretches of the axis without a gap.
    fn runs(&self, curve: &Curve, rate: impl Fn(&CurvePoint) -> Option<Rate>) -> Vec<Vec<(f64, Rate, bool)>> {
        let mut runs = vec![Vec::new()];
        for (place, point) in self.axis.places.iter().zip(&curve.points) {
            match point.as_ref().and_then(|point| Some((rate(point)?, point.is_clamped))) {
                Some((rate, is_clamped)) => {
                    if let Some(run) = runs.last_mut() {
                        run.push((self.x(*place), rate, is_clamped));
                    }
                }
                None => runs.push(Vec::new()),
            }
        }
        runs.retain(|run| !run.is_empty());
        runs
    }
}
