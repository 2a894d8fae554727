//! How the fits went, as CSV: one fit or one candidate a row.

use std::fmt::Write as _;

use serde_json::Value;

use super::sweep_table::plain;
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
    /// Machines trained with it inside: classes times inner folds, less those that could not be.
    pub fits: usize,
    /// The largest relative gap of one of them.
    pub largest_gap: f64,
    /// Iterations of all of them.
    pub iterations: usize,
    /// Support vectors of all of them.
    pub support_vectors: usize,
}

/// `fits.csv`: `method,repeat,fold,emotion,c,primal,dual,relative_gap,iterations,support_vectors,data_set`.
///
/// No plane has an objective below `dual`, so `relative_gap` bounds how far from the optimum the fit can be.
pub fn fits_csv(rows: &[FitRow], data_set: &str) -> String {
    let data_set = field(data_set);
    let mut table = format!("{COLUMNS}\n");
    for row in rows {
        // Writing to a string cannot fail.
        let _ = writeln!(table, "{},{data_set}", row.fields());
    }
    table
}

/// `fits.csv` of a sweep: `point`, a column per axis, then as [`fits_csv`]. Of each point: the values of its axes, its fits, and
/// which images they are about.
pub fn sweep_fits_csv<'a>(
    axes: &[String],
    points: impl Iterator<Item = (&'a [Value], &'a [FitRow], &'a str)>,
) -> String {
    let names: Vec<String> = axes.iter().map(|axis| field(axis)).collect();
    let mut table = format!("point,{},{COLUMNS}\n", names.join(","));
    for (number, (values, rows, data_set)) in points.enumerate() {
        let values: Vec<String> = values.iter().map(|value| field(&plain(value))).collect();
        let (values, data_set) = (values.join(","), field(data_set));
        for row in rows {
            let _ = writeln!(table, "{number},{values},{},{data_set}", row.fields());
        }
    }
    table
}

const COLUMNS: &str =
    "method,repeat,fold,emotion,c,primal,dual,relative_gap,iterations,support_vectors,data_set";

impl FitRow {
    fn fields(&self) -> String {
        let Self { method, repeat, fold, class, c, fit } = self;
        let FitReport { primal, dual, iterations, support_vectors } = fit;
        let (method, gap) = (field(method), fit.gap().max(0.0));
        format!(
            "{method},{repeat},{fold},{class},{c},{primal},{dual},{gap:.1e},{iterations},{support_vectors}"
        )
    }
}

/// `penalties.csv`: `method,repeat,fold,c,inner_mean_true_positive_rate,chosen,data_set,inner_fits,largest_relative_gap,iterations,
/// support_vectors`; the last four are of all machines of the inner folds together.
pub fn penalties_csv(rows: &[PenaltyRow], data_set: &str) -> String {
    let data_set = field(data_set);
    let mut table = "method,repeat,fold,c,inner_mean_true_positive_rate,chosen,data_set,\
                     inner_fits,largest_relative_gap,iterations,support_vectors\n"
        .to_owned();
    for row in rows {
        let PenaltyRow { repeat, fold, c, chosen, fits, iterations, support_vectors, .. } = row;
        let (method, gap) = (field(&row.method), row.largest_gap.max(0.0));
        let rate = row.mean_true_positive_rate.map_or_else(String::new, |rate| format!("{rate:.6}"));
        let _ = writeln!(
            table,
            "{method},{repeat},{fold},{c},{rate},{chosen},{data_set},{fits},{gap:.1e},{iterations},{support_vectors}"
        );
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
        assert_eq!(fits_csv(std::slice::from_ref(&row), "IAPS").lines().nth(1), Some(expected));
        let values = [Value::from(20)];
        let points = [(&values[..], &[][..], "IAPS"), (&values[..], std::slice::from_ref(&row), "IAPS")];
        let table = sweep_fits_csv(&["pca.components".to_owned()], points.into_iter());
        let lines: Vec<&str> = table.lines().collect();
        assert!(lines[0].starts_with("point,pca.components,method,repeat,"), "{table}");
        assert_eq!(lines[1..], [format!("1,20,{expected}")]);
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
            fits: 24,
            largest_gap: 2.5e-12,
            iterations: 240,
            support_vectors: 900,
        };
        let expected = "a,0,0,10,0.250000,true,IAPS,24,2.5e-12,240,900";
        assert_eq!(penalties_csv(&[row], "IAPS").lines().nth(1), Some(expected));
    }
}
