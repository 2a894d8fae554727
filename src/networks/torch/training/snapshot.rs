//! Checkpoints: weights, the optimizer's sums and counters in one safetensors file, replaced in one step.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use emolab::fs;
use emolab::networks::worker::Epoch;
use emolab::store::key::digest;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use tch::{Tensor, no_grad};

use super::optimizer::Steps;
use super::trainable::Variable;

/// Raised when checkpoints change their meaning.
const FORMAT: u32 = 2;

/// Where a training stands, besides its tensors.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Steps done.
    pub step: usize,
    /// Sum of losses over the images of the epoch that is under way.
    pub loss: f64,
    /// Images of that epoch that were right.
    pub right: usize,
    /// Images of that epoch so far.
    pub seen: usize,
    /// Epochs done.
    pub history: Vec<Epoch>,
    /// The epoch, from 1, that the best weights are of.
    pub best: Option<usize>,
    /// Digest of their file.
    pub best_digest: Option<String>,
}

/// The files of one training.
#[derive(Debug)]
pub struct Folder {
    folder: PathBuf,
    /// What the training is; a checkpoint of another one is not taken up.
    identity: String,
}

type Bytes = (String, Vec<usize>, Vec<u8>);

impl Folder {
    /// For a training that `identity` describes wholly.
    pub fn new(folder: &Path, identity: String) -> Self {
        Self { folder: folder.to_owned(), identity }
    }

    /// The last checkpoint.
    pub fn checkpoint(&self) -> PathBuf {
        self.folder.join("checkpoint.safetensors")
    }

    /// The weights of the best epoch.
    pub fn best(&self) -> PathBuf {
        self.folder.join("best.safetensors")
    }

    /// Writes a checkpoint.
    pub fn save(&self, state: &State, variables: &[Variable], steps: &Steps) -> Result<(), String> {
        let mut tensors = Vec::new();
        for (variable, sums) in variables.iter().zip(&steps.sums) {
            tensors.push(to_bytes(variable.name.clone(), &variable.tensor)?);
            for (number, sum) in sums.iter().enumerate() {
                tensors.push(to_bytes(sum_name(number, &variable.name), sum)?);
            }
        }
        let state = serde_json::to_string(state).map_err(|error| error.to_string())?;
        let metadata = HashMap::from([
            ("format".to_owned(), FORMAT.to_string()),
            ("training".to_owned(), self.identity.clone()),
            ("state".to_owned(), state),
            (
                "digest".to_owned(),
                digest_of_all(tensors.iter().map(|(name, _, bytes)| (name.as_str(), bytes.as_slice()))),
            ),
        ]);
        write(&self.checkpoint(), &serialize(&tensors, Some(metadata))?)
    }

    /// Takes up the last checkpoint; `None` where there is none that fits.
    ///
    /// # Errors
    /// It is this training's, and damaged: other weights must not come out of it without a word.
    pub fn resume(&self, variables: &mut [Variable], steps: &mut Steps) -> Result<Option<State>, String> {
        let Ok(bytes) = fs::read(&self.checkpoint()) else { return Ok(None) };
        let Ok((_, header)) = SafeTensors::read_metadata(&bytes) else { return Ok(None) };
        let Some(metadata) = header.metadata() else { return Ok(None) };
        let is_ours = metadata.get("format") == Some(&FORMAT.to_string())
            && metadata.get("training") == Some(&self.identity);
        let state = metadata.get("state").and_then(|text| serde_json::from_str::<State>(text).ok());
        let (Some(state), Ok(file), true) = (state, SafeTensors::deserialize(&bytes), is_ours) else {
            return Ok(None);
        };
        // The best weights of a checkpoint that has any must still be there.
        if state.best.is_some() && !self.best().is_file() {
            return Ok(None);
        }
        let tensors = file.tensors();
        let found = digest_of_all(tensors.iter().map(|(name, tensor)| (name.as_str(), tensor.data())));
        if metadata.get("digest") != Some(&found) {
            let path = self.checkpoint();
            let path = path.display();
            return Err(format!("the checkpoint `{path}` is damaged; remove it to train from the start"));
        }
        for (variable, sums) in variables.iter_mut().zip(&mut steps.sums) {
            restore(&file, &variable.name, &mut variable.tensor)?;
            for (number, sum) in sums.iter_mut().enumerate() {
                restore(&file, &sum_name(number, &variable.name), sum)?;
            }
        }
        Ok(Some(state))
    }

    /// The weights of the best epoch, as they were written.
    pub fn best_weights(&self, state: &State) -> Result<Vec<u8>, String> {
        let path = self.best();
        let weights = fs::read(&path).map_err(|error| format!("{error}: {}", error.source))?;
        if state.best_digest.as_deref() == Some(digest(&weights).to_hex().as_str()) {
            return Ok(weights);
        }
        let folder = self.folder.display();
        Err(format!(
            "the best weights `{}` are damaged; remove the folder `{folder}` to train from the start",
            path.display()
        ))
    }
}

/// Of the names and bytes of tensors, in whatever order they are.
fn digest_of_all<'a>(tensors: impl Iterator<Item = (&'a str, &'a [u8])>) -> String {
    let mut lines: Vec<String> = tensors.map(|(name, bytes)| format!("{} {name}\n", digest(bytes))).collect();
    lines.sort();
    digest(lines.concat().as_bytes()).to_hex()
}

/// The weights alone, as a safetensors file.
pub fn weights(variables: &[Variable]) -> Result<Vec<u8>, String> {
    let tensors = variables.iter().map(|variable| to_bytes(variable.name.clone(), &variable.tensor));
    serialize(&tensors.collect::<Result<Vec<_>, _>>()?, None)
}

/// Writes the file in one step.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    fs::write_atomic(path, bytes).map_err(|error| format!("{error}: {}", error.source))
}

fn sum_name(number: usize, variable: &str) -> String {
    format!("optimizer.{number}.{variable}")
}

fn to_bytes(name: String, tensor: &Tensor) -> Result<Bytes, String> {
    let shape: Vec<usize> = tensor.size().into_iter().map(|length| length as usize).collect();
    let count = shape.iter().product();
    let mut numbers = vec![0.0_f32; count];
    let mut copy =
        || tensor.f_detach()?.f_to_device(tch::Device::Cpu)?.f_contiguous()?.f_copy_data(&mut numbers, count);
    copy().map_err(|error| error.to_string())?;
    Ok((name, shape, numbers.into_iter().flat_map(f32::to_le_bytes).collect()))
}

fn serialize(tensors: &[Bytes], metadata: Option<HashMap<String, String>>) -> Result<Vec<u8>, String> {
    let views = tensors.iter().map(|(name, shape, bytes)| {
        TensorView::new(Dtype::F32, shape.clone(), bytes).map(|view| (name.clone(), view))
    });
    let views = views.collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
    safetensors::serialize(views, metadata).map_err(|error| error.to_string())
}

fn restore(file: &SafeTensors<'_>, name: &str, tensor: &mut Tensor) -> Result<(), String> {
    let view = file.tensor(name).map_err(|error| error.to_string())?;
    let shape: Vec<i64> = view.shape().iter().map(|&length| length as i64).collect();
    let numbers: Vec<f32> =
        view.data().as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
    let mut copy = || {
        let saved = Tensor::f_from_slice(&numbers)?.f_reshape(&shape)?.f_to_device(tensor.device())?;
        no_grad(|| tensor.f_copy_(&saved)).map(drop)
    };
    copy().map_err(|error: tch::TchError| error.to_string())
}
