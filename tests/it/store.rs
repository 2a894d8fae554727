//! A damaged, killed, shared or collected store never gives a wrong or lost result.

use std::path::Path;

use crate::harness::{Project, ran};

const FILE: &str = "experiments/mine.toml";

fn flip(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn every_blob_flipped_or_gone_is_reported_and_computed_again() {
    let project = Project::with_features();
    project.must(&["run", FILE]);
    let good = project.snapshot(".emolab/v1/blobs");
    let results = project.snapshot("results");
    for (at, blob) in project.blobs().into_iter().enumerate() {
        if at % 2 == 0 { flip(&blob) } else { std::fs::remove_file(&blob).unwrap() }
    }
    let verified = project.emolab(&["store", "verify"]);
    assert_eq!(verified.code, 1, "{}", verified.out);
    assert!(verified.out.contains("damaged"), "{}", verified.out);
    let again = project.must(&["run", FILE]);
    assert!(again.err.contains("damaged"), "{}", again.err);
    assert_eq!(project.snapshot(".emolab/v1/blobs"), good);
    let tables = |files: &std::collections::BTreeMap<std::path::PathBuf, Vec<u8>>| {
        files
            .iter()
            .filter(|(path, _)| !path.ends_with("run.json"))
            .map(|(p, b)| (p.clone(), b.clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(tables(&project.snapshot("results")), tables(&results));
    project.must(&["store", "verify"]);
}

#[test]
fn damaged_records_and_results_heal() {
    let project = Project::with_features();
    project.must(&["run", FILE]);
    let good = project.read("results/mine/per_class_tpr.csv");
    for record in project.snapshot(".emolab/v1/records").into_keys() {
        flip(&project.path().join(record));
    }
    project.write("results/mine/per_class_tpr.csv", b"nonsense");
    project.must(&["run", FILE]);
    assert_eq!(project.read("results/mine/per_class_tpr.csv"), good);
}

#[test]
fn a_run_killed_again_and_again_ends_with_the_same_results() {
    let undisturbed = Project::with_features();
    undisturbed.must(&["run", FILE]);
    let project = Project::with_features();
    // Killed at one moment after another, each a little later than the last; the store carries it forward.
    for milliseconds in (4..120).step_by(8) {
        let mut child = project.start(&["run", FILE, "--threads", "1"]);
        std::thread::sleep(std::time::Duration::from_millis(milliseconds));
        let _ = child.kill();
        child.wait().unwrap();
    }
    project.must(&["run", FILE]);
    for name in ["per_class_tpr.csv", "confusion.csv", "figure.svg", "predictions.parquet"] {
        let name = format!("results/mine/{name}");
        assert!(project.bytes(&name) == undisturbed.bytes(&name), "{name}");
    }
    project.must(&["store", "verify"]);
    project.must(&["store", "gc"]);
    let left: Vec<_> = project
        .snapshot(".emolab")
        .into_keys()
        .filter(|path| path.display().to_string().contains("tmp-"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn two_processes_at_once_both_finish_and_do_the_work_once() {
    let project = Project::with_features();
    let children: Vec<_> = (0..2).map(|_| project.start(&["run", FILE])).collect();
    let outputs: Vec<_> = children.into_iter().map(|child| child.wait_with_output().unwrap()).collect();
    let mut done = 0;
    for output in &outputs {
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{err}");
        done += err.lines().filter(|line| line.starts_with("done")).count();
    }
    let plan = project.must(&["plan", FILE, "--json"]);
    let plan: serde_json::Value = serde_json::from_str(&plan.out).unwrap();
    assert_eq!(done, plan["stages"].as_array().unwrap().len(), "each stage was computed by one of the two");
    project.must(&["store", "verify"]);
}

#[test]
fn collection_keeps_what_results_refer_to_and_drops_the_rest() {
    let project = Project::with_features();
    project.must(&["run", FILE]);
    project.must(&["run", FILE, "--set", "experiment.name=other", "--set", "svm.c=7"]);
    let before = project.blobs().len();
    let kept = project.must(&["store", "gc"]);
    assert!(kept.out.contains("dropped 0 records and 0 blobs"), "{}", kept.out);
    std::fs::remove_dir_all(project.path().join("results/other")).unwrap();
    let trial = project.must(&["store", "gc", "--dry-run"]);
    assert!(trial.out.contains("would drop") && project.blobs().len() == before, "{}", trial.out);
    project.must(&["store", "gc", "--max-size", "1GiB"]);
    assert_eq!(project.blobs().len(), before, "below the cap nothing goes");
    project.must(&["store", "gc"]);
    assert!(project.blobs().len() < before);
    assert_eq!(project.misses(FILE), Vec::<String>::new());
}

#[test]
fn collection_keeps_what_older_results_refer_to_in_a_new_store() {
    let project = Project::with_features();
    project.must(&["run", FILE]);
    std::fs::remove_dir_all(project.path().join(".emolab")).unwrap();
    let again = project.must(&["run", FILE]);
    assert!(again.out.contains("stages computed"), "{}", again.out);
    let kept = project.must(&["store", "gc"]);
    assert!(kept.out.contains("dropped 0 records and 0 blobs"), "{}", kept.out);
    // What says so is not overlooked when it is damaged.
    for root in std::fs::read_dir(project.path().join(".emolab/v1/roots")).unwrap() {
        std::fs::write(root.unwrap().path(), "junk").unwrap();
    }
    let refused = project.emolab(&["store", "gc"]);
    assert_eq!(refused.code, 1, "{}", refused.err);
    assert!(refused.err.contains("is damaged: remove it"), "{}", refused.err);
}

#[test]
fn a_project_that_was_moved_keeps_its_results() {
    let project = Project::with_features();
    let moved = tempfile::tempdir().unwrap();
    let (before, after) = (project.path().join("before"), moved.path().join("after"));
    std::fs::create_dir(&before).unwrap();
    for part in ["my", "experiments"] {
        std::fs::rename(project.path().join(part), before.join(part)).unwrap();
    }
    let at = |folder: &Path, arguments: &[&str]| {
        let mut command = project.command(arguments);
        command.current_dir(folder);
        let ran = ran(command);
        assert_eq!(ran.code, 0, "{}", ran.err);
        ran.out
    };
    at(&before, &["run", FILE]);
    std::fs::rename(&before, &after).unwrap();
    let kept = at(&after, &["store", "gc"]);
    assert!(kept.contains("dropped 0 records and 0 blobs"), "{kept}");
}

#[test]
fn collection_of_a_shared_store_keeps_the_other_projects_results() {
    let (mine, theirs) = (Project::with_features(), Project::with_features());
    let shared = tempfile::tempdir().unwrap();
    let run = |project: &Project, arguments: &[&str]| {
        let mut command = project.command(arguments);
        command.env("EMOLAB_STORE", shared.path());
        let ran = ran(command);
        assert_eq!(ran.code, 0, "{}", ran.err);
        ran
    };
    run(&mine, &["run", FILE]);
    run(&theirs, &["run", FILE, "--set", "svm.c=5"]);
    assert!(!mine.has(".emolab/v1/blobs"));
    run(&mine, &["store", "gc"]);
    let plan = run(&theirs, &["plan", FILE, "--set", "svm.c=5"]);
    assert!(plan.out.contains("0 to compute"), "{}", plan.out);
}

#[test]
fn verify_sees_damaged_rows_of_images() {
    let project = Project::with_images();
    project.must(&["run", "experiments/iaps_5fold.toml"]);
    let packs = project.path().join(".emolab/v1/packs");
    let extractor = std::fs::read_dir(packs).unwrap().next().unwrap().unwrap().path();
    let index = std::fs::read_dir(extractor).unwrap().next().unwrap().unwrap().path();
    std::fs::write(index, "garbage").unwrap();
    let ran = project.emolab(&["store", "verify"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.out.contains("rows kept per image"), "{}", ran.out);
}

#[test]
fn ls_and_du_show_what_is_there() {
    let project = Project::with_features();
    project.must(&["run", FILE]);
    assert!(project.must(&["store", "ls"]).out.contains("fit-pca"));
    let usage: serde_json::Value =
        serde_json::from_str(&project.must(&["store", "du", "--json"]).out).unwrap();
    assert_eq!(usage["stages"]["fit-pca"]["records"], 3);
    let on_disk: u64 = project.blobs().iter().map(|path| std::fs::metadata(path).unwrap().len()).sum();
    assert_eq!(usage["total_bytes"], on_disk);
}

#[test]
fn a_store_that_cannot_be_written_is_a_failure_that_names_it() {
    let project = Project::with_features();
    // A file where the store's folder should be: also root can't write there.
    project.write("blocked", b"");
    let mut command = project.command(&["run", FILE]);
    command.env("EMOLAB_STORE", project.path().join("blocked"));
    let ran = ran(command);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.contains("blocked") && !ran.err.contains("panicked"), "{}", ran.err);
}
