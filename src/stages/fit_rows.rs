//! How the fits of a method went, as rows of the report's tables.

use std::collections::BTreeMap;

use super::report::Entry;
use crate::figures::fit_tables::{FitRow, PenaltyRow};
use crate::solvers::svm::FAR;
use crate::stage::{Context, StageError};

/// How every fit of a method went.
pub(super) fn fit_rows(context: &Context<'_>, method: &Entry) -> Result<Vec<FitRow>, StageError> {
    let mut rows = Vec::new();
    for (repeat, part) in method.repeats.iter().enumerate() {
        for (fold, classifier) in part.classifiers.iter().enumerate() {
            let classifier = classifier.get(context)?;
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

/// What the results must say of a method's fits: penalties left out of a choice, answers that are none.
pub(super) fn fit_warnings(
    context: &Context<'_>,
    method: &Entry,
    fits: &[FitRow],
) -> Result<Vec<String>, StageError> {
    let mut warnings = left_out_penalties(context, method)?;
    warnings.extend(far_from_optimum(fits));
    Ok(warnings)
}

/// One sentence for each penalty that could not be fitted in some inner cross validation of a method.
fn left_out_penalties(context: &Context<'_>, method: &Entry) -> Result<Vec<String>, StageError> {
    let mut left_out: BTreeMap<String, (usize, String)> = BTreeMap::new();
    for selection in method.repeats.iter().flat_map(|repeat| &repeat.selections) {
        for candidate in &context.get(selection)?.candidates {
            if let Some(reason) = &candidate.left_out {
                left_out.entry(candidate.c.to_string()).or_insert_with(|| (0, reason.clone())).0 += 1;
            }
        }
    }
    let folds: usize = method.repeats.iter().map(|repeat| repeat.selections.len()).sum();
    let say = |(c, (times, reason)): (String, (usize, String))| {
        format!("{}: C = {c} was left out of the choice in {times} of {folds} folds: {reason}", method.name)
    };
    Ok(left_out.into_iter().map(say).collect())
}

/// A sentence for each method with fits that ended far from their optimum, which only linfa-svm's do.
fn far_from_optimum(rows: &[FitRow]) -> Vec<String> {
    let mut by_method: BTreeMap<&str, Vec<&FitRow>> = BTreeMap::new();
    for row in rows {
        by_method.entry(&row.method).or_default().push(row);
    }
    let say = |(method, rows): (&str, Vec<&FitRow>)| {
        let far: Vec<&&FitRow> = rows.iter().filter(|row| row.fit.is_far()).collect();
        let worst = far.iter().max_by(|a, b| a.fit.gap().total_cmp(&b.fit.gap()))?;
        Some(format!(
            "{method}: {} of {} SVMs ended further than {FAR} from their optimum; that of `{}` in fold {} by a relative \
             gap of {:.1e}: do not use them, set `solver = \"interior-point\"` in `[svm]`",
            far.len(),
            rows.len(),
            worst.class,
            worst.fold + 1,
            worst.fit.gap()
        ))
    };
    by_method.into_iter().filter_map(say).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::solvers::svm::FitReport;
    use crate::types::Emotion;

    #[test]
    fn only_fits_far_from_their_optimum_are_warned_of() {
        let row = |fold, class, dual| FitRow {
            method: "a".to_owned(),
            repeat: 0,
            fold,
            class,
            c: 1.0,
            fit: FitReport { primal: 2.0, dual, support_vectors: 3, iterations: 4 },
        };
        assert_eq!(far_from_optimum(&[row(0, Emotion::Awe, 1.999)]), [""; 0]);
        let rows = [row(0, Emotion::Awe, 1.999), row(1, Emotion::Fear, 0.0), row(2, Emotion::Anger, 1.997)];
        let warnings = far_from_optimum(&rows);
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].starts_with("a: 2 of 3 SVMs"), "{}", warnings[0]);
        assert!(warnings[0].contains("`fear` in fold 2 by a relative gap of 1.0e0"), "{}", warnings[0]);
    }
}
