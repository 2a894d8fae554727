//! The figures that a run left, as images inside the page.

use serde::Serialize;

use super::{ReportError, base64};
use crate::fs::Beneath;

/// A figure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Figure {
    /// Its file.
    pub file: String,
    /// Its title.
    pub title: String,
    /// All its words, for who does not see it.
    pub description: String,
    /// As a data URI.
    pub source: String,
}

/// Every figure of a folder: SVG where there is one, else PNG.
pub fn figures(folder: &Beneath, names: &[String]) -> Result<Vec<Figure>, ReportError> {
    let stem = |name: &str, extension: &str| name.strip_suffix(extension).map(str::to_owned);
    let mut figures = Vec::new();
    for name in names {
        if let Some(stem) = stem(name, ".svg") {
            let bytes = folder.read(name)?;
            let text = String::from_utf8_lossy(&bytes);
            let title = element(&text, "title").unwrap_or(stem);
            let description = element(&text, "desc").unwrap_or_default();
            let source = format!("data:image/svg+xml;base64,{}", base64(&bytes));
            figures.push(Figure { file: name.clone(), title, description, source });
        } else if let Some(stem) = stem(name, ".png")
            && !names.contains(&format!("{stem}.svg"))
        {
            let source = format!("data:image/png;base64,{}", base64(&folder.read(name)?));
            figures.push(Figure { file: name.clone(), title: stem, description: String::new(), source });
        }
    }
    // `figure` before `training`, `figure5` before `figure10`.
    figures
        .sort_by_key(|figure| (!figure.file.starts_with("figure"), figure.file.len(), figure.file.clone()));
    Ok(figures)
}

/// The text of the first such element.
fn element(svg: &str, name: &str) -> Option<String> {
    let (_, rest) = svg.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    Some(entities.iter().fold(text.to_owned(), |text, (entity, plain)| text.replace(entity, plain)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_shown_once_with_its_words() {
        let folder = tempfile::tempdir().unwrap();
        let svg = "<svg><title>Figure 5: A &amp; B</title><desc>awe 0.5</desc></svg>";
        std::fs::write(folder.path().join("figure5.svg"), svg).unwrap();
        for png in ["figure5.png", "figure10.png", "curves.png"] {
            std::fs::write(folder.path().join(png), b"\x89PNG").unwrap();
        }
        let folder = Beneath::open(folder.path()).unwrap();
        let figures = figures(&folder, &folder.names().unwrap()).unwrap();
        let shown: Vec<_> = figures.iter().map(|one| (one.file.as_str(), one.title.as_str())).collect();
        let expected =
            [("figure5.svg", "Figure 5: A & B"), ("figure10.png", "figure10"), ("curves.png", "curves")];
        assert_eq!(shown, expected);
        assert_eq!(figures[0].description, "awe 0.5");
        assert!(figures[0].source.starts_with("data:image/svg+xml;base64,PHN2Zz48"));
    }
}
