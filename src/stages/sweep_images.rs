//! What a sweep's results say of its images: those that are the same on two sides of a split, and those left out.

use super::leakage::Leakage;
use super::sweep::{MakeSweepReport, PointData, SetLeakage};
use super::to_json;
use crate::figures::rows;
use crate::stage::{ArtifactError, Context, Files, StageError};

/// Files and numbers about images.
pub(super) struct SweepImages {
    /// `leakage.csv` and `skipped.json`, where there is something in them.
    pub files: Files,
    pub leakage: Vec<SetLeakage>,
    pub skipped: usize,
}

/// Looks at each data set and each way in which it is divided once; `leakage.csv` names the first point of each.
pub(super) fn read(
    report: &MakeSweepReport,
    context: &Context<'_>,
    warnings: &mut Vec<String>,
) -> Result<SweepImages, StageError> {
    let failed = |error: ArtifactError| StageError::Failed(error.to_string());
    let (mut manifests, mut splits) = (Vec::new(), Vec::new());
    let (mut leakage, mut skipped, mut tables) = (Vec::new(), Vec::new(), Vec::new());
    let mut read = Vec::new();
    for (point, entry) in report.points.iter().enumerate() {
        let Some(PointData { manifest, split, data_set, .. }) = &entry.data else { continue };
        if splits.contains(&split.key()) {
            continue;
        }
        splits.push(split.key());
        let images = context.get(manifest)?;
        if !manifests.contains(&manifest.key()) {
            manifests.push(manifest.key());
            skipped.extend(images.skipped.iter().cloned());
        }
        read.push((point, data_set, images, context.get(split)?));
    }
    for (point, data_set, manifest, split) in &read {
        let counts = split.leakage.as_ref().map(Leakage::counts);
        leakage.push(SetLeakage { data_set: (*data_set).clone(), counts });
        let Some(found) = &split.leakage else { continue };
        let warning = found
            .warning()
            .map(|warning| if manifests.len() > 1 { format!("{data_set}: {warning}") } else { warning });
        if let Some(warning) = warning.filter(|warning| !warnings.contains(warning)) {
            warnings.push(warning);
        }
        tables.push((*point, data_set, found.rows(manifest)));
    }
    let mut files = Files::new();
    if !tables.is_empty() {
        let rows = tables.iter().map(|(point, data_set, rows)| report.rows_of(*point, rows, data_set));
        files.insert("leakage.csv".to_owned(), rows::sweep_csv(&report.paths(), rows).into_bytes());
    }
    if !skipped.is_empty() {
        files.insert("skipped.json".to_owned(), to_json(&skipped).map_err(failed)?);
    }
    Ok(SweepImages { files, leakage, skipped: skipped.len() })
}
