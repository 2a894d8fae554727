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

/// One penalty tried in the inner cross validation of a fold.
#[derive(Clone, Debug, PartialEq)]
pub struct PenaltyRow {
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
    /// Whether the fold's machines were trained with it.
    pub chosen: bool,
    /// The machines trained with it inside: classes times inner folds, less those that could not be.
    pub fits: FitTotals,
}

/// One point of a sweep in the cross validation inside a fold's training images.
#[derive(Clone, Debug, PartialEq)]
pub struct InsideRow {
    /// The method's name.
    pub method: String,
    /// The repetition of the cross validation, from 0.
    pub repeat: usize,
    /// The fold, from 0.
    pub fold: usize,
    /// What it reached inside the training images; nothing where it could not be fitted there.
    pub mean_true_positive_rate: Option<f64>,
    /// Why it could not.
    pub left_out: Option<String>,
    /// Whether the fold chose it.
    pub chosen: bool,
    /// Its machines: classes times inner folds, less those that could not be.
    pub fits: FitTotals,
}

/// No plane has an objective below `dual`, so `relative_gap` bounds how far from the optimum the fit can be.
impl Row for FitRow {
    const COLUMNS: &'static str =
        "method,repeat,fold,emotion,c,primal,dual,relative_gap,iterations,support_vectors";

    fn fields(&self) -> String {
        let Self { method, repeat, fold, class, c, fit } = self;
        let FitReport { primal, dual, iterations, support_vectors } = fit;
        let (method, gap) = (field(method), fit.gap().max(0.0));
        format!(
            "{method},{repeat},{fold},{class},{c},{primal},{dual},{gap:.1e},{iterations},{support_vectors}"
        )
    }
}

/// The last four are of all machines of the inner folds together.
impl Row for PenaltyRow {
    const COLUMNS: &'static str = "method,repeat,fold,c,inner_mean_true_positive_rate,chosen,\
        inner_fits,largest_relative_gap,iterations,support_vectors";

    fn fields(&self) -> String {
        let Self { repeat, fold, c, chosen, .. } = self;
        let (method, rate) = (field(&self.method), rate(self.mean_true_positive_rate));
        format!("{method},{repeat},{fold},{c},{rate},{chosen},{}", totals(&self.fits))
    }
}

/// As of [`PenaltyRow`]; a point that could not be fitted inside says why.
impl Row for InsideRow {
    const COLUMNS: &'static str = "method,repeat,fold,inner_mean_true_positive_rate,chosen,\
        inner_fits,largest_relative_gap,iterations,support_vectors,left_out";

    fn fields(&self) -> String {
        let Self { repeat, fold, chosen, .. } = self;
        let (method, rate) = (field(&self.method), rate(self.mean_true_positive_rate));
        let left_out = field(self.left_out.as_deref().unwrap_or_default());
        format!("{method},{repeat},{fold},{rate},{chosen},{},{left_out}", totals(&self.fits))
    }
}

fn rate(rate: Option<f64>) -> String {
    rate.map_or_else(String::new, |rate| format!("{rate:.6}"))
}

fn totals(FitTotals { count, largest_gap, iterations, support_vectors }: &FitTotals) -> String {
    format!("{count},{largest_gap:.1e},{iterations},{support_vectors}")
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::rows::{PointRows, csv, sweep_csv};
    use super::*;

    const TOTALS: FitTotals =
        FitTotals { count: 24, largest_gap: 2.5e-12, iterations: 240, support_vectors: 900 };

    #[test]
    fn a_fit_is_a_row_with_its_gap() {
        let fit = FitReport { primal: 2.0, dual: 1.5, support_vectors: 7, iterations: 12 };
        let row = FitRow { method: "a, b".to_owned(), repeat: 1, fold: 3, class: Emotion::Fear, c: 0.1, fit };
        let expected = "\"a, b\",1,3,fear,0.1,2,1.5,2.5e-1,12,7,IAPS";
        assert_eq!(csv(std::slice::from_ref(&row), "IAPS").lines().nth(1), Some(expected));
        let values = [Value::from(20)];
        let rows = [row];
        let points = [(0, &rows[..0]), (1, &rows[..])];
        let points = points.map(|(point, rows)| PointRows { point, values: &values, rows, data_set: "IAPS" });
        let table = sweep_csv(&["pca.components".to_owned()], points.into_iter());
        let lines: Vec<&str> = table.lines().collect();
        assert!(lines[0].starts_with("point,pca.components,method,repeat,"), "{table}");
        assert_eq!(lines[1..], [format!("1,20,{expected}")]);
    }

    #[test]
    fn a_candidate_is_a_row() {
        let (method, mean_true_positive_rate) = ("a".to_owned(), Some(0.25));
        let (repeat, fold, c, chosen, fits) = (0, 0, 10.0, true, TOTALS);
        let row = PenaltyRow { method, repeat, fold, c, mean_true_positive_rate, chosen, fits };
        let expected = "a,0,0,10,0.250000,true,24,2.5e-12,240,900,IAPS";
        assert_eq!(csv(&[row], "IAPS").lines().nth(1), Some(expected));
    }

    #[test]
    fn a_point_that_cannot_be_fitted_inside_says_why() {
        let (method, left_out) = ("a".to_owned(), Some("too few, too equal".to_owned()));
        let (repeat, fold, mean_true_positive_rate, chosen, fits) = (0, 2, None, false, TOTALS);
        let row = InsideRow { method, repeat, fold, mean_true_positive_rate, left_out, chosen, fits };
        let values = [Value::from(5)];
        let points = [PointRows { point: 3, values: &values, rows: &[row], data_set: "IAPS" }];
        let table = sweep_csv(&["svm.c".to_owned()], points.into_iter());
        let expected = "3,5,a,0,2,,false,24,2.5e-12,240,900,\"too few, too equal\",IAPS";
        assert_eq!(table.lines().nth(1), Some(expected));
    }
}
