//! A figure as PDF, vectors and all.

use svg2pdf::usvg::{Options, Tree};
use svg2pdf::{ConversionOptions, PageOptions};

use super::{FigureError, theme};

/// A PDF of an SVG without text elements, one page of the figure's printed size.
///
/// # Errors
/// Text that is no SVG.
pub fn pdf(svg: &str) -> Result<Vec<u8>, FigureError> {
    let tree = Tree::from_str(svg, &Options::default())
        .map_err(|error| FigureError::Svg { reason: error.to_string() })?;
    let page = PageOptions { dpi: theme::UNITS_PER_INCH };
    svg2pdf::to_pdf(&tree, ConversionOptions::default(), page)
        .map_err(|error| FigureError::Encode { reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SQUARE: &str = "<svg xmlns='http://www.w3.org/2000/svg' width='96' height='48'>\
                          <rect width='2' height='2' fill='#0072B2'/></svg>";

    #[test]
    fn a_page_is_as_large_as_the_figure_is_printed_and_bytes_repeat() {
        let page = pdf(SQUARE).unwrap();
        let text = String::from_utf8_lossy(&page);
        // 96 units are an inch, an inch is 72 points.
        assert!(text.starts_with("%PDF-") && text.contains("/MediaBox [0 0 72 36]"), "{text}");
        assert_eq!(page, pdf(SQUARE).unwrap());
    }

    #[test]
    fn what_is_no_svg_is_an_error() {
        assert!(matches!(pdf("<svg"), Err(FigureError::Svg { .. })));
    }
}
