//! The solvers alone, on generated features whose spectrum decays as that of a CNN's: `just bench`.
//! `just bench-solvers` compares them with scikit-learn on the same arrays.
#![allow(missing_docs, reason = "criterion makes a public function without one")]
#![expect(clippy::unwrap_used, reason = "a bench that cannot go on stops")]

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use emolab::solvers::pca::{Keep, PcaModel, PcaSolver};
use emolab::solvers::svm::{OneVsAllModel, SvmParameters};
use emolab::split::{Fold, Train};
use emolab::types::Emotion;
use ndarray::Array2;

/// Splitmix64, and four uniform numbers summed for about a normal one.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let bits = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    fn normal(&mut self) -> f64 {
        (0..4).map(|_| (self.next() >> 11) as f64 / (1u64 << 53) as f64 - 0.5).sum::<f64>() * 1.732
    }
}

/// `[n, d]` and labels of eight classes of unequal size, a third of a standard deviation apart.
fn samples(n: usize, d: usize, classes: usize) -> (Array2<f64>, Vec<Emotion>) {
    let mut random = Random(n as u64);
    let means = Array2::from_shape_simple_fn((classes, d), || 0.35 * random.normal());
    let labels: Vec<usize> = (0..n).map(|_| (random.next() % 64).isqrt() as usize % classes).collect();
    let mut scores = Array2::from_shape_simple_fn((n, d), || random.normal());
    for (mut row, &label) in scores.rows_mut().into_iter().zip(&labels) {
        row += &means.row(label);
        for (j, value) in row.iter_mut().enumerate() {
            *value *= ((1 + j) as f64).powf(-0.7);
        }
    }
    let square = scores.iter().map(|value| value * value).sum::<f64>() / scores.len() as f64;
    (scores / square.sqrt(), labels.into_iter().map(|label| Emotion::ALL[label]).collect())
}

fn train<A: Clone>(rows: &Array2<A>) -> Train<Array2<A>> {
    let mut all = rows.clone();
    all.push_row(rows.row(0)).unwrap();
    fold(rows.nrows()).train_rows(all.view()).unwrap()
}

fn fold(rows: usize) -> Fold {
    Fold::of_k_fold(&(0..=rows).map(|row| Some(u32::from(row == rows))).collect::<Vec<_>>(), 1).unwrap()
}

fn train_labels(labels: &[Emotion]) -> Train<Vec<Emotion>> {
    let mut all = labels.to_vec();
    all.push(labels[0]);
    fold(labels.len()).train_of(&all).unwrap()
}

fn support_vector_machines(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("eight problems");
    group.sample_size(10).measurement_time(Duration::from_secs(3));
    for (n, d) in [(316, 20), (240, 200), (4000, 20), (316, 4096)] {
        let (scores, labels) = samples(n, d, 8);
        let labels = train_labels(&labels);
        for (name, unit) in [("scaled", 1.0), ("in raw units", 60.0 / (d as f64).sqrt())] {
            let scores = train(&(&scores * unit));
            group.bench_function(BenchmarkId::new(name, format!("{n} x {d}")), |bencher| {
                bencher.iter(|| OneVsAllModel::fit(&scores, &labels, &SvmParameters::default()).unwrap());
            });
        }
    }
    group.finish();
}

/// Seven penalties of an axis: each from its own start, as the points of a sweep are fitted, and each from where the
/// last one came from, as they are inside a fold.
fn penalties(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("eight problems, seven penalties");
    group.sample_size(10).measurement_time(Duration::from_secs(3));
    let penalties = [1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0, 1000.0];
    for (n, d) in [(252, 20), (252, 100), (4000, 20)] {
        let (scores, labels) = samples(n, d, 8);
        let (scores, labels) = (train(&scores), train_labels(&labels));
        let parameters = SvmParameters::default();
        group.bench_function(BenchmarkId::new("each from its own start", format!("{n} x {d}")), |bencher| {
            bencher.iter(|| {
                let fit = |&c: &f64| {
                    OneVsAllModel::fit(&scores, &labels, &SvmParameters { c, ..parameters }).unwrap()
                };
                penalties.iter().map(fit).collect::<Vec<_>>()
            });
        });
        group.bench_function(BenchmarkId::new("each from the last", format!("{n} x {d}")), |bencher| {
            bencher.iter(|| OneVsAllModel::fit_path(&scores, &labels, &parameters, &penalties).unwrap());
        });
    }
    group.finish();
}

/// Time per sample must not grow with their number. Two problems, side by side, and one after the other, where half the
/// time is one problem's: the throughput is in samples of one problem.
fn many_samples(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("two problems, d = 20");
    group.sample_size(10).measurement_time(Duration::from_secs(3));
    let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    for n in [1_000, 20_000, 200_000, 1_000_000] {
        let (scores, labels) = samples(n, 20, 2);
        let (scores, labels) = (train(&scores), train_labels(&labels));
        let fit = || OneVsAllModel::fit(&scores, &labels, &SvmParameters::default()).unwrap();
        group.throughput(Throughput::Elements(2 * n as u64));
        group.bench_function(BenchmarkId::new("side by side", n), |bencher| bencher.iter(fit));
        group.bench_function(BenchmarkId::new("one after the other", n), |bencher| {
            bencher.iter(|| one_thread.install(fit));
        });
    }
    group.finish();
}

fn principal_components(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("20 principal components");
    group.sample_size(10).measurement_time(Duration::from_secs(3));
    for (n, d) in [(316, 1280), (316, 4096), (4000, 1280), (4000, 4096)] {
        let (rows, _) = samples(n, d, 8);
        let rows = train(&rows.mapv(|value| value as f32));
        for solver in [PcaSolver::Exact, PcaSolver::Randomized] {
            if n.min(d) > 2000 && solver == PcaSolver::Exact {
                continue; // Half a minute each.
            }
            group.bench_function(BenchmarkId::new(format!("{solver:?}"), format!("{n} x {d}")), |bencher| {
                bencher.iter(|| PcaModel::fit(&rows, Keep::Count(20), solver).unwrap());
            });
        }
    }
    group.finish();
}

criterion_group!(benches, support_vector_machines, penalties, many_samples, principal_components);
criterion_main!(benches);
