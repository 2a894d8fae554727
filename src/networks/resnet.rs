//! ResNet: He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", CVPR 2016, table 1, as
//! torchvision has it: the stride of a bottleneck is in its 3 x 3 convolution. Layer names are torchvision's.

use super::architecture::{Architecture, Convolution, Operation, Padding};
use super::card::{FileDigest, IMAGENET_RGB, Input, KnownFile, NetworkCard};

const PAPER: &str = "He, Zhang, Ren and Sun, Deep Residual Learning for Image Recognition, CVPR 2016";
const BATCH_NORM_EPSILON: f64 = 1e-5;

/// With 18 layers.
pub const RESNET18: NetworkCard = NetworkCard {
    name: "resnet18",
    input: Input { side: 224, resize: 256, ..IMAGENET_RGB },
    feature: "penultimate",
    weights: None,
    known_files: &[KnownFile { name: "resnet18-f37072fd.pth", digest: FileDigest::Sha256Prefix("f37072fd") }],
    weights_source: "torchvision: resnet18-f37072fd.pth (47 MB); BSD-3-Clause",
    paper: PAPER,
    architecture: Some(resnet18),
};

/// With 50 layers.
pub const RESNET50: NetworkCard = NetworkCard {
    name: "resnet50",
    known_files: &[
        KnownFile { name: "resnet50-0676ba61.pth", digest: FileDigest::Sha256Prefix("0676ba61") },
        KnownFile { name: "resnet50-11ad3fa6.pth", digest: FileDigest::Sha256Prefix("11ad3fa6") },
    ],
    weights_source: "torchvision: resnet50-0676ba61.pth or resnet50-11ad3fa6.pth (102 MB); BSD-3-Clause",
    architecture: Some(resnet50),
    ..RESNET18
};

fn resnet18() -> Architecture {
    network([2, 2, 2, 2], basic)
}

fn resnet50() -> Architecture {
    network([3, 4, 6, 3], bottleneck)
}

/// Table 1: a stem, four stages of blocks, the mean, the classifier.
fn network(blocks: [usize; 4], block: fn(&str, usize, usize) -> (Vec<Operation>, usize)) -> Architecture {
    let mut operations = convolution("conv1", "bn1", 64, 7, 2); // [b, 64, 112, 112]
    operations.push(Operation::Relu);
    operations.push(Operation::MaxPool { kernel: 3, stride: 2, padding: 1, round_up: false }); // [b, 64, 56, 56]
    let mut channels = 64;
    for (stage, count) in blocks.into_iter().enumerate() {
        for number in 0..count {
            let name = format!("layer{}.{number}", stage + 1);
            let stride = if stage > 0 && number == 0 { 2 } else { 1 };
            let (body, outputs) = block(&name, 64 << stage, stride);
            let shortcut = if stride == 1 && outputs == channels {
                Vec::new()
            } else {
                let (convolution_name, norm) =
                    (format!("{name}.downsample.0"), format!("{name}.downsample.1"));
                convolution(&convolution_name, &norm, outputs, 1, stride)
            };
            operations.push(Operation::Residual { body, shortcut });
            operations.push(Operation::Relu);
            channels = outputs;
        }
    }
    operations.extend([
        Operation::Readout("layer4"), // [b, 512 or 2048, 7, 7]
        Operation::AveragePool { side: 1 },
        Operation::Flatten,
        Operation::Readout("penultimate"),
        Operation::Linear { name: "fc".to_owned(), outputs: 1000 },
        Operation::Readout("logits"),
    ]);
    Architecture { side: 224, operations }
}

/// Two 3 x 3 convolutions.
fn basic(name: &str, width: usize, stride: usize) -> (Vec<Operation>, usize) {
    let mut body = convolution(&format!("{name}.conv1"), &format!("{name}.bn1"), width, 3, stride);
    body.push(Operation::Relu);
    body.extend(convolution(&format!("{name}.conv2"), &format!("{name}.bn2"), width, 3, 1));
    (body, width)
}

/// 1 x 1, 3 x 3, and 1 x 1 to four times the width.
fn bottleneck(name: &str, width: usize, stride: usize) -> (Vec<Operation>, usize) {
    let mut body = convolution(&format!("{name}.conv1"), &format!("{name}.bn1"), width, 1, 1);
    body.push(Operation::Relu);
    body.extend(convolution(&format!("{name}.conv2"), &format!("{name}.bn2"), width, 3, stride));
    body.push(Operation::Relu);
    body.extend(convolution(&format!("{name}.conv3"), &format!("{name}.bn3"), 4 * width, 1, 1));
    (body, 4 * width)
}

/// A convolution that keeps the side but for its stride, and its batch norm.
fn convolution(name: &str, norm: &str, outputs: usize, kernel: usize, stride: usize) -> Vec<Operation> {
    let padding = Padding::Each(kernel / 2);
    let convolution = Convolution { stride, padding, bias: false, ..Convolution::new(name, outputs, kernel) };
    vec![
        Operation::Convolution(convolution),
        Operation::BatchNorm { name: norm.to_owned(), epsilon: BATCH_NORM_EPSILON },
    ]
}
