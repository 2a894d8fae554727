//! Ctrl-C stops within a second, keeps what is finished, and exits with 130.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::harness::Project;

const FILE: &str = "experiments/mine.toml";

#[test]
fn an_interrupted_run_exits_with_130_and_the_next_one_continues() {
    let project = Project::with_features();
    // Unscaled, with an enormous penalty, linfa-svm takes far longer than this test waits.
    let settings = ["svm.solver=linfa", "svm.c=1e6", "svm.scale=none", "pca.components=16"];
    let slow: Vec<&str> = settings.into_iter().flat_map(|setting| ["--set", setting]).collect();
    let child = project.start(&[&["run", FILE], &slow[..]].concat());
    let deadline = Instant::now() + Duration::from_secs(30);
    while !project.has(".emolab/v1/records/fit-pca") {
        assert!(Instant::now() < deadline, "the run never got to its PCA");
        std::thread::sleep(Duration::from_millis(5));
    }
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{err}");
    assert!(err.contains("what was finished is kept; run again to continue"), "{err}");
    assert!(!project.has("results/mine"));
    assert!(!project.misses(FILE).contains(&"read-features DINOv2".to_owned()));
    project.must(&["run", FILE]);
}
