//! Tables of rates and counts as CSV, one number a row, so that any tool can group and filter them.
//!
//! `fold` is a fold's number from 0, or `pooled`. Rates have six decimals; a rate over no images is empty.

use std::fmt::Write as _;

use crate::metrics::{ConfusionMatrix, Evaluation, true_positive_rate};
use crate::types::Emotion;

/// What one method's test predictions came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MethodEvaluation {
    /// The method's name, as in the figure's legend.
    pub name: String,
    /// Its confusion matrices.
    pub evaluation: Evaluation,
}

/// `per_class_tpr.csv`: `method,fold,emotion,images,correct,true_positive_rate,data_set`.
///
/// The last column says in every row which images the numbers are about.
pub fn per_class_tpr_csv(methods: &[MethodEvaluation], data_set: &str) -> String {
    let data_set = field(data_set);
    rows(
        "method,fold,emotion,images,correct,true_positive_rate,data_set\n",
        methods,
        |table, start, matrix| {
            for (emotion, rate) in Emotion::ALL.into_iter().zip(true_positive_rate(matrix)) {
                let rate = rate.map(|rate| format!("{rate:.6}")).unwrap_or_default();
                let (images, correct) = (matrix.images(emotion), matrix.correct(emotion));
                // Writing to a string cannot fail.
                let _ = writeln!(table, "{start},{emotion},{images},{correct},{rate},{data_set}");
            }
        },
    )
}

/// `confusion.csv`: `method,fold,label,predicted,count,data_set`.
pub fn confusion_csv(methods: &[MethodEvaluation], data_set: &str) -> String {
    let data_set = field(data_set);
    rows("method,fold,label,predicted,count,data_set\n", methods, |table, start, matrix| {
        for label in Emotion::ALL {
            for predicted in Emotion::ALL {
                let count = matrix.counts[label.index()][predicted.index()];
                let _ = writeln!(table, "{start},{label},{predicted},{count},{data_set}");
            }
        }
    })
}

/// A table with the rows of every method and fold, and of all folds pooled.
fn rows(
    header: &str,
    methods: &[MethodEvaluation],
    write_rows: impl Fn(&mut String, &str, &ConfusionMatrix),
) -> String {
    let mut table = header.to_owned();
    for method in methods {
        let name = field(&method.name);
        for (fold, matrix) in method.evaluation.folds.iter().enumerate() {
            write_rows(&mut table, &format!("{name},{fold}"), matrix);
        }
        write_rows(&mut table, &format!("{name},pooled"), &method.evaluation.pooled());
    }
    table
}

/// A CSV field, quoted where RFC 4180 asks for it.
pub(super) fn field(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn methods() -> Vec<MethodEvaluation> {
        let (fear, awe) = (Emotion::Fear, Emotion::Awe);
        let folds = vec![
            ConfusionMatrix::of([(fear, fear), (fear, awe), (fear, fear)]),
            ConfusionMatrix::of([(awe, awe)]),
        ];
        vec![MethodEvaluation { name: "a, \"b\"".to_owned(), evaluation: Evaluation { folds } }]
    }

    #[test]
    fn rates_are_tidy_rows() {
        let table = per_class_tpr_csv(&methods(), "x, y");
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines.len(), 1 + 3 * 8);
        assert_eq!(lines[0], "method,fold,emotion,images,correct,true_positive_rate,data_set");
        assert!(lines.contains(&"\"a, \"\"b\"\"\",0,fear,3,2,0.666667,\"x, y\""));
        assert!(lines.contains(&"\"a, \"\"b\"\"\",0,awe,0,0,,\"x, y\""));
        assert!(lines.contains(&"\"a, \"\"b\"\"\",pooled,awe,1,1,1.000000,\"x, y\""));
    }

    #[test]
    fn confusions_are_tidy_rows() {
        let table = confusion_csv(&methods(), "IAPS");
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines.len(), 1 + 3 * 64);
        assert!(lines.contains(&"\"a, \"\"b\"\"\",0,fear,awe,1,IAPS"));
        assert!(lines.contains(&"\"a, \"\"b\"\"\",pooled,fear,fear,2,IAPS"));
        let counted: u64 =
            lines[1..].iter().map(|line| line.rsplit(',').nth(1).unwrap().parse::<u64>().unwrap()).sum();
        assert_eq!(counted, 2 * 4);
    }
}
