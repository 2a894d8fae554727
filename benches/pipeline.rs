//! The no-op run as a whole process, and features as images per second: `just bench`.
#![allow(missing_docs, reason = "criterion makes a public function without one")]
#![expect(clippy::unwrap_used, reason = "a bench that cannot go on stops")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tempfile::TempDir;

/// A project with the shipped experiments, whose data sets are absent: the stand-in is drawn.
fn project() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let experiments = folder.path().join("experiments");
    std::fs::create_dir_all(experiments.join("shared")).unwrap();
    for name in ["iaps_5fold.toml", "quick.toml", "shared/training.toml"] {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments").join(name);
        std::fs::copy(from, experiments.join(name)).unwrap();
    }
    folder
}

fn run(project: &Path, experiment: &str) {
    let status = Command::new(env!("CARGO_BIN_EXE_emolab"))
        .args(["run", "--quiet"])
        .arg(project.join("experiments").join(experiment))
        .env("EMOLAB_DEPS", Path::new(env!("CARGO_MANIFEST_DIR")).join(".deps"))
        .env_remove("EMOLAB_STORE")
        .stdin(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
}

fn no_op_run(criterion: &mut Criterion) {
    let project = project();
    run(project.path(), "quick.toml");
    criterion.bench_function("no-op run, whole process", |bencher| {
        bencher.iter(|| run(project.path(), "quick.toml"));
    });
}

fn forget(store: &Path, what: &str) {
    let _ = std::fs::remove_dir_all(store.join("v1").join(what));
}

/// Everything after the drawings: decode, resize, forward, and the little that follows.
fn features(criterion: &mut Criterion) {
    let project = project();
    run(project.path(), "quick.toml");
    let store: PathBuf = project.path().join(".emolab");
    // As many as the stand-in for Abstract Paintings has.
    let images = 218;
    let mut group = criterion.benchmark_group("features");
    group.sample_size(10).throughput(Throughput::Elements(images)).measurement_time(Duration::from_secs(40));
    group.bench_function("EfficientNet-Lite0, from PNG files to the store", |bencher| {
        bencher.iter_custom(|times| {
            let mut total = Duration::ZERO;
            for _ in 0..times {
                forget(&store, "packs");
                forget(&store, "records/extract-features");
                let start = Instant::now();
                run(project.path(), "quick.toml");
                total += start.elapsed();
            }
            total
        });
    });
    group.finish();
}

criterion_group!(benches, no_op_run, features);
criterion_main!(benches);
