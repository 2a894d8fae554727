//! The kernels against libtorch's own convolution.

use std::cell::Cell;

use emolab::networks::architecture::Padding;
use pulp::Arch;
use tch::{Kind, Tensor};

use super::{Before, Depthwise, Patches, Pointwise, Range, Separable, have_tiles, mean, normalise};

thread_local! {
    static NARROW: Cell<bool> = const { Cell::new(false) };
}

/// Vectors of 256 bits, where [`with_narrow_vectors`] asks for them.
pub fn narrower() -> Option<Arch> {
    #[cfg(target_arch = "x86_64")]
    let narrower = pulp::x86::V3::try_new().map(Arch::V3);
    #[cfg(not(target_arch = "x86_64"))]
    let narrower = None;
    narrower.filter(|_| NARROW.get())
}

/// Does as a processor does whose vectors are 256 bits wide.
fn with_narrow_vectors<T>(work: impl FnOnce() -> T) -> T {
    NARROW.set(true);
    let done = work();
    NARROW.set(false);
    done
}

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

fn alone(depthwise: Depthwise) -> Separable {
    Separable { before: None, depthwise, after: None }
}

/// Two images through a layer of ours, and through libtorch's operations.
fn check_depthwise(kernel: usize, stride: usize, side: usize, channels: usize, padding: Padding) {
    let (k, s, c) = (kernel as i64, stride as i64, channels as i64);
    let images = noise(&[2, side as i64, side as i64, c], 1);
    let (weight, bias) = (noise(&[c, 1, k, k], 2), noise(&[c], 3));
    let range = Range { low: -0.5, high: 0.5 };
    let layer = Depthwise::new(&numbers(&weight), &numbers(&bias), range, (kernel, stride, padding));
    let (first, last) = padding.around(side, kernel, stride);
    let (first, last) = (first as i64, last as i64);
    let x = images.permute([0, 3, 1, 2]).constant_pad_nd([first, last, first, last]);
    let expected = x.conv2d(&weight, Some(&bias), [s, s], [0, 0], [1, 1], c).clamp(-0.5, 0.5);
    let found = alone(layer).run(&images).unwrap().permute([0, 3, 1, 2]);
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
        check_depthwise(kernel, stride, 9, 16, Padding::Each(0));
    }
}

#[test]
fn products_are_libtorchs() {
    for (inputs, outputs) in [(1, 8), (2, 5), (3, 16), (7, 24), (32, 40), (300, 56), (1152, 320)] {
        for side in [1, 2, 5, 7, 12] {
            let images = noise(&[2, side, side, inputs], 1);
            let (weight, bias) = (noise(&[outputs, inputs], 2), noise(&[outputs], 3));
            let range = Range { low: -1.0, high: 2.0 };
            let layer = Pointwise::new(&numbers(&weight), &numbers(&bias), range, false);
            let expected = (images.matmul(&weight.tr()) + bias).clamp(-1.0, 2.0);
            let off = furthest(&layer.run(&images).unwrap(), &expected);
            assert!(off < 4e-5, "{inputs} to {outputs} on {side}: {off}");
        }
    }
}

/// On the processors that have tiles.
#[test]
fn tiles_multiply_numbers_rounded_to_bf16() {
    if !have_tiles() {
        return;
    }
    for (inputs, outputs) in [(1, 8), (2, 5), (3, 16), (7, 24), (32, 40), (33, 33), (300, 56), (1152, 320)] {
        for side in [1, 2, 5, 7, 12] {
            let images = noise(&[2, side, side, inputs], 1);
            let (weight, bias) = (noise(&[outputs, inputs], 2), noise(&[outputs], 3));
            let round = |x: &Tensor| x.to_kind(Kind::BFloat16).to_kind(Kind::Double);
            let expected = round(&images).matmul(&round(&weight).tr()) + bias.to_kind(Kind::Double);
            let expected = expected.clamp(-1.0, 2.0).to_kind(Kind::Float);
            let range = Range { low: -1.0, high: 2.0 };
            let layer = Pointwise::new(&numbers(&weight), &numbers(&bias), range, true);
            let off = furthest(&layer.run(&images).unwrap(), &expected);
            assert!(off < 4e-5, "{inputs} to {outputs} on {side}: {off}");
        }
    }
    for (side, stride, padding) in
        [(8, 2, Padding::Same), (47, 2, Padding::Each(1)), (30, 1, Padding::Each(0))]
    {
        let images = noise(&[2, side, side, 3], 1);
        let (weight, bias) = (noise(&[32, 3, 3, 3], 2), noise(&[32], 3));
        let shape = (3, stride, padding);
        let layer = Patches::new(&numbers(&weight), &numbers(&bias), Range::ALL, shape, true);
        let (first, last) = padding.around(side as usize, 3, stride);
        let (first, last) = (first as i64, last as i64);
        let round = |x: &Tensor| x.to_kind(Kind::BFloat16).to_kind(Kind::Float);
        let x = round(&images.permute([0, 3, 1, 2])).constant_pad_nd([first, last, first, last]);
        let expected = x.conv2d(&round(&weight), Some(&bias), [stride as i64; 2], [0, 0], [1, 1], 1);
        let off = furthest(&layer.run(&images).unwrap().permute([0, 3, 1, 2]), &expected);
        assert!(off < 4e-6, "patches on {side}: {off}");
    }
    // Its own rounding is libtorch's, ties, denormals and what is no number included.
    let hard = [f32::NAN, f32::INFINITY, 0.0, 1.003_906_2, 1.011_718_8, 3.4e38, 65535.5, -7.0e-39];
    let layer = Pointwise::new(&[1.0], &[0.0], Range::ALL, true);
    for x in hard {
        let x = Tensor::from_slice(&[x]).reshape([1, 1, 1, 1]);
        let found = numbers(&layer.run(&x).unwrap())[0];
        let expected = numbers(&x.to_kind(Kind::BFloat16).to_kind(Kind::Float))[0];
        // The tiles take denormals for zeros.
        let same = found.to_bits() == expected.to_bits()
            || found.is_nan() && expected.is_nan()
            || found == 0.0 && expected.is_subnormal();
        assert!(same, "{x:?}: {found}, {expected}");
    }
}

#[test]
fn what_is_no_number_stays_none() {
    let x = Tensor::from_slice(&[f32::NAN, 1.0]).reshape([1, 1, 1, 2]);
    let found = Pointwise::new(&[1.0; 16], &[0.0; 8], Range::TO_SIX, false).run(&x).unwrap();
    assert!(numbers(&found).into_iter().all(f32::is_nan));
}

#[test]
fn shapes_that_do_not_fit_are_refused() {
    let (padding, range) = (Padding::Each(0), Range::ALL);
    let layer = alone(Depthwise::new(&[0.0; 144], &[0.0; 16], range, (3, 1, padding)));
    for shape in [&[1, 5, 5, 32][..], &[1, 5, 4, 16], &[5, 5, 16], &[1, 2, 2, 16]] {
        assert!(layer.run(&noise(shape, 1)).is_err(), "{shape:?}");
    }
    // Channels first: the numbers do not lie as they are read.
    let first = noise(&[1, 16, 5, 5], 1).permute([0, 2, 3, 1]);
    assert!(layer.run(&first).is_err());
    let product = Pointwise::new(&[0.0; 128], &[0.0; 8], range, false);
    assert!(product.run(&first).is_err());
    assert!(product.run(&noise(&[1, 5, 5, 8], 1)).is_err());
}

/// Three layers taken together are the three, bit for bit: with maps larger and smaller than what is held of them.
#[test]
fn separable_convolutions_are_their_parts() {
    for (kernel, stride, side) in [(3, 1, 5), (3, 2, 60), (5, 1, 61), (5, 2, 14), (5, 2, 59), (3, 1, 57)] {
        for (inputs, channels, outputs) in [(8, 96, 24), (24, 144, 40)] {
            for tiles in [false, have_tiles()] {
                let k = kernel as i64;
                let random = |shape: &[i64], seed| numbers(&noise(shape, seed));
                let pointwise = |n: i64, k: i64, seed| {
                    Pointwise::new(&random(&[n, k], seed), &random(&[n], seed + 1), Range::TO_SIX, tiles)
                };
                let (filters, bias) = (random(&[channels, k, k], 5), random(&[channels], 6));
                let shape = (kernel, stride, Padding::Same);
                let depthwise = Depthwise::new(&filters, &bias, Range::TO_SIX, shape);
                let (before, after) = (pointwise(channels, inputs, 1), pointwise(outputs, channels, 3));
                let x = noise(&[2, side, side, inputs], 9);
                let wide = alone(depthwise.clone()).run(&before.run(&x).unwrap()).unwrap();
                let expected = after.run(&wide).unwrap();
                let (before, after) = (Some(Before::Pointwise(before)), Some(after));
                let found = Separable { before, depthwise, after }.run(&x).unwrap();
                assert_eq!(found.size(), expected.size());
                assert!(
                    numbers(&found) == numbers(&expected),
                    "{kernel} / {stride} on {side}, {channels}, {tiles}"
                );
            }
        }
    }
}

/// On processors with vectors of 512 bits this compares two ways; on others, one with itself.
#[test]
fn the_width_of_vectors_changes_no_bit() {
    let random = |shape: &[i64], seed| numbers(&noise(shape, seed));
    let block = |(kernel, stride): (usize, usize)| {
        let k = kernel as i64;
        let patches = (3, 2, Padding::Same);
        let patches = Patches::new(&random(&[48, 27], 1), &random(&[48], 2), Range::TO_SIX, patches, false);
        let shape = (kernel, stride, Padding::Same);
        let depthwise = Depthwise::new(&random(&[48, k * k], 3), &random(&[48], 4), Range::TO_SIX, shape);
        let after = Pointwise::new(&random(&[200, 48], 5), &random(&[200], 6), Range::ALL, false);
        let head = Pointwise::new(&random(&[72, 200], 7), &random(&[72], 8), Range::POSITIVE, false);
        let block = Separable { before: Some(Before::Patches(patches)), depthwise, after: Some(after) };
        let images = noise(&[2, 61, 61, 3], 9);
        numbers(&mean(&head.run(&block.run(&images).unwrap()).unwrap()).unwrap())
    };
    for shape in [(3, 1), (3, 2), (5, 1), (5, 2)] {
        assert!(block(shape) == with_narrow_vectors(|| block(shape)), "{shape:?}");
    }
}

/// The others of these tests, as on a processor whose vectors are 256 bits wide.
#[test]
fn narrow_vectors_pass_too() {
    with_narrow_vectors(|| {
        depthwise_convolutions_are_libtorchs();
        products_are_libtorchs();
        separable_convolutions_are_their_parts();
        patches_are_libtorchs_convolutions();
        what_is_no_number_stays_none();
    });
}

/// The first convolution and the block after it, three images together and apart.
#[test]
fn patches_before_a_depthwise_convolution_are_their_parts() {
    let random = |shape: &[i64], seed| numbers(&noise(shape, seed));
    let cases =
        [(17, 2, false), (120, 2, false), (9, 1, false), (120, 2, have_tiles()), (9, 1, have_tiles())];
    for (side, stride, tiles) in cases {
        let stem = (3, 2, Padding::Same);
        let patches = Patches::new(&random(&[32, 27], 1), &random(&[32], 2), Range::TO_SIX, stem, tiles);
        let shape = (3, stride, Padding::Same);
        let depthwise = Depthwise::new(&random(&[32, 9], 3), &random(&[32], 4), Range::TO_SIX, shape);
        let after = Pointwise::new(&random(&[16, 32], 5), &random(&[16], 6), Range::ALL, false);
        let x = noise(&[5, side, side, 3], 7);
        let wide = alone(depthwise.clone()).run(&patches.run(&x).unwrap()).unwrap();
        let expected = numbers(&after.run(&wide).unwrap());
        let block = Separable { before: Some(Before::Patches(patches)), depthwise, after: Some(after) };
        assert!(numbers(&block.run(&x).unwrap()) == expected, "{side} / {stride}");
        let apart = (0..5).flat_map(|image| numbers(&block.run(&x.narrow(0, image, 1)).unwrap()));
        assert!(apart.collect::<Vec<_>>() == expected, "{side} / {stride}, apart");
    }
}

#[test]
fn means_are_libtorchs() {
    let x = noise(&[2, 7, 7, 40], 1);
    let off = furthest(&mean(&x).unwrap(), &x.mean_dim([1_i64, 2].as_slice(), true, Kind::Float));
    assert!(off < 1e-6, "{off}");
}

#[test]
fn pixels_are_normalised_as_by_libtorch() {
    let pixels: Vec<u8> = (0..2 * 5 * 5 * 3).map(|at| (at * 37 % 256) as u8).collect();
    let (mean, scale) = ([123.675, 116.28, 103.53], [58.395, 57.12, 57.375]);
    let expected = Tensor::from_slice(&pixels).reshape([2, 5, 5, 3]).to_kind(Kind::Float);
    let expected = (expected - Tensor::from_slice(&mean)) / Tensor::from_slice(&scale);
    assert_eq!(numbers(&normalise(&pixels, 5, mean, scale).unwrap()), numbers(&expected));
}

#[test]
fn patches_are_libtorchs_convolutions() {
    for (kernel, stride, channels) in [(3, 2, 3), (7, 2, 3), (5, 1, 1), (2, 3, 4), (3, 1, 8_usize)] {
        for side in [7, 8, 13, 32] {
            for padding in [Padding::Same, Padding::Each(kernel / 2), Padding::Each(0)] {
                let (k, s, c) = (kernel as i64, stride as i64, channels as i64);
                let images = noise(&[2, side as i64, side as i64, c], 1);
                let (weight, bias) = (noise(&[20, c, k, k], 2), noise(&[20], 3));
                let range = Range { low: -0.5, high: 0.5 };
                let layer =
                    Patches::new(&numbers(&weight), &numbers(&bias), range, (kernel, stride, padding), false);
                let (first, last) = padding.around(side, kernel, stride);
                let (first, last) = (first as i64, last as i64);
                let x = images.permute([0, 3, 1, 2]).constant_pad_nd([first, last, first, last]);
                let expected = x.conv2d(&weight, Some(&bias), [s, s], [0, 0], [1, 1], 1).clamp(-0.5, 0.5);
                let found = layer.run(&images).unwrap().permute([0, 3, 1, 2]);
                let off = furthest(&found, &expected);
                assert!(off < 4e-6, "{kernel} x {kernel} / {stride} on {side}, {channels} channels: {off}");
            }
        }
    }
}
