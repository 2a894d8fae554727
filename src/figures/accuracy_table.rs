//! Table 3: images told rightly, all images, and their ratio; the paper's numbers beside ours.

use std::fmt::Write as _;

use super::tables::{MethodEvaluation, field};
use crate::metrics::accuracy;

/// What You et al. (2016), table 3, state of a method: images told rightly of 3,490.
const PUBLISHED: [(&str, u64); 3] =
    [("ImageNet-CNN", 1120), ("Noisy-Fine-tuned-CNN", 1600), ("Fine-tuned-CNN", 2034)];
const PUBLISHED_IMAGES: u64 = 3490;

/// What the table says.
pub struct AccuracyTable<'a> {
    /// A row each.
    pub methods: &'a [MethodEvaluation],
    /// Which images the numbers are about.
    pub data_set: &'a str,
    /// Whether the paper's numbers are of a comparable experiment, and shown.
    pub with_published: bool,
    /// Said when the images are not the paper's.
    pub stand_in: Option<&'a str>,
}

struct Row<'a> {
    name: &'a str,
    correct: u64,
    images: u64,
    accuracy: Option<f64>,
    published: Option<u64>,
}

impl AccuracyTable<'_> {
    fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.methods.iter().map(|method| {
            let pooled = method.evaluation.pooled();
            let published = PUBLISHED.iter().find(|(name, _)| *name == method.name);
            Row {
                name: &method.name,
                correct: (0..8).map(|class| pooled.counts[class][class]).sum(),
                images: pooled.total(),
                accuracy: accuracy(&pooled),
                published: published.map(|(_, correct)| *correct).filter(|_| self.with_published),
            }
        })
    }

    /// `method,correct,images,accuracy,data_set,paper_correct,paper_images,paper_accuracy,paper_data_set`; without
    /// the paper's columns where its numbers are of another experiment.
    pub fn csv(&self) -> String {
        let mut table = "method,correct,images,accuracy,data_set".to_owned();
        if self.with_published {
            table.push_str(",paper_correct,paper_images,paper_accuracy,paper_data_set");
        }
        table.push('\n');
        for Row { name, correct, images, accuracy, published } in self.rows() {
            let accuracy = accuracy.map(|share| format!("{share:.6}")).unwrap_or_default();
            // Writing to a string cannot fail.
            let _ = write!(table, "{},{correct},{images},{accuracy},{}", field(name), field(self.data_set));
            match published {
                Some(right) => {
                    let share = right as f64 / PUBLISHED_IMAGES as f64;
                    let _ = write!(table, ",{right},{PUBLISHED_IMAGES},{share:.6},\"FI, You et al. 2016\"");
                }
                None if self.with_published => table.push_str(",,,,"),
                None => {}
            }
            table.push('\n');
        }
        table
    }

    /// The table as Markdown.
    pub fn markdown(&self, title: &str) -> String {
        let mut table = format!("**{title}**\n\n");
        if let Some(stand_in) = self.stand_in {
            let _ =
                writeln!(table, "**These are {stand_in}.** The paper's numbers are of another data set.\n");
        }
        table.push_str(&format!("| method | correct | accuracy on {} |", self.data_set));
        let rule = if self.with_published {
            table.push_str(" paper: correct | paper: accuracy on FI |");
            "\n|---|---|---|---|---|\n"
        } else {
            "\n|---|---|---|\n"
        };
        table.push_str(rule);
        for Row { name, correct, images, accuracy, published } in self.rows() {
            let percent = |share: f64| format!("{:.1} %", 100.0 * share);
            let accuracy = accuracy.map(percent).unwrap_or_default();
            let name = name.replace('|', "\\|");
            let _ = write!(table, "| {name} | {correct}/{images} | {accuracy} |");
            if self.with_published {
                let text = published.map(|right| {
                    let share = percent(right as f64 / PUBLISHED_IMAGES as f64);
                    format!(" {right}/{PUBLISHED_IMAGES} | {share} |")
                });
                table.push_str(&text.unwrap_or_else(|| " | |".to_owned()));
            }
            table.push('\n');
        }
        table
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
        let table = AccuracyTable { methods: &methods, data_set: "stand-in", with_published: true, stand_in };
        let csv = table.csv();
        let lines: Vec<&str> = csv.lines().collect();
        assert_eq!(
            lines[1],
            "Fine-tuned-CNN,3,4,0.750000,stand-in,2034,3490,0.582808,\"FI, You et al. 2016\""
        );
        assert_eq!(lines[2], "\"mine, too\",3,4,0.750000,stand-in,,,,");
        let markdown = table.markdown("Table 3");
        assert!(markdown.contains("| Fine-tuned-CNN | 3/4 | 75.0 % | 2034/3490 | 58.3 % |"), "{markdown}");
        assert!(markdown.contains("another data set"));
    }

    #[test]
    fn another_experiment_has_none_of_the_papers_numbers() {
        let methods = methods();
        let table =
            AccuracyTable { methods: &methods, data_set: "mine", with_published: false, stand_in: None };
        assert!(!table.csv().contains("2034") && !table.markdown("t").contains("paper"));
    }
}
