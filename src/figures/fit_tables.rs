//! How the fits went, as CSV: one fit or one candidate a row.

use std::fmt::Write as _;

use super::tables::field;
use crate::solvers::svm::FitReport;
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
}

/// `fits.csv`: `method,repeat,fold,emotion,c,primal,dual,relative_gap,iterations,support_vectors,data_set`.
///
/// No plane has an objective below `dual`, so `relative_gap` bounds how far from the optimum the fit can be.
pub fn fits_csv(rows: &[FitRow], data_set: &str) -> String {
    let data_set = field(data_set);
    let mut table =
        "method,repeat,fold,emotion,c,primal,dual,relative_gap,iterations,support_vectors,data_set\n"
            .to_owned();
    for FitRow { method, repeat, fold, class, c, fit } in rows {
        let method = field(method);
        let FitReport { primal, dual, iterations, support_vectors } = fit;
        // Writing to a string cannot fail.
        let _ = writeln!(
            table,
            "{method},{repeat},{fold},{class},{c},{primal},{dual},{:.1e},{iterations},{support_vectors},{data_set}",
            fit.gap().max(0.0)
        );
    }
    table
}

/// `penalties.csv`: `method,repeat,fold,c,inner_mean_true_positive_rate,chosen,data_set`.
pub fn penalties_csv(rows: &[PenaltyRow], data_set: &str) -> String {
    let data_set = field(data_set);
    let mut table = "method,repeat,fold,c,inner_mean_true_positive_rate,chosen,data_set\n".to_owned();
    for PenaltyRow { method, repeat, fold, c, mean_true_positive_rate, chosen } in rows {
        let method = field(method);
        let rate = mean_true_positive_rate.map_or_else(String::new, |rate| format!("{rate:.6}"));
        let _ = writeln!(table, "{method},{repeat},{fold},{c},{rate},{chosen},{data_set}");
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fit_is_a_row_with_its_gap() {
        let fit = FitReport { primal: 2.0, dual: 1.5, support_vectors: 7, iterations: 12 };
        let row = FitRow { method: "a, b".to_owned(), repeat: 1, fold: 3, class: Emotion::Fear, c: 0.1, fit };
        let expected = "\"a, b\",1,3,fear,0.1,2,1.5,2.5e-1,12,7,IAPS";
        assert_eq!(fits_csv(&[row], "IAPS").lines().nth(1), Some(expected));
    }

    #[test]
    fn a_candidate_is_a_row() {
        let method = "a".to_owned();
        let row = PenaltyRow {
            method,
            repeat: 0,
            fold: 0,
            c: 10.0,
            mean_true_positive_rate: Some(0.25),
            chosen: true,
        };
        assert_eq!(penalties_csv(&[row], "IAPS").lines().nth(1), Some("a,0,0,10,0.250000,true,IAPS"));
    }
}
