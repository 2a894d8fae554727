//! The network at work: forward passes on every thread, each independent of all others.
//!
//! An image's activations must depend on nothing but the image and the weights. Inside libtorch they do not:
//! its convolutions choose their kernels, and so their order of summation, by the size of the batch and the
//! number of threads. Hence every forward pass on a CPU has one image and one thread, and as many passes run
//! side by side as there are threads; this also is faster (measured), as one image stays in the cache.
//! A GPU needs larger passes: there each has [`GPU_BATCH`] images, the last one filled up with zeros.

use std::any::Any;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tch::{Kind, TchError, Tensor};

use crate::efficientnet_lite::{EfficientNetLite, Readout};

/// Images per forward pass on a GPU.
const GPU_BATCH: usize = 16;

/// A loaded network and what is read out of it.
#[derive(Debug)]
pub struct Network {
    /// The weights.
    pub weights: EfficientNetLite,
    /// The layer.
    pub readout: Readout,
    /// Its numbers per image.
    pub width: usize,
    /// Where the weights are.
    pub device: tch::Device,
    /// Side of an input image in pixels.
    pub side: usize,
}

/// Threads that run forward passes; they end when this is dropped.
#[derive(Debug)]
pub struct Pool {
    passes: Sender<Pass>,
    /// Images per forward pass.
    batch: usize,
    image_bytes: usize,
}

/// Activations to come: those of the passes of one batch, in order.
#[derive(Debug)]
pub struct Pending(Vec<Receiver<Result<Vec<f32>, String>>>);

/// One forward pass to be made.
struct Pass {
    pixels: Arc<Vec<u8>>,
    range: Range<usize>,
    answer: Sender<Result<Vec<f32>, String>>,
}

impl Pool {
    /// Starts `threads` threads, or one for a GPU.
    pub fn start(network: &Network, threads: usize) -> Result<Self, TchError> {
        let (threads, batch) = if network.device.is_cuda() { (1, GPU_BATCH) } else { (threads.max(1), 1) };
        let (passes, queue) = mpsc::channel();
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..threads {
            let (queue, network) = (queue.clone(), network.share()?);
            thread::spawn(move || work(&network, batch, &queue));
        }
        Ok(Self { passes, batch, image_bytes: network.image_bytes() })
    }

    /// Queues the forward passes for whole images `[n, side, side, 3]` of u8.
    pub fn submit(&self, pixels: Vec<u8>) -> Pending {
        let pixels = Arc::new(pixels);
        let starts = (0..pixels.len()).step_by(self.batch * self.image_bytes);
        let passes = starts.map(|start| {
            let end = pixels.len().min(start + self.batch * self.image_bytes);
            let (answer, pending) = mpsc::channel();
            // Fails only where all threads are gone; the pending answer then says so.
            let _ = self.passes.send(Pass { pixels: pixels.clone(), range: start..end, answer });
            pending
        });
        Pending(passes.collect())
    }
}

impl Pending {
    /// Waits for the activations, `[n, width]`.
    pub fn wait(self) -> Result<Vec<f32>, String> {
        let mut rows = Vec::new();
        for pass in self.0 {
            rows.extend(pass.recv().map_err(|_| "a thread of the worker ended".to_owned())??);
        }
        Ok(rows)
    }
}

/// A thread's life: one pass after the other until there are no more.
fn work(network: &Network, batch: usize, queue: &Mutex<Receiver<Pass>>) {
    // OpenMP keeps this per thread.
    tch::set_num_threads(1);
    let _no_grad = tch::no_grad_guard();
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Pass { pixels, range, answer }) = next else { return };
        let images = pixels.get(range).unwrap_or_default();
        let rows = catch_unwind(AssertUnwindSafe(|| network.forward(images, batch)));
        let rows = match rows {
            Ok(rows) => rows.map_err(|error| error.to_string()),
            Err(panic) => Err(panic_message(&*panic)),
        };
        // Fails only where the answer is no longer waited for.
        let _ = answer.send(rows);
    }
}

impl Network {
    /// Bytes of one input image.
    pub const fn image_bytes(&self) -> usize {
        self.side * self.side * 3
    }

    fn share(&self) -> Result<Self, TchError> {
        Ok(Self { weights: self.weights.share()?, ..*self })
    }

    /// Activations `[n, width]` of `n <= batch` images, in a pass of `batch` images.
    fn forward(&self, images: &[u8], batch: usize) -> Result<Vec<f32>, TchError> {
        let mut padded;
        let mut pixels = images;
        if images.len() < batch * self.image_bytes() {
            padded = images.to_vec();
            padded.resize(batch * self.image_bytes(), 0);
            pixels = &padded;
        }
        let shape = [batch as i64, self.side as i64, self.side as i64, 3];
        let input = Tensor::f_from_data_size(pixels, &shape, Kind::Uint8)?.f_to_device(self.device)?;
        // [batch, width]
        let rows =
            self.weights.forward(&input, self.readout)?.f_contiguous()?.f_to_device(tch::Device::Cpu)?;
        let mut numbers = vec![0.0; batch * self.width];
        rows.f_copy_data(&mut numbers, batch * self.width)?;
        numbers.truncate(images.len() / self.image_bytes() * self.width);
        Ok(numbers)
    }
}

/// What a panic said.
pub fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref().copied()).unwrap_or("no message");
    format!("the worker panicked: {text}")
}
