//! Tables for the terminal: columns as wide as their widest cell.

use crate::dataset::csv::{Csv, CsvError};
use crate::metrics::measures::Measure;
use crate::metrics::{Interval, Spread};
use crate::stages::leakage::{LeakageCounts, words};
use crate::stages::summary::{MethodSummary, Summary};
use crate::types::Emotion;

/// Rows of cells, the first column flush left and the others flush right.
pub fn align(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let pad = widths[column] - cell.chars().count();
            if column == 0 {
                line.push_str(cell);
                line.extend(std::iter::repeat_n(' ', pad));
            } else {
                line.extend(std::iter::repeat_n(' ', pad + 2));
                line.push_str(cell);
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// True positive rates and further measures with their 95 % intervals, a column per method.
pub fn rates(summary: &Summary) -> String {
    let mut rows = vec![vec!["true positive rate".to_owned(), "images".to_owned()]];
    rows[0].extend(summary.methods.iter().map(|method| method.name.clone()));
    for emotion in Emotion::ALL {
        let is_left_out = summary.left_out.contains_key(&emotion);
        let count = if is_left_out { summary.images } else { summary.tested }[emotion.index()];
        let left_out = if is_left_out { " (left out)" } else { "" };
        let mut row = vec![format!("{emotion}{left_out}"), count.to_string()];
        row.extend(summary.methods.iter().map(|method| {
            let at = emotion.index();
            with_interval(method.true_positive_rate[at], method.true_positive_rate_interval[at])
        }));
        rows.push(row);
    }
    let mut total = |name: &str, of: &dyn Fn(&MethodSummary) -> String| {
        let cells = summary.methods.iter().map(of);
        rows.push([name.to_owned(), String::new()].into_iter().chain(cells).collect());
    };
    total("mean (balanced accuracy)", &|method| {
        with_interval(method.mean_true_positive_rate, method.mean_true_positive_rate_interval)
    });
    total("accuracy", &|method| with_interval(method.accuracy, method.accuracy_interval));
    for (measure, title) in FURTHER {
        total(title, &|method| {
            let estimate = method.measures.get(measure.name());
            with_interval(estimate.map(|estimate| estimate.value), estimate.map(|estimate| estimate.interval))
        });
    }
    total("variance kept by PCA", &|method| with_interval(method.kept_variance, None));
    if summary.repeats > 1 {
        let measures = [("mean_true_positive_rate", "mean"), ("accuracy", "accuracy")];
        for (name, title) in
            Emotion::ALL.map(|emotion| (emotion.name(), emotion.name())).into_iter().chain(measures)
        {
            total(&format!("{title} over {} repeats", summary.repeats), &|method| {
                method.spread.get(name).map_or_else(|| "-".to_owned(), range)
            });
        }
    }
    align(&rows)
}

/// Each pair of methods over all images, a row each, from `comparisons.csv`.
///
/// # Errors
/// It lacks a column.
pub fn pairs(comparisons: &Csv) -> Result<String, CsvError> {
    let column = |name: &'static str| comparisons.column(name);
    let (first, second, measure) = (column("first")?, column("second")?, column("measure")?);
    let (difference, low, high) = (column("difference")?, column("low")?, column("high")?);
    let (bootstrap, mcnemar) = (column("bootstrap_p")?, column("mcnemar_p")?);
    let number = |field: &str| field.parse::<f64>().unwrap_or(f64::NAN);
    let header = ["second against first", "mean rate, 95 %", "bootstrap p", "accuracy, 95 %", "McNemar p"];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    for (_, row) in comparisons.rows() {
        let shown = signed(number(&row[difference]), [number(&row[low]), number(&row[high])]);
        match row[measure].as_str() {
            "mean_true_positive_rate" => {
                let name = format!("{} against {}", row[second], row[first]);
                rows.push(vec![name, shown, p_value(number(&row[bootstrap]))]);
            }
            // Stands after the mean rate of the same pair.
            "accuracy" => {
                if let Some(pair) = rows.last_mut() {
                    pair.extend([shown, p_value(number(&row[mcnemar]))]);
                }
            }
            _ => {}
        }
    }
    Ok(align(&rows))
}

/// A difference with its interval.
pub fn signed(value: f64, [low, high]: [f64; 2]) -> String {
    format!("{value:+.3} [{low:+.3}, {high:+.3}]")
}

/// As it is written in a paper.
pub fn p_value(p: f64) -> String {
    if p < 0.001 { "< 0.001".to_owned() } else { format!("{p:.3}") }
}

/// Duplicates on both sides of the split, and what became of them, in a line.
pub fn leakage(counts: Option<&LeakageCounts>) -> String {
    format!("leakage: {}", words(counts))
}

/// A line about images that were left out; nothing where there are none.
pub fn skipped(images: usize) -> String {
    if images == 0 { String::new() } else { format!("{images} bad images left out: see skipped.json\n") }
}

/// Measures in the table beside mean rate and accuracy.
const FURTHER: [(Measure, &str); 5] = [
    (Measure::MacroF1, "macro F1"),
    (Measure::CohenKappa, "Cohen's kappa"),
    (Measure::Top2Accuracy, "top-2 accuracy"),
    (Measure::TwoGroupAccuracy, "positive/negative accuracy"),
    (Measure::CalibrationError, "calibration error"),
];

/// `sd 0.012, 0.490 to 0.530`
fn range(spread: &Spread) -> String {
    format!("sd {:.3}, {:.3} to {:.3}", spread.standard_deviation, spread.minimum, spread.maximum)
}

/// `0.512 [0.42, 0.60]`
fn with_interval(value: Option<f64>, interval: Option<Interval>) -> String {
    let value = value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"));
    match interval {
        Some(Interval { low, high }) => format!("{value} [{low:.2}, {high:.2}]"),
        None => value,
    }
}
