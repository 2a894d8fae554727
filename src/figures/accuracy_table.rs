//! Table 3: images told rightly, all images, and their ratio; the paper's numbers beside ours.

use std::fmt::Write as _;

use super::tables::{MethodEvaluation, field};
use super::text_table::TextTable;
use crate::metrics::{Interval, accuracy};
use crate::paper::{self, NETWORK, TEST_IMAGES};

/// What the table says.
pub struct AccuracyTable<'a> {
    /// A row each.
    pub methods: &'a [MethodEvaluation],
    /// Of their accuracies, in the same order; none where none were computed.
    pub intervals: &'a [Option<Interval>],
    /// The network of each method, in the same order; none where there is none.
    pub networks: &'a [Option<&'a str>],
    /// Which images the numbers are about.
    pub data_set: &'a str,
    /// Whether the paper's numbers are of a comparable experiment, and shown.
    pub with_published: bool,
    /// Said when the images are not the paper's.
    pub stand_in: Option<&'a str>,
    /// Said too: what was trained on and tested, fits that are not sure.
    pub warnings: &'a [String],
}

struct Row<'a> {
    name: &'a str,
    network: Option<&'a str>,
    correct: u64,
    images: u64,
    accuracy: Option<f64>,
    interval: Option<Interval>,
    published: Option<u64>,
}

impl AccuracyTable<'_> {
    fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.methods.iter().enumerate().map(|(at, method)| {
            let pooled = method.evaluation.pooled();
            let published = paper::CORRECT.iter().find(|(name, _)| *name == method.name);
            Row {
                name: &method.name,
                network: self.networks.get(at).copied().flatten(),
                correct: (0..8).map(|class| pooled.counts[class][class]).sum(),
                images: pooled.total(),
                accuracy: accuracy(&pooled),
                interval: self.intervals.get(at).copied().flatten(),
                published: published.map(|(_, correct)| *correct).filter(|_| self.with_published),
            }
        })
    }

    /// `method,correct,images,accuracy,low,high,data_set,network,paper_correct,paper_images,paper_accuracy,paper_data_set,
    /// paper_network`; without the paper's columns where its numbers are of another experiment.
    pub fn csv(&self) -> String {
        let mut table = "method,correct,images,accuracy,low,high,data_set,network".to_owned();
        if self.with_published {
            table.push_str(",paper_correct,paper_images,paper_accuracy,paper_data_set,paper_network");
        }
        table.push('\n');
        for Row { name, network, correct, images, accuracy, interval, published } in self.rows() {
            let number = |share: f64| format!("{share:.6}");
            let accuracy = accuracy.map(number).unwrap_or_default();
            let low = interval.map(|interval| number(interval.low)).unwrap_or_default();
            let high = interval.map(|interval| number(interval.high)).unwrap_or_default();
            // Writing to a string cannot fail.
            let _ = write!(
                table,
                "{},{correct},{images},{accuracy},{low},{high},{},{}",
                field(name),
                field(self.data_set),
                field(network.unwrap_or_default())
            );
            match published {
                Some(right) => {
                    let share = right as f64 / TEST_IMAGES as f64;
                    let _ =
                        write!(table, ",{right},{TEST_IMAGES},{share:.6},\"FI, You et al. 2016\",{NETWORK}");
                }
                None if self.with_published => table.push_str(",,,,,"),
                None => {}
            }
            table.push('\n');
        }
        table
    }

    /// The table in words.
    pub fn words(&self, title: &str) -> TextTable {
        let mut header = vec![
            "method".to_owned(),
            "network".to_owned(),
            "correct".to_owned(),
            format!("accuracy on {}", self.data_set),
        ];
        let mut notes: Vec<String> = Vec::new();
        if let Some(stand_in) = self.stand_in {
            notes.push(format!("These are {stand_in}. The paper's numbers are of another data set."));
        }
        notes.extend(self.warnings.iter().cloned());
        if self.with_published {
            header.extend([
                format!("paper ({NETWORK}): correct"),
                format!("paper ({NETWORK}): accuracy on FI"),
            ]);
        }
        let percent = |share: f64| format!("{:.1} %", 100.0 * share);
        let row = |Row { name, network, correct, images, accuracy, interval, published }: Row<'_>| {
            let within = interval
                .map(|Interval { low, high }| format!(" ({:.1} to {:.1})", 100.0 * low, 100.0 * high));
            let accuracy = accuracy.map(percent).unwrap_or_default() + &within.unwrap_or_default();
            let mut row = vec![
                name.to_owned(),
                network.unwrap_or_default().to_owned(),
                format!("{correct}/{images}"),
                accuracy,
            ];
            if self.with_published {
                let share = |right: u64| percent(right as f64 / TEST_IMAGES as f64);
                row.push(published.map(|right| format!("{right}/{TEST_IMAGES}")).unwrap_or_default());
                row.push(published.map(share).unwrap_or_default());
            }
            row
        };
        let rows = self.rows().map(row).collect();
        TextTable { title: title.to_owned(), notes, header, rows, rules: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{ConfusionMatrix, Evaluation};
    use crate::types::Emotion;

    fn methods() -> Vec<MethodEvaluation> {
        let (fear, awe) = (Emotion::Fear, Emotion::Awe);
        let matrix = ConfusionMatrix::of([(fear, fear), (fear, awe), (awe, awe), (awe, awe)]);
        let method = |name: &str| MethodEvaluation {
            name: name.to_owned(),
            evaluation: Evaluation { folds: vec![matrix] },
        };
        vec![method("Fine-tuned-CNN"), method("mine, too")]
    }

    #[test]
    fn the_papers_numbers_stand_beside_ours_and_are_marked() {
        let methods = methods();
        let stand_in = Some("stand-in images, not FI");
        let intervals = [Some(Interval { low: 0.3, high: 0.954_41 }), None];
        let table = AccuracyTable {
            methods: &methods,
            intervals: &intervals,
            networks: &[Some("efficientnet-lite0"), None],
            data_set: "stand-in",
            with_published: true,
            stand_in,
            warnings: &["A was trained on 2 of the images.".to_owned()],
        };
        let csv = table.csv();
        let lines: Vec<&str> = csv.lines().collect();
        assert_eq!(
            lines[1],
            "Fine-tuned-CNN,3,4,0.750000,0.300000,0.954410,stand-in,efficientnet-lite0,2034,3490,0.582808,\"FI, You et al. 2016\",CaffeNet"
        );
        assert_eq!(lines[2], "\"mine, too\",3,4,0.750000,,,stand-in,,,,,,");
        let markdown = table.words("Table 3").markdown();
        assert!(
            markdown.contains(
                "| Fine-tuned-CNN | efficientnet-lite0 | 3/4 | 75.0 % (30.0 to 95.4) | 2034/3490 | 58.3 % |"
            ),
            "{markdown}"
        );
        assert!(markdown.contains("another data set"));
        assert!(markdown.contains("A was trained on 2 of the images."), "{markdown}");
    }

    #[test]
    fn another_experiment_has_none_of_the_papers_numbers() {
        let methods = methods();
        let table = AccuracyTable {
            methods: &methods,
            intervals: &[],
            networks: &[],
            data_set: "mine",
            with_published: false,
            stand_in: None,
            warnings: &[],
        };
        assert!(!table.csv().contains("2034") && !table.words("t").markdown().contains("paper"));
    }
}
