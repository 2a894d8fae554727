//! Convolutional networks: which there are, their weights files, and the process that runs them.
//!
//! Loading libtorch takes 0.2 s, more than a whole run that finds everything done. So the forward pass lives
//! in a second program, `emolab-torch`, which alone links libtorch (feature `torch`); [`worker`] starts it and
//! exchanges batches with it.
//!
//! `efficientnet_lite.rs`, `worker/server.rs` and `worker/compute.rs` lie here but belong to that program, not to this library: a
//! library that names `tch` drags libtorch into every program that uses any of it, as the initialisers of
//! tch's C++ part survive the linker's garbage collection (measured).

pub mod card;
pub mod checkpoint;
pub mod device;
pub mod worker;

pub use card::{Layer, NETWORKS, NetworkCard};
pub use device::Device;
