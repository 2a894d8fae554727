//! The child's side: loads a network, answers batches until its input ends.

use std::io::{Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, SyncSender};
use std::{fs, thread};

use emolab::networks::checkpoint::Checkpoint;
use emolab::networks::worker::protocol::{self, FromWorker, Job, Request, ToWorker, Training};
use emolab::networks::{Device, NetworkCard};
use tch::Cuda;

use crate::compute::{Network, Pending, Pool, panic_message};
use crate::model::{Model, Normalisation};
use crate::weights::Arithmetic;
use crate::{inference, training};

/// A batch whose rows are being computed: its images and what will answer them.
type Answer = Result<(usize, Pending), String>;

/// Serves one parent. Every failure, panic included, is sent to it; `Err` is the message once more.
pub fn serve(input: impl Read + Send + 'static, mut output: impl Write) -> Result<(), String> {
    let served = catch_unwind(AssertUnwindSafe(|| run(input, &mut output)));
    let error = match served {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(error)) => error,
        Err(panic) => panic_message(&*panic),
    };
    // Where the parent is gone nobody listens.
    let _ = protocol::write(&mut output, &FromWorker::Failed { error: error.clone() }, &[]);
    Err(error)
}

fn run(mut input: impl Read + Send + 'static, output: &mut impl Write) -> Result<(), String> {
    let (hello, payload) = protocol::read(&mut input).map_err(|error| format!("no request came: {error}"))?;
    let ToWorker::Hello { version, job } = hello else {
        return Err("a batch came before the request".to_owned());
    };
    if version != protocol::VERSION {
        let own = protocol::VERSION;
        return Err(format!(
            "emolab-torch speaks version {own} of the worker protocol, emolab version {version}: build both together"
        ));
    }
    match serde_json::from_value(job).map_err(|error| error.to_string())? {
        Job::Extract(request) => extract(&request, input, output),
        Job::Train(training) => {
            // It outlives its parent until its checkpoint is written.
            #[cfg(target_os = "linux")]
            let _ = rustix::process::set_parent_process_death_signal(None);
            train(&training, &payload, input, output)
        }
    }
}

fn train(
    training: &Training,
    labels: &[u8],
    mut input: impl Read + Send + 'static,
    output: &mut impl Write,
) -> Result<(), String> {
    let device = choose(training.device)?;
    let stop = Arc::new(AtomicBool::new(false));
    let raised = stop.clone();
    // Nothing more is sent: the input ends when the parent ends or wants the training to stop.
    thread::spawn(move || {
        let _ = input.read(&mut [0]);
        raised.store(true, Ordering::SeqCst);
    });
    let mut say = |message: &FromWorker, payload: &[u8]| {
        protocol::write(output, message, payload).map_err(|error| error.to_string())
    };
    training::train(training, labels, device, &stop, &mut say)
}

fn extract(
    request: &Request,
    input: impl Read + Send + 'static,
    output: &mut impl Write,
) -> Result<(), String> {
    let network = load(request)?;
    let ready = FromWorker::Ready {
        device: describe(network.device),
        libtorch: libtorch_version(),
        width: network.width,
        images_per_pass: network.images_per_pass(),
    };
    protocol::write(output, &ready, &[]).map_err(|error| error.to_string())?;

    let pool = Pool::start(&network, request.threads).map_err(|error| error.to_string())?;
    let image_bytes = network.image_bytes;
    // Enough batches under way for every thread to have work, even if each holds one image.
    let (sender, answers) = mpsc::sync_channel(request.threads.max(1));
    thread::spawn(move || read_ahead(input, &pool, image_bytes, &sender));
    for answer in answers {
        let (images, rows) = answer?;
        let payload = protocol::to_bytes(&rows.wait()?);
        let features = FromWorker::Features { images };
        protocol::write(output, &features, &payload).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Submits batches until the input ends, which is the parent's way to say that all is done.
fn read_ahead(mut input: impl Read, pool: &Pool, image_bytes: usize, answers: &SyncSender<Answer>) {
    while let Ok((message, pixels)) = protocol::read(&mut input) {
        let answer = match message {
            ToWorker::Hello { .. } => Err("a second request came".to_owned()),
            ToWorker::Batch { images } if images.checked_mul(image_bytes) == Some(pixels.len()) => {
                Ok((images, pool.submit(pixels)))
            }
            ToWorker::Batch { images } => Err(format!("{images} images of {} bytes", pixels.len())),
        };
        if answers.send(answer).is_err() {
            return;
        }
    }
}

fn load(request: &Request) -> Result<Network, String> {
    let card = NetworkCard::find(&request.network);
    let card = card.ok_or_else(|| format!("unknown network `{}`", request.network))?;
    let device = choose(request.device)?;
    let architecture = card.architecture.map(|architecture| architecture());
    let arithmetic = Arithmetic::of_network(request.precision, device, architecture.as_ref());
    let normalisation =
        Normalisation::new(request.input, device, arithmetic.kind).map_err(|error| chain(&error))?;
    let model = match architecture {
        Some(architecture) => {
            let (layer, outputs) = (&request.layer, request.outputs);
            let known = architecture.readouts(outputs).into_iter().find(|known| known.name == *layer);
            if known.map(|layer| layer.width) != Some(request.width) {
                return Err(format!("{} has no layer `{layer}` of width {}", card.name, request.width));
            }
            let checkpoint = Checkpoint::read(&request.weights).map_err(|error| chain(&error))?;
            let place = (device, arithmetic);
            let network =
                inference::Network::load(card.name, &architecture, layer, outputs, &checkpoint, place);
            Model::of_network(network.map_err(|error| chain(&error))?, normalisation)
        }
        None => Model::of_module(&request.weights, normalisation)?,
    };
    Ok(Network { model, width: request.width, device, image_bytes: request.input.image_bytes() })
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
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
