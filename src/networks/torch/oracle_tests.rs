//! Networks, operations and optimizers against PyTorch: `tests/fixtures/networks/make.py` made the references, from
//! weights and images made by the same integer arithmetic as here.

use std::collections::BTreeMap;
use std::path::Path;

use emolab::networks::NetworkCard;
use emolab::networks::architecture::{Architecture, Convolution, Expected, Groups, Operation, Padding};
use emolab::networks::checkpoint::{Checkpoint, Tensor as Stored};
use emolab::networks::recipe::{Length, Optimizer, Preset, Recipe};
use tch::{Device, Kind, Reduction, Tensor};

use crate::inference::Network;
use crate::training::{Mode, Steps, Trainable};
use crate::weights::Arithmetic;

fn reference(name: &str) -> Vec<f32> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/networks").join(format!("{name}.npy"));
    npyz::NpyFile::new(&std::fs::read(path).unwrap()[..]).unwrap().into_vec().unwrap()
}

/// `count` numbers from -1 up to 1, multiples of 2^-23.
fn uniform(stream: u32, count: usize) -> impl Iterator<Item = f64> {
    (0..count as u32).map(move |at| {
        let mut h = at.wrapping_mul(0x9E37_79B1).wrapping_add(stream.wrapping_mul(0x85EB_CA77));
        h = (h ^ (h >> 15)).wrapping_mul(0x2C1B_3C6D);
        h = (h ^ (h >> 12)).wrapping_mul(0x297A_2D39);
        f64::from((h ^ (h >> 15)) >> 8) / 8_388_608.0 - 1.0
    })
}

/// Tensors are numbered in the order of their names.
fn weights(architecture: &Architecture, outputs: Option<usize>) -> Checkpoint {
    let mut expected = architecture.tensors(outputs);
    expected.sort_by(|a, b| a.name.cmp(&b.name));
    let make = |(stream, Expected { name, shape }): (usize, Expected)| {
        let spread = (6.0 / shape[1..].iter().product::<usize>() as f64).sqrt();
        let value = |x: f64| match shape.len() {
            2.. => x * spread,
            _ if name.ends_with("running_var") || name.ends_with(".weight") => 1.0 + 0.5 * x,
            _ => 0.1 * x,
        };
        let data = uniform(stream as u32, shape.iter().product()).map(|x| value(x) as f32).collect();
        (name.clone(), Stored { shape, data })
    };
    Checkpoint::of(expected.into_iter().enumerate().map(make).collect::<BTreeMap<_, _>>())
}

/// `[count, channels, side, side]`
fn images(side: i64, channels: i64, count: i64, stream: u32) -> Tensor {
    let numbers: Vec<f32> =
        uniform(stream, (count * channels * side * side) as usize).map(|x| x as f32).collect();
    Tensor::from_slice(&numbers).reshape([count, channels, side, side])
}

fn numbers(tensor: &Tensor) -> Vec<f32> {
    Vec::try_from(tensor.contiguous().flatten(0, -1)).unwrap()
}

/// Within 1e-4 of the largest number, or of 1.
fn assert_close(found: &[f32], expected: &[f32], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(1.0_f32, |largest, x| largest.max(x.abs()));
    let furthest = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(furthest <= 1e-4 * largest, "{what}: {furthest} of {largest}");
}

fn check_network(name: &str, layers: &[&str]) {
    let _no_grad = tch::no_grad_guard();
    let card = NetworkCard::find(name).unwrap();
    let architecture = card.architecture.unwrap()();
    let checkpoint = weights(&architecture, None);
    let expected = reference(name);
    let images = images(i64::from(card.input.side), 3, 2, 1000);
    let widths: Vec<usize> = layers.iter().map(|layer| card.layer(layer, None).unwrap().width).collect();
    let all: usize = widths.iter().sum();
    let mut start = 0;
    for (layer, width) in layers.iter().zip(widths) {
        let place = (Device::Cpu, Arithmetic::F32);
        let network = Network::load(name, &architecture, layer, None, &checkpoint, place).unwrap();
        let expected: Vec<f32> =
            (0..2).flat_map(|row| &expected[row * all + start..][..width]).copied().collect();
        assert_close(
            &numbers(&network.head(network.trunk(images.shallow_clone()).unwrap()).unwrap()),
            &expected,
            &format!("{name} {layer}"),
        );
        start += width;
    }
}

#[test]
fn caffenet_is_caffes() {
    check_network("caffenet", &["pool5", "fc6", "fc7", "fc8"]);
}

#[test]
fn alexnet_is_torchvisions() {
    check_network("alexnet", &["pool5", "fc6", "fc7", "fc8"]);
}

#[test]
fn resnets_are_torchvisions() {
    check_network("resnet18", &["penultimate", "logits"]);
    check_network("resnet50", &["penultimate", "logits"]);
}

#[test]
fn larger_efficientnets_are_the_python_packages() {
    check_network("efficientnet-lite1", &["penultimate", "logits"]);
    check_network("efficientnet-lite2", &["penultimate", "logits"]);
}

#[test]
fn grouped_convolution_response_norm_and_pooling_are_pytorchs() {
    let _no_grad = tch::no_grad_guard();
    let expected = reference("operations");
    let mut start = 0;
    let mut check = |operation: Operation, side: usize, what: &str| {
        // The input has eight channels, which the architecture's own three do not matter to.
        let named = Architecture { side, operations: vec![operation, Operation::Readout("x")] };
        let shapes = [("a.weight", vec![6, 4, 3, 3]), ("a.bias", vec![6])];
        let tensors: BTreeMap<String, Stored> = shapes
            .into_iter()
            .enumerate()
            .map(|(stream, (name, shape))| {
                let scale = if shape.len() > 1 { (6.0_f64 / 36.0).sqrt() } else { 0.1 };
                let count = shape.iter().product();
                let data = uniform(stream as u32, count).map(|x| (scale * x) as f32).collect();
                (name.to_owned(), Stored { shape, data })
            })
            .collect();
        let checkpoint = Checkpoint::of(tensors);
        let place = (Device::Cpu, Arithmetic::F32);
        let network = Network::unchecked(&named, "x", &checkpoint, place).unwrap();
        let found = numbers(&network.trunk(3.0 * images(side as i64, 8, 1, 1000)).unwrap());
        assert_close(&found, &expected[start..start + found.len()], what);
        start += found.len();
    };
    let convolution = Convolution {
        stride: 2,
        padding: Padding::Each(1),
        groups: Groups::Of(2),
        ..Convolution::new("a", 6, 3)
    };
    check(Operation::Convolution(convolution), 9, "grouped convolution");
    let norm = Operation::LocalResponseNorm { size: 5, alpha: 0.5, beta: 0.75, k: 2.0 };
    check(norm, 9, "local response norm");
    let pool = |kernel, padding, round_up| Operation::MaxPool { kernel, stride: 2, padding, round_up };
    check(pool(3, 0, true), 10, "pooling that rounds up");
    check(pool(2, 1, true), 10, "pooling that rounds up, padded");
    check(pool(3, 0, false), 10, "pooling that rounds down");
    assert_eq!(start, expected.len());
}

#[test]
fn three_steps_of_each_optimizer_are_pytorchs() {
    let operations = vec![
        Operation::Convolution(Convolution {
            padding: Padding::Each(1),
            bias: false,
            ..Convolution::new("a", 4, 3)
        }),
        Operation::BatchNorm { name: "n".to_owned(), epsilon: 1e-3 },
        Operation::Relu,
        Operation::AveragePool { side: 1 },
        Operation::Flatten,
        Operation::Linear { name: "b".to_owned(), outputs: 8 },
    ];
    let architecture = Architecture { side: 6, operations };
    let checkpoint = weights(&architecture, None);
    let expected = reference("training");
    let adamw = Optimizer::AdamW { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
    let mut start = 0;
    for optimizer in [Optimizer::Sgd { momentum: 0.9 }, adamw] {
        let recipe = Recipe {
            length: Length::Iterations(3),
            optimizer,
            weight_decay: 0.01,
            classifier_rate: 2.0,
            bias_rate: 2.0,
            ..Preset::Modern.recipe()
        };
        let place = (Device::Cpu, Kind::Float);
        let mut network =
            Trainable::load(("small", &architecture), &checkpoint, (&recipe, 0, 8), place).unwrap();
        // The classifier is not new here.
        for variable in &mut network.tensors {
            if let Some(part) = variable.name.strip_prefix("b.") {
                let stored = &checkpoint.tensors()[&format!("b.{part}")];
                let mut place = variable.tensor.detach();
                place.copy_(&Tensor::from_slice(&stored.data).reshape_as(&place));
            }
        }
        let mut steps = Steps::new(&recipe, &network.tensors).unwrap();
        for step in 0..3 {
            let scores = network.forward(&images(6, 3, 5, 2000 + step), Mode::Training).unwrap();
            let target = Tensor::from_slice(&[0_i64, 3, 7, 3, 1]);
            let loss = scores.cross_entropy_loss::<Tensor>(&target, None, Reduction::Mean, -100, 0.1);
            loss.backward();
            steps.apply(&mut network.tensors, 0.05, step as usize + 1).unwrap();
        }
        network.tensors.sort_by(|a, b| a.name.cmp(&b.name));
        for variable in &network.tensors {
            let found = numbers(&variable.tensor.detach());
            let what = format!("{optimizer:?} {}", variable.name);
            assert_close(&found, &expected[start..start + found.len()], &what);
            start += found.len();
        }
    }
    assert_eq!(start, expected.len());
}
