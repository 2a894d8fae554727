//! Files to network input on one thread, as images per second: `just bench --bench images`.
#![allow(missing_docs, reason = "criterion makes a public function without one")]
#![expect(clippy::unwrap_used, reason = "a bench that cannot go on stops")]

use std::hint::black_box;
use std::io::Cursor;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use emolab::images::{self, Filter, Fit, Limits, Pixels, Preprocess};
use image::{ImageFormat, Rgb, RgbImage};

/// As large as the pictures of IAPS.
const WIDTH: u32 = 1024;
const HEIGHT: u32 = 768;

const PREPROCESS: Preprocess = Preprocess { size: 224, resize: 256, fit: Fit::Crop, filter: Filter::Bicubic };

/// Slow waves under fine ones: compresses about as a photograph does.
fn picture() -> RgbImage {
    RgbImage::from_fn(WIDTH, HEIGHT, |x, y| {
        let (x, y) = (x as f32, y as f32);
        let wave = |period: f32| {
            (127.5 + 100. * (x / period).sin() * (y / 37.).cos() + 20. * (x * y / 19.).sin()) as u8
        };
        Rgb([wave(150.), wave(90.), wave(41.)])
    })
}

fn file(format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn decode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode 1024 x 768");
    group.throughput(Throughput::Elements(1));
    for (name, format) in
        [("JPEG", ImageFormat::Jpeg), ("PNG", ImageFormat::Png), ("WebP", ImageFormat::WebP)]
    {
        let bytes = file(format);
        group.bench_function(name, |bencher| {
            bencher.iter(|| images::decode(black_box(&bytes), &Limits::default()).unwrap());
        });
    }
    group.finish();
}

fn prepare(criterion: &mut Criterion) {
    let pixels = Pixels { width: WIDTH, height: HEIGHT, rgb: picture().into_raw() };
    let mut group = criterion.benchmark_group("1024 x 768 to 224 x 224");
    group.throughput(Throughput::Elements(1));
    for (name, filter) in Filter::NAMES {
        let preprocess = Preprocess { filter, ..PREPROCESS };
        group.bench_function(name, |bencher| {
            bencher.iter(|| images::prepare(black_box(&pixels), &preprocess).unwrap());
        });
    }
    group.finish();
}

fn both(criterion: &mut Criterion) {
    let bytes = file(ImageFormat::Jpeg);
    let mut group = criterion.benchmark_group("JPEG file to network input");
    group.throughput(Throughput::Elements(1));
    group.bench_function("bicubic", |bencher| {
        bencher.iter(|| {
            let pixels = images::decode(black_box(&bytes), &Limits::default()).unwrap();
            images::prepare(&pixels, &PREPROCESS).unwrap()
        });
    });
    group.finish();
}

criterion_group!(benches, decode, prepare, both);
criterion_main!(benches);
