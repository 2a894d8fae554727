//! CaffeNet, the Caffe reference network (Jia et al. 2014): Krizhevsky, Sutskever and Hinton, "ImageNet
//! Classification with Deep Convolutional Neural Networks", NIPS 2012, trained with pooling before response
//! normalisation. The network of You et al. (2016). Layer names are those of `bvlc_reference_caffenet.caffemodel`.

use super::architecture::{Architecture, Convolution, Groups, Operation, Padding};
use super::card::{ChannelOrder, FileDigest, Input, KnownFile, NetworkCard};

/// What is known about it.
pub const CAFFENET: NetworkCard = NetworkCard {
    name: "caffenet",
    input: Input {
        side: 227,
        resize: 256,
        order: ChannelOrder::Bgr,
        // Means of ImageNet's pixels: blue, green, red.
        mean: [104.006_99, 116.668_77, 122.678_92],
        scale: [1.0; 3],
    },
    feature: "fc7",
    weights: None,
    known_files: &[KnownFile {
        name: "bvlc_reference_caffenet.caffemodel",
        digest: FileDigest::Sha1("4c8d77deb20ea792f84eb5e6d0a11ca0a8660a46"),
    }],
    weights_source: "Berkeley Vision and Learning Center: bvlc_reference_caffenet.caffemodel (232 MB), Caffe model zoo; \
                     free for any use",
    paper: "Krizhevsky, Sutskever and Hinton, ImageNet Classification with Deep Convolutional Neural Networks, NIPS 2012; \
            Jia et al., Caffe: Convolutional Architecture for Fast Feature Embedding, ACM MM 2014",
    architecture: Some(architecture),
};

#[rustfmt::skip]
fn architecture() -> Architecture {
    use Operation::{Flatten, Readout, Relu};
    Architecture {
        side: 227,
        operations: vec![
            convolution("conv1", 96, 11, 4, 0, 1), Relu,               // [b, 96, 55, 55]
            pool(), normalise(),                                        // [b, 96, 27, 27]
            convolution("conv2", 256, 5, 1, 2, 2), Relu,
            pool(), normalise(),                                        // [b, 256, 13, 13]
            convolution("conv3", 384, 3, 1, 1, 1), Relu,
            convolution("conv4", 384, 3, 1, 1, 2), Relu,
            convolution("conv5", 256, 3, 1, 1, 2), Relu, Readout("conv5"),
            pool(), Readout("pool5"),                                   // [b, 256, 6, 6]
            Flatten,
            linear("fc6", 4096), Relu, Readout("fc6"), dropout(),
            linear("fc7", 4096), Relu, Readout("fc7"), dropout(),
            linear("fc8", 1000), Readout("fc8"),
        ],
    }
}

fn convolution(
    name: &str,
    outputs: usize,
    kernel: usize,
    stride: usize,
    padding: usize,
    groups: usize,
) -> Operation {
    let (padding, groups) = (Padding::Each(padding), Groups::Of(groups));
    Operation::Convolution(Convolution { stride, padding, groups, ..Convolution::new(name, outputs, kernel) })
}

fn pool() -> Operation {
    Operation::MaxPool { kernel: 3, stride: 2, padding: 0, round_up: true }
}

fn normalise() -> Operation {
    Operation::LocalResponseNorm { size: 5, alpha: 1e-4, beta: 0.75, k: 1.0 }
}

fn linear(name: &str, outputs: usize) -> Operation {
    Operation::Linear { name: name.to_owned(), outputs }
}

fn dropout() -> Operation {
    Operation::Dropout { probability: 0.5 }
}
