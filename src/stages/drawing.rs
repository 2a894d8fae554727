//! What a stage that draws yields: files for the results folder.

use crate::figures::{FigureError, pdf, png};
use crate::stage::{Artifact, ArtifactError, Files, StageError};

/// Figures and tables by file name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drawing(pub Files);

impl Artifact for Drawing {
    fn save(&self) -> Result<Files, ArtifactError> {
        Ok(self.0.clone())
    }

    fn load(files: &Files) -> Result<Self, ArtifactError> {
        Ok(Self(files.clone()))
    }
}

/// A figure as SVG, PNG and PDF.
pub(super) fn drawn(name: &str, svg: Result<String, FigureError>) -> Result<Files, StageError> {
    let failed = |error: FigureError| StageError::Failed(error.to_string());
    let svg = svg.map_err(failed)?;
    let (png, pdf) = rayon::join(|| png(&svg), || pdf(&svg));
    let (png, pdf) = (png.map_err(failed)?, pdf.map_err(failed)?);
    Ok(Files::from([
        (format!("{name}.svg"), svg.into_bytes()),
        (format!("{name}.png"), png),
        (format!("{name}.pdf"), pdf),
    ]))
}
