//! Trainings of the real network on small images with a known answer.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use emolab::networks::checkpoint;
use emolab::networks::recipe::{Length, Preset, Recipe};
use emolab::networks::worker::Training;
use emolab::networks::worker::protocol::FromWorker;
use emolab::networks::{Device, Input, NetworkCard, Precision};

use super::batches::Images;
use super::train;
use crate::fixture;
use crate::weights::Arithmetic;

const SIDE: u32 = 72;
const TRAINING: usize = 20;
const VALIDATION: usize = 6;

/// Stripes, across for one class and down for the other.
fn image(number: usize) -> Vec<u8> {
    let value = |x: u32, y: u32, c: u32| {
        let along = if number.is_multiple_of(2) { x } else { y };
        let stripe = (along + number as u32) / 6 % 2 * 120;
        (stripe + (x * 7 + y * 13 + c * 31 + number as u32 * 17) % 100) as u8
    };
    (0..SIDE * SIDE).flat_map(|at| (0..3).map(move |c| value(at % SIDE, at / SIDE, c))).collect()
}

fn labels() -> Vec<u8> {
    (0..TRAINING + VALIDATION).map(|number| if number.is_multiple_of(2) { 2 } else { 6 }).collect()
}

fn training(folder: &Path, recipe: Recipe) -> Training {
    let pixels = folder.join("images.u8");
    let bytes: Vec<u8> = (0..TRAINING + VALIDATION).flat_map(image).collect();
    std::fs::write(&pixels, bytes).unwrap();
    let card = NetworkCard::find("efficientnet-lite0").unwrap();
    Training {
        network: card.name.to_owned(),
        input: Input { side: 64, resize: SIDE, ..card.input },
        outputs: 8,
        weights: fixture::weights().to_owned(),
        recipe,
        seed: 7,
        device: Device::Cpu,
        precision: Precision::F32,
        // The tests share the cores.
        threads: 1,
        pixels,
        side: SIDE,
        training: TRAINING,
        validation: VALIDATION,
        folder: folder.to_owned(),
        checkpoint_seconds: 3600,
    }
}

fn recipe(epochs: usize) -> Recipe {
    Recipe { length: Length::Epochs(epochs), batch: 4, keep_best: false, ..Preset::Modern.recipe() }
}

/// All that a training says.
fn run(training: &Training, stop: &AtomicBool) -> Result<Vec<(FromWorker, Vec<u8>)>, String> {
    let mut said = Vec::new();
    let mut say = |message: &FromWorker, payload: &[u8]| {
        // A message is its own copy.
        let message = serde_json::from_str(&serde_json::to_string(message).unwrap()).unwrap();
        said.push((message, payload.to_vec()));
        Ok(())
    };
    train(training, &labels(), tch::Device::Cpu, stop, &mut say)?;
    Ok(said)
}

fn weights(training: &Training) -> Vec<u8> {
    match run(training, &AtomicBool::new(false)).unwrap().pop() {
        Some((FromWorker::Trained { .. }, weights)) => weights,
        other => panic!("{:?}", other.map(|(message, _)| message)),
    }
}

#[test]
fn batches_are_the_same_on_any_threads_and_those_of_a_processor_wait_until_they_are_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let with = |threads: usize| Training { threads, ..training(folder.path(), recipe(1)) };
    let batches = |threads: usize, is_ahead: bool| -> Vec<(Vec<u8>, Vec<u8>)> {
        let training = with(threads);
        let images = Images::open(&training, &labels(), is_ahead).unwrap();
        let batches = images.epoch(&training, 3, 1).map(Result::unwrap);
        batches.map(|batch| (batch.pixels, batch.labels)).collect()
    };
    let one = batches(1, false);
    assert_eq!(one.len(), 4, "five batches of four, without the first");
    assert!(one.iter().all(|(pixels, labels)| (pixels.len(), labels.len()) == (4 * 64 * 64 * 3, 4)));
    assert_ne!(one[0].0, one[1].0);
    for (threads, is_ahead) in [(3, false), (1, true), (2, true)] {
        assert_eq!(batches(threads, is_ahead), one, "{threads} threads, ahead: {is_ahead}");
    }

    // A file that loses its images on the way tells which batches had been made.
    let left = |is_ahead: bool| {
        let training = with(1);
        let images = Images::open(&training, &labels(), is_ahead).unwrap();
        let mut batches = images.epoch(&training, 3, 0);
        batches.next().unwrap().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(200));
        std::fs::write(&training.pixels, []).unwrap();
        batches.flatten().count()
    };
    assert_eq!(left(true), 4);
    assert_eq!(left(false), 0);
}

#[test]
fn a_training_learns_and_the_best_epoch_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = Recipe { keep_best: true, rate: 1e-3, ..recipe(4) };
    let said = run(&training(folder.path(), recipe), &AtomicBool::new(false)).unwrap();
    let Some((FromWorker::Trained { history, kept }, weights)) = said.last() else { panic!("{said:?}") };
    assert_eq!(history.len(), 4);
    assert!(history[3].training_accuracy > 0.8, "{history:?}");
    assert!(history[3].training_loss < history[0].training_loss);
    let losses: Vec<f64> = history.iter().map(|epoch| epoch.validation_loss.unwrap()).collect();
    assert!(losses.iter().all(|loss| *loss >= losses[kept - 1]));
    let tensors = checkpoint::parse(weights).unwrap();
    assert_eq!(tensors["_fc.weight"].shape, [8, 1280]);
    assert_eq!(
        tensors.len(),
        NetworkCard::find("efficientnet-lite0").unwrap().architecture.unwrap()().tensors(None).len()
    );
}

#[test]
fn a_stopped_training_goes_on_to_the_same_bits() {
    // Momentum, moments, dropout, mixing, batch norms: all that a checkpoint must carry or that the seed must give.
    for preset in [Preset::Modern, Preset::CaffeFinetune] {
        let recipe = Recipe { length: Length::Epochs(2), batch: 4, mixup: 0.2, ..preset.recipe() };
        let whole = tempfile::tempdir().unwrap();
        let expected = weights(&training(whole.path(), recipe.clone()));

        let folder = tempfile::tempdir().unwrap();
        let halted = training(folder.path(), recipe);
        for step in [3, 7] {
            // Stopped when it has done `step` steps, the first time within an epoch, then in the next.
            let said = stopped_after(&halted, step);
            assert!(
                matches!(said.last(), Some(FromWorker::Stopped { step: done }) if *done == step),
                "{said:?}"
            );
        }
        let said = run(&halted, &AtomicBool::new(false)).unwrap();
        assert!(matches!(said[0].0, FromWorker::Resumed { step: 7 }));
        assert!(said.last().unwrap().1 == expected, "{preset:?}");
    }
}

#[test]
fn a_damaged_checkpoint_is_told_and_not_trained_on() {
    let folder = tempfile::tempdir().unwrap();
    let halted = training(folder.path(), recipe(3));
    stopped_after(&halted, 5);
    let path = folder.path().join("checkpoint.safetensors");
    let mut bytes = std::fs::read(&path).unwrap();
    let last = bytes.len() - 9;
    bytes[last] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let error = run(&halted, &AtomicBool::new(false)).unwrap_err();
    assert!(error.contains("checkpoint.safetensors` is damaged; remove it"), "{error}");
    std::fs::remove_file(&path).unwrap();
    run(&halted, &AtomicBool::new(false)).unwrap();
}

/// Stops a training after so many steps.
fn stopped_after(training: &Training, step: usize) -> Vec<FromWorker> {
    let stop = AtomicBool::new(false);
    let mut said = Vec::new();
    let mut say = |message: &FromWorker, _: &[u8]| {
        said.push(serde_json::from_str(&serde_json::to_string(message).unwrap()).unwrap());
        Ok(())
    };
    super::trainer::train_until(training, &labels(), tch::Device::Cpu, &stop, &mut say, Some(step)).unwrap();
    said
}

#[test]
fn an_exploding_loss_names_step_rate_and_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let good = training(folder.path(), recipe(3));
    let error = {
        let wild = Recipe { rate: 1e9, ..recipe(3) };
        run(&training(folder.path(), wild), &AtomicBool::new(false)).unwrap_err()
    };
    assert!(
        error.starts_with("the loss ") && error.contains(" at step ") && error.contains("rate 1."),
        "{error}"
    );
    assert!(error.contains("there is no checkpoint yet"), "{error}");
    // One that has a checkpoint names it, and it is still good.
    stopped_after(&good, 5);
    let checkpoint = std::fs::read(folder.path().join("checkpoint.safetensors")).unwrap();
    assert!(
        checkpoint::parse(&checkpoint)
            .unwrap()
            .values()
            .all(|tensor| tensor.data.iter().all(|x| x.is_finite()))
    );
}

/// A step's loss is that of the weights before it, so an epoch's last step needs a look of its own.
#[test]
fn weights_that_the_last_step_ruined_are_neither_kept_nor_a_checkpoint() {
    for validation in [0, VALIDATION] {
        let folder = tempfile::tempdir().unwrap();
        let images = TRAINING + VALIDATION;
        let wild = Recipe { rate: 1e30, batch: images, ..recipe(1) };
        let good = training(folder.path(), wild);
        let ruined = Training { training: images - validation, validation, ..good };
        let error = run(&ruined, &AtomicBool::new(false)).unwrap_err();
        assert!(error.starts_with("the loss ") && error.contains(" at step 1 "), "{error}");
        assert!(error.contains("there is no checkpoint yet"), "{error}");
        assert!(!folder.path().join("checkpoint.safetensors").exists());
    }
}

#[test]
fn a_frozen_prefix_keeps_its_weights_and_its_norms() {
    let folder = tempfile::tempdir().unwrap();
    let frozen = Recipe { freeze_through: Some("_blocks.5._bn2".to_owned()), ..recipe(1) };
    let trained = checkpoint::parse(&weights(&training(folder.path(), frozen))).unwrap();
    let before = checkpoint::Checkpoint::read(fixture::weights()).unwrap();
    let mut moved = Vec::new();
    for (name, tensor) in &trained {
        if before.tensors().get(name) != Some(tensor) {
            moved.push(name.as_str());
        }
    }
    let is_frozen = |name: &str| {
        name.starts_with("_conv_stem")
            || name.starts_with("_bn0")
            || (0..6).any(|block| name.starts_with(&format!("_blocks.{block}.")))
    };
    assert!(moved.iter().all(|name| !is_frozen(name)), "{moved:?}");
    assert!(
        moved.contains(&"_blocks.6._depthwise_conv.weight") && moved.contains(&"_blocks.6._bn0.running_mean")
    );

    let unknown = Recipe { freeze_through: Some("conv9".to_owned()), ..recipe(1) };
    let error = run(&training(folder.path(), unknown), &AtomicBool::new(false)).unwrap_err();
    assert_eq!(error, "efficientnet-lite0 has no layer `conv9` to freeze");
}

#[test]
fn patience_ends_a_training_that_gets_no_better() {
    let folder = tempfile::tempdir().unwrap();
    // Nothing moves, so that no epoch is better than the first.
    let still = Recipe { patience: Some(2), rate: 1e-30, ..recipe(9) };
    let said = run(&training(folder.path(), still), &AtomicBool::new(false)).unwrap();
    let Some((FromWorker::Trained { history, .. }, _)) = said.last() else { panic!("{said:?}") };
    assert!(history.len() < 9, "{}", history.len());
}

#[test]
fn a_training_in_bf16_learns_as_one_in_f32() {
    let last_of = |precision| {
        let folder = tempfile::tempdir().unwrap();
        let exact = training(folder.path(), Recipe { rate: 1e-3, ..recipe(3) });
        let said = run(&Training { precision, ..exact }, &AtomicBool::new(false)).unwrap();
        let Some((FromWorker::Trained { history, .. }, weights)) = said.last() else { panic!("{said:?}") };
        (history[2], checkpoint::parse(weights).unwrap())
    };
    let (exact, weights) = last_of(Precision::F32);
    let (coarse, coarse_weights) = last_of(Precision::Bf16);
    assert!(coarse.training_accuracy > 0.7, "{coarse:?}");
    assert!((coarse.training_loss - exact.training_loss).abs() < 0.2, "{coarse:?} {exact:?}");
    assert!(coarse_weights.values().all(|tensor| tensor.data.iter().all(|x| x.is_finite())));
    // Where the processor has no bf16, it trains in f32.
    let is_coarse = Arithmetic::new(Precision::Bf16, tch::Device::Cpu).kind == tch::Kind::BFloat16;
    assert_eq!(weights != coarse_weights, is_coarse);
}
