//! AlexNet as torchvision has it: Krizhevsky, "One weird trick for parallelizing convolutional neural networks",
//! 2014. One column, no response normalisation, fewer filters than [`caffenet`](super::caffenet). Layer names are
//! those of `alexnet-owt-7be5be79.pth`.

use super::architecture::{Architecture, Convolution, Operation, Padding};
use super::card::{FileDigest, IMAGENET_RGB, Input, KnownFile, NetworkCard};

/// What is known about it.
pub const ALEXNET: NetworkCard = NetworkCard {
    name: "alexnet",
    input: Input { side: 224, resize: 256, ..IMAGENET_RGB },
    feature: "fc7",
    weights: None,
    known_files: &[KnownFile {
        name: "alexnet-owt-7be5be79.pth",
        digest: FileDigest::Sha256Prefix("7be5be79"),
    }],
    weights_source: "torchvision: alexnet-owt-7be5be79.pth (244 MB); BSD-3-Clause",
    paper: "Krizhevsky, One weird trick for parallelizing convolutional neural networks, 2014",
    architecture: Some(architecture),
};

#[rustfmt::skip]
fn architecture() -> Architecture {
    use Operation::{Flatten, Readout, Relu};
    Architecture {
        side: 224,
        operations: vec![
            convolution("features.0", 64, 11, 4, 2), Relu, pool(),      // [b, 64, 27, 27]
            convolution("features.3", 192, 5, 1, 2), Relu, pool(),      // [b, 192, 13, 13]
            convolution("features.6", 384, 3, 1, 1), Relu,
            convolution("features.8", 256, 3, 1, 1), Relu,
            convolution("features.10", 256, 3, 1, 1), Relu, Readout("conv5"),
            pool(), Readout("pool5"),                                   // [b, 256, 6, 6]
            Operation::AveragePool { side: 6 }, Flatten,
            dropout(), linear("classifier.1", 4096), Relu, Readout("fc6"),
            dropout(), linear("classifier.4", 4096), Relu, Readout("fc7"),
            linear("classifier.6", 1000), Readout("fc8"),
        ],
    }
}

fn convolution(name: &str, outputs: usize, kernel: usize, stride: usize, padding: usize) -> Operation {
    let padding = Padding::Each(padding);
    Operation::Convolution(Convolution { stride, padding, ..Convolution::new(name, outputs, kernel) })
}

fn pool() -> Operation {
    Operation::MaxPool { kernel: 3, stride: 2, padding: 0, round_up: false }
}

fn linear(name: &str, outputs: usize) -> Operation {
    Operation::Linear { name: name.to_owned(), outputs }
}

fn dropout() -> Operation {
    Operation::Dropout { probability: 0.5 }
}
