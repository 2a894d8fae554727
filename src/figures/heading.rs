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
            wrap(text, face.size, face.weight, room, 3).into_iter().map(move |line| (line, face))
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
        let mut y = theme::MARGIN;
        for (line, face) in &self.0 {
            canvas.text(line, (theme::MARGIN, y + face.size), Align::Start, *face)?;
            y += face.size * theme::LINE_HEIGHT;
        }
        Ok(())
    }
}
