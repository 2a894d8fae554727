//! Convolutional networks: which there are, their weights files, and the process that runs them.
//!
//! Loading libtorch takes 0.2 s, more than a whole run that finds everything done. So the forward pass lives
//! in a second program, `emolab-torch`, which alone links libtorch (feature `torch`); [`worker`] starts it and
//! exchanges batches with it. That program is a crate of its own in `torch/`, with one file per network; all else
//! here compiles and works without libtorch.

pub mod card;
pub mod checkpoint;
pub mod device;
pub mod worker;

pub use card::{Layer, NETWORKS, NetworkCard};
pub use device::Device;
