//! The training itself: epochs, steps, checkpoints, and when to stop.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use emolab::networks::NetworkCard;
use emolab::networks::checkpoint::Checkpoint;
use emolab::networks::random::{Purpose, Stream};
use emolab::networks::worker::protocol::FromWorker;
use emolab::networks::worker::{Epoch, Training};
use tch::{Kind, Reduction, TchError, Tensor, no_grad};

use super::batches::{Batch, Images};
use super::optimizer::Steps;
use super::snapshot::{self, Folder, State};
use super::trainable::{Mode, Trainable};
use crate::model::Normalisation;
use crate::server::chain;
use crate::weights::Arithmetic;

/// A cross entropy above this is not one that a training comes back from: the right class has e^-50.
const EXPLODED: f64 = 50.0;
const REPORT_EVERY: Duration = Duration::from_secs(1);

/// Tells the parent something.
type Say<'a> = dyn FnMut(&FromWorker, &[u8]) -> Result<(), String> + 'a;

/// A training under way.
struct Trainer<'a> {
    training: &'a Training,
    network: Trainable,
    steps: Steps,
    normalisation: Normalisation,
    images: Images,
    folder: Folder,
    state: State,
    device: tch::Device,
}

/// Trains from where the folder's checkpoint stands, or from the start, and says the weights.
pub fn train(
    training: &Training,
    labels: &[u8],
    device: tch::Device,
    stop: &AtomicBool,
    say: &mut Say<'_>,
) -> Result<(), String> {
    train_until(training, labels, device, stop, say, None)
}

/// As [`train`], but stops when so many steps are done.
pub(super) fn train_until(
    training: &Training,
    labels: &[u8],
    device: tch::Device,
    stop: &AtomicBool,
    say: &mut Say<'_>,
    halt: Option<usize>,
) -> Result<(), String> {
    tch::set_num_threads(training.threads.max(1) as i32);
    let mut trainer = Trainer::new(training, labels, device)?;
    if trainer.state.step > 0 {
        say(&FromWorker::Resumed { step: trainer.state.step }, &[])?;
    }
    while !trainer.is_done() {
        if !trainer.epoch(&|step| stop.load(Ordering::SeqCst) || halt == Some(step), say)? {
            trainer.save()?;
            return say(&FromWorker::Stopped { step: trainer.state.step }, &[]);
        }
    }
    let last = trainer.state.history.len();
    let (kept, weights) = match trainer.state.best {
        Some(best) => (best, trainer.folder.best_weights(&trainer.state)?),
        None => (last, snapshot::weights(&trainer.network.tensors)?),
    };
    say(&FromWorker::Trained { history: trainer.state.history.clone(), kept }, &weights)
}

impl<'a> Trainer<'a> {
    fn new(training: &'a Training, labels: &[u8], device: tch::Device) -> Result<Self, String> {
        let card = NetworkCard::find(&training.network);
        let architecture = card.and_then(|card| Some((card.name, card.architecture?())));
        let (name, architecture) =
            architecture.ok_or_else(|| format!("`{}` cannot be trained", training.network))?;
        let kind = Arithmetic::new(training.precision, device).kind;
        let checkpoint = Checkpoint::read(&training.weights).map_err(|error| chain(&error))?;
        let recipe = (&training.recipe, training.seed, training.outputs);
        let mut network = Trainable::load((name, &architecture), &checkpoint, recipe, (device, kind))
            .map_err(|error| chain(&error))?;
        drop(checkpoint);
        let images = Images::open(training, labels, device.is_cuda())?;
        let mut steps = Steps::new(&training.recipe, &network.tensors).map_err(|error| chain(&error))?;
        let folder = Folder::new(&training.folder, identity(training, labels)?);
        let state = folder.resume(&mut network.tensors, &mut steps)?.unwrap_or_default();
        let normalisation =
            Normalisation::new(training.input, device, Kind::Float).map_err(|error| chain(&error))?;
        Ok(Self { training, network, steps, normalisation, images, folder, state, device })
    }

    fn totals(&self) -> (usize, usize) {
        self.training.recipe.steps(self.training.training)
    }

    fn is_done(&self) -> bool {
        let best = self.state.best_of_history();
        let is_stale = |patience| best.is_some_and(|best| self.state.history.len() >= best + patience);
        let stopped_early = self.training.recipe.patience.is_some_and(is_stale) && self.state.seen == 0;
        self.state.step >= self.totals().1 || stopped_early
    }

    /// Runs to the end of the epoch; `false` where it was stopped before.
    fn epoch(&mut self, stop: &dyn Fn(usize) -> bool, say: &mut Say<'_>) -> Result<bool, String> {
        let (per_epoch, all) = self.totals();
        let (epoch, within) = (self.state.step / per_epoch, self.state.step % per_epoch);
        let batches = self.images.epoch(self.training, epoch as u64, within);
        let (mut saved, mut told) = (Instant::now(), Instant::now());
        let (mut loss_since, mut images_since, mut last) = (0.0, 0, None);
        for batch in batches.take(all - self.state.step) {
            if stop(self.state.step) {
                return Ok(false);
            }
            let batch = batch?;
            let loss = self.step(&batch)?;
            loss_since += loss * batch.labels.len() as f64;
            images_since += batch.labels.len();
            if told.elapsed() >= REPORT_EVERY || self.state.step == all {
                let images_per_second = images_since as f64 / told.elapsed().as_secs_f64();
                let (step, loss) = (self.state.step, loss_since / images_since as f64);
                say(&FromWorker::Step { step, steps: all, loss, images_per_second }, &[])?;
                (told, loss_since, images_since) = (Instant::now(), 0.0, 0);
            }
            let is_due = saved.elapsed() >= Duration::from_secs(self.training.checkpoint_seconds);
            if is_due && !self.state.step.is_multiple_of(per_epoch) {
                self.check(&batch)?;
                self.save()?;
                saved = Instant::now();
            }
            last = Some(batch);
        }
        if let Some(batch) = last {
            self.check(&batch)?;
        }
        let epoch = self.end_epoch()?;
        say(&FromWorker::EpochDone(epoch), &[])?;
        Ok(true)
    }

    /// One step; its loss.
    fn step(&mut self, batch: &Batch) -> Result<f64, String> {
        let number = self.state.step;
        let rate = self.training.recipe.rate_at(number, self.totals().1);
        let (loss, right) = self.forward_and_move(batch, number, rate).map_err(|error| chain(&error))?;
        if !loss.is_finite() || loss > EXPLODED {
            return Err(self.explosion("", loss, number));
        }
        self.state.step += 1;
        self.state.loss += loss * batch.labels.len() as f64;
        self.state.right += right;
        self.state.seen += batch.labels.len();
        Ok(loss)
    }

    /// What is said of a loss that is too large or no number; steps from 0.
    fn explosion(&self, of: &str, loss: f64, step: usize) -> String {
        let rate = self.training.recipe.rate_at(step, self.totals().1);
        let word = if loss.is_finite() { "exploded" } else { "is not a number" };
        let last = self.folder.checkpoint();
        let last = if last.is_file() {
            format!("the last good checkpoint is `{}`", last.display())
        } else {
            "there is no checkpoint yet".to_owned()
        };
        let step = step + 1;
        format!(
            "the loss {of}{word} ({loss:.3}) at step {step} with rate {rate:.3e}; {last}; try a smaller `rate`"
        )
    }

    /// Whether the weights still are a network's: a step's own loss is that of the weights before it.
    fn check(&self, batch: &Batch) -> Result<(), String> {
        let (loss, _) = self.evaluate(batch)?;
        if loss.is_finite() { Ok(()) } else { Err(self.explosion("", loss, self.state.step - 1)) }
    }

    fn forward_and_move(
        &mut self,
        batch: &Batch,
        number: usize,
        rate: f64,
    ) -> Result<(f64, usize), TchError> {
        let recipe = &self.training.recipe;
        let mut stream = Stream::new(self.training.seed, Purpose::Step(number as u64));
        // What dropout draws from.
        tch::manual_seed((stream.bits() >> 1) as i64);
        let (mut images, labels) = self.place(batch)?;
        let outputs = self.training.outputs as i64;
        let mut target = labels.shallow_clone();
        if recipe.mixup > 0.0 {
            let share = stream.beta(recipe.mixup);
            let mixed = |x: &Tensor| x.f_mul_scalar(share)?.f_add(&x.f_flip([0])?.f_mul_scalar(1.0 - share)?);
            images = mixed(&images)?;
            target = mixed(&labels.f_one_hot(outputs)?.f_to_kind(Kind::Float)?)?;
        }
        let scores = self.network.forward(&images, Mode::Training)?;
        let weight: Option<&Tensor> = None;
        let loss =
            scores.f_cross_entropy_loss(&target, weight, Reduction::Mean, -100, recipe.label_smoothing)?;
        let value = loss.f_double_value(&[])?;
        if value.is_finite() {
            loss.f_backward()?;
            self.steps.apply(&mut self.network.tensors, rate, number + 1)?;
        }
        Ok((value, count_right(&scores, &labels)?))
    }

    /// Images `[b, 3, side, side]` and labels `[b]` on the device.
    fn place(&self, batch: &Batch) -> Result<(Tensor, Tensor), TchError> {
        let labels: Vec<i64> = batch.labels.iter().map(|label| i64::from(*label)).collect();
        Ok((
            self.normalisation.apply(&batch.pixels)?,
            Tensor::f_from_slice(&labels)?.f_to_device(self.device)?,
        ))
    }

    fn end_epoch(&mut self) -> Result<Epoch, String> {
        let (per_epoch, all) = self.totals();
        let validation = self.validate()?;
        if let Some((loss, _)) = validation
            && !loss.is_finite()
        {
            return Err(self.explosion("on the validation images ", loss, self.state.step - 1));
        }
        let seen = self.state.seen.max(1) as f64;
        let epoch = Epoch {
            epoch: self.state.history.len() + 1,
            step: self.state.step,
            rate: self.training.recipe.rate_at(self.state.step - 1, all),
            training_loss: self.state.loss / seen,
            training_accuracy: self.state.right as f64 / seen,
            validation_loss: validation.map(|(loss, _)| loss),
            validation_accuracy: validation.map(|(_, accuracy)| accuracy),
        };
        self.state.history.push(epoch);
        (self.state.loss, self.state.right, self.state.seen) = (0.0, 0, 0);
        let is_best = self.state.best_of_history() == Some(epoch.epoch);
        if is_best && self.training.recipe.keep_best {
            let weights = snapshot::weights(&self.network.tensors)?;
            snapshot::write(&self.folder.best(), &weights)?;
            self.state.best = Some(epoch.epoch);
            self.state.best_digest = Some(emolab::store::key::digest(&weights).to_hex());
        }
        // The last epoch's checkpoint too: what follows may be killed.
        debug_assert!(self.state.step.is_multiple_of(per_epoch) || self.state.step == all);
        self.save()?;
        Ok(epoch)
    }

    /// Sum of the losses of a batch as the network is used, and how many answers are right.
    fn evaluate(&self, batch: &Batch) -> Result<(f64, usize), String> {
        let evaluate = || -> Result<(f64, usize), TchError> {
            let (images, labels) = self.place(batch)?;
            let scores = self.network.forward(&images, Mode::Evaluation)?;
            let weight: Option<&Tensor> = None;
            let sum = scores.f_cross_entropy_loss(&labels, weight, Reduction::Sum, -100, 0.0)?;
            Ok((sum.f_double_value(&[])?, count_right(&scores, &labels)?))
        };
        no_grad(evaluate).map_err(|error| chain(&error))
    }

    /// Mean loss and accuracy on the validation images.
    fn validate(&self) -> Result<Option<(f64, f64)>, String> {
        if self.training.validation == 0 {
            return Ok(None);
        }
        let (mut loss, mut right) = (0.0, 0);
        for batch in self.images.validation(self.training, self.training.recipe.batch) {
            let batch = batch?;
            let (sum, count) = self.evaluate(&batch)?;
            loss += sum;
            right += count;
        }
        let images = self.training.validation as f64;
        Ok(Some((loss / images, right as f64 / images)))
    }

    fn save(&self) -> Result<(), String> {
        self.folder.save(&self.state, &self.network.tensors, &self.steps)
    }
}

impl State {
    /// The epoch, from 1, of lowest validation loss so far.
    pub fn best_of_history(&self) -> Option<usize> {
        let losses = self.history.iter().filter_map(|epoch| Some((epoch.validation_loss?, epoch.epoch)));
        losses.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, epoch)| epoch)
    }
}

fn count_right(scores: &Tensor, labels: &Tensor) -> Result<usize, TchError> {
    let right = scores.f_argmax(1, false)?.f_eq_tensor(labels)?.f_sum(Kind::Int64)?;
    Ok(right.f_int64_value(&[])? as usize)
}

/// All that decides the weights: a checkpoint of anything else is not taken up.
fn identity(training: &Training, labels: &[u8]) -> Result<String, String> {
    let mut alike = training.clone();
    for path in [&mut alike.pixels, &mut alike.folder, &mut alike.weights] {
        path.clear();
    }
    (alike.checkpoint_seconds, alike.threads) = (0, 0);
    let labels: u64 = labels.iter().fold(0, |sum, label| sum.wrapping_mul(31).wrapping_add((*label).into()));
    let text = serde_json::to_string(&alike).map_err(|error| error.to_string())?;
    Ok(format!("{text} {labels:x} {}", file_size(&training.weights)?))
}

fn file_size(path: &Path) -> Result<u64, String> {
    Ok(emolab::fs::MappedFile::open(path).map_err(|error| chain(&error))?.len())
}
