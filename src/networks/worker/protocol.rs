//! What parent and child say to each other.
//!
//! A frame is the magic `EMOT`, the length of its header (u32), the length of its payload (u64), the header
//! (JSON) and the payload (raw). All numbers are little-endian. Parent: `hello`, then any number of `batch`,
//! then the end of the stream. Child: `ready`, then one `features` per `batch`, in order; or `failed` at any time.

use std::io::{self, Read, Write};
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::networks::recipe::Recipe;
use crate::networks::{Device, Input, NetworkCard, Precision};

/// Raised when frames or messages change their meaning; parent and child must agree.
pub const VERSION: u32 = 3;

const MAGIC: [u8; 4] = *b"EMOT";
const HEADER_LIMIT: u64 = 1 << 20;
const PAYLOAD_LIMIT: u64 = 1 << 32;

/// What a worker is to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "job", rename_all = "snake_case")]
pub enum Job {
    /// Read a layer out of a network, for the images of the batches that follow.
    Extract(Request),
    /// Fine-tune a network on the images of a file; the labels are the payload.
    Train(Box<Training>),
}

/// A training. Its file holds the training images, then the validation images, `[n, side, side, 3]` of u8, RGB; the
/// payload of its message holds the label of each, a u8.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Training {
    /// Name of a network in [`NETWORKS`](crate::networks::NETWORKS).
    pub network: String,
    /// What enters it.
    pub input: Input,
    /// Classes: the width of the new last layer.
    pub outputs: usize,
    /// The weights that it starts from.
    pub weights: PathBuf,
    /// How it is trained.
    pub recipe: Recipe,
    /// Of every random choice.
    pub seed: u64,
    /// Where it runs.
    pub device: Device,
    /// The number format of convolutions and products.
    pub precision: Precision,
    /// Threads of libtorch, at least 1. The last bits of the weights depend on it.
    pub threads: usize,
    /// The images.
    pub pixels: PathBuf,
    /// Side of an image in that file.
    pub side: u32,
    /// How many are trained on.
    pub training: usize,
    /// How many are validated on.
    pub validation: usize,
    /// Where checkpoints lie; a training that finds its own there goes on from it.
    pub folder: PathBuf,
    /// Time between two checkpoints within an epoch.
    pub checkpoint_seconds: u64,
}

/// How an epoch of a training ended.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// From 1.
    pub epoch: usize,
    /// Steps done.
    pub step: usize,
    /// Base rate of the last step.
    pub rate: f64,
    /// Mean loss over the epoch's images, as they were altered.
    pub training_loss: f64,
    /// Share of them that was right.
    pub training_accuracy: f64,
    /// Mean cross entropy over the validation images, if there are any.
    pub validation_loss: Option<f64>,
    /// Share of them that was right.
    pub validation_accuracy: Option<f64>,
}

/// The features that a worker is to compute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// Name of a network in [`NETWORKS`](crate::networks::NETWORKS).
    pub network: String,
    /// What enters it.
    pub input: Input,
    /// Name of one of its layers.
    pub layer: String,
    /// Numbers per image of that layer.
    pub width: usize,
    /// Width of the classifier where it is not the published one.
    pub outputs: Option<usize>,
    /// Its weights file.
    pub weights: PathBuf,
    /// Where it runs.
    pub device: Device,
    /// The number format in which it runs.
    pub precision: Precision,
    /// Threads of libtorch, at least 1. The activations do not depend on it.
    pub threads: usize,
}

impl Request {
    /// The feature of a network, in f32 on one thread of the CPU; `None` for a network that is in the user's file.
    pub fn feature(network: &NetworkCard, weights: PathBuf) -> Option<Self> {
        Some(Self {
            network: network.name.to_owned(),
            input: network.input,
            layer: network.feature.to_owned(),
            width: network.layer(network.feature, None)?.width,
            outputs: None,
            weights,
            device: Device::Cpu,
            precision: Precision::F32,
            threads: 1,
        })
    }
}

/// From parent to child.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "message", rename_all = "snake_case")]
pub enum ToWorker {
    /// The first message.
    Hello {
        /// The parent's [`VERSION`].
        version: u32,
        /// A [`Job`], read once the version is known to be ours.
        job: serde_json::Value,
    },
    /// Payload: `[images, side, side, 3]` of u8.
    Batch {
        /// Images in the payload.
        images: usize,
    },
}

/// From child to parent.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "message", rename_all = "snake_case")]
pub enum FromWorker {
    /// The weights are loaded.
    Ready {
        /// `cpu` or `cuda:N`.
        device: String,
        /// Version of libtorch.
        libtorch: String,
        /// Numbers per image.
        width: usize,
        /// Images of one forward pass. One thread makes the passes of a batch.
        images_per_pass: usize,
    },
    /// Payload: `[images, width]` of f32.
    Features {
        /// Rows in the payload.
        images: usize,
    },
    /// A training is so far; at least every second, or every step where one takes longer.
    Step {
        /// Steps done.
        step: usize,
        /// Steps in all.
        steps: usize,
        /// Mean loss since the last such message.
        loss: f64,
        /// Images trained on per second since then.
        images_per_second: f64,
    },
    /// An epoch of a training ended.
    EpochDone(Epoch),
    /// A training goes on from a checkpoint.
    Resumed {
        /// Steps done before.
        step: usize,
    },
    /// A training was stopped by the end of its input; its checkpoint is written.
    Stopped {
        /// Steps done.
        step: usize,
    },
    /// A training ended. Payload: its weights, a safetensors file.
    Trained {
        /// Every epoch.
        history: Vec<Epoch>,
        /// The epoch whose weights these are.
        kept: usize,
    },
    /// The child gives up and ends.
    Failed {
        /// Why, for people.
        error: String,
    },
}

/// Writes one frame and flushes.
pub fn write<M: Serialize>(to: &mut impl Write, message: &M, payload: &[u8]) -> io::Result<()> {
    let header = serde_json::to_vec(message)?;
    // At once: each write wakes who reads.
    let lengths = ((header.len() as u32).to_le_bytes(), (payload.len() as u64).to_le_bytes());
    to.write_all(&[&MAGIC[..], &lengths.0, &lengths.1, &header].concat())?;
    to.write_all(payload)?;
    to.flush()
}

/// Reads one frame.
///
/// # Errors
/// `UnexpectedEof` where the stream ends, `InvalidData` where it holds something else.
pub fn read<M: DeserializeOwned>(from: &mut impl Read) -> io::Result<(M, Vec<u8>)> {
    let mut lead = [0; 16];
    from.read_exact(&mut lead)?;
    let mut fields = lead.as_chunks::<4>().0.iter().copied();
    let mut next = || fields.next().unwrap_or_default();
    let (magic, header, low, high) = (next(), next(), next(), next());
    let header = u64::from(u32::from_le_bytes(header));
    let payload = u64::from(u32::from_le_bytes(high)) << 32 | u64::from(u32::from_le_bytes(low));
    if magic != MAGIC || header > HEADER_LIMIT || payload > PAYLOAD_LIMIT {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the stream holds no message"));
    }
    let header = take(from, header)?;
    Ok((serde_json::from_slice(&header)?, take(from, payload)?))
}

/// Memory grows with what arrives, not with what is announced.
fn take(from: &mut impl Read, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(length.min(1 << 24) as usize);
    from.take(length).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == length { Ok(bytes) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// f32 to little-endian bytes.
pub fn to_bytes(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// Little-endian bytes to f32; bytes that make no whole number are dropped.
pub fn from_bytes(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|&chunk| f32::from_le_bytes(chunk)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn frames_follow_one_another() {
        let mut stream = Vec::new();
        write(&mut stream, &ToWorker::Batch { images: 2 }, b"pixels").unwrap();
        write(&mut stream, &ToWorker::Batch { images: 0 }, b"").unwrap();
        let mut stream = &stream[..];
        assert_eq!(read(&mut stream).unwrap(), (ToWorker::Batch { images: 2 }, b"pixels".to_vec()));
        assert_eq!(read(&mut stream).unwrap(), (ToWorker::Batch { images: 0 }, Vec::new()));
        assert_eq!(read::<ToWorker>(&mut stream).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn numbers_keep_their_bits() {
        let numbers = [0.0, -0.0, 1.5, f32::MIN_POSITIVE, f32::INFINITY];
        assert_eq!(from_bytes(&to_bytes(&numbers)).map_bits(), numbers.map(f32::to_bits));
    }

    trait Bits {
        fn map_bits(&self) -> Vec<u32>;
    }

    impl Bits for Vec<f32> {
        fn map_bits(&self) -> Vec<u32> {
            self.iter().map(|number| number.to_bits()).collect()
        }
    }

    proptest! {
        #[test]
        fn a_cut_or_altered_frame_is_an_error_or_a_message(cut in 0_usize..60, at in 0_usize..60, byte: u8) {
            let mut stream = Vec::new();
            write(&mut stream, &ToWorker::Batch { images: 7 }, &[1; 20]).unwrap();
            let whole = stream.len();
            let cut = cut.min(whole - 1);
            prop_assert!(read::<ToWorker>(&mut &stream[..cut]).is_err());
            if let Some(place) = stream.get_mut(at) {
                *place = byte;
            }
            drop(read::<ToWorker>(&mut &stream[..]));
        }
    }
}
