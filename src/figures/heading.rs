//! What stands above every figure: title, warnings, and how it came about.

use super::canvas::{Align, Canvas, Type};
use super::text::{Weight, wrap};
use super::{FigureError, theme};

/// The words above a figure.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Heading {
    /// The figure's own name.
    pub title: String,
    /// Lines in bold and colour, which nobody must miss: that a stand-in was used, a leak.
    pub warnings: Vec<String>,
    /// Lines below those.
    pub subtitle: Vec<String>,
}

/// Lines of one text.
const MOST_LINES: usize = 6;

/// What stands under a figure: the source of published numbers, what error bars are.
pub(super) fn notes(texts: &[String], room: f64) -> Lines {
    let face = Type::regular(theme::NOTE, theme::FAINT_INK);
    let lines = texts.iter().flat_map(|text| wrap(text, face.size, face.weight, room, MOST_LINES));
    Lines(lines.map(|line| (line, face)).collect())
}

/// A heading, broken into lines.
pub(super) struct Lines(Vec<(String, Type)>);

impl Heading {
    /// Its lines, no wider than `room`.
    pub(super) fn lines(&self, room: f64) -> Lines {
        let title = Type { size: theme::TITLE, weight: Weight::Bold, color: theme::INK };
        let warning = Type { size: theme::SUBTITLE, weight: Weight::Bold, color: theme::WARNING };
        let subtitle = Type::regular(theme::SUBTITLE, theme::INK);
        let texts = std::iter::once((&self.title, title))
            .chain(self.warnings.iter().map(|text| (text, warning)))
            .chain(self.subtitle.iter().map(|text| (text, subtitle)));
        let broken = texts.flat_map(|(text, face)| {
            wrap(text, face.size, face.weight, room, MOST_LINES).into_iter().map(move |line| (line, face))
        });
        Lines(broken.collect())
    }

    /// Its words.
    pub(super) fn sentences(&self) -> Vec<String> {
        self.warnings.iter().chain(&self.subtitle).cloned().collect()
    }
}

impl Lines {
    pub(super) fn height(&self) -> f64 {
        self.0.iter().map(|(_, face)| face.size * theme::LINE_HEIGHT).sum()
    }

    /// Draws them from the margin down.
    pub(super) fn draw(&self, canvas: &Canvas<'_>) -> Result<(), FigureError> {
        self.draw_at(canvas, theme::MARGIN)
    }

    /// Draws them from there down.
    pub(super) fn draw_at(&self, canvas: &Canvas<'_>, top: f64) -> Result<(), FigureError> {
        let mut y = top;
        for (line, face) in &self.0 {
            canvas.text(line, (theme::MARGIN, y + face.size), Align::Start, *face)?;
            y += face.size * theme::LINE_HEIGHT;
        }
        Ok(())
    }
}
