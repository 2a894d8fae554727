//! Text: the embedded font, how wide a line is, and how to break it.
//!
//! The font is `DejaVu Sans`, compiled in, for measuring (through plotters) and for drawing (through usvg), so
//! no font of the machine is ever looked at.

use std::sync::{Arc, Once};

use plotters::style::{FontDesc, FontFamily, FontStyle, register_font};
use resvg::usvg::{self, fontdb};

use super::FigureError;

/// The family's name in SVG.
pub(super) const FAMILY: &str = "DejaVu Sans";

/// Regular or bold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    Regular,
    Bold,
}

impl Weight {
    pub(super) const fn style(self) -> FontStyle {
        match self {
            Self::Regular => FontStyle::Normal,
            Self::Bold => FontStyle::Bold,
        }
    }
}

/// plotters measures by a font's height, SVG by its em: (ascent 1901 + descent 483) / 2048 of `DejaVu Sans`.
const HEIGHT_OF_EM: f64 = 2384.0 / 2048.0;

/// plotters measures in whole units, so text is measured at this many times its size.
const FINE: f64 = 16.0;

/// How much wider than measured a line in another script than Latin, Greek or Cyrillic may be drawn.
const SLACK: f64 = 1.1;

/// Width of a line in user units.
pub(super) fn width(line: &str, size: f64, weight: Weight) -> f64 {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| {
        // A font that is compiled in parses, or the test below fails.
        let _ = register_font(FAMILY, FontStyle::Normal, dejavu::sans::regular());
        let _ = register_font(FAMILY, FontStyle::Bold, dejavu::sans::bold());
    });
    let font = FontDesc::new(FontFamily::Name(FAMILY), size * FINE * HEIGHT_OF_EM, weight.style());
    // Letters that change with their neighbours, and those that the font has not, are drawn otherwise than they are measured.
    let is_foreign = |c: char| c > '\u{058F}' && !('\u{1E00}'..='\u{2BFF}').contains(&c);
    let slack = if line.contains(is_foreign) { SLACK } else { 1.0 };
    match font.layout_box(line) {
        Ok(((left, _), (right, _))) => slack * f64::from(right - left) / FINE,
        // Wider than any Latin text is.
        Err(_) => line.chars().count() as f64 * size,
    }
}

/// What can stand in a line of XML text: no control characters, no line breaks, single blanks.
pub(super) fn clean(text: &str) -> String {
    let allowed =
        |c: char| !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{FFFE}' | '\u{FFFF}');
    let spaced: String = text.chars().map(|c| if allowed(c) { c } else { ' ' }).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Characters of a text that the embedded font has no glyph for, each once: figures show a box in their place.
pub fn unshown(text: &str) -> String {
    // A font that is compiled in parses, or the test below fails.
    let Ok(face) = ttf_parser::Face::parse(dejavu::sans::regular(), 0) else { return String::new() };
    let mut missing = String::new();
    for character in clean(text).chars() {
        if face.glyph_index(character).is_none() && !missing.contains(character) {
            missing.push(character);
        }
    }
    missing
}

/// Lines no wider than `most`, broken at blanks, and inside a word only if it alone is too wide; what does not
/// fit into `lines` ends in an ellipsis.
pub(super) fn wrap(text: &str, size: f64, weight: Weight, most: f64, lines: usize) -> Vec<String> {
    let fits = |line: &str| width(line, size, weight) <= most;
    let mut rest = clean(text);
    let mut wrapped = Vec::new();
    while !rest.is_empty() && wrapped.len() < lines {
        let mut line = longest_start(&rest, &fits);
        let mut next = rest[line.len()..].trim_start().to_owned();
        if !next.is_empty() && wrapped.len() + 1 == lines {
            while !line.is_empty() && !fits(&format!("{line}…")) {
                line.pop();
            }
            line = format!("{}…", line.trim_end());
            next.clear();
        }
        wrapped.push(line.trim_end().to_owned());
        rest = next;
    }
    wrapped
}

/// The longest start of `text` that fits: whole words if the first does, else as many characters as do, at
/// least one.
fn longest_start(text: &str, fits: &dyn Fn(&str) -> bool) -> String {
    if fits(text) {
        return text.to_owned();
    }
    let grow = |ends: &mut dyn Iterator<Item = usize>| {
        ends.map(|end| &text[..end]).take_while(|start| fits(start.trim_end())).last().map(str::to_owned)
    };
    let words = &mut text.match_indices(' ').map(|(at, _)| at);
    let characters = &mut text.char_indices().map(|(at, c)| at + c.len_utf8());
    grow(words)
        .or_else(|| grow(characters))
        .or_else(|| text.chars().next().map(String::from))
        .unwrap_or_default()
}

/// usvg with the embedded font and no other.
pub(super) fn parse_svg(svg: &str) -> Result<usvg::Tree, FigureError> {
    let mut fonts = fontdb::Database::new();
    for face in [dejavu::sans::regular(), dejavu::sans::bold()] {
        fonts.load_font_source(fontdb::Source::Binary(Arc::new(face)));
    }
    let options =
        usvg::Options { font_family: FAMILY.to_owned(), fontdb: Arc::new(fonts), ..usvg::Options::default() };
    usvg::Tree::from_str(svg, &options).map_err(|error| FigureError::Svg { reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measured_widths_are_those_that_are_drawn() {
        for (weight, name) in [(Weight::Regular, "normal"), (Weight::Bold, "bold")] {
            let line = "Noisy-Fine-tuned-CNN, 0.483 | WAVE To fi";
            let svg = format!(
                "<svg xmlns='http://www.w3.org/2000/svg' width='900' height='50'>\
                 <text x='0' y='30' font-family='{FAMILY}' font-weight='{name}' font-size='20'>{line}</text></svg>"
            );
            let drawn = f64::from(parse_svg(&svg).unwrap().root().abs_bounding_box().width());
            let measured = width(line, 20.0, weight);
            assert!((drawn / measured - 1.0).abs() < 0.02, "{drawn} drawn, {measured} measured");
        }
    }

    #[test]
    fn characters_without_a_glyph_are_found() {
        assert_eq!(unshown("Σ rates, naïve – Łódź ½ → 情感, 感"), "情感");
    }

    #[test]
    fn lines_fit_and_keep_every_word() {
        let text =
            "Figure 5: per-class true positive rates on IAPS-Subset, five folds, stratified and grouped";
        let lines = wrap(text, 18.0, Weight::Bold, 300.0, 9);
        assert!(lines.len() > 1);
        assert!(lines.iter().all(|line| width(line, 18.0, Weight::Bold) <= 300.0));
        assert_eq!(lines.join(" "), text);
    }

    #[test]
    fn what_does_not_fit_ends_in_an_ellipsis() {
        let lines = wrap(&"long ".repeat(400), 12.0, Weight::Regular, 200.0, 2);
        assert_eq!(lines.len(), 2);
        assert!(lines[1].starts_with("long long") && lines[1].ends_with('…'));
        assert!(lines.iter().all(|line| width(line, 12.0, Weight::Regular) <= 200.0));
        let lines = wrap(&"w".repeat(5000), 12.0, Weight::Regular, 100.0, 3);
        assert_eq!(lines.len(), 3);
        assert!(lines.iter().all(|line| width(line, 12.0, Weight::Regular) <= 100.0));
    }

    #[test]
    fn hostile_text_becomes_one_clean_line() {
        assert_eq!(clean("a\u{0}b\n\tc\u{1b}[31m  d\u{FFFF}"), "a b c [31m d");
        assert!(wrap("  \n ", 12.0, Weight::Regular, 100.0, 3).is_empty());
        assert_eq!(wrap("é😀é", 12.0, Weight::Regular, 1.0, 9), ["é", "😀", "é"]);
    }
}
