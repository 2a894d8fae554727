//! The child's side: loads a network, answers batches until its input ends.
//!
//! An image's activations must not depend on the batch that it came in. Kernels choose their blocking by the
//! shape of the batch, so every forward pass here has [`BATCH`] images, the last one filled up with zeros.

use std::any::Any;
use std::io::{Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::{fs, thread};

use emolab::networks::checkpoint::Checkpoint;
use emolab::networks::worker::protocol::{self, FromWorker, Request, ToWorker};
use emolab::networks::{Device, NetworkCard};
use tch::{Cuda, Kind, Tensor};

use crate::efficientnet_lite::{EfficientNetLite, Readout};

/// Images per forward pass.
pub const BATCH: usize = 16;
/// Batches read ahead while one is computed.
const AHEAD: usize = 1;

/// Serves one parent. Every failure, panic included, is sent to it; `Err` is the message once more.
pub fn serve(input: impl Read + Send + 'static, mut output: impl Write) -> Result<(), String> {
    let served = catch_unwind(AssertUnwindSafe(|| run(input, &mut output)));
    let error = match served {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(error)) => error,
        Err(panic) => format!("the worker panicked: {}", panic_message(&*panic)),
    };
    // Where the parent is gone nobody listens.
    let _ = protocol::write(&mut output, &FromWorker::Failed { error: error.clone() }, &[]);
    Err(error)
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref().copied()).unwrap_or("no message")
}

fn run(mut input: impl Read + Send + 'static, output: &mut impl Write) -> Result<(), String> {
    let hello = protocol::read(&mut input).map_err(|error| format!("no request came: {error}"))?.0;
    let ToWorker::Hello { version, request } = hello else {
        return Err("a batch came before the request".to_owned());
    };
    if version != protocol::VERSION {
        let own = protocol::VERSION;
        return Err(format!(
            "emolab-torch speaks version {own} of the worker protocol, emolab version {version}: build both together"
        ));
    }
    let request: Request = serde_json::from_value(request).map_err(|error| error.to_string())?;
    let network = Network::load(&request)?;
    let ready = FromWorker::Ready {
        device: describe(network.device),
        libtorch: libtorch_version(),
        width: network.width,
    };
    protocol::write(output, &ready, &[]).map_err(|error| error.to_string())?;

    let (sender, batches) = mpsc::sync_channel(AHEAD);
    thread::spawn(move || read_ahead(input, &sender));
    answer_all(&network, &batches, output)
}

/// Passes batches on until the input ends, which is the parent's way to say that all is done.
fn read_ahead(mut input: impl Read, sender: &SyncSender<(ToWorker, Vec<u8>)>) {
    while let Ok(frame) = protocol::read(&mut input) {
        if sender.send(frame).is_err() {
            return;
        }
    }
}

fn answer_all(
    network: &Network,
    batches: &Receiver<(ToWorker, Vec<u8>)>,
    output: &mut impl Write,
) -> Result<(), String> {
    for (message, pixels) in batches {
        let ToWorker::Batch { images } = message else {
            return Err("a second request came".to_owned());
        };
        if images.checked_mul(network.image_bytes) != Some(pixels.len()) {
            return Err(format!("{images} images of {} bytes", pixels.len()));
        }
        let numbers = network.features(&pixels).map_err(|error| error.to_string())?;
        let payload = protocol::to_bytes(&numbers);
        protocol::write(output, &FromWorker::Features { images }, &payload)
            .map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// A loaded network and what it is asked for.
struct Network {
    weights: EfficientNetLite,
    layer: Readout,
    device: tch::Device,
    side: i64,
    image_bytes: usize,
    width: usize,
}

impl Network {
    fn load(request: &Request) -> Result<Self, String> {
        let card = NetworkCard::find(&request.network).ok_or("unknown network")?;
        let width = card.layer(&request.layer).ok_or("unknown layer")?.width;
        let layer = match &*request.layer {
            "penultimate" => Readout::Penultimate,
            _ => Readout::Logits,
        };
        let device = choose(request.device)?;
        // OpenMP keeps this per thread: it must be the one that computes.
        tch::set_num_threads(i32::try_from(request.threads.max(1)).unwrap_or(1));
        let checkpoint = Checkpoint::read(&request.weights).map_err(|error| chain(&error))?;
        let weights = EfficientNetLite::load(&checkpoint, device).map_err(|error| chain(&error))?;
        Ok(Self { weights, layer, device, side: card.input.into(), image_bytes: card.image_bytes(), width })
    }

    /// Activations `[images, width]` of `[images, side, side, 3]` u8.
    fn features(&self, pixels: &[u8]) -> Result<Vec<f32>, tch::TchError> {
        let _no_grad = tch::no_grad_guard();
        let mut numbers = Vec::new();
        let mut padded = Vec::new();
        for batch in pixels.chunks(BATCH * self.image_bytes) {
            padded.clear();
            padded.extend_from_slice(batch);
            padded.resize(BATCH * self.image_bytes, 0);
            let shape = [BATCH as i64, self.side, self.side, 3];
            let images = Tensor::f_from_data_size(&padded, &shape, Kind::Uint8)?;
            // [16, width]
            let rows = self.weights.forward(&images.f_to_device(self.device)?, self.layer)?;
            let rows = rows.f_contiguous()?.f_to_device(tch::Device::Cpu)?;
            let wanted = batch.len() / self.image_bytes * self.width;
            let from = numbers.len();
            numbers.resize(from + BATCH * self.width, 0.0);
            rows.f_copy_data(&mut numbers[from..], BATCH * self.width)?;
            numbers.truncate(from + wanted);
        }
        Ok(numbers)
    }
}

fn choose(device: Device) -> Result<tch::Device, String> {
    match device {
        Device::Cpu => Ok(tch::Device::Cpu),
        Device::Auto => Ok(tch::Device::cuda_if_available()),
        Device::Cuda(number) if Cuda::is_available() => {
            let count = Cuda::device_count();
            if (number as i64) < count {
                Ok(tch::Device::Cuda(number))
            } else {
                Err(format!("there is no device `cuda:{number}`: libtorch sees {count}"))
            }
        }
        Device::Cuda(number) => Err(format!(
            "device `cuda:{number}` was asked for, but this libtorch ({}) sees no GPU: the one from `just setup` \
             is for CPUs; set LIBTORCH to one with CUDA, or LIBTORCH_USE_PYTORCH=1, and build again",
            libtorch_version()
        )),
    }
}

fn describe(device: tch::Device) -> String {
    match device {
        tch::Device::Cuda(number) => format!("cuda:{number}"),
        _ => "cpu".to_owned(),
    }
}

/// What the loaded libtorch says about itself: `build-version` of a libtorch, `version.py` of a PyTorch; else
/// the version that tch is pinned to.
fn libtorch_version() -> String {
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let library = maps.lines().find_map(|line| {
        let path = Path::new(line.get(line.find('/')?..)?);
        path.file_name()?.to_str()?.starts_with("libtorch_cpu.").then_some(path)
    });
    let prefix = library.and_then(|library| library.parent()?.parent()).unwrap_or(Path::new("."));
    let build = fs::read_to_string(prefix.join("build-version")).ok();
    let python = || fs::read_to_string(prefix.join("version.py")).ok();
    build
        .or_else(|| Some(python()?.lines().find_map(|line| line.strip_prefix("__version__ = "))?.to_owned()))
        .map_or_else(|| "2.11".to_owned(), |version| version.trim().trim_matches('\'').to_owned())
}

/// An error and its causes, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
