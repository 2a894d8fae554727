//! Figure 4: maps of images by their features, drawn as thumbnails or as coloured points.

use super::canvas::{Align, Canvas, Type, draw};
use super::heading::{Heading, notes};
use super::legend::Legend;
use super::placement::place;
use super::text::{Weight, wrap};
use super::theme::Columns;
use super::{FigureError, theme};
use crate::types::Emotion;

/// What the figure shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Embeddings {
    /// The words above it.
    pub heading: Heading,
    /// How wide it is.
    pub columns: Columns,
    /// From left to right.
    pub maps: Vec<Map>,
    /// How the maps came about.
    pub notes: Vec<String>,
}

/// One map.
#[derive(Clone, Debug, PartialEq)]
pub struct Map {
    /// The method's name.
    pub name: String,
    /// Label and place of each image, the same images in every map.
    pub points: Vec<(Emotion, [f64; 2])>,
}

/// Largest and smallest side of a thumbnail.
const THUMBNAIL: [f64; 2] = [14.0, 30.0];
/// Share of a map that thumbnails would cover if all were shown.
const COVER: f64 = 0.4;
/// Width of a thumbnail's frame.
const FRAME: f64 = 1.3;
/// Largest side of a map.
const MAP_MOST: f64 = 420.0;
/// Of a point.
const RADIUS: f64 = 2.4;

/// The figure with images as thumbnails: a JPEG per point, in the points' order.
///
/// # Errors
/// No maps, or none with points.
pub fn thumbnails_svg(figure: &Embeddings, pictures: &[Vec<u8>]) -> Result<String, FigureError> {
    let side = Layout::of(figure, &[])?.thumbnail(figure);
    let framed = side + 2.0 * FRAME;
    let mut shown = Vec::new();
    let layout = Layout::of(figure, &[])?;
    for map in &figure.maps {
        let points = layout.points(map, framed / 2.0);
        // Classes take turns, so that no class is thinned more than another.
        let order = turns(map);
        let ordered: Vec<(f64, f64)> = order.iter().map(|&at| points[at]).collect();
        let mut placed = vec![None; points.len()];
        for (&at, corner) in order.iter().zip(place(&ordered, framed, layout.side)) {
            placed[at] = corner;
        }
        shown.push(placed);
    }
    let counts: Vec<String> =
        shown.iter().map(|placed| placed.iter().flatten().count().to_string()).collect();
    let all = figure.maps.first().map_or(0, |map| map.points.len());
    let note = format!(
        "Of {all} images {} are shown, each as near to its place as those before it left room; the frame's colour \
         is its emotion.",
        counts.join(" and ")
    );
    let layout = Layout::of(figure, &[note])?;
    layout.draw(figure, frame, |canvas, number, map, (left, top)| {
        let Some(placed) = shown.get(number) else { return Ok(()) };
        for ((corner, (emotion, _)), picture) in placed.iter().zip(&map.points).zip(pictures) {
            let Some((x, y)) = corner else { continue };
            let (x, y) = (left + x, top + y);
            canvas.fill((x, y), (x + framed, y + framed), theme::emotion_fill(*emotion))?;
            canvas.picture(picture, (x + FRAME, y + FRAME), side, side);
        }
        Ok(())
    })
}

/// The same as coloured points: discs for positive emotions, triangles for negative ones.
///
/// # Errors
/// No maps, or none with points.
pub fn points_svg(figure: &Embeddings) -> Result<String, FigureError> {
    let layout = Layout::of(figure, &[])?;
    let sample = |canvas: &Canvas<'_>, emotion, (from, to): ((f64, f64), (f64, f64))| {
        let centre = (f64::midpoint(from.0, to.0), f64::midpoint(from.1, to.1));
        marker(canvas, emotion, centre, 0.36 * theme::SWATCH)
    };
    layout.draw(figure, sample, |canvas, _, map, (left, top)| {
        let points = layout.points(map, 2.0 * RADIUS);
        for ((emotion, _), (x, y)) in map.points.iter().zip(points) {
            marker(canvas, *emotion, (left + x, top + y), RADIUS)?;
        }
        Ok(())
    })
}

/// Indices of the points, one of each class in turn.
fn turns(map: &Map) -> Vec<usize> {
    let mut seen = [0_usize; 8];
    let mut order: Vec<(usize, usize, usize)> = Vec::with_capacity(map.points.len());
    for (at, (emotion, _)) in map.points.iter().enumerate() {
        let turn = &mut seen[emotion.index()];
        order.push((*turn, emotion.index(), at));
        *turn += 1;
    }
    order.sort_unstable();
    order.into_iter().map(|(_, _, at)| at).collect()
}

/// The colour of an emotion as a frame has it.
fn frame(
    canvas: &Canvas<'_>,
    emotion: Emotion,
    (from, to): ((f64, f64), (f64, f64)),
) -> Result<(), FigureError> {
    canvas.fill(from, to, theme::emotion_fill(emotion))?;
    canvas.fill((from.0 + 2.0, from.1 + 2.0), (to.0 - 2.0, to.1 - 2.0), theme::PAPER)
}

fn marker(canvas: &Canvas<'_>, emotion: Emotion, (x, y): (f64, f64), radius: f64) -> Result<(), FigureError> {
    let fill = theme::emotion_fill(emotion);
    for (radius, fill) in [(radius + 0.5, theme::outline(fill)), (radius, fill)] {
        if emotion.is_positive() {
            canvas.disc((x, y), radius, fill)?;
        } else {
            let (half, up, down) = (1.1 * radius, 1.25 * radius, 0.75 * radius);
            canvas.polygon(&[(x, y - up), (x + half, y + down), (x - half, y + down)], fill)?;
        }
    }
    Ok(())
}

/// Where everything stands, in user units.
struct Layout {
    width: f64,
    height: f64,
    top: f64,
    side: f64,
    per_row: usize,
    row: f64,
    title_room: f64,
    legend: Legend,
    legend_top: f64,
    notes: Vec<String>,
}

impl Layout {
    fn of(figure: &Embeddings, more: &[String]) -> Result<Self, FigureError> {
        if figure.maps.is_empty() || figure.maps.iter().any(|map| map.points.is_empty()) {
            return Err(FigureError::NoMethods);
        }
        let per_row = figure.maps.len().min(match figure.columns {
            Columns::One => 1,
            Columns::Two => 2,
        });
        let width = figure.columns.width();
        let room = width - 2.0 * theme::MARGIN;
        let side = ((room - (per_row - 1) as f64 * theme::GAP) / per_row as f64).min(MAP_MOST);
        let heading = figure.heading.lines(room);
        let top = theme::MARGIN + heading.height() + theme::GAP;
        let title_room = theme::CLASS_LABEL * theme::LINE_HEIGHT + 4.0;
        let row = title_room + side + theme::GAP;
        let rows = figure.maps.len().div_ceil(per_row);
        let legend = Legend::of(Emotion::ALL.into_iter().map(Emotion::name), room);
        let legend_top = top + rows as f64 * row;
        let words = [figure.notes.as_slice(), more].concat();
        let below = legend_top + legend.height() + 3.0 + notes(&words, room).height();
        let height = (below + theme::MARGIN).ceil();
        Ok(Self { width, height, top, side, per_row, row, title_room, legend, legend_top, notes: words })
    }

    /// Side of a thumbnail without its frame.
    fn thumbnail(&self, figure: &Embeddings) -> f64 {
        let most = figure.maps.iter().map(|map| map.points.len()).max().unwrap_or(1);
        let [least, largest] = THUMBNAIL;
        (COVER * self.side * self.side / most as f64).sqrt().clamp(least, largest)
    }

    /// Places in the map's square, `pad` from its edges, on one scale in both directions.
    fn points(&self, map: &Map, pad: f64) -> Vec<(f64, f64)> {
        let axis = |axis: usize| {
            let values = map.points.iter().map(move |(_, place)| place[axis]);
            let low = values.clone().fold(f64::INFINITY, f64::min);
            (low, values.fold(f64::NEG_INFINITY, f64::max))
        };
        let [(left, right), (low, high)] = [axis(0), axis(1)];
        let room = self.side - 2.0 * pad - 4.0;
        let extent = (right - left).max(high - low);
        let scale = if extent > 0.0 { room / extent } else { 0.0 };
        let middle = [f64::midpoint(left, right), f64::midpoint(low, high)];
        let place = |[x, y]: [f64; 2]| {
            // The vertical axis points up.
            (self.side / 2.0 + scale * (x - middle[0]), self.side / 2.0 - scale * (y - middle[1]))
        };
        map.points.iter().map(|(_, at)| place(*at)).collect()
    }

    /// `sample` draws what stands for an emotion in the legend.
    fn draw(
        &self,
        figure: &Embeddings,
        sample: impl Fn(&Canvas<'_>, Emotion, ((f64, f64), (f64, f64))) -> Result<(), FigureError>,
        content: impl Fn(&Canvas<'_>, usize, &Map, (f64, f64)) -> Result<(), FigureError>,
    ) -> Result<String, FigureError> {
        let room = self.width - 2.0 * theme::MARGIN;
        let mut words = figure.heading.sentences();
        words.extend(self.notes.iter().cloned());
        draw(self.width, self.height, &figure.heading.title, &words.join(" "), |canvas| {
            figure.heading.lines(room).draw(canvas)?;
            for (number, map) in figure.maps.iter().enumerate() {
                let left = theme::MARGIN + (number % self.per_row) as f64 * (self.side + theme::GAP);
                let top = self.top + (number / self.per_row) as f64 * self.row;
                let face = Type { size: theme::CLASS_LABEL, weight: Weight::Bold, color: theme::INK };
                for line in wrap(&map.name, face.size, face.weight, self.side, 1) {
                    canvas.text(&line, (left + self.side / 2.0, top + face.size), Align::Middle, face)?;
                }
                let (top, side) = (top + self.title_room, self.side);
                content(canvas, number, map, (left, top))?;
                let corners = [(0.0, 0.0), (side, 0.0), (side, side), (0.0, side), (0.0, 0.0)];
                let corners = corners.map(|(x, y)| (left + x, top + y));
                canvas.line(&corners, theme::THIN, theme::FAINT_INK)?;
            }
            self.legend.draw(canvas, (theme::MARGIN, self.legend_top), |index, from, to| {
                sample(canvas, Emotion::ALL[index % Emotion::ALL.len()], (from, to))
            })?;
            notes(&self.notes, room).draw_at(canvas, self.legend_top + self.legend.height() + 3.0)
        })
    }
}
