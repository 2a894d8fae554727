//! The worker as a process: the real program with the real weights, and programs that misbehave.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use emolab::networks::recipe::{Length, Preset, Recipe};
use emolab::networks::worker::protocol::FromWorker;
use emolab::networks::worker::{Request, Training, WorkerError, find_worker, start, train};
use emolab::networks::{Device, Input, NetworkCard, Precision};

const IMAGE_BYTES: usize = 224 * 224 * 3;

fn request() -> Request {
    let network = NetworkCard::find("efficientnet-lite0").unwrap();
    Request {
        threads: 2,
        ..Request::feature(
            network,
            PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".deps/weights/efficientnet-lite0-57934424.pth"),
        )
        .unwrap()
    }
}

fn worker() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_emolab-torch"))
}

/// A shell script to start instead of the worker.
fn script(folder: &Path, lines: &str) -> PathBuf {
    let path = folder.join("worker.sh");
    fs::write(&path, format!("#!/bin/sh\n{lines}\n")).expect("a temporary folder is writable");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("its files are ours");
    path
}

#[test]
fn answers_come_in_order_and_the_stream_ends() {
    assert_eq!(find_worker().unwrap(), worker().canonicalize().unwrap());
    let worker = start(worker(), &request()).unwrap();
    assert_eq!((&*worker.device, worker.width), ("cpu", 1280));
    assert!(worker.libtorch.starts_with("2.11"), "{}", worker.libtorch);
    let (mut sender, mut receiver, _guard) = worker.split();
    let sizes = [1, 17, 3];
    thread::scope(|scope| {
        scope.spawn(move || {
            for (value, images) in sizes.into_iter().enumerate() {
                sender.send(&vec![40 * value as u8; images * IMAGE_BYTES], images).unwrap();
            }
        });
        let mut firsts = Vec::new();
        for images in sizes {
            let rows = receiver.receive().unwrap();
            assert_eq!(rows.len(), images * 1280);
            assert!(rows.chunks(1280).all(|row| row == &rows[..1280]), "equal images, equal rows");
            firsts.push(rows[..1280].to_vec());
        }
        assert!(firsts[0] != firsts[1] && firsts[1] != firsts[2]);
    });
    match receiver.receive() {
        Err(WorkerError::Died { status, .. }) => assert_eq!(status, "exit status: 0"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn wrong_batches_and_requests_are_refused_before_they_are_sent() {
    let mut other = request();
    other.layer = "fc7".to_owned();
    let error = start(worker(), &other).unwrap_err();
    assert_eq!(error.to_string(), "efficientnet-lite0 has no layer `fc7` of width 1280");
    other.network = "vgg".to_owned();
    assert_eq!(start(worker(), &other).unwrap_err().to_string(), "unknown network `vgg`");

    let (mut sender, _receiver, _guard) = start(worker(), &request()).unwrap().split();
    assert!(matches!(sender.send(&[0; 7], 1), Err(WorkerError::Shape { bytes: 7, .. })));
    assert!(matches!(sender.send(&[], 0), Err(WorkerError::Shape { images: 0, .. })));
}

#[test]
fn a_missing_weights_file_is_the_workers_own_message() {
    let mut request = request();
    request.weights = "/nowhere/weights.pth".into();
    let error = start(worker(), &request).unwrap_err();
    assert!(matches!(error, WorkerError::Failed(_)));
    assert!(error.to_string().starts_with("cannot read `/nowhere/weights.pth`: "), "{error}");
}

#[test]
fn a_gpu_that_is_not_there_is_explained() {
    let mut request = request();
    request.device = Device::Cuda(99);
    let error = start(worker(), &request).unwrap_err().to_string();
    assert!(error.contains("`cuda:99`"), "{error}");
}

#[test]
fn a_dropped_guard_ends_the_worker_at_once() {
    let (mut sender, mut receiver, guard) = start(worker(), &request()).unwrap().split();
    thread::scope(|scope| {
        let sending = scope.spawn(move || {
            let pixels = vec![9; 64 * IMAGE_BYTES];
            while sender.send(&pixels, 64).is_ok() {}
            sender.send(&pixels, 64)
        });
        receiver.receive().unwrap();
        let start = Instant::now();
        drop(guard);
        assert!(matches!(sending.join().unwrap(), Err(WorkerError::Closed)));
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    });
}

#[test]
fn a_program_that_dies_leaves_its_last_words() {
    let folder = tempfile::tempdir().unwrap();
    let dies = script(folder.path(), "for i in $(seq 30); do echo line $i >&2; done; kill -9 $$");
    let error = start(&dies, &request()).unwrap_err().to_string();
    assert!(error.starts_with("the worker died (signal: 9 (SIGKILL)"), "{error}");
    assert!(error.contains("its last words:\n  line 11\n") && error.ends_with("\n  line 30"), "{error}");
}

#[test]
fn a_program_that_is_no_worker_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let chatters = script(folder.path(), "echo 'hello, this is no worker'; cat >/dev/null");
    let error = start(&chatters, &request()).unwrap_err();
    assert!(matches!(error, WorkerError::Protocol(_)), "{error}");
    let error = start(&folder.path().join("absent"), &request()).unwrap_err();
    assert!(matches!(error, WorkerError::Start { .. }), "{error}");
}

/// The memory that a process has in use, in bytes.
#[cfg(target_os = "linux")]
fn resident(process: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap() * 1024
}

/// A step of this training has 10 MB of gradients and some 60 MB of activations: if any of it stayed, thirty steps
/// would show.
#[cfg(target_os = "linux")]
#[test]
fn the_memory_of_a_training_does_not_grow_with_its_steps() {
    const SIDE: u32 = 72;
    let folder = tempfile::tempdir().unwrap();
    let pixels = folder.path().join("images.u8");
    fs::write(&pixels, vec![90; 8 * (SIDE * SIDE * 3) as usize]).unwrap();
    let card = NetworkCard::find("efficientnet-lite0").unwrap();
    let recipe = Recipe { length: Length::Epochs(20), batch: 4, keep_best: false, ..Preset::Modern.recipe() };
    let training = Training {
        network: card.name.to_owned(),
        input: Input { side: 64, resize: SIDE, ..card.input },
        outputs: 8,
        weights: request().weights,
        recipe,
        seed: 7,
        device: Device::Cpu,
        precision: Precision::F32,
        threads: 1,
        pixels,
        side: SIDE,
        training: 8,
        validation: 0,
        folder: folder.path().to_owned(),
        checkpoint_seconds: 3600,
    };
    let number = folder.path().join("process");
    let lines = format!("echo $$ > '{}'; exec '{}'", number.display(), worker().display());
    let program = script(folder.path(), &lines);
    let (_sender, mut receiver, _guard) = train(&program, &training, &[1, 2, 1, 2, 1, 2, 1, 2]).unwrap();
    let mut used = Vec::new();
    loop {
        match receiver.news().unwrap().0 {
            // Each of two steps.
            FromWorker::EpochDone(_) => used.push(resident(fs::read_to_string(&number).unwrap().trim())),
            FromWorker::Trained { .. } => break,
            _ => {}
        }
    }
    assert_eq!(used.len(), 20);
    let (warm, last) = (used[..5].iter().max().unwrap(), used[19]);
    assert!(last < warm + (100 << 20), "{used:?}");
}
