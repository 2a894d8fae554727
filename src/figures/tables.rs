//! Tables of rates and counts as CSV, one number a row, so that any tool can group and filter them.
//!
//! `repeat` and `fold` are numbers from 0, or `pooled`. Rates have six decimals; a rate over no images is empty.

use std::fmt::Write as _;

use crate::metrics::{ConfusionMatrix, Evaluation, Interval, true_positive_rate, wilson};
use crate::types::Emotion;

/// What one method's test predictions came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MethodEvaluation {
    /// The method's name, as in the figure's legend.
    pub name: String,
    /// Its confusion matrices, fold by fold, one repetition after the other.
    pub evaluation: Evaluation,
}

/// `per_class_tpr.csv`: `method,repeat,fold,emotion,images,correct,true_positive_rate,low,high,data_set`.
///
/// `low` and `high` are the ends of the Wilson interval. Rows that pool repetitions count an image once in each, but
/// their interval is that of as many images as there are. The last column says in every row which images the numbers
/// are about.
pub fn per_class_tpr_csv(methods: &[MethodEvaluation], repeats: usize, data_set: &str) -> String {
    let data_set = field(data_set);
    rows(
        "method,repeat,fold,emotion,images,correct,true_positive_rate,low,high,data_set\n",
        methods,
        repeats,
        |table, start, matrix, counted| {
            for (emotion, rate) in Emotion::ALL.into_iter().zip(true_positive_rate(matrix)) {
                let (images, correct) = (matrix.images(emotion), matrix.correct(emotion));
                let interval = rate.and_then(|rate| wilson(rate, images / counted));
                let [low, high] = match interval {
                    Some(Interval { low, high }) => [low, high].map(|end| format!("{end:.6}")),
                    None => [const { String::new() }; 2],
                };
                let rate = rate.map(|rate| format!("{rate:.6}")).unwrap_or_default();
                // Writing to a string cannot fail.
                let _ =
                    writeln!(table, "{start},{emotion},{images},{correct},{rate},{low},{high},{data_set}");
            }
        },
    )
}

/// `confusion.csv`: `method,repeat,fold,label,predicted,count,data_set`.
pub fn confusion_csv(methods: &[MethodEvaluation], repeats: usize, data_set: &str) -> String {
    let data_set = field(data_set);
    let header = "method,repeat,fold,label,predicted,count,data_set\n";
    rows(header, methods, repeats, |table, start, matrix, _| {
        for label in Emotion::ALL {
            for predicted in Emotion::ALL {
                let count = matrix.counts[label.index()][predicted.index()];
                let _ = writeln!(table, "{start},{label},{predicted},{count},{data_set}");
            }
        }
    })
}

/// A table with the rows of every method and fold, of each repetition where there are several, and of all pooled. The
/// last argument of `write_rows` is how often an image is counted.
fn rows(
    header: &str,
    methods: &[MethodEvaluation],
    repeats: usize,
    write_rows: impl Fn(&mut String, &str, &ConfusionMatrix, u64),
) -> String {
    let mut table = header.to_owned();
    for method in methods {
        let name = field(&method.name);
        let folds = &method.evaluation.folds;
        let of_repeat = folds.len().div_ceil(repeats.max(1)).max(1);
        for (repeat, folds) in folds.chunks(of_repeat).enumerate() {
            for (fold, matrix) in folds.iter().enumerate() {
                write_rows(&mut table, &format!("{name},{repeat},{fold}"), matrix, 1);
            }
            if repeats > 1 {
                let pooled = ConfusionMatrix::pooled(folds);
                write_rows(&mut table, &format!("{name},{repeat},pooled"), &pooled, 1);
            }
        }
        let pooled = method.evaluation.pooled();
        write_rows(&mut table, &format!("{name},pooled,pooled"), &pooled, repeats.max(1) as u64);
    }
    table
}

/// A CSV field, quoted where RFC 4180 asks for it.
pub fn field(text: &str) -> String {
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
        let table = per_class_tpr_csv(&methods(), 1, "x, y");
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines.len(), 1 + 3 * 8);
        assert_eq!(
            lines[0],
            "method,repeat,fold,emotion,images,correct,true_positive_rate,low,high,data_set"
        );
        // The interval as statsmodels' proportion_confint(2, 3, method="wilson") has it.
        let fear = "\"a, \"\"b\"\"\",0,0,fear,3,2,0.666667,0.207660,0.938508,\"x, y\"";
        assert!(lines.contains(&fear), "{table}");
        assert!(lines.contains(&"\"a, \"\"b\"\"\",0,0,awe,0,0,,,,\"x, y\""));
        assert!(table.contains("\",pooled,pooled,awe,1,1,1.000000,0.206549,1.000000,"), "{table}");
    }

    #[test]
    fn repetitions_are_told_apart_and_narrow_no_interval() {
        let mut methods = methods();
        let once = per_class_tpr_csv(&methods, 1, "x");
        let folds = methods[0].evaluation.folds.clone();
        methods[0].evaluation.folds.extend(folds);
        let twice = per_class_tpr_csv(&methods, 2, "x");
        assert_eq!(twice.lines().count(), 1 + (2 * 3 + 1) * 8);
        assert!(twice.contains("\",1,pooled,fear,3,2,0.666667,0.207660,0.938508,x"), "{twice}");
        assert!(twice.contains("\",pooled,pooled,fear,6,4,0.666667,0.207660,0.938508,x"), "{twice}");
        assert!(once.contains("\",pooled,pooled,fear,3,2,0.666667,0.207660,0.938508,x"), "{once}");
    }

    #[test]
    fn confusions_are_tidy_rows() {
        let table = confusion_csv(&methods(), 1, "IAPS");
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines.len(), 1 + 3 * 64);
        assert!(lines.contains(&"\"a, \"\"b\"\"\",0,0,fear,awe,1,IAPS"));
        assert!(lines.contains(&"\"a, \"\"b\"\"\",pooled,pooled,fear,fear,2,IAPS"));
        let counted: u64 =
            lines[1..].iter().map(|line| line.rsplit(',').nth(1).unwrap().parse::<u64>().unwrap()).sum();
        assert_eq!(counted, 2 * 4);
    }
}
