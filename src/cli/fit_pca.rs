//! `emolab fit-pca`

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use ndarray::{Array2, Axis};
use serde_json::json;

use super::{Printer, table};
use crate::dataset::feature_file::Blocks;
use crate::error::Error;
use crate::fs;
use crate::solvers::pca::{Keep, PcaModel, PcaSolver};
use crate::split::Train;
use crate::stages::pca::model_file;
use crate::types::Bytes;

/// Fit principal components to all rows of a feature file, in one pass and in little memory.
///
/// For files of millions of rows: memory holds a block of rows and a few matrices [features, features], no more; directions below
/// 1e-7 of the first are lost. A file of no more rows than features is read whole and fitted as `solver = "exact"` does. The file
/// must be .npy (C order) or .safetensors, and must not be written to meanwhile.
#[derive(Args)]
pub struct FitPca {
    /// The feature file, [rows, features]
    file: PathBuf,
    /// How many components, or which share of the variance they are to explain, as in 0.9
    #[arg(long, value_name = "N", default_value = "20", value_parser = components)]
    components: Keep,
    /// Where the model goes, as safetensors: mean, components, singular values, explained variance
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Threads [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

/// As `components` in `[pca]`.
fn components(text: &str) -> Result<Keep, String> {
    if let Ok(count @ 1..) = text.parse() {
        return Ok(Keep::Count(count));
    }
    match text.parse() {
        Ok(share) if 0.0 < share && share < 1.0 => Ok(Keep::Variance(share)),
        _ => {
            Err("expected a number of components, or a share of the variance above 0 and below 1".to_owned())
        }
    }
}

impl FitPca {
    /// Whether there is room for the products of all pairs of features, or of rows where they are fewer, and what is made of them.
    fn check_memory(&self, [rows, features]: [u64; 2]) -> Result<(), Error> {
        let side = rows.min(features);
        let needed = side.saturating_mul(side).saturating_mul(4 * size_of::<f64>() as u64);
        // Asked for and given back at once: that finds a limit on the process, which the system's free memory does not tell.
        let is_allowed = Vec::<u8>::new().try_reserve_exact(needed as usize).is_ok();
        if is_allowed && fs::available_memory().is_none_or(|available| needed <= available) {
            return Ok(());
        }
        Err(Error::Arguments(format!(
            "`{}` has {rows} rows of {features} features: the products of all pairs of the fewer need {} of memory, more than there \
             is; fit fewer rows or fewer features",
            self.file.display(),
            Bytes(needed)
        )))
    }

    pub(super) fn run(&self, printer: &Printer) -> Result<(), Error> {
        let start = Instant::now();
        let mut blocks = Blocks::open(&self.file)?;
        let [rows, features] = blocks.shape();
        let most = self.components.most(rows as usize, features as usize)?;
        self.check_memory([rows, features])?;
        if let Some(output) = &self.output {
            fs::check_writable(output)?;
        }
        let threads = self.threads.map_or(0, usize::from);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let pool = pool.map_err(|error| Error::Arguments(format!("cannot start threads: {error}")))?;
        let mut read = 0;
        let blocks = std::iter::from_fn(|| {
            let block = blocks.next()?;
            let tenths = 10 * read / rows;
            read += block.as_ref().map_or(0, Array2::nrows) as u64;
            if read < rows && 10 * read / rows > tenths {
                printer.note(&format!("read  {read} of {rows} rows"));
            }
            Some(block.map_err(Error::from))
        });
        let model = pool.install(|| {
            let model = if rows <= features {
                let blocks = blocks.collect::<Result<Vec<_>, _>>()?;
                let views: Vec<_> = blocks.iter().map(Array2::view).collect();
                let all = ndarray::concatenate(Axis(0), &views)
                    .map_err(|error| Error::Arguments(error.to_string()))?;
                PcaModel::decompose(&Train::whole(all), most, PcaSolver::Exact)?
            } else {
                PcaModel::decompose_blocks(features as usize, Train::whole(blocks), most)?
            };
            Ok::<_, Error>(model.keep(self.components)?.into_owned())
        })?;
        if let (true, Some(words)) = (rows > features, imprecise(&model)) {
            printer.note(&words);
        }
        if printer.wants_json() {
            printer.json(&to_json(&model));
        } else {
            printer.result(&render(&model));
            printer.note(&format!(
                "{rows} rows of {features} features in {:.1} s",
                start.elapsed().as_secs_f64()
            ));
        }
        if let Some(output) = &self.output {
            let bytes = model_file(&model).map_err(|error| Error::Arguments(error.to_string()))?;
            fs::write_atomic(output, &bytes)?;
        }
        Ok(())
    }
}

/// A singular value of this share of the first is good to 1e-8 in one pass.
const PRECISE: f64 = 1e-4;

/// What is to be known of small components of a file that is read once: the products of its features hold squares.
fn imprecise(model: &PcaModel) -> Option<String> {
    let values = &model.spectrum.singular_values;
    let first = values.first().copied().unwrap_or_default();
    let precise = values.iter().filter(|value| **value >= PRECISE * first).count();
    let last = values.last().filter(|_| precise < values.len())?;
    Some(format!(
        "warning: components from {} on have singular values below {PRECISE:e} of the first; one pass may leave the last of them off by up to {:.0e} of its \
         value",
        precise + 1,
        f64::EPSILON * (first / last).powi(2)
    ))
}

fn render(model: &PcaModel) -> String {
    let header = ["component", "singular value", "explained variance", "ratio", "together"];
    let mut lines = vec![header.map(str::to_owned).to_vec()];
    let mut together = 0.0;
    for (i, singular_value) in model.spectrum.singular_values.iter().enumerate() {
        let ratio = model.spectrum.explained_variance_ratio[i];
        together += ratio;
        lines.push(vec![
            (i + 1).to_string(),
            number(*singular_value),
            number(model.spectrum.explained_variance[i]),
            format!("{ratio:.4}"),
            format!("{together:.4}"),
        ]);
    }
    table::align(&lines)
}

/// Six decimals, or with an exponent where they would hide the number or write digits that it does not have.
fn number(value: f64) -> String {
    let plain = value == 0.0 || (1e-3..1e9).contains(&value.abs());
    if plain { format!("{value:.6}") } else { format!("{value:.6e}") }
}

fn to_json(model: &PcaModel) -> serde_json::Value {
    json!({
        "samples": model.spectrum.samples,
        "features": model.mean.len(),
        "singular_values": model.spectrum.singular_values.to_vec(),
        "explained_variance": model.spectrum.explained_variance.to_vec(),
        "explained_variance_ratio": model.spectrum.explained_variance_ratio.to_vec(),
        "total_variance": model.spectrum.total_variance,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_components_of_one_pass_are_warned_of() {
        let model = |values: &[f64]| {
            let rows =
                Array2::from_shape_fn((8, 4), |(i, j)| if i % 4 == j { values[j] as f32 } else { 0.0 });
            let blocks = Train::whole([Ok::<_, Error>(rows)]);
            PcaModel::decompose_blocks(4, blocks, 4).unwrap()
        };
        assert_eq!(imprecise(&model(&[1.0, 0.5, 0.2, 0.1])), None);
        let words = imprecise(&model(&[1.0, 0.5, 1e-5, 1e-6])).unwrap();
        assert!(
            words.starts_with("warning: components from 3 on") && words.contains("3e-6 of its value"),
            "{words}"
        );
    }

    #[test]
    fn numbers_of_any_size_are_seen() {
        let shown = [0.0, 12.5, 0.25, 3.2e-7, 1.5e12].map(number);
        assert_eq!(shown, ["0.000000", "12.500000", "0.250000", "3.200000e-7", "1.500000e12"]);
    }
}
