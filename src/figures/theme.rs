//! Every decision of style: colours, sizes, distances. Lengths are SVG user units, meant as CSS pixels.

use plotters::style::RGBColor;
use serde::Serialize;

use crate::types::Emotion;

/// Text, axis and title colour.
pub(super) const INK: RGBColor = RGBColor(0x22, 0x22, 0x22);
/// Second-rank text: axis numbers, marks.
pub(super) const FAINT_INK: RGBColor = RGBColor(0x59, 0x59, 0x59);
/// What must not be overlooked; dark enough to read on paper.
pub(super) const WARNING: RGBColor = RGBColor(0xB0, 0x3A, 0x00);
/// Horizontal grid lines.
pub(super) const GRID: RGBColor = RGBColor(0xDD, 0xDD, 0xDD);
/// The band behind a class that is left out.
pub(super) const BAND: RGBColor = RGBColor(0xF3, 0xF3, 0xF3);
/// Paper.
pub(super) const PAPER: RGBColor = RGBColor(0xFF, 0xFF, 0xFF);

/// Method colours in the order of use: Okabe and Ito (2008), told apart with any of the common colour vision
/// deficiencies, started with its three most distinct, its black softened, and two more for methods 9 and 10.
const PALETTE: [RGBColor; 10] = [
    RGBColor(0x00, 0x72, 0xB2), // blue
    RGBColor(0xE6, 0x9F, 0x00), // orange
    RGBColor(0x00, 0x9E, 0x73), // bluish green
    RGBColor(0xCC, 0x79, 0xA7), // reddish purple
    RGBColor(0x56, 0xB4, 0xE9), // sky blue
    RGBColor(0xD5, 0x5E, 0x00), // vermilion
    RGBColor(0xF0, 0xE4, 0x42), // yellow
    RGBColor(0x3A, 0x3A, 0x3A), // near black
    RGBColor(0xB3, 0xB3, 0xB3), // grey
    RGBColor(0x88, 0x22, 0x55), // wine
];

/// Fill of the method at that place of the list, and whether its bars are striped to tell them from the
/// method ten places earlier.
pub(super) fn method_fill(index: usize) -> (RGBColor, bool) {
    (PALETTE[index % PALETTE.len()], (index / PALETTE.len()) % 2 == 1)
}

/// Colour of an emotion.
pub(super) const fn emotion_fill(emotion: Emotion) -> RGBColor {
    PALETTE[emotion.index()]
}

/// Outline of a fill: the same hue, darker, so that light bars have an edge on white.
pub(super) fn outline(fill: RGBColor) -> RGBColor {
    let darker = |channel: u8| (u16::from(channel) * 13 / 20) as u8;
    RGBColor(darker(fill.0), darker(fill.1), darker(fill.2))
}

/// Whether a line in [`INK`] is seen on that fill: the contrast that WCAG 2 asks of graphics, 3 to 1.
pub(super) fn shows_ink(fill: RGBColor) -> bool {
    contrast(luminance(fill), luminance(INK)) >= 3.0
}

/// Width of a figure over both columns of a page: 17.5 cm.
const TWO_COLUMNS: f64 = 661.0;
/// Width of a figure in one column: 8.5 cm.
const ONE_COLUMN: f64 = 321.0;

/// How many columns of a page a figure is as wide as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Columns {
    /// 8.5 cm.
    One,
    /// 17.5 cm.
    Two,
}

impl Columns {
    /// The sheet's width.
    pub(super) const fn width(self) -> f64 {
        match self {
            Self::One => ONE_COLUMN,
            Self::Two => TWO_COLUMNS,
        }
    }
}

/// Pixels of a PNG per user unit: 300 dots an inch of the printed figure.
pub(super) const PIXELS_PER_UNIT: f32 = 3.125;
/// User units an inch: those of CSS.
pub(super) const UNITS_PER_INCH: f32 = 96.0;

/// Empty border on all sides.
pub(super) const MARGIN: f64 = 8.0;
/// Height of the plotting area of bars.
pub(super) const PLOT_HEIGHT: f64 = 180.0;
/// The same where bars stand in several rows.
pub(super) const ROW_HEIGHT: f64 = 120.0;
/// Room for the axis title and numbers on the left.
pub(super) const AXIS_ROOM: f64 = 40.0;
/// Distance between blocks: heading, plot, legend.
pub(super) const GAP: f64 = 11.0;

/// Font sizes, in user units an em. A figure is printed at its size, so that the smallest is 7 pt.
pub(super) const TITLE: f64 = 13.0;
pub(super) const SUBTITLE: f64 = 9.8;
pub(super) const AXIS_TITLE: f64 = 10.0;
pub(super) const CLASS_LABEL: f64 = 10.0;
pub(super) const AXIS_NUMBER: f64 = SMALLEST;
pub(super) const LEGEND: f64 = 10.0;
pub(super) const MARK: f64 = SMALLEST;
pub(super) const BAR_NUMBER: f64 = SMALLEST;
pub(super) const NOTE: f64 = SMALLEST;
const SMALLEST: f64 = 9.4;

/// Distance between the baselines of two lines, in ems.
pub(super) const LINE_HEIGHT: f64 = 1.3;

/// Stroke widths.
pub(super) const THIN: f64 = 0.5;
pub(super) const NORMAL: f64 = 0.8;

/// Share of a class's width that its bars take.
pub(super) const BARS_SHARE: f64 = 0.86;
/// Widest bar with its gap.
pub(super) const SLOT_MOST: f64 = 30.0;
/// Narrowest bar with its gap, 1.1 mm, below which the bars are broken into more rows.
pub(super) const SLOT_LEAST: f64 = 4.2;
/// Height of the bar of a rate of 0.
pub(super) const BAR_FOOT: f64 = 1.2;
/// Half the width of the ends of an error bar, at most.
pub(super) const CAP: f64 = 2.6;
/// Distance between the lines of a hatch.
pub(super) const HATCH: f64 = 4.0;
/// How much a band of confidence covers.
pub(super) const BAND_OPACITY: f64 = 0.14;
/// Side of a legend's colour sample.
pub(super) const SWATCH: f64 = 9.0;

/// Colour of a rate from 0 to 1: white to blue to near black, evenly darker.
pub(super) fn intensity(rate: f64) -> RGBColor {
    const STOPS: [[f64; 3]; 4] =
        [[255.0, 255.0, 255.0], [158.0, 202.0, 225.0], [33.0, 113.0, 181.0], [8.0, 38.0, 92.0]];
    let place = rate.clamp(0.0, 1.0) * (STOPS.len() - 1) as f64;
    let first = (place as usize).min(STOPS.len() - 2);
    let share = place - first as f64;
    let channel = |index: usize| {
        (STOPS[first][index] + share * (STOPS[first + 1][index] - STOPS[first][index])).round() as u8
    };
    RGBColor(channel(0), channel(1), channel(2))
}

/// Whether white text stands out from that colour more than [`INK`] does, by the contrast ratio of WCAG 2.
pub(super) fn intensity_is_dark(rate: f64) -> bool {
    let ground = luminance(intensity(rate));
    contrast(luminance(PAPER), ground) > contrast(ground, luminance(INK))
}

fn contrast(light: f64, dark: f64) -> f64 {
    (light + 0.05) / (dark + 0.05)
}

/// Relative luminance of an sRGB colour, from 0 of black to 1 of white.
fn luminance(RGBColor(red, green, blue): RGBColor) -> f64 {
    let linear = |channel: u8| {
        let value = f64::from(channel) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ink_shows_on_all_methods_but_the_dark_ones() {
        let dark: Vec<usize> = (0..PALETTE.len()).filter(|at| !shows_ink(PALETTE[*at])).collect();
        assert_eq!(dark, [7, 9], "near black and wine");
    }

    #[test]
    fn numbers_stand_out_from_every_cell() {
        for step in 0..=1000 {
            let rate = f64::from(step) / 1000.0;
            let ground = luminance(intensity(rate));
            let ratio = if intensity_is_dark(rate) {
                contrast(luminance(PAPER), ground)
            } else {
                contrast(ground, luminance(INK))
            };
            // Black and white on the grey between them have 4.6, this ink has less.
            assert!(ratio > 3.9, "{rate}: {ratio}");
        }
    }
}
