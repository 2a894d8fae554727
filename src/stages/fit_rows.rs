//! How the fits of a method went, as rows of the report's tables.

use std::collections::BTreeMap;

use super::report::Entry;
use crate::figures::fit_tables::{FitRow, PenaltyRow};
use crate::solvers::svm::{FAR, FitReport};
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
                mean_true_positive_rate: candidate.inside.mean_true_positive_rate,
                chosen: candidate.c.total_cmp(&selection.c).is_eq(),
                fits: candidate.inside.fits,
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
    let fits = fits.iter().map(|row| (format!("`{}` in fold {}", row.class, row.fold + 1), row.fit));
    warnings.extend(far_from_optimum(fits).map(|far| {
        format!("{}: {far}: do not use them, set `solver = \"interior-point\"` in `[svm]`", method.name)
    }));
    Ok(warnings)
}

/// One sentence for each penalty that could not be fitted in some inner cross validation of a method.
fn left_out_penalties(context: &Context<'_>, method: &Entry) -> Result<Vec<String>, StageError> {
    let mut left_out: BTreeMap<String, (usize, String)> = BTreeMap::new();
    let selections = method.repeats.iter().flat_map(|repeat| repeat.selections.iter().enumerate());
    for (fold, selection) in selections {
        for candidate in &context.get(selection)?.candidates {
            if let Some(reason) = &candidate.inside.left_out {
                let reason = || format!("fold {}, {reason}", fold + 1);
                left_out.entry(candidate.c.to_string()).or_insert_with(|| (0, reason())).0 += 1;
            }
        }
    }
    let folds: usize = method.repeats.iter().map(|repeat| repeat.selections.len()).sum();
    let say = |(c, (times, reason)): (String, (usize, String))| {
        format!("{}: C = {c} was left out of the choice in {times} of {folds} folds: {reason}", method.name)
    };
    Ok(left_out.into_iter().map(say).collect())
}

/// How many of these fits, each with what it is called, ended far from their optimum, and the worst of them; none where
/// all are near it. Only linfa-svm's are ever far.
pub fn far_from_optimum(fits: impl Iterator<Item = (String, FitReport)>) -> Option<String> {
    let fits: Vec<_> = fits.collect();
    let far = || fits.iter().filter(|(_, fit)| fit.is_far());
    let (worst, fit) = far().max_by(|(_, a), (_, b)| a.gap().total_cmp(&b.gap()))?;
    Some(format!(
        "{} of {} SVMs ended further than {FAR} from their optimum; that of {worst} by a relative gap of {:.1e}",
        far().count(),
        fits.len(),
        fit.gap()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_fits_far_from_their_optimum_are_warned_of() {
        let fit = |name: &str, dual| {
            (name.to_owned(), FitReport { primal: 2.0, dual, support_vectors: 3, iterations: 4 })
        };
        assert_eq!(far_from_optimum([].into_iter()), None);
        assert_eq!(far_from_optimum([fit("awe", 1.999)].into_iter()), None);
        let fits = [fit("awe", 1.999), fit("fear", 0.0), fit("anger", 1.997)];
        assert_eq!(
            far_from_optimum(fits.into_iter()).as_deref(),
            Some(
                "2 of 3 SVMs ended further than 0.001 from their optimum; that of fear by a relative gap of 1.0e0"
            )
        );
    }
}
