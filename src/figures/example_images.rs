//! Figure 1: example images, positive emotions above negative ones.

use super::canvas::{Align, Type, draw};
use super::heading::{Heading, notes};
use super::text::{Weight, width};
use super::theme::Columns;
use super::{FigureError, theme};
use crate::types::Emotion;

/// What the figure shows.
#[derive(Clone, Debug, PartialEq)]
pub struct ExampleImages {
    /// The words above it.
    pub heading: Heading,
    /// How wide it is.
    pub columns: Columns,
    /// JPEGs of square images, by [`Emotion::index`].
    pub pictures: [Vec<Vec<u8>>; 8],
    /// Places of an emotion, of which some may stay empty.
    pub per_emotion: usize,
    /// What stands under it.
    pub notes: Vec<String>,
}

/// Between two images of an emotion.
const BETWEEN: f64 = 2.0;

/// The figure as SVG.
///
/// # Errors
/// No places, or a drawing that fails.
pub fn svg(figure: &ExampleImages) -> Result<String, FigureError> {
    let places = figure.per_emotion;
    if places == 0 {
        return Err(FigureError::NoMethods);
    }
    let sheet = figure.columns.width();
    let room = sheet - 2.0 * theme::MARGIN;
    let heading = figure.heading.lines(room);
    let below = notes(&figure.notes, room);
    let side_label = theme::AXIS_TITLE * theme::LINE_HEIGHT + 2.0;
    let emotions = |positive: bool| Emotion::ALL.into_iter().filter(move |one| one.is_positive() == positive);
    let per_line = match figure.columns {
        Columns::One => 2,
        Columns::Two => 4,
    };
    let emotion_width = (room - side_label - (per_line - 1) as f64 * theme::GAP) / per_line as f64;
    let side = (emotion_width - (places - 1) as f64 * BETWEEN) / places as f64;
    let line = theme::CLASS_LABEL * theme::LINE_HEIGHT + side + theme::GAP;
    let lines_of_sign = 4_usize.div_ceil(per_line);
    let top = theme::MARGIN + heading.height() + theme::GAP;
    let notes_top = top + 2.0 * lines_of_sign as f64 * line;
    let height = (notes_top + below.height() + theme::MARGIN).ceil();
    draw(sheet, height, &figure.heading.title, &describe(figure), |canvas| {
        heading.draw(canvas)?;
        let face = Type { size: theme::CLASS_LABEL, weight: Weight::Bold, color: theme::INK };
        let axis = Type::regular(theme::AXIS_TITLE, theme::FAINT_INK);
        for (sign, name) in [(true, "positive"), (false, "negative")] {
            let first = top + if sign { 0.0 } else { lines_of_sign as f64 * line };
            let middle = first + (lines_of_sign as f64 * line - theme::GAP) / 2.0;
            canvas.upward(name, (theme::MARGIN + theme::AXIS_TITLE, middle), axis)?;
            for (number, emotion) in emotions(sign).enumerate() {
                let left =
                    theme::MARGIN + side_label + (number % per_line) as f64 * (emotion_width + theme::GAP);
                let y = first + (number / per_line) as f64 * line;
                let centre = left + emotion_width / 2.0;
                canvas.text(emotion.name(), (centre, y + face.size), Align::Middle, face)?;
                let y = y + theme::CLASS_LABEL * theme::LINE_HEIGHT;
                for place in 0..places {
                    let x = left + place as f64 * (side + BETWEEN);
                    if let Some(picture) = figure.pictures[emotion.index()].get(place) {
                        // A hair wider than the image, as its edge: many drawings stand on white.
                        let (a, b) = ((x - 0.4, y - 0.4), (x + side + 0.4, y + side + 0.4));
                        canvas.fill(a, b, theme::GRID)?;
                        canvas.picture(picture, (x, y), side, side);
                    } else {
                        canvas.fill((x, y), (x + side, y + side), theme::BAND)?;
                        let mark = Type::regular(theme::MARK, theme::FAINT_INK);
                        let fits = width("no image", mark.size, mark.weight) < side;
                        let text = if fits { "no image" } else { "–" };
                        canvas.text(text, (x + side / 2.0, y + side / 2.0), Align::Middle, mark)?;
                    }
                }
            }
        }
        below.draw_at(canvas, notes_top)
    })
}

/// The figure in words.
fn describe(figure: &ExampleImages) -> String {
    let mut sentences = figure.heading.sentences();
    for emotion in Emotion::ALL {
        sentences.push(format!("{emotion}: {} images", figure.pictures[emotion.index()].len()));
    }
    sentences.extend(figure.notes.iter().cloned());
    sentences.join(". ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_without_an_image_say_so_and_both_widths_draw() {
        let mut pictures: [Vec<Vec<u8>>; 8] = Default::default();
        pictures[0] = vec![b"one".to_vec(), b"two".to_vec()];
        for columns in [Columns::One, Columns::Two] {
            let figure = ExampleImages {
                heading: Heading::default(),
                columns,
                pictures: pictures.clone(),
                per_emotion: 2,
                notes: Vec::new(),
            };
            let text = svg(&figure).unwrap();
            assert_eq!(text.matches("<image ").count(), 2);
            assert!(text.contains("amusement: 2 images. anger: 0 images"));
        }
    }
}
