//! How the fits went, as CSV: one fit or one candidate a row.

use super::rows::Row;
use super::tables::field;
use crate::solvers::svm::{FitReport, FitTotals};
use crate::types::Emotion;

/// One support vector machine.
#[derive(Clone, Debug, PartialEq)]
pub struct FitRow {
    /// The method's name.
    pub method: String,
    /// The repetition of the cross validation, from 0.
    pub repeat: usize,
    /// The fold, from 0.
    pub fold: usize,
    /// The class told from all others.
    pub class: Emotion,
    /// Penalty C.
    pub c: f64,
    /// How it went.
    pub fit: FitReport,
}

/// What a fold chooses from, a penalty or a point of a sweep, in the cross validation inside its training images.
#[derive(Clone, Debug, PartialEq)]
pub struct CandidateRow {
    /// The method's name.
    pub method: String,
    /// The repetition of the cross validation, from 0.
    pub repeat: usize,
    /// The fold, from 0.
    pub fold: usize,
    /// Penalty C.
    pub c: f64,
    /// What it reached inside the training images; nothing where it could not be fitted there.
    pub mean_true_positive_rate: Option<f64>,
    /// Why it could not.
    pub left_out: Option<String>,
    /// Whether the fold chose it.
    pub chosen: bool,
    /// Its machines: classes times inner folds, less those that could not be fitted.
    pub fits: FitTotals,
}

/// A support vector machine of a candidate, fitted in an inner fold.
#[derive(Clone, Debug, PartialEq)]
pub struct InnerFitRow {
    /// The inner fold, from 0.
    pub inner_fold: usize,
    /// The rest, `fold` being the one whose training images are divided.
    pub fit: FitRow,
}

/// No plane has an objective below `dual`, so `relative_gap` bounds how far from the optimum the fit can be.
impl Row for FitRow {
    const COLUMNS: &'static str =
        "method,repeat,fold,emotion,c,primal,dual,relative_gap,iterations,support_vectors";

    fn fields(&self) -> String {
        let Self { method, repeat, fold, class, c, fit } = self;
        format!("{},{repeat},{fold},{class},{},{}", field(method), number(*c), certificate(fit))
    }
}

/// The last four numbers are of all its machines together; one that could not be fitted says why.
impl Row for CandidateRow {
    const COLUMNS: &'static str = "method,repeat,fold,c,inner_mean_true_positive_rate,chosen,\
        inner_fits,largest_relative_gap,iterations,support_vectors,left_out";

    fn fields(&self) -> String {
        let Self { repeat, fold, c, chosen, .. } = self;
        let FitTotals { count, largest_gap, iterations, support_vectors } = self.fits;
        let (c, largest_gap) =
            (number(*c), if count > 0 { format!("{largest_gap:.1e}") } else { String::new() });
        let rate = self.mean_true_positive_rate.map_or_else(String::new, |rate| format!("{rate:.6}"));
        let (method, left_out) = (field(&self.method), field(self.left_out.as_deref().unwrap_or_default()));
        format!(
            "{method},{repeat},{fold},{c},{rate},{chosen},\
             {count},{largest_gap},{iterations},{support_vectors},{left_out}"
        )
    }
}

/// As of [`FitRow`].
impl Row for InnerFitRow {
    const COLUMNS: &'static str =
        "method,repeat,fold,inner_fold,emotion,c,primal,dual,relative_gap,iterations,support_vectors";

    fn fields(&self) -> String {
        let Self { inner_fold, fit: FitRow { method, repeat, fold, class, c, fit } } = self;
        let start = format!("{},{repeat},{fold},{inner_fold},{class}", field(method));
        format!("{start},{},{}", number(*c), certificate(fit))
    }
}

/// With an exponent where there would be many zeros.
fn number(number: f64) -> String {
    if number == 0.0 || (1e-6..1e9).contains(&number) { number.to_string() } else { format!("{number:e}") }
}

fn certificate(fit: &FitReport) -> String {
    let (FitReport { primal, dual, support_vectors, iterations }, gap) = (fit, fit.gap());
    format!("{},{},{gap:.1e},{iterations},{support_vectors}", number(*primal), number(*dual))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::rows::{PointRows, csv, sweep_csv};
    use super::*;

    fn fit_row() -> FitRow {
        let fit = FitReport { primal: 2.0, dual: 1.5, support_vectors: 7, iterations: 12 };
        FitRow { method: "a, b".to_owned(), repeat: 1, fold: 3, class: Emotion::Fear, c: 0.1, fit }
    }

    #[test]
    fn a_fit_is_a_row_with_its_gap() {
        let rows = [fit_row()];
        let expected = "\"a, b\",1,3,fear,0.1,2,1.5,2.5e-1,12,7,IAPS";
        assert_eq!(csv(&rows, "IAPS").lines().nth(1), Some(expected));
        let values = [Value::from(20)];
        let points = [(0, &rows[..0]), (1, &rows[..])];
        let points = points.map(|(point, rows)| PointRows { point, values: &values, rows, data_set: "IAPS" });
        let table = sweep_csv(&["pca.components".to_owned()], points.into_iter());
        let lines: Vec<&str> = table.lines().collect();
        assert!(lines[0].starts_with("point,pca.components,method,repeat,"), "{table}");
        assert_eq!(lines[1..], [format!("1,20,{expected}")]);
        let inner = InnerFitRow { inner_fold: 2, fit: fit_row() };
        let table = csv(&[inner], "IAPS");
        assert!(table.starts_with("method,repeat,fold,inner_fold,emotion,"), "{table}");
        let expected = "\"a, b\",1,3,2,fear,0.1,2,1.5,2.5e-1,12,7,IAPS";
        assert_eq!(table.lines().nth(1), Some(expected));
    }

    fn candidate() -> CandidateRow {
        let (method, mean_true_positive_rate, left_out) = ("a".to_owned(), Some(0.25), None);
        let fits = FitTotals { count: 24, largest_gap: 2.5e-12, iterations: 240, support_vectors: 900 };
        let (repeat, fold, c, chosen) = (0, 2, 10.0, true);
        CandidateRow { method, repeat, fold, c, mean_true_positive_rate, left_out, chosen, fits }
    }

    #[test]
    fn a_candidate_is_a_row() {
        let expected = "a,0,2,10,0.250000,true,24,2.5e-12,240,900,,IAPS";
        assert_eq!(csv(&[candidate()], "IAPS").lines().nth(1), Some(expected));
    }

    #[test]
    fn a_candidate_that_cannot_be_fitted_says_why() {
        let left_out = Some("too few, too equal".to_owned());
        let (c, fits) = (1.7e308, FitTotals::default());
        let row =
            CandidateRow { c, mean_true_positive_rate: None, left_out, chosen: false, fits, ..candidate() };
        let values = [Value::from(5)];
        let points = [PointRows { point: 3, values: &values, rows: &[row], data_set: "IAPS" }];
        let table = sweep_csv(&["svm.c".to_owned()], points.into_iter());
        let expected = "3,5,a,0,2,1.7e308,,false,0,,0,0,\"too few, too equal\",IAPS";
        assert_eq!(table.lines().nth(1), Some(expected));
    }
}
