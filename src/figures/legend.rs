//! A legend: samples with their names, in even columns where that takes no more rows than one after the other.

use super::canvas::{Align, Canvas, Type};
use super::text::{Weight, width, wrap};
use super::{FigureError, theme};

/// Between a sample and its name.
const BESIDE: f64 = 5.0;

/// Names, broken into lines and laid out.
pub(super) struct Legend {
    entries: Vec<Entry>,
    height: f64,
}

struct Entry {
    lines: Vec<String>,
    /// Upper left corner of its sample, from the legend's.
    at: (f64, f64),
}

impl Legend {
    /// Of these names, at least one, no wider than `room`.
    pub(super) fn of<'n>(names: impl Iterator<Item = &'n str>, room: f64) -> Self {
        let beside = theme::SWATCH + BESIDE;
        let name_room = (room - beside - theme::GAP).min(theme::Columns::One.width());
        let names: Vec<Vec<String>> =
            names.map(|name| wrap(name, theme::LEGEND, Weight::Regular, name_room, 2)).collect();
        let wide = |lines: &Vec<String>| {
            let widths = lines.iter().map(|line| width(line, theme::LEGEND, Weight::Regular));
            widths.fold(0.0, f64::max) + beside + theme::GAP
        };
        let widths: Vec<f64> = names.iter().map(wide).collect();
        let flowing = rows(&widths, room + theme::GAP);
        let widest = widths.iter().copied().fold(1.0, f64::max);
        let fitting = (((room + theme::GAP) / widest) as usize).clamp(1, names.len().max(1));
        let even_rows = names.len().div_ceil(fitting);
        let is_even = even_rows <= flowing.len();
        // The same number of rows with even columns: 7 as 4 + 3 rather than 6 + 1.
        let columns = names.len().div_ceil(even_rows.max(1)).max(1);
        let rows = if is_even { vec![columns; even_rows] } else { flowing };
        let mut left = names.into_iter().zip(widths);
        let (mut entries, mut y) = (Vec::new(), 0.0);
        for count in rows {
            let (mut x, mut most) = (0.0, 1);
            for (lines, width) in left.by_ref().take(count) {
                most = most.max(lines.len());
                entries.push(Entry { lines, at: (x, y) });
                x += if is_even { widest } else { width };
            }
            y += most as f64 * theme::LEGEND * theme::LINE_HEIGHT + 2.0;
        }
        Self { entries, height: y }
    }

    pub(super) fn height(&self) -> f64 {
        self.height
    }

    /// Draws it; `sample` draws what stands for an entry into a square.
    pub(super) fn draw(
        &self,
        canvas: &Canvas<'_>,
        (left, top): (f64, f64),
        sample: impl Fn(usize, (f64, f64), (f64, f64)) -> Result<(), FigureError>,
    ) -> Result<(), FigureError> {
        let face = Type::regular(theme::LEGEND, theme::INK);
        for (index, Entry { lines, at }) in self.entries.iter().enumerate() {
            let (x, y) = (left + at.0, top + at.1);
            sample(index, (x, y), (x + theme::SWATCH, y + theme::SWATCH))?;
            for (number, line) in lines.iter().enumerate() {
                let baseline = y + 0.85 * face.size + number as f64 * face.size * theme::LINE_HEIGHT;
                canvas.text(line, (x + theme::SWATCH + BESIDE, baseline), Align::Start, face)?;
            }
        }
        Ok(())
    }
}

/// How many entries of these widths each row takes, one after the other.
fn rows(widths: &[f64], room: f64) -> Vec<usize> {
    let mut rows = Vec::new();
    let mut taken = f64::INFINITY;
    for width in widths {
        match rows.last_mut() {
            Some(count) if taken + width <= room => {
                *count += 1;
                taken += width;
            }
            _ => {
                rows.push(1);
                taken = *width;
            }
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_does_not_widen_the_others_columns() {
        assert_eq!(rows(&[3.0, 4.0, 9.0, 5.0, 5.0, 1.0], 10.0), [2, 1, 2, 1]);
        let names = ["a", "b", "c", "d", "e", "f", "g"];
        let even = Legend::of(names.into_iter(), 600.0);
        let long = "a name that is as long as half of the sheet is wide, and then some";
        let flowing = Legend::of(names.into_iter().chain([long]), 600.0);
        assert!(even.height < flowing.height && flowing.height < 3.0 * even.height, "{}", flowing.height);
    }
}
