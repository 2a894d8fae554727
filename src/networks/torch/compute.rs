//! The network at work: forward passes on every thread, each independent of all others.
//!
//! An image's activations must depend on nothing but the image and the weights. Inside libtorch they do not:
//! its convolutions choose their kernels, and so their order of summation, by the size of the batch and the
//! number of threads. Hence a forward pass on a CPU has one thread, and as many batches are worked on side by side as
//! there are threads. It has one image where libtorch's convolutions are in it; a network of [our kernels](crate::kernels)
//! has [a few](TOGETHER), which read each weight once.
//! A GPU needs larger passes, and so do large fully connected layers, whose weights are read from memory once a
//! pass: these have [`BATCH`] images whatever is asked for, the last pass filled up with zeros.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tch::{TchError, Tensor};

use crate::model::Model;

/// Images per forward pass on a GPU, or of fully connected layers.
const BATCH: usize = 16;
/// Images per forward pass of a network whose images are independent of each other.
const TOGETHER: usize = 4;

/// A loaded network and what is read out of it.
#[derive(Debug)]
pub struct Network {
    /// The weights.
    pub model: Model,
    /// Numbers per image.
    pub width: usize,
    /// Where the weights are.
    pub device: tch::Device,
    /// Bytes of one input image.
    pub image_bytes: usize,
}

/// Threads that run forward passes; they end when this is dropped.
#[derive(Debug)]
pub struct Pool {
    batches: Sender<Batch>,
}

/// Activations to come.
#[derive(Debug)]
pub struct Pending(Receiver<Result<Vec<f32>, String>>);

/// Images whose forward passes are to be made, one after the other.
struct Batch {
    pixels: Vec<u8>,
    answer: Sender<Result<Vec<f32>, String>>,
}

impl Pool {
    /// Starts `threads` threads, or one for a GPU.
    pub fn start(network: &Network, threads: usize) -> Result<Self, TchError> {
        let threads = if network.device.is_cuda() { 1 } else { threads.max(1) };
        let (batches, queue) = mpsc::channel();
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..threads {
            let (queue, network) = (queue.clone(), network.share()?);
            thread::spawn(move || work(&network, &queue));
        }
        Ok(Self { batches })
    }

    /// Queues whole images `[n, side, side, 3]` of u8; one thread makes all their passes.
    pub fn submit(&self, pixels: Vec<u8>) -> Pending {
        let (answer, pending) = mpsc::channel();
        // Fails only where all threads are gone; the pending answer then says so.
        let _ = self.batches.send(Batch { pixels, answer });
        Pending(pending)
    }
}

impl Pending {
    /// Waits for the activations, `[n, width]`.
    pub fn wait(self) -> Result<Vec<f32>, String> {
        self.0.recv().map_err(|_| "a thread of the worker ended".to_owned())?
    }
}

/// A thread's life: one batch after the other until there are no more.
fn work(network: &Network, queue: &Mutex<Receiver<Batch>>) {
    // OpenMP keeps this per thread.
    tch::set_num_threads(1);
    let _no_grad = tch::no_grad_guard();
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Batch { pixels, answer }) = next else { return };
        let passes = pixels.chunks(network.images_per_pass() * network.image_bytes);
        let rows = catch_unwind(AssertUnwindSafe(|| passes.map(|images| network.forward(images)).collect()));
        let rows: Result<Vec<Vec<f32>>, String> = match rows {
            Ok(Ok(rows)) => Ok(rows),
            Ok(Err(error)) => Err(TchError::to_string(&error)),
            Err(panic) => Err(panic_message(&*panic)),
        };
        // Fails only where the answer is no longer waited for.
        let _ = answer.send(rows.map(|rows| rows.concat()));
    }
}

impl Network {
    /// Images per forward pass.
    pub fn images_per_pass(&self) -> usize {
        if self.device.is_cuda() || self.model.has_large_head() {
            BATCH
        } else if self.model.is_independent() {
            TOGETHER
        } else {
            1
        }
    }

    fn share(&self) -> Result<Self, TchError> {
        Ok(Self { model: self.model.share()?, ..*self })
    }

    /// Activations `[n, width]` of images `[n, side, side, 3]`, at most a batch of them.
    fn forward(&self, pixels: &[u8]) -> Result<Vec<f32>, TchError> {
        let maps = if self.device.is_cuda() {
            let mut padded = pixels.to_vec();
            padded.resize(self.images_per_pass() * self.image_bytes, 0);
            self.model.trunk(&padded)?
        } else if self.model.is_independent() {
            self.model.trunk(pixels)?
        } else {
            // One by one, so that no image depends on its neighbours.
            let maps = pixels.chunks(self.image_bytes).map(|image| self.model.trunk(image));
            self.fill(maps.collect::<Result<_, _>>()?)?
        };
        let images = maps.size().first().copied().unwrap_or_default();
        let rows = self.model.head(maps)?.f_contiguous()?.f_to_device(tch::Device::Cpu)?;
        // A module of the user's may be of another width than the experiment says.
        if rows.size() != [images, self.width as i64] {
            let (found, expected) = (rows.size(), self.width);
            return Err(TchError::Shape(format!(
                "the output has shape {found:?}, expected width {expected}"
            )));
        }
        let mut numbers = vec![0.0; images as usize * self.width];
        rows.f_copy_data(&mut numbers, images as usize * self.width)?;
        numbers.truncate(pixels.len() / self.image_bytes * self.width);
        Ok(numbers)
    }

    /// Maps `[1, ...]` to a whole batch, filled up with zeros.
    fn fill(&self, mut maps: Vec<Tensor>) -> Result<Tensor, TchError> {
        if let Some(first) = maps.first()
            && maps.len() < self.images_per_pass()
        {
            let blank = first.f_zeros_like()?;
            maps.resize_with(self.images_per_pass(), || blank.shallow_clone());
        }
        if maps.len() == 1 { Ok(maps.remove(0)) } else { Tensor::f_cat(&maps, 0) }
    }
}

/// What a panic said.
pub fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref().copied()).unwrap_or("no message");
    format!("the worker panicked: {text}")
}
