//! A second run computes nothing and changes nothing.

use crate::harness::Project;

const FILE: &str = "experiments/mine.toml";

#[test]
fn a_second_run_leaves_every_byte_and_time_of_results_and_store() {
    let project = Project::with_features();
    project.must(&["run", FILE]);
    assert_eq!(project.misses(FILE), Vec::<String>::new());
    let results = project.snapshot("results");
    let blobs = project.snapshot(".emolab/v1/blobs");
    let modified = || std::fs::metadata(project.path().join("results/mine")).unwrap().modified().unwrap();
    let before = modified();
    let ran = project.must(&["run", FILE]);
    assert!(ran.out.contains("nothing computed"), "{}", ran.out);
    assert_eq!(project.snapshot("results"), results);
    assert_eq!(project.snapshot(".emolab/v1/blobs"), blobs);
    assert_eq!(modified(), before, "the folder was not even replaced");
}

#[test]
fn white_space_comments_and_the_order_of_keys_change_no_key() {
    let project = Project::with_features();
    project.must(&["run", FILE]);
    let shuffled = r#"
# A comment.
[pca]
   components   =   8
[[method]]
features = "my/dinov2.npy"   # moved
name = "DINOv2"
variant = "precomputed"
[split]
folds = 3
[dataset]
manifest = "my/manifest.csv"
name = "my-set"
[experiment]
title = "My features"
name = "mine"
"#;
    project.write(FILE, shuffled.as_bytes());
    assert_eq!(project.misses(FILE), Vec::<String>::new());
}

#[test]
fn a_changed_setting_costs_only_what_depends_on_it_and_says_so() {
    let project = Project::with_features();
    project.must(&["run", FILE]);
    let plan = project.must(&["plan", FILE, "--set", "svm.c=3"]);
    assert!(plan.out.contains("`svm.c`: 1.0 -> 3.0"), "{}", plan.out);
    assert!(plan.out.contains("hit   fit-pca DINOv2 fold 0"), "{}", plan.out);
    assert!(plan.out.contains("miss  train-svm DINOv2 fold 0"), "{}", plan.out);
    let dry = project.must(&["run", FILE, "--set", "svm.c=3", "--dry-run"]);
    assert_eq!(dry.out, plan.out);
    let variable = project.command(&["plan", FILE]).env("EMOLAB_SVM__C", "3").output().unwrap();
    assert_eq!(String::from_utf8(variable.stdout).unwrap(), plan.out);
    // The title touches the figure alone.
    let plan = project.must(&["plan", FILE, "--set", "experiment.title=Other"]);
    assert!(plan.out.contains("1 to compute"), "{}", plan.out);
}

#[test]
fn an_unchanged_file_is_trusted_by_its_time_and_distrusted_with_rehash() {
    let project = Project::with_features();
    let path = project.path().join("my/dinov2.npy");
    let past = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
    let age = || std::fs::File::options().write(true).open(&path).unwrap().set_modified(past).unwrap();
    age();
    project.must(&["run", FILE]);
    let mut bytes = std::fs::read(&path).unwrap();
    let last = bytes.len() - 2;
    bytes[last] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    age();
    assert_eq!(project.misses(FILE), Vec::<String>::new(), "same path, size and time");
    let plan = project.must(&["plan", FILE, "--rehash"]);
    assert!(plan.out.contains("miss  read-features DINOv2"), "{}", plan.out);
}
