//! `emolab compare`

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::{Printer, table};
use crate::config;
use crate::error::Error;
use crate::metrics::comparison::{Difference, Paired};
use crate::results::{self, Answers, Matched, compare_methods};
use crate::types::{Emotion, Seed};

/// Compare methods on the same images: two of one run, or those of two runs.
#[derive(Args)]
pub struct Compare {
    /// One or two results folders, by name or path
    #[arg(required = true, num_args = 1..=2, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// A method to compare; with two runs, the first is of the first run and the second of the second
    #[arg(long = "method", value_name = "NAME")]
    methods: Vec<String>,
}

/// A method of a run.
struct Side<'a> {
    run: &'a Path,
    answers: &'a Answers,
    method: String,
}

impl Compare {
    pub(super) fn run(&self, printer: &Printer) -> Result<(), Error> {
        let folders: Vec<PathBuf> = self.runs.iter().map(|run| folder(run)).collect();
        let answers = folders.iter().map(|folder| Answers::read(folder)).collect::<Result<Vec<_>, _>>()?;
        let seed =
            folders.first().and_then(|folder| results::read_record(folder)).map_or(0, |record| record.seed);
        let mut all = Vec::new();
        for (first, second) in self.pairs(&answers)? {
            let one = (first.answers, first.method.as_str());
            let other = (second.answers, second.method.as_str());
            let matched = compare_methods(one, other, Seed(seed))?;
            all.push(if printer.wants_json() {
                json!({
                    "first": {"run": first.run, "method": first.method},
                    "second": {"run": second.run, "method": second.method},
                    "images": matched.both,
                    "only_first": matched.alone[0],
                    "only_second": matched.alone[1],
                    "comparison": matched.comparison,
                })
            } else {
                printer.result(&render(&first, &second, &matched));
                serde_json::Value::Null
            });
        }
        if printer.wants_json() {
            printer.json(&serde_json::Value::from(all));
        }
        Ok(())
    }

    /// Which methods are compared.
    fn pairs<'a>(&'a self, answers: &'a [Answers]) -> Result<Vec<(Side<'a>, Side<'a>)>, Error> {
        let side = |at: usize, method: &str| {
            let (run, answers) = (self.runs.get(at)?, answers.get(at)?);
            Some(Side { run, answers, method: method.to_owned() })
        };
        let names = |at: usize| answers.get(at).map(Answers::methods).unwrap_or_default();
        let pairs: Vec<(String, String)> = match (self.runs.len(), self.methods.as_slice()) {
            (1 | 2, [first, second]) => vec![(first.clone(), second.clone())],
            (2, [method]) => vec![(method.clone(), method.clone())],
            (1, []) => {
                let all = names(0);
                let later = |(at, first): (usize, &String)| {
                    all.iter().skip(at + 1).map(|second| (first.clone(), second.clone())).collect::<Vec<_>>()
                };
                all.iter().enumerate().flat_map(later).collect()
            }
            (2, []) => match (names(0).as_slice(), names(1).as_slice()) {
                ([first], [second]) => vec![(first.clone(), second.clone())],
                (first, second) => {
                    let shared = first.iter().filter(|name| second.contains(name));
                    shared.map(|name| (name.clone(), name.clone())).collect()
                }
            },
            _ => {
                let message = "give two `--method` names of one run, or one or two of two runs".to_owned();
                return Err(Error::Arguments(message));
            }
        };
        if pairs.is_empty() {
            let message = if self.runs.len() == 1 {
                "the run has one method; name a second run".to_owned()
            } else {
                "the runs have no method in common; name one of each: --method NAME --method NAME".to_owned()
            };
            return Err(Error::Arguments(message));
        }
        let last = self.runs.len() - 1;
        let sides = |(first, second): &(String, String)| Some((side(0, first)?, side(last, second)?));
        Ok(pairs.iter().filter_map(sides).collect())
    }
}

/// A folder as named, or that name among the project's results.
fn folder(run: &Path) -> PathBuf {
    let named = config::project_here().join("results").join(run);
    if !run.join("run.json").is_file() && named.is_dir() { named } else { run.to_owned() }
}

fn render(first: &Side<'_>, second: &Side<'_>, matched: &Matched) -> String {
    let name = |side: &Side<'_>| {
        if first.run == second.run {
            side.method.clone()
        } else {
            format!("{} {}", side.run.display(), side.method)
        }
    };
    let [only_first, only_second] = matched.alone;
    let comparison = &matched.comparison;
    let mut text =
        format!("{} (second) against {} (first): {} images in both", name(second), name(first), matched.both);
    if only_first + only_second > 0 {
        text.push_str(&format!(", {only_first} only in the first, {only_second} only in the second"));
    }
    text.push_str("\n\n");
    let header = [
        "",
        "images",
        "only first right",
        "only second right",
        "McNemar p",
        "Holm p",
        "difference of rates, 95 %",
        "bootstrap p",
    ];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    for (emotion, paired) in Emotion::ALL.into_iter().zip(&comparison.classes) {
        rows.extend(paired.as_ref().map(|paired| row(emotion.name(), paired)));
    }
    rows.push(row("accuracy", &comparison.overall));
    let mut mean = vec!["mean true positive rate".to_owned(), matched.both.to_string()];
    mean.extend(std::iter::repeat_n(String::new(), 4));
    mean.extend(shown(&comparison.mean_true_positive_rate));
    rows.push(mean);
    text.push_str(&table::align(&rows));
    text
}

fn row(name: &str, paired: &Paired) -> Vec<String> {
    let Paired { images, first_only, second_only, mcnemar_p, holm_p, difference } = paired;
    let mut row = vec![
        name.to_owned(),
        images.to_string(),
        first_only.to_string(),
        second_only.to_string(),
        table::p_value(*mcnemar_p),
        holm_p.map(table::p_value).unwrap_or_default(),
    ];
    row.extend(shown(difference));
    row
}

fn shown(difference: &Difference) -> [String; 2] {
    let Difference { value, interval, p } = difference;
    [table::signed(*value, [interval.low, interval.high]), table::p_value(*p)]
}
