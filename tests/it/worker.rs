//! The worker as a process: the real program with the real weights, and programs that misbehave.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use emolab::networks::worker::{Request, WorkerError, find_worker, start};
use emolab::networks::{Device, NetworkCard};

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
