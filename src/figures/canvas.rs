//! A sheet to draw on: plotters' SVG backend in tenths of a unit, text turned into outlines at the end.
//!
//! plotters places everything on whole units; ten of them make one user unit here, so that narrow bars come
//! out equally wide. The finished SVG holds glyph outlines and no text elements: it looks the same where
//! `DejaVu Sans` is not installed. Its title and description keep the words for search and screen readers.

use std::cell::RefCell;
use std::fmt::{Display, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use plotters::backend::SVGBackend;
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::element::{Circle, PathElement, Polygon, Rectangle};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontDesc, FontFamily, FontTransform, RGBColor, ShapeStyle, TextStyle};
use resvg::usvg::{Indent, WriteOptions};

use super::FigureError;
use super::text::{FAMILY, Weight, clean, parse_svg};
use super::theme;

const TENTHS: f64 = 10.0;

/// Where a text stands relative to its point on the baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Align {
    Start,
    Middle,
    End,
}

/// The look of a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Type {
    pub size: f64,
    pub weight: Weight,
    pub color: RGBColor,
}

impl Type {
    pub(super) const fn regular(size: f64, color: RGBColor) -> Self {
        Self { size, weight: Weight::Regular, color }
    }
}

/// A white sheet.
pub(super) struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
    /// `image` elements, which come over all that is drawn.
    pictures: RefCell<String>,
}

/// The SVG of what `draw` draws on a sheet of that size, in user units; `title` and `description` are its
/// words for machines.
pub(super) fn draw(
    width: f64,
    height: f64,
    title: &str,
    description: &str,
    draw: impl FnOnce(&Canvas<'_>) -> Result<(), FigureError>,
) -> Result<String, FigureError> {
    let mut drawn = String::new();
    let pictures;
    {
        let size = (tenths(width) as u32, tenths(height) as u32);
        let area = SVGBackend::with_string(&mut drawn, size).into_drawing_area();
        let canvas = Canvas { area, pictures: RefCell::default() };
        canvas.area.fill(&theme::PAPER).map_err(failed)?;
        draw(&canvas)?;
        canvas.area.present().map_err(failed)?;
        pictures = canvas.pictures.into_inner();
    }
    // The backend's opening tag gives the size in tenths; the sheet's is a tenth of it.
    let body = drawn.split_once('>').map_or("", |(_, body)| body);
    // An element that is not opaque is a layer of its own, which takes long to draw; the fill of a band can be that alone.
    let body = body.replace("<polygon opacity=\"", "<polygon fill-opacity=\"");
    let sized = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {} {}\">{body}",
        tenths(width),
        tenths(height),
    );
    let options = WriteOptions {
        coordinates_precision: 1,
        transforms_precision: 5,
        indent: Indent::None,
        ..WriteOptions::default()
    };
    let outlined = parse_svg(&sized)?.to_string(&options);
    let Some((open, body)) = outlined.split_once('>') else {
        return Err(FigureError::Draw { reason: "no SVG element".to_owned() });
    };
    let body = body.trim_end().trim_end_matches("</svg>");
    Ok(format!(
        "{open} role=\"img\"><title>{}</title><desc>{}</desc>{body}{pictures}</svg>\n",
        escape(title),
        escape(description),
    ))
}

impl Canvas<'_> {
    /// A filled rectangle.
    pub(super) fn fill(&self, from: (f64, f64), to: (f64, f64), color: RGBColor) -> Result<(), FigureError> {
        self.area.draw(&Rectangle::new([point(from), point(to)], color.filled())).map_err(failed)
    }

    /// A line through the points.
    pub(super) fn line(&self, points: &[(f64, f64)], width: f64, color: RGBColor) -> Result<(), FigureError> {
        let style = ShapeStyle { color: color.to_rgba(), filled: false, stroke_width: tenths(width) as u32 };
        let points: Vec<_> = points.iter().copied().map(point).collect();
        self.area.draw(&PathElement::new(points, style)).map_err(failed)
    }

    /// A filled area that lets through what lies below.
    pub(super) fn band(&self, corners: &[(f64, f64)], color: RGBColor) -> Result<(), FigureError> {
        let corners: Vec<_> = corners.iter().copied().map(point).collect();
        self.area.draw(&Polygon::new(corners, color.mix(theme::BAND_OPACITY))).map_err(failed)
    }

    /// A filled polygon.
    pub(super) fn polygon(&self, corners: &[(f64, f64)], color: RGBColor) -> Result<(), FigureError> {
        let corners: Vec<_> = corners.iter().copied().map(point).collect();
        self.area.draw(&Polygon::new(corners, color.filled())).map_err(failed)
    }

    /// A filled circle.
    pub(super) fn disc(&self, centre: (f64, f64), radius: f64, color: RGBColor) -> Result<(), FigureError> {
        self.area.draw(&Circle::new(point(centre), tenths(radius), color.filled())).map_err(failed)
    }

    /// Diagonal lines across a rectangle.
    pub(super) fn hatch(
        &self,
        (left, top): (f64, f64),
        (right, bottom): (f64, f64),
        color: RGBColor,
    ) -> Result<(), FigureError> {
        // Lines x + y = c, on the same lattice in every bar, so that neighbours match.
        let mut c = ((left + top) / theme::HATCH).floor() * theme::HATCH;
        while c < right + bottom {
            let (from, to) = ((c - bottom).max(left), (c - top).min(right));
            if to - from > 0.2 {
                self.line(&[(from, c - from), (to, c - to)], 1.2, color)?;
            }
            c += theme::HATCH;
        }
        Ok(())
    }

    /// A JPEG, stretched into a rectangle; it comes over all that is drawn.
    pub(super) fn picture(&self, jpeg: &[u8], (left, top): (f64, f64), width: f64, height: f64) {
        // Writing to a string cannot fail.
        let _ = write!(
            self.pictures.borrow_mut(),
            "<image x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" preserveAspectRatio=\"none\" \
             href=\"data:image/jpeg;base64,{}\"/>",
            rounded(left),
            rounded(top),
            rounded(width),
            rounded(height),
            STANDARD.encode(jpeg)
        );
    }

    /// A dotted horizontal line.
    pub(super) fn dots(&self, from: f64, to: f64, y: f64, color: RGBColor) -> Result<(), FigureError> {
        let (dash, gap) = (2.0, 3.0);
        let mut x = from;
        while x < to {
            self.line(&[(x, y), ((x + dash).min(to), y)], theme::NORMAL, color)?;
            x += dash + gap;
        }
        Ok(())
    }

    /// One line of text whose baseline goes through the point.
    pub(super) fn text(
        &self,
        text: &str,
        at: (f64, f64),
        align: Align,
        face: Type,
    ) -> Result<(), FigureError> {
        // The backend lifts the baseline by half an `ex`, which usvg takes as a quarter em.
        self.place(text, (at.0, at.1 + face.size / 4.0), align, face, FontTransform::None)
    }

    /// One line of text that reads upwards, centred on the point, its baseline to the right of the letters.
    pub(super) fn upward(&self, text: &str, at: (f64, f64), face: Type) -> Result<(), FigureError> {
        let at = (at.0 + face.size / 4.0, at.1);
        self.place(text, at, Align::Middle, face, FontTransform::Rotate270)
    }

    fn place(
        &self,
        text: &str,
        at: (f64, f64),
        align: Align,
        face: Type,
        transform: FontTransform,
    ) -> Result<(), FigureError> {
        let h_pos = match align {
            Align::Start => HPos::Left,
            Align::Middle => HPos::Center,
            Align::End => HPos::Right,
        };
        // The backend writes size / 1.24 as the SVG's font size.
        let font = FontDesc::new(FontFamily::Name(FAMILY), face.size * TENTHS * 1.24, face.weight.style())
            .transform(transform);
        let style = TextStyle::from(font).color(&face.color).pos(Pos::new(h_pos, VPos::Bottom));
        self.area.draw_text(&clean(text), &style, point(at)).map_err(failed)
    }
}

/// The finished sheet is in user units.
fn rounded(length: f64) -> f64 {
    (length * 100.0).round() / 100.0
}

fn tenths(length: f64) -> i32 {
    (length * TENTHS).round() as i32
}

fn point((x, y): (f64, f64)) -> (i32, i32) {
    (tenths(x), tenths(y))
}

fn failed(error: impl Display) -> FigureError {
    FigureError::Draw { reason: error.to_string() }
}

fn escape(text: &str) -> String {
    clean(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
