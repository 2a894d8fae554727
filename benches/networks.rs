//! Times our side of `benches/networks.py`: images per second through the worker, as a run has them.
//!
//! ```text
//! networks features NETWORK WEIGHTS THREADS f32|bf16  # forward passes of 192 images
//! networks train NETWORK WEIGHTS THREADS STEPS        # steps of 32 images, after a first one
//! ```
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench that cannot go on stops; it prints images per second"
)]

use std::path::Path;
use std::time::Instant;

use emolab::networks::recipe::{Length, Preset, Recipe};
use emolab::networks::worker::protocol::FromWorker;
use emolab::networks::worker::{self, Request, Training};
use emolab::networks::{Device, NetworkCard, Precision};

const IMAGES: usize = 192;
const BATCH: usize = 16;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [kind, network, weights, threads, rest] = arguments.as_slice() else {
        println!("`just bench-networks` runs this");
        return;
    };
    let card = NetworkCard::find(network).unwrap();
    let (weights, threads) = (Path::new(weights), threads.parse().unwrap());
    let speed = match kind.as_str() {
        "features" => features(card, weights, threads, rest),
        _ => train(card, weights, threads, rest.parse().unwrap()),
    };
    println!("{speed:.3}");
}

/// Pixels that no convolution finds easy.
fn noise(bytes: usize) -> Vec<u8> {
    (0..bytes as u32).map(|at| (at.wrapping_mul(0x9E37_79B1) >> 24) as u8).collect()
}

/// The worker that this bench was built with.
fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_emolab-torch"))
}

fn features(card: &NetworkCard, weights: &Path, threads: usize, precision: &str) -> f64 {
    let precision = if precision == "bf16" { Precision::Bf16 } else { Precision::F32 };
    let request = Request { precision, threads, ..Request::feature(card, weights.to_owned()).unwrap() };
    let (mut sender, mut receiver, _guard) = worker::start(program(), &request).unwrap().split();
    let pixels = noise(BATCH * card.input.image_bytes());
    let mut best = 0.0_f64;
    for _ in 0..12 {
        let start = Instant::now();
        std::thread::scope(|scope| {
            scope.spawn(|| (0..IMAGES / BATCH).for_each(|_| sender.send(&pixels, BATCH).unwrap()));
            (0..IMAGES / BATCH).for_each(|_| drop(receiver.receive().unwrap()));
        });
        best = best.max(IMAGES as f64 / start.elapsed().as_secs_f64());
    }
    best
}

fn train(card: &NetworkCard, weights: &Path, threads: usize, steps: usize) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let (side, images) = (card.input.resize, 64);
    let pixels = folder.path().join("images.u8");
    std::fs::write(&pixels, noise(images * (side * side * 3) as usize)).unwrap();
    let recipe = Recipe { length: Length::Iterations(steps + 1), batch: 32, ..Preset::Modern.recipe() };
    let training = Training {
        network: card.name.to_owned(),
        input: card.input,
        outputs: 8,
        weights: weights.to_owned(),
        recipe,
        seed: 1,
        device: Device::Cpu,
        precision: Precision::F32,
        threads,
        pixels,
        side,
        training: images,
        validation: 0,
        folder: folder.path().to_owned(),
        checkpoint_seconds: 3600,
    };
    let labels: Vec<u8> = (0..images as u8).map(|number| number % 8).collect();
    let (_sender, mut receiver, _guard) = worker::train(program(), &training, &labels).unwrap();
    let mut best = 0.0_f64;
    loop {
        match receiver.news().unwrap().0 {
            FromWorker::Step { images_per_second, .. } => best = best.max(images_per_second),
            FromWorker::Trained { .. } => return best,
            _ => {}
        }
    }
}
