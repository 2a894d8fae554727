//! How the fits of a method went, as rows of the report's tables.

use super::inner_folds::{InnerFit, InnerRate};
use super::report::Entry;
use crate::figures::fit_tables::{CandidateRow, FitRow, InnerFitRow};
use crate::solvers::svm::{FAR, FitReport, FitTotals};
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

/// What folds choose from, and its machines.
#[derive(Default)]
pub(super) struct InnerRows {
    pub candidates: Vec<CandidateRow>,
    pub fits: Vec<InnerFitRow>,
}

impl InnerRows {
    /// Adds a candidate of a fold.
    pub fn add(&mut self, method: &str, (repeat, fold): (usize, usize), candidate: &InnerRate, chosen: bool) {
        let InnerRate { c, mean_true_positive_rate, ref left_out, ref fits } = *candidate;
        let fit_row = |InnerFit { inner_fold, class, fit }: &InnerFit| InnerFitRow {
            inner_fold: *inner_fold,
            fit: FitRow { method: method.to_owned(), repeat, fold, class: *class, c, fit: *fit },
        };
        self.fits.extend(fits.iter().map(fit_row));
        self.candidates.push(CandidateRow {
            method: method.to_owned(),
            repeat,
            fold,
            c,
            mean_true_positive_rate,
            left_out: left_out.clone(),
            chosen,
            fits: FitTotals::of(fits.iter().map(|inner| &inner.fit)),
        });
    }

    /// Adds others behind these.
    pub fn extend(&mut self, others: Self) {
        self.candidates.extend(others.candidates);
        self.fits.extend(others.fits);
    }
}

/// What the inner cross validations of a method found, by penalty.
pub(super) fn penalty_rows(context: &Context<'_>, method: &Entry) -> Result<InnerRows, StageError> {
    let mut rows = InnerRows::default();
    for (repeat, part) in method.repeats.iter().enumerate() {
        for (fold, selection) in part.selections.iter().enumerate() {
            let selection = context.get(selection)?;
            for candidate in &selection.candidates {
                let chosen = candidate.c.total_cmp(&selection.c).is_eq();
                rows.add(&method.name, (repeat, fold), candidate, chosen);
            }
        }
    }
    Ok(rows)
}

/// What the results must say of a method's fits: penalties left out of a choice, answers that are none.
pub(super) fn fit_warnings(method: &str, fits: &[FitRow], inside: &InnerRows) -> Vec<String> {
    let mut warnings = left_out_penalties(method, &inside.candidates);
    let name = |row: &FitRow| format!("`{}` in fold {}", row.class, row.fold);
    let far = far_from_optimum(fits.iter(), |row| row.fit, |row| name(row));
    warnings.extend(far.map(|far| format!("{method}: {far}: do not use them, {WAY_OUT}")));
    warnings.extend(far_inside(method, inside.fits.iter()));
    warnings
}

const WAY_OUT: &str = "set `solver = \"interior-point\"` in `[svm]`";

/// That machines inside the folds are no answers, where some are.
pub(super) fn far_inside<'a>(method: &str, fits: impl Iterator<Item = &'a InnerFitRow>) -> Option<String> {
    let name = |InnerFitRow { inner_fold, fit: FitRow { class, fold, c, .. } }: &InnerFitRow| {
        format!("`{class}` in inner fold {inner_fold} of fold {fold} at C = {c:?}")
    };
    let far = far_from_optimum(fits, |row| row.fit.fit, |row| name(row))?;
    Some(format!("{method}: inside the folds {far}: do not trust what they chose, {WAY_OUT}"))
}

/// One sentence for each penalty that could not be fitted in some inner cross validation of a method.
fn left_out_penalties(method: &str, candidates: &[CandidateRow]) -> Vec<String> {
    let mut penalties: Vec<f64> = candidates.iter().map(|row| row.c).collect();
    penalties.sort_by(f64::total_cmp);
    penalties.dedup();
    let say = |c: f64| {
        let tried = || candidates.iter().filter(|row| row.c.total_cmp(&c).is_eq());
        let mut left_out = tried().filter_map(|row| Some((row.fold, row.left_out.as_deref()?)));
        let (fold, reason) = left_out.next()?;
        let (times, folds) = (1 + left_out.count(), tried().count());
        Some(format!(
            "{method}: C = {c:?} was left out of the choice in {times} of {folds} folds: fold {fold}, {reason}"
        ))
    };
    penalties.into_iter().filter_map(say).collect()
}

/// How many of these fits ended far from their optimum, and what the worst of them is called; none where all are near it.
/// Only linfa-svm's are ever far.
pub fn far_from_optimum<T>(
    fits: impl Iterator<Item = T>,
    report: impl Fn(&T) -> FitReport,
    name: impl Fn(&T) -> String,
) -> Option<String> {
    let (mut all, mut far, mut worst) = (0, 0, None);
    for fit in fits {
        all += 1;
        if !report(&fit).is_far() {
            continue;
        }
        far += 1;
        let gap = report(&fit).gap();
        if worst.as_ref().is_none_or(|(_, largest)| gap.total_cmp(largest).is_gt()) {
            worst = Some((fit, gap));
        }
    }
    let (worst, gap) = worst?;
    Some(format!(
        "{far} of {all} SVMs ended further than {FAR} from their optimum; that of {} by a relative gap of {gap:.1e}",
        name(&worst)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_fits_far_from_their_optimum_are_warned_of() {
        let report =
            |fit: &(&str, f64)| FitReport { primal: 2.0, dual: fit.1, support_vectors: 3, iterations: 4 };
        let far = |fits: &[(&'static str, f64)]| {
            far_from_optimum(fits.iter().copied(), report, |(name, _)| (*name).to_owned())
        };
        assert_eq!(far(&[]), None);
        assert_eq!(far(&[("awe", 1.999)]), None);
        assert_eq!(
            far(&[("awe", 1.999), ("fear", 0.0), ("anger", 1.997)]).as_deref(),
            Some(
                "2 of 3 SVMs ended further than 0.001 from their optimum; that of fear by a relative gap of 1.0e0"
            )
        );
    }
}
