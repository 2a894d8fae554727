//! What a run leaves in its results folder.

use polars::prelude::{ParquetReader, SerReader as _};

use crate::harness::Project;

const FILE: &str = "experiments/mine.toml";

#[test]
fn predictions_have_the_documented_columns_and_one_row_per_tested_image() {
    let project = Project::with_features();
    project.must(&["run", FILE]);
    let file = std::fs::File::open(project.path().join("results/mine/predictions.parquet")).unwrap();
    let table = ParquetReader::new(file).finish().unwrap();
    let names: Vec<&str> =
        table.get_column_names().into_iter().map(polars::prelude::PlSmallStr::as_str).collect();
    let expected = "method image group fold label predicted score_amusement score_anger score_awe \
        score_contentment score_disgust score_excitement score_fear score_sadness repeat";
    assert_eq!(names, expected.split_whitespace().collect::<Vec<_>>());
    assert_eq!(table.height(), 96);
    // The prediction is the emotion of the largest decision value.
    let text =
        |name: &str, row: usize| table.column(name).unwrap().str().unwrap().get(row).unwrap().to_owned();
    for row in 0..table.height() {
        let score = |emotion: &&&str| {
            table.column(&format!("score_{emotion}")).unwrap().f64().unwrap().get(row).unwrap()
        };
        let best = crate::harness::EMOTIONS.iter().max_by(|a, b| score(a).total_cmp(&score(b))).unwrap();
        assert_eq!(text("predicted", row), **best, "row {row}");
    }
}

#[test]
fn all_images_of_a_group_are_tested_in_one_fold() {
    let project = Project::with_features();
    project.must(&["run", FILE]);
    let file = std::fs::File::open(project.path().join("results/mine/predictions.parquet")).unwrap();
    let table = ParquetReader::new(file).finish().unwrap();
    let mut fold_of = std::collections::HashMap::new();
    for row in 0..table.height() {
        let group = table.column("group").unwrap().str().unwrap().get(row).unwrap().to_owned();
        let fold = table.column("fold").unwrap().u32().unwrap().get(row).unwrap();
        assert_eq!(*fold_of.entry(group).or_insert(fold), fold);
    }
}

#[test]
fn the_record_holds_settings_with_origins_keys_times_and_versions() {
    let project = Project::with_features();
    project.must(&["run", FILE, "--set", "svm.c=2.5"]);
    let record: serde_json::Value = serde_json::from_str(&project.read("results/mine/run.json")).unwrap();
    let settings = record["settings"].as_array().unwrap();
    let c = settings.iter().find(|setting| setting["path"] == "svm.c").unwrap();
    assert_eq!((&c["value"], &c["origin"]), (&2.5.into(), &"--set svm.c=2.5".into()));
    let stages = record["stages"].as_array().unwrap();
    assert!(stages.iter().all(|stage| stage["key"].as_str().unwrap().len() == 64 && stage["hit"] == false));
    assert!(stages.iter().any(|stage| stage["label"] == "train-svm DINOv2 fold 2"));
    assert_eq!((&record["seed"], &record["stand_in"]), (&2016.into(), &serde_json::Value::Null));
    assert_eq!(record["versions"]["emolab"], env!("CARGO_PKG_VERSION"));
    assert_eq!(record["data"].as_str().unwrap().len(), 64);
}

#[test]
fn a_failed_run_leaves_the_last_good_results() {
    let project = Project::with_features();
    project.must(&["run", FILE]);
    let good = project.snapshot("results");
    let failed = project.emolab(&["run", FILE, "--set", "pca.components=17"]);
    assert_eq!(failed.code, 2, "{}", failed.err);
    assert!(failed.err.contains("17") && failed.err.contains("components"), "{}", failed.err);
    assert_eq!(project.snapshot("results"), good);
}

#[test]
fn a_file_in_the_place_of_results_is_told_before_anything_runs() {
    let project = Project::with_features();
    project.write("results/mine", b"not a folder");
    let ran = project.emolab(&["run", FILE]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.contains("results/mine") && ran.err.contains("move it away"), "{}", ran.err);
    assert!(!project.has(".emolab/v1/records") && project.read("results/mine") == "not a folder");
}

#[test]
fn a_folder_of_something_else_is_never_replaced() {
    let project = Project::with_features();
    project.write("results/mine/notes.txt", b"my notes");
    let ran = project.emolab(&["run", FILE]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.contains("a folder of something else"), "{}", ran.err);
    assert_eq!(project.read("results/mine/notes.txt"), "my notes");
    std::fs::rename(project.path().join("results/mine"), project.path().join("elsewhere")).unwrap();
    std::os::unix::fs::symlink("../elsewhere", project.path().join("results/mine")).unwrap();
    let ran = project.emolab(&["run", FILE]);
    assert!(ran.code == 1 && ran.err.contains("a symbolic link"), "{}", ran.err);
    let ran = project.emolab(&["run", FILE, "--set", "experiment.name=paper"]);
    assert!(ran.code == 2 && ran.err.contains("not `paper`"), "{}", ran.err);
}

#[test]
fn results_that_were_passed_on_without_their_record_are_written_again() {
    let project = Project::with_features();
    for name in ["figure5.svg", "per_class_tpr.csv", "confusion.csv", "table3.md"] {
        project.write(&format!("results/mine/{name}"), b"as committed");
    }
    project.must(&["run", FILE]);
    assert!(project.has("results/mine/run.json") && !project.has("results/mine/table3.md"));
    assert_ne!(project.read("results/mine/confusion.csv"), "as committed");
}

#[test]
fn what_a_killed_run_left_beside_the_results_goes() {
    let project = Project::with_features();
    project.must(&["run", FILE]);
    project.write("results/.emolab-tmp-abc/run.json", b"half");
    project.must(&["run", FILE]);
    assert!(!project.has("results/.emolab-tmp-abc"));
}

#[test]
fn output_that_cannot_be_written_is_a_failure() {
    let project = Project::with_features();
    let mut command = project.command(&["plan", FILE]);
    command.stdout(std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
    let ran = crate::harness::ran(command);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.contains("cannot write to standard output"), "{}", ran.err);
}

#[test]
fn a_results_folder_holds_nothing_from_an_earlier_run() {
    let project = Project::with_features();
    project.must(&["run", FILE]);
    project.write("results/mine/figure9.svg", b"from another time");
    project.must(&["run", FILE]);
    assert!(!project.has("results/mine/figure9.svg"));
}

#[test]
fn figures_draws_finished_results_again_and_computes_nothing_else() {
    let project = Project::with_features();
    project.must(&["run", FILE]);
    let good = project.bytes("results/mine/figure.svg");
    project.write("results/mine/figure.svg", b"scribbled over");
    let ran = project.must(&["figures", "mine"]);
    assert!(ran.out.contains("figure.svg"), "{}", ran.out);
    assert_eq!(project.bytes("results/mine/figure.svg"), good);
    std::fs::remove_dir_all(project.path().join(".emolab")).unwrap();
    let refused = project.emolab(&["figures", "mine"]);
    assert_eq!(refused.code, 2, "{}", refused.err);
    assert!(refused.err.contains("emolab run experiments/mine.toml"), "{}", refused.err);
}

#[test]
fn quiet_prints_nothing_and_json_only_json() {
    let project = Project::with_features();
    let ran = project.must(&["run", FILE, "--quiet"]);
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("", ""));
    let ran = project.must(&["run", FILE, "--json"]);
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(json["summary"]["methods"][0]["name"], "DINOv2");
}
