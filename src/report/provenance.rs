//! What was asked for, what was done, and how to do it again.

use serde::Serialize;
use serde_json::Value;

use super::table::{Cell, Column, Table};
use crate::results::RunRecord;

/// Settings, stages, and the way back to them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Provenance {
    /// The experiment as resolved.
    settings: Table,
    /// The plan.
    stages: Table,
    /// The plan in a sentence.
    plan: String,
    /// What to type to run it again.
    command: String,
    /// What to type to make this page again.
    page_command: String,
    /// What must be the same for the same numbers.
    versions: Table,
    /// Digests of what came out.
    files: Table,
}

/// As recorded.
pub fn provenance(record: &RunRecord) -> Provenance {
    let computed = record.stages.iter().filter(|stage| !stage.hit);
    // A sum of nothing is -0.
    let seconds = computed.clone().map(|stage| stage.seconds).sum::<f64>() + 0.0;
    let plan = format!(
        "{} stages: {} were in the store already, {} were computed by the run that wrote these results, in {seconds:.1} s \
         of work.",
        record.stages.len(),
        record.stages.len() - computed.clone().count(),
        computed.count()
    );
    let set = record.set.iter().map(|set| format!(" --set {}", shell_word(set)));
    Provenance {
        settings: settings(record),
        stages: stages(record),
        plan,
        command: format!("emolab run {}{}", shell_word(&record.file), set.collect::<String>()),
        page_command: format!("emolab report {}", shell_word(&record.experiment)),
        versions: versions(record),
        files: files(record),
    }
}

fn settings(record: &RunRecord) -> Table {
    let rows = record.settings.iter().map(|setting| {
        vec![Cell::text(&setting.path), Cell::text(toml(&setting.value)), Cell::text(&setting.origin)]
    });
    table("The experiment as resolved", &["setting", "value", "origin"], rows.collect())
}

fn stages(record: &RunRecord) -> Table {
    let rows = record.stages.iter().map(|stage| {
        let seconds =
            Cell { text: format!("{:.3}", stage.seconds), value: Some(stage.seconds), aside: String::new() };
        let state = if stage.hit { "found" } else { "computed" };
        vec![Cell::text(&stage.label), Cell::text(state), seconds, Cell::text(stage.key.short())]
    });
    let mut table = table("Stages of the plan", &["stage", "in this run", "seconds", "key"], rows.collect());
    "Seconds are those of the computation, whenever it was.".clone_into(&mut table.note);
    table
}

fn versions(record: &RunRecord) -> Table {
    let named = |name: &str, value: String| vec![Cell::text(name), Cell::text(value)];
    let mut rows =
        vec![named("seed", record.seed.to_string()), named("digest of the data", record.data.to_hex())];
    rows.extend(record.versions.iter().map(|(name, version)| named(name, version.clone())));
    table("Seed, data and versions", &["what", "value"], rows)
}

fn files(record: &RunRecord) -> Table {
    let rows = record.files.iter().map(|(name, digest)| vec![Cell::text(name), Cell::text(digest.to_hex())]);
    table("Files of the results", &["file", "blake3"], rows.collect())
}

fn table(caption: &str, columns: &[&str], rows: Vec<Vec<Cell>>) -> Table {
    let column = |(position, name): (usize, &&str)| Column {
        name: (*name).to_owned(),
        numeric: rows.first().is_some_and(|row| row.get(position).is_some_and(|cell| cell.value.is_some())),
    };
    let columns = columns.iter().enumerate().map(column).collect();
    Table { caption: caption.to_owned(), note: String::new(), columns, rows, foot: Vec::new() }
}

/// As it stands in an experiment file.
fn toml(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        // A JSON string is a TOML basic string, and so for numbers and flags.
        other => other.to_string(),
    }
}

/// Quoted where a shell asks for it.
fn shell_word(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_a_shell() {
        for word in ["svm.c=2.5", "a b", "it's", "", "$HOME `x` \"y\"", "method[0].name=é"] {
            let script = format!("printf %s {}", shell_word(word));
            let said = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
            assert_eq!(String::from_utf8(said.stdout).unwrap(), word);
        }
        assert_eq!(shell_word("experiments/mine.toml"), "experiments/mine.toml");
    }
}
