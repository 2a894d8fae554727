//! Tables for the terminal: columns as wide as their widest cell.

use crate::stages::report::Summary;
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

/// True positive rates, a row per emotion and a column per method.
pub fn rates(summary: &Summary) -> String {
    let rate = |rate: Option<f64>| rate.map_or_else(|| "-".to_owned(), |rate| format!("{rate:.3}"));
    let mut rows = vec![vec!["true positive rate".to_owned(), "images".to_owned()]];
    rows[0].extend(summary.methods.iter().map(|method| method.name.clone()));
    for emotion in Emotion::ALL {
        let count = summary.images[emotion.index()];
        let left_out = if summary.left_out.contains_key(&emotion) { " (left out)" } else { "" };
        let mut row = vec![format!("{emotion}{left_out}"), count.to_string()];
        row.extend(summary.methods.iter().map(|method| rate(method.true_positive_rate[emotion.index()])));
        rows.push(row);
    }
    let mut total = |name: &str, of: &dyn Fn(&crate::stages::report::MethodSummary) -> Option<f64>| {
        let mut row = vec![name.to_owned(), String::new()];
        row.extend(summary.methods.iter().map(|method| rate(of(method))));
        rows.push(row);
    };
    total("mean", &|method| method.mean_true_positive_rate);
    total("accuracy", &|method| method.accuracy);
    total("variance kept by PCA", &|method| method.kept_variance);
    align(&rows)
}
