//! `emolab store`

use std::collections::BTreeSet;

use clap::{Args, Subcommand};

use super::table::align;
use super::{Global, Printer};
use crate::config;
use crate::error::Error;
use crate::results;
use crate::store::{Key, Store};

/// Look after the store of computed stages.
#[derive(Args)]
pub struct StoreArguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List what is stored
    Ls,
    /// Show the space used, by stage
    Du,
    /// Read everything and say what is damaged
    Verify,
    /// Drop what no results folder refers to
    Gc(Collect),
}

#[derive(Args)]
struct Collect {
    /// Only say what would go
    #[arg(long)]
    dry_run: bool,
    /// Keep unreferenced results too, most recent first, while the store is below this size: 500MB, 20GiB
    #[arg(long, value_name = "SIZE", value_parser = size)]
    max_size: Option<u64>,
}

impl StoreArguments {
    pub(super) fn run(self, global: &Global, printer: &Printer) -> Result<(), Error> {
        let project = config::project_here();
        let store = global.open_store(&project);
        match self.command {
            Command::Ls => list(&store, printer),
            Command::Du => usage(&store, printer),
            Command::Verify => verify(&store, printer),
            Command::Gc(collect) => collect.run(&store, printer),
        }
    }
}

fn list(store: &Store, printer: &Printer) -> Result<(), Error> {
    let records = store.records()?;
    if printer.wants_json() {
        printer.json(&records);
        return Ok(());
    }
    let mut rows = vec![["stage", "key", "size", "seconds"].map(str::to_owned).to_vec()];
    for record in &records {
        let bytes = record.files.values().map(|blob| blob.bytes).sum();
        let seconds = format!("{:.2}", record.seconds);
        rows.push(vec![record.stage.clone(), record.key.short(), human(bytes), seconds]);
    }
    printer.result(&align(&rows));
    Ok(())
}

fn usage(store: &Store, printer: &Printer) -> Result<(), Error> {
    let usage = store.usage()?;
    if printer.wants_json() {
        printer.json(&usage);
        return Ok(());
    }
    let mut rows = vec![["stage", "records", "size"].map(str::to_owned).to_vec()];
    for (stage, used) in &usage.stages {
        rows.push(vec![stage.clone(), used.records.to_string(), human(used.bytes)]);
    }
    rows.push(vec!["rows kept per image".to_owned(), String::new(), human(usage.pack_bytes)]);
    rows.push(vec!["total on disk".to_owned(), format!("{} blobs", usage.blobs), human(usage.total_bytes)]);
    printer.result(&align(&rows));
    Ok(())
}

fn verify(store: &Store, printer: &Printer) -> Result<(), Error> {
    let verified = store.verify()?;
    if printer.wants_json() {
        printer.json(&verified);
    } else {
        for damage in &verified.damage {
            printer.result(&format!("damaged  {}: {}", damage.path.display(), damage.reason));
        }
        let (blobs, records) = (verified.blobs, verified.records);
        printer
            .summary(&format!("{blobs} blobs and {records} records read, {} damaged", verified.damage.len()));
    }
    if verified.damage.is_empty() { Ok(()) } else { Err(Error::Damaged(verified.damage.len())) }
}

impl Collect {
    fn run(&self, store: &Store, printer: &Printer) -> Result<(), Error> {
        let mut roots: BTreeSet<Key> = BTreeSet::new();
        for folder in store.registered_results()? {
            if let Some(record) = results::read_record(&folder) {
                roots.extend(record.stages.iter().map(|stage| stage.key));
            } else if folder.parent().is_some_and(|results| !results.exists()) {
                // Its disk may not be mounted; nothing of it must go.
                let message = format!("the results folder `{}` cannot be seen", folder.display());
                return Err(Error::Unseen { folder, message });
            }
        }
        let collected = store.collect(&roots, self.max_size, self.dry_run)?;
        if printer.wants_json() {
            printer.json(&collected);
            return Ok(());
        }
        let verb = if self.dry_run { "would drop" } else { "dropped" };
        printer.summary(&format!(
            "{verb} {} records and {} blobs, {}; {} remain",
            collected.records,
            collected.blobs,
            human(collected.bytes),
            human(collected.remaining_bytes)
        ));
        Ok(())
    }
}

fn human(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut size = bytes as f64;
    let mut unit = 0;
    while size >= 1024.0 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{size:.1} {}", UNITS[unit]) }
}

fn size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic()).trim();
    let unit = text[text.trim_end_matches(|c: char| c.is_ascii_alphabetic()).len()..].to_lowercase();
    let factor = match unit.as_str() {
        "" | "b" => 1.0,
        "kb" => 1e3,
        "mb" => 1e6,
        "gb" => 1e9,
        "tb" => 1e12,
        "kib" | "k" => 1024.0,
        "mib" | "m" => 1024.0 * 1024.0,
        "gib" | "g" => 1024.0 * 1024.0 * 1024.0,
        "tib" | "t" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => return Err(format!("`{unit}` is no unit; expected B, KB, MB, GB, KiB, MiB or GiB")),
    };
    let number: f64 = digits.parse().map_err(|_| format!("`{digits}` is no number"))?;
    if number.is_finite() && number >= 0.0 {
        Ok((number * factor) as u64)
    } else {
        Err("expected 0 or more".to_owned())
    }
}
