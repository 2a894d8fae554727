//! A CNN in a process of its own: [`start`] it, send batches of images, receive batches of activations.
//!
//! The child reads [`protocol`] frames from its standard input and answers in order on its standard output;
//! it ends when its input ends, so it outlives neither the parent nor the work. Errors, panics and C++
//! exceptions in it become [`WorkerError`]s here.

mod client;
mod error;
mod find;
pub mod protocol;

pub use client::{Guard, Receiver, Sender, Worker, start, train, turn};
pub use error::WorkerError;
pub use find::{WORKER_VARIABLE, find_worker};
pub use protocol::{Epoch, Request, Training};
