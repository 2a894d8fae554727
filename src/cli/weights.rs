//! `emolab weights inspect` and `convert`: what a weights file holds, and the same as safetensors.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use safetensors::tensor::{Dtype, TensorView};
use serde_json::json;
use sha1::{Digest as _, Sha1};
use sha2::Sha256;

use super::{Printer, table};
use crate::error::Error;
use crate::fs;
use crate::networks::card::{hex, published};
use crate::networks::checkpoint::{Checkpoint, Format, Mismatch};
use crate::networks::{NETWORKS, NetworkCard};

/// The command's arguments.
#[derive(Args)]
pub struct Weights {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show what a weights file holds, whose it is, and which networks it fits
    Inspect {
        /// A .pth, .pt, .safetensors, .npz or .caffemodel file; nothing in it is executed
        file: PathBuf,
        /// Compare with this network: everything that is missing, of another shape or extra
        #[arg(long, value_name = "NAME")]
        network: Option<String>,
    },
    /// Write the tensors of a weights file as safetensors, in f32
    Convert {
        /// A .pth, .pt, .safetensors, .npz or .caffemodel file; nothing in it is executed
        file: PathBuf,
        /// Where to
        out: PathBuf,
        /// Refuse a file that does not fit this network
        #[arg(long, value_name = "NAME")]
        network: Option<String>,
    },
}

impl Weights {
    pub(super) fn run(self, printer: &Printer) -> Result<(), Error> {
        match self.command {
            Command::Inspect { file, network } => inspect(&file, network.as_deref(), printer),
            Command::Convert { file, out, network } => convert(&file, &out, network.as_deref(), printer),
        }
    }
}

/// The network of that name, if one is named, whose weights can be checked.
fn known(name: Option<&str>) -> Result<Option<&'static NetworkCard>, Error> {
    let Some(name) = name else { return Ok(None) };
    let card = NetworkCard::find(name).filter(|card| card.architecture.is_some());
    let names: Vec<&str> =
        NETWORKS.iter().filter(|card| card.architecture.is_some()).map(|card| card.name).collect();
    let unknown =
        || Error::Arguments(format!("unknown network `{name}`: expected one of {}", names.join(", ")));
    card.map(Some).ok_or_else(unknown)
}

/// How a file differs from a network; the classifier may be another where `but_for_classifier`.
fn differences(
    checkpoint: &Checkpoint,
    card: &NetworkCard,
    but_for_classifier: bool,
) -> Option<Vec<Mismatch>> {
    let architecture = card.architecture?();
    let ignored = architecture.classifier().filter(|_| but_for_classifier);
    Some(checkpoint.differences(&architecture.tensors(None), ignored))
}

fn inspect(file: &Path, network: Option<&str>, printer: &Printer) -> Result<(), Error> {
    let card = known(network)?;
    let bytes = fs::read(file)?;
    let checkpoint = Checkpoint::parse(file, &bytes)?;
    let format = Format::of(&bytes).map_or("unknown", Format::name);
    let (sha1, sha256) = (hex(&Sha1::digest(&bytes)), hex(&Sha256::digest(&bytes)));
    let numbers: usize = checkpoint.tensors().values().map(|tensor| tensor.data.len()).sum();
    let fits = |but_for_classifier| -> Vec<&str> {
        let fits = |card: &&NetworkCard| {
            differences(&checkpoint, card, but_for_classifier).is_some_and(|found| found.is_empty())
        };
        NETWORKS.iter().filter(fits).map(|card| card.name).collect()
    };
    let (whole, but_for_classifier) = (fits(false), fits(true));
    let published = published(file, &bytes);
    let found = card.and_then(|card| differences(&checkpoint, card, false)).unwrap_or_default();
    if printer.wants_json() {
        let tensors = checkpoint.tensors().iter().map(|(name, tensor)| (name.clone(), json!(tensor.shape)));
        printer.json(&json!({
            "format": format, "bytes": bytes.len(), "sha1": sha1, "sha256": sha256, "numbers": numbers,
            "published": published.as_ref().ok(), "fits": whole, "fits_but_for_classifier": but_for_classifier,
            "notes": checkpoint.contents().notes(),
            "left_out": left_out(&checkpoint), "number_formats": checkpoint.contents().formats,
            "differences": found.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "tensors": tensors.collect::<serde_json::Map<_, _>>(),
        }));
    } else {
        let mut text = format!(
            "{format}, {} bytes, {} tensors, {numbers} numbers\nSHA-1   {sha1}\nSHA-256 {sha256}\n",
            bytes.len(),
            checkpoint.tensors().len()
        );
        text.push_str(&match &published {
            Ok(Some(name)) => format!("published as `{name}`\n"),
            Ok(None) => "not a file that emolab knows\n".to_owned(),
            Err(warning) => format!("warning: {warning}\n"),
        });
        text.push_str(&match (&whole[..], &but_for_classifier[..]) {
            ([], []) => "fits none of emolab's networks\n".to_owned(),
            ([], names) => format!("fits {}, but for the classifier\n", names.join(", ")),
            (names, _) => format!("fits {}\n", names.join(", ")),
        });
        text.push_str(&notes(&checkpoint));
        let rows = checkpoint.tensors().iter();
        let rows: Vec<Vec<String>> =
            rows.map(|(name, tensor)| vec![name.clone(), format!("{:?}", tensor.shape)]).collect();
        text.push_str(&table::align(&rows));
        printer.result(&text);
    }
    match card {
        Some(card) if !found.is_empty() => Err(misfit(file, card, &found)),
        _ => Ok(()),
    }
}

/// What of the file is not as its tensors say, a line each.
fn notes(checkpoint: &Checkpoint) -> String {
    checkpoint.contents().notes().into_iter().map(|note| format!("note: {note}\n")).collect()
}

/// Names of what is no floating-point tensor, and why.
fn left_out(checkpoint: &Checkpoint) -> serde_json::Map<String, serde_json::Value> {
    let entries = checkpoint.contents().left_out.iter();
    entries.map(|(name, why)| (name.clone(), json!(why.reason()))).collect()
}

fn misfit(file: &Path, card: &NetworkCard, found: &[Mismatch]) -> Error {
    let lines: Vec<String> = found.iter().map(|difference| format!("  {difference}")).collect();
    Error::Arguments(format!(
        "`{}` does not hold the weights of {}:\n{}",
        file.display(),
        card.name,
        lines.join("\n")
    ))
}

fn convert(file: &Path, out: &Path, network: Option<&str>, printer: &Printer) -> Result<(), Error> {
    let card = known(network)?;
    if std::path::absolute(file).ok() == std::path::absolute(out).ok() {
        return Err(Error::Arguments("the file cannot be written over itself: name another".to_owned()));
    }
    let checkpoint = Checkpoint::read(file)?;
    if let Some(card) = card {
        let found = differences(&checkpoint, card, false).unwrap_or_default();
        if !found.is_empty() {
            return Err(misfit(file, card, &found));
        }
    }
    let bytes: Vec<(&String, &Vec<usize>, Vec<u8>)> = checkpoint
        .tensors()
        .iter()
        .map(|(name, tensor)| {
            (name, &tensor.shape, tensor.data.iter().flat_map(|x| x.to_le_bytes()).collect())
        })
        .collect();
    let views = bytes.iter().map(|(name, shape, data)| {
        TensorView::new(Dtype::F32, (*shape).clone(), data).map(|view| ((*name).clone(), view))
    });
    let failed = |error: safetensors::SafeTensorError| Error::Arguments(error.to_string());
    let views = views.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    fs::write_atomic(out, &safetensors::serialize(views, None).map_err(failed)?)?;
    let (count, notes) = (checkpoint.tensors().len(), notes(&checkpoint));
    printer.summary(&format!("{count} tensors to {}\n{notes}", out.display()));
    Ok(())
}
