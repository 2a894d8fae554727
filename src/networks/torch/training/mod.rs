//! Fine-tuning: a network whose last layer is new, trained on images of a file.
//!
//! A training is a function of its request: order, crops, mixing and dropout are streams of the seed, so that a
//! checkpoint holds weights, the optimizer's sums and counters, and nothing else. On the CPU, with the same number of
//! threads, a training that was stopped and goes on ends in the same bits as one that was not.

mod batches;
mod optimizer;
mod snapshot;
#[cfg(test)]
mod tests;
mod trainable;
mod trainer;

#[cfg(test)]
pub use optimizer::Steps;
#[cfg(test)]
pub use trainable::{Mode, Trainable};
pub use trainer::train;
