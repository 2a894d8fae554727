//! What is wrong with an experiment file is said before anything runs: all of it, each with its place.

use crate::harness::Project;

fn refused(text: &str, arguments: &[&str]) -> String {
    let project = Project::empty();
    project.write("experiments/bad.toml", text.as_bytes());
    let ran = project.emolab(&[&["run", "experiments/bad.toml"], arguments].concat());
    assert_eq!(ran.code, 2, "{}{}", ran.out, ran.err);
    assert!(!project.has(".emolab") && !project.has("results"), "nothing was made");
    ran.redacted(&project)
}

#[test]
fn all_problems_are_told_at_once_with_caret_and_nearest_name() {
    let text = r#"[experiment]
name = "a b"
seeed = 3
[dataset]
name = "x"
min_per_class = -1
stand_in = "emojis"
[split]
kind = "holdout"
folds = 3
train = 0.9
[[method]]
variant = "imagenet-cn"
[[method]]
variant = "imagenet-cnn"
network = "efficientnet-lite"
features = "x.npy"
[pca]
component = "20"
[svm]
c = 0
class_weight = { fears = 2 }
"#;
    insta::assert_snapshot!(refused(text, &[]));
}

#[test]
fn a_wrong_choice_hides_no_other_problem_and_makes_none() {
    let text = r#"[experiment]
name = "a"
[dataset]
name = "x"
root = "x"
[split]
kind = "holdot"
train = 0.8
test = 0.2
folds = 3
[[method]]
variant = "imagenet-cn"
network = "efficientnet-lite9"
layer = "penultimat"
fits = "crop"
[[method]]
variant = "imagenet-cnn"
network = "efficientnet-lite0"
layer = "penultimat"
[svm]
c = [1, 1, 1e308]
select = "inner-cv"
class_weight = { feer = 1, awe = -1e308, fear = 2 }
[training.fine-tuned]
dataset = "x"
root = "x"
layer_rates = { "features." = -1, "classifier." = "x" }
"#;
    insta::assert_snapshot!(refused(text, &[]));
}

#[test]
fn syntax_errors_have_their_place() {
    insta::assert_snapshot!(refused("[experiment]\nname = \"a\nseed = 1\n[svm\nc = 1\n", &[]));
}

#[test]
fn settings_from_outside_name_their_origin() {
    let text = crate::harness::MINE;
    let project = Project::empty();
    project.write("experiments/mine.toml", text.as_bytes());
    let output = project
        .command(&["run", "experiments/mine.toml", "--set", "pca.component=3", "--set", "svm.c=none"])
        .env("EMOLAB_SPLIT__FOLDS", "x")
        .env("EMOLAB_SEED", "3")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!(String::from_utf8(output.stderr).unwrap());
}

#[test]
fn a_variable_that_is_not_utf_8_is_told_and_an_empty_store_is_none() {
    use std::os::unix::ffi::OsStrExt as _;
    let project = Project::with_features();
    let mut command = project.command(&["plan", "experiments/mine.toml"]);
    command.env("EMOLAB_SVM__C", std::ffi::OsStr::from_bytes(b"\xff"));
    let ran = crate::harness::ran(command);
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("`EMOLAB_SVM__C` is not UTF-8"), "{}", ran.err);
    let mut command = project.command(&["run", "experiments/mine.toml"]);
    command.env("EMOLAB_STORE", "");
    assert_eq!(crate::harness::ran(command).code, 0);
    assert!(project.has(".emolab/v1/blobs"));
}

#[test]
fn what_cannot_be_is_told_at_its_place_before_anything_is_looked_for() {
    let text = r#"[experiment]
title = ""
[dataset]
name = "unknown"
manifest = "my/manifest.txt"
stand_in = "emoji"
[[method]]
[[method]]
variant = "precomputed"
features = "my/features.csv"
name = "two\nlines"
[embedding]
iterations = 500
"#;
    insta::assert_snapshot!(refused(text, &["--set", "experiment.name=2016"]));
    let outside = refused(text, &["--set", "method.network=alexnet"]);
    assert!(outside.contains("set in files alone"), "{outside}");
}

#[test]
fn a_title_that_the_font_cannot_show_is_told() {
    let project = Project::with_features();
    let ran = project.must(&["plan", "experiments/mine.toml", "--set", "experiment.title=情感 rates"]);
    assert!(ran.err.contains("lacks `情感`"), "{}", ran.err);
}

#[test]
fn a_circle_of_extends_and_a_missing_base_are_told() {
    let circle = refused("extends = \"bad.toml\"\n", &[]);
    assert!(circle.contains("circle") && circle.contains("bad.toml:1:11"), "{circle}");
    let missing = refused("extends = \"nowhere.toml\"\n", &[]);
    assert!(missing.contains("nowhere.toml") && missing.contains("bad.toml:1:11"), "{missing}");
}

#[test]
fn a_missing_experiment_file_and_a_wrong_option_are_bad_input() {
    let project = Project::empty();
    let ran = project.emolab(&["run", "experiments/none.toml"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("experiments/none.toml"), "{}", ran.err);
    assert_eq!(project.emolab(&["run", "x.toml", "--thread", "2"]).code, 2);
    assert_eq!(project.emolab(&["run", "x.toml", "--threads", "0"]).code, 2);
}

#[test]
fn a_stronger_layer_turns_settings_of_a_weaker_choice_off() {
    let project = Project::with_features();
    let text = "extends = \"mine.toml\"\n[split]\nkind = \"holdout\"\n";
    project.write("experiments/holdout.toml", text.as_bytes());
    let shown = project.must(&["config", "experiments/holdout.toml"]);
    assert!(shown.out.contains("split.train = 0.8"), "{}", shown.out);
    assert!(!shown.out.contains("split.folds"), "{}", shown.out);
}

#[test]
fn config_shows_every_value_with_its_origin() {
    let project = Project::with_features();
    let shown = project
        .command(&["config", "experiments/mine.toml", "--set", "svm.c=10"])
        .env("EMOLAB_PCA__COMPONENTS", "5")
        .output()
        .unwrap();
    insta::assert_snapshot!(String::from_utf8(shown.stdout).unwrap());
}

#[test]
fn the_schema_is_json_and_knows_every_setting_of_the_shipped_experiments() {
    let project = Project::empty();
    let schema: serde_json::Value = serde_json::from_str(&project.must(&["schema"]).out).unwrap();
    let properties = |table: &str| schema["properties"][table]["properties"].clone();
    assert_eq!(properties("pca")["components"]["default"], 20);
    assert_eq!(properties("svm")["c"]["anyOf"][0]["exclusiveMinimum"], 0);
    let method = &schema["properties"]["method"]["items"]["properties"];
    assert!(method["variant"]["enum"].as_array().unwrap().contains(&"precomputed".into()));
    for name in ["network", "layer", "features", "filter"] {
        assert!(method[name]["description"].is_string(), "{name}");
    }
    assert!(properties("split")["train"].is_object() && properties("split")["folds"].is_object());
    // What a file lacks may stand in the one that it extends; lists are not merged.
    assert!(schema.get("required").is_none() && schema["properties"]["dataset"].get("required").is_none());
    assert_eq!(schema["properties"]["method"]["items"]["required"], serde_json::json!(["variant"]));
}
