//! The kernels against libtorch's own convolution.

use emolab::networks::architecture::Padding;
use tch::Tensor;

use super::{Depthwise, Product, Range};

/// Numbers from -1 to 1 that no pattern is in.
fn noise(shape: &[i64], seed: u32) -> Tensor {
    let count = shape.iter().product::<i64>() as u32;
    let number = |at: u32| {
        let mixed = (at ^ seed.wrapping_mul(0x85EB_CA77)).wrapping_mul(0x9E37_79B1);
        (mixed ^ (mixed >> 15)).wrapping_mul(0x2C1B_3C6D) as f32 / 2_147_483_648.0 - 1.0
    };
    Tensor::from_slice(&(0..count).map(number).collect::<Vec<_>>()).reshape(shape)
}

fn numbers(tensor: &Tensor) -> Vec<f32> {
    Vec::try_from(tensor.contiguous().flatten(0, -1)).unwrap()
}

fn furthest(a: &Tensor, b: &Tensor) -> f32 {
    assert_eq!(a.size(), b.size());
    numbers(a).into_iter().zip(numbers(b)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// Two images through a layer of ours, and through libtorch's operations.
fn check_depthwise(kernel: usize, stride: usize, side: usize, channels: usize, padding: Padding) {
    let (k, s, c) = (kernel as i64, stride as i64, channels as i64);
    let images = noise(&[2, side as i64, side as i64, c], 1);
    let (weight, bias) = (noise(&[c, 1, k, k], 2), noise(&[c], 3));
    let filters = numbers(&weight.permute([2, 3, 1, 0]));
    let range = Range { low: -0.5, high: 0.5 };
    let layer = Depthwise { filters, kernel, stride, padding, bias: numbers(&bias), range };
    let (first, last) = padding.around(side, kernel, stride);
    let (first, last) = (first as i64, last as i64);
    let x = images.permute([0, 3, 1, 2]).constant_pad_nd([first, last, first, last]);
    let expected = x.conv2d(&weight, Some(&bias), [s, s], [0, 0], [1, 1], c).clamp(-0.5, 0.5);
    let found = layer.run(&images).unwrap().permute([0, 3, 1, 2]);
    let off = furthest(&found, &expected);
    assert!(off < 2e-6, "{kernel} x {kernel} / {stride} on {side}, {channels} channels: {off}");
}

#[test]
fn depthwise_convolutions_are_libtorchs() {
    for (kernel, stride) in [(3, 1), (3, 2), (5, 1), (5, 2)] {
        for side in [1, 2, 3, 5, 7, 8, 13, 28] {
            for padding in [Padding::Same, Padding::Each(kernel / 2)] {
                check_depthwise(kernel, stride, side, 48, padding);
            }
        }
        check_depthwise(kernel, stride, 9, 24, Padding::Each(0));
    }
}

#[test]
fn products_are_libtorchs() {
    for (inputs, outputs) in [(1, 8), (3, 16), (7, 24), (32, 40), (300, 56), (1152, 320)] {
        for side in [1, 2, 5, 7, 12] {
            let images = noise(&[2, side, side, inputs], 1);
            let (weight, bias) = (noise(&[outputs, inputs], 2), noise(&[outputs], 3));
            let range = Range { low: -1.0, high: 2.0 };
            let layer = Product::new(&numbers(&weight), numbers(&bias), range);
            let expected = (images.matmul(&weight.tr()) + bias).clamp(-1.0, 2.0);
            let off = furthest(&layer.run(&images).unwrap(), &expected);
            assert!(off < 4e-5, "{inputs} to {outputs} on {side}: {off}");
        }
    }
}

#[test]
fn what_is_no_number_stays_none() {
    let x = Tensor::from_slice(&[f32::NAN, 1.0]).reshape([1, 1, 1, 2]);
    let found = Product::new(&[1.0; 16], vec![0.0; 8], Range::TO_SIX).run(&x).unwrap();
    assert!(numbers(&found).into_iter().all(f32::is_nan));
}

#[test]
fn shapes_that_do_not_fit_are_refused() {
    let (padding, range) = (Padding::Each(0), Range::ALL);
    let (filters, bias) = (vec![0.0; 144], vec![0.0; 16]);
    let layer = Depthwise { filters, kernel: 3, stride: 1, padding, bias, range };
    for shape in [&[1, 5, 5, 32][..], &[1, 5, 4, 16], &[5, 5, 16], &[1, 2, 2, 16]] {
        assert!(layer.run(&noise(shape, 1)).is_err(), "{shape:?}");
    }
    // Channels first: the numbers do not lie as they are read.
    let first = noise(&[1, 16, 5, 5], 1).permute([0, 2, 3, 1]);
    assert!(layer.run(&first).is_err());
    let product = Product::new(&[0.0; 128], vec![0.0; 8], range);
    assert!(product.run(&first).is_err());
    assert!(product.run(&noise(&[1, 5, 5, 8], 1)).is_err());
}
