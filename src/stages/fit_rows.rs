//! How the fits of a method went, as rows of the report's tables.

use super::report::Entry;
use crate::figures::fit_tables::{FitRow, PenaltyRow};
use crate::stage::{Context, StageError};

/// How every fit of a method went.
pub(super) fn fit_rows(context: &Context<'_>, method: &Entry) -> Result<Vec<FitRow>, StageError> {
    let mut rows = Vec::new();
    for (repeat, part) in method.repeats.iter().enumerate() {
        for (fold, classifier) in part.classifiers.iter().enumerate() {
            let classifier = context.get(classifier)?;
            for (class, fit) in classifier.svm.classes.iter().zip(&classifier.svm.fits) {
                let method = method.name.clone();
                rows.push(FitRow { method, repeat, fold, class: *class, c: classifier.c, fit: *fit });
            }
        }
    }
    Ok(rows)
}

/// What the inner cross validations of a method found.
pub(super) fn penalty_rows(context: &Context<'_>, method: &Entry) -> Result<Vec<PenaltyRow>, StageError> {
    let mut rows = Vec::new();
    for (repeat, part) in method.repeats.iter().enumerate() {
        for (fold, selection) in part.selections.iter().enumerate() {
            let selection = context.get(selection)?;
            rows.extend(selection.candidates.iter().map(|candidate| PenaltyRow {
                method: method.name.clone(),
                repeat,
                fold,
                c: candidate.c,
                mean_true_positive_rate: candidate.mean_true_positive_rate,
                chosen: candidate.c.total_cmp(&selection.c).is_eq(),
            }));
        }
    }
    Ok(rows)
}
