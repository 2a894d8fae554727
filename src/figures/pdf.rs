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
    let mut page = svg2pdf::to_pdf(&tree, ConversionOptions::default(), page)
        .map_err(|error| FigureError::Encode { reason: error.to_string() })?;
    sort_resources(&mut page);
    Ok(page)
}

/// Puts the entries of each list of resources in order, which svg2pdf writes in that of a hash table: another in each process. Whole
/// lines change places, so that no object moves.
fn sort_resources(page: &mut [u8]) {
    let mut start = 0;
    let mut run: Option<usize> = None;
    while start <= page.len() {
        let end =
            page[start..].iter().position(|byte| *byte == b'\n').map_or(page.len(), |at| start + at + 1);
        if start < page.len() && is_resource(&page[start..end]) {
            run.get_or_insert(start);
        } else if let Some(first) = run.take() {
            let mut lines: Vec<Vec<u8>> =
                page[first..start].split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
            lines.sort_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
            page[first..start].copy_from_slice(&lines.concat());
        }
        if end == page.len() {
            return;
        }
        start = end;
    }
}

/// Whether a line is like `      /gs12 34 0 R`.
fn is_resource(line: &[u8]) -> bool {
    let Some(line) = std::str::from_utf8(line).ok().and_then(|line| line.strip_suffix(" 0 R\n")) else {
        return false;
    };
    let Some((name, object)) = line.trim_start().strip_prefix('/').and_then(|line| line.split_once(' '))
    else {
        return false;
    };
    let number = name.trim_start_matches(|c: char| c.is_ascii_lowercase());
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    number.len() < name.len() && is_number(number) && is_number(object)
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
    fn resources_are_in_order_whatever_table_they_come_from() {
        let bands: String = (0..40)
            .map(|at| {
                format!("<rect x='{at}' width='9' height='9' fill='#0072B2' fill-opacity='0.{}'/>", 10 + at)
            })
            .collect();
        let svg = format!("<svg xmlns='http://www.w3.org/2000/svg' width='96' height='48'>{bands}</svg>");
        let page = pdf(&svg).unwrap();
        // Every table has a seed of its own.
        assert!((0..4).all(|_| pdf(&svg).unwrap() == page));
        let text = String::from_utf8_lossy(&page);
        let names = text.lines().filter(|line| is_resource(format!("{line}\n").as_bytes()));
        let numbers: Vec<usize> = names
            .filter_map(|line| line.trim_start().strip_prefix("/gs")?.split(' ').next()?.parse().ok())
            .collect();
        assert_eq!(numbers, (0..40).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_no_svg_is_an_error() {
        assert!(matches!(pdf("<svg"), Err(FigureError::Svg { .. })));
    }
}
