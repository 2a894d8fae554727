//! Any network as a traced or scripted TorchScript module: its output, flattened, is the feature.
//!
//! The experiment says what enters it and how wide its output is. A module is a program: run only those that you
//! made yourself or trust.

use super::card::{IMAGENET_RGB, NetworkCard};

/// What is known about it: nothing but torchvision's input, unless the experiment says otherwise.
pub const TORCHSCRIPT: NetworkCard = NetworkCard {
    name: "torchscript",
    input: IMAGENET_RGB,
    feature: "output",
    weights: None,
    known_files: &[],
    weights_source: "a module saved by `torch.jit.trace(...).save(...)`",
    paper: "the module's own",
    architecture: None,
};
