//! Convolutional networks: which there are, their weights files, and the process that runs them.
//!
//! Loading libtorch takes 0.2 s, more than a whole run that finds everything done. So the forward pass lives
//! in a second program, `emolab-torch`, which alone links libtorch (feature `torch`); [`worker`] starts it and
//! exchanges batches with it. That program is a crate of its own in `torch/`, and all else
//! here compiles and works without libtorch. A network is data ([`architecture`]): its operations, one file per
//! family, from which its layers and the shapes of its weights follow.

pub mod alexnet;
pub mod architecture;
pub mod caffenet;
pub mod card;
pub mod checkpoint;
mod convolution;
pub mod device;
pub mod efficientnet_lite;
pub mod precision;
pub mod random;
pub mod recipe;
pub mod resnet;
pub mod sampler;
pub mod torchscript;
pub mod worker;

pub use architecture::Layer;
pub use card::{ChannelOrder, Input, NETWORKS, NetworkCard};
pub use device::Device;
pub use precision::Precision;
