//! Intervals, measures, tests of two methods, repetitions.

use crate::harness::{Project, npy};

const FILE: &str = "experiments/mine.toml";
const SECOND: &str =
    "\n[[method]]\nvariant = \"precomputed\"\nname = \"noise\"\nfeatures = \"my/noise.npy\"\n";

/// Two methods: features that tell the emotions apart, and features that tell nothing.
fn two_methods() -> Project {
    let project = Project::with_features();
    let noise = |at: u32| (at.wrapping_mul(0x9e37_79b9) >> 8) as f32 / (1 << 24) as f32;
    project.write("my/noise.npy", &npy(96, 16, &(0..96 * 16).map(noise).collect::<Vec<_>>()));
    project.edit(FILE, "\n[pca]", &format!("{SECOND}\n[pca]"));
    project
}

/// The rows of a CSV file by their columns' names; no field of these tests holds a comma.
fn rows(text: &str) -> Vec<std::collections::HashMap<String, String>> {
    let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
    let names = lines.next().unwrap();
    lines.map(|fields| names.iter().cloned().zip(fields).collect()).collect()
}

fn number(row: &std::collections::HashMap<String, String>, column: &str) -> f64 {
    row[column].parse().unwrap_or_else(|_| panic!("{column}: {row:?}"))
}

#[test]
fn every_rate_has_an_interval_in_tables_terminal_and_record() {
    let project = two_methods();
    let ran = project.must(&["run", FILE]);
    let rates = rows(&project.read("results/mine/per_class_tpr.csv"));
    let pooled: Vec<_> = rates.iter().filter(|row| row["fold"] == "pooled").collect();
    assert_eq!(pooled.len(), 2 * 8);
    for row in pooled {
        let [low, rate, high] = ["low", "true_positive_rate", "high"].map(|column| number(row, column));
        assert!(low <= rate && rate <= high && high - low > 0.1 && low >= 0.0 && high <= 1.0, "{row:?}");
    }
    let pair = ran.out.lines().find(|line| line.starts_with("noise against DINOv2")).unwrap();
    assert!(pair.matches('[').count() == 2 && pair.ends_with("< 0.001"), "{pair}");
    let measures = rows(&project.read("results/mine/measures.csv"));
    assert_eq!(measures.len(), 2);
    let names = "accuracy mean_true_positive_rate macro_f1 cohen_kappa top_2_accuracy calibration_error two_group_accuracy";
    for name in names.split_whitespace() {
        for row in &measures {
            let [low, high] = ["low", "high"].map(|end| number(row, &format!("{name}_{end}")));
            assert!(low <= high && number(row, name).is_finite(), "{name}: {row:?}");
        }
        let [good, noise] = [0, 1].map(|method| number(&measures[method], name));
        assert!(
            if name == "calibration_error" { good < 0.5 } else { good > noise },
            "{name}: {good} {noise}"
        );
    }
    assert!(number(&measures[0], "top_2_accuracy") >= number(&measures[0], "accuracy"));
    // Twelve images of every class: the mean rate is the accuracy.
    assert_eq!(measures[0]["mean_true_positive_rate"], measures[0]["accuracy"]);
    let markdown = project.read("results/mine/measures.md");
    assert_eq!(markdown.matches("balanced accuracy").count(), 1, "{markdown}");
    assert!(
        ran.out.contains("Cohen's kappa") && ran.out.contains("duplicates were not looked for"),
        "{}",
        ran.out
    );
    let record: serde_json::Value = serde_json::from_str(&project.read("results/mine/run.json")).unwrap();
    let method = &record["summary"]["methods"][0];
    assert!(
        method["true_positive_rate_interval"][0]["low"].as_f64() < method["true_positive_rate"][0].as_f64()
    );
    assert_eq!(method["measures"]["accuracy"]["value"], method["accuracy"]);
}

#[test]
fn two_methods_of_a_run_are_tested_against_each_other() {
    let project = two_methods();
    project.must(&["run", FILE]);
    let table = rows(&project.read("results/mine/comparisons.csv"));
    assert_eq!(table.len(), 2 + 8);
    let accuracy = table.iter().find(|row| row["measure"] == "accuracy").unwrap();
    assert!(number(accuracy, "mcnemar_p") < 1e-6 && number(accuracy, "difference") < -0.3, "{accuracy:?}");
    let mean = &table[0];
    assert!(number(mean, "bootstrap_p") < 0.001 && number(mean, "high") < 0.0, "{mean:?}");
    for row in &table[2..] {
        assert!(number(row, "holm_p") >= number(row, "mcnemar_p"), "{row:?}");
    }

    let shown = project.must(&["compare", "mine"]);
    assert!(
        shown.out.contains("noise (second) against DINOv2 (first): 96 images in both\n"),
        "{}",
        shown.out
    );
    let json =
        project.must(&["compare", "results/mine", "--method", "noise", "--method", "DINOv2", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    let difference = json[0]["comparison"]["mean_true_positive_rate"]["value"].as_f64().unwrap();
    assert!((difference + number(mean, "difference")).abs() < 1e-6, "the other way round: {difference}");
}

#[test]
fn two_runs_are_compared_on_the_images_that_both_tested() {
    let project = two_methods();
    project.must(&["run", FILE]);
    project.must(&[
        "run",
        FILE,
        "--set",
        "experiment.name=other",
        "--set",
        "svm.c=0.001",
        "--set",
        "experiment.seed=3",
    ]);
    let shown = project.must(&["compare", "mine", "other"]);
    assert!(
        shown.out.contains("other DINOv2 (second) against mine DINOv2 (first): 96 images"),
        "{}",
        shown.out
    );
    assert!(shown.out.contains("other noise (second) against mine noise (first)"), "{}", shown.out);

    // A set that lacks images and has one more.
    let manifest = project.read("my/manifest.csv");
    let mut lines: Vec<&str> = manifest.lines().collect();
    lines.truncate(1 + 95);
    lines.push("new.jpg,sadness,new");
    project.write("my/manifest.csv", lines.join("\n").as_bytes());
    project.must(&["run", FILE, "--set", "experiment.name=third"]);
    let shown = project.must(&["compare", "mine", "third", "--method", "DINOv2"]);
    assert!(
        shown.out.contains("95 images in both, 1 only in the first, 1 only in the second"),
        "{}",
        shown.out
    );
}

#[test]
fn runs_that_cannot_be_compared_say_why() {
    let project = two_methods();
    project.must(&["run", FILE]);
    let refused = |arguments: &[&str], said: &str| {
        let ran = project.emolab(&[&["compare"], arguments].concat());
        assert_eq!(ran.code, 2, "{arguments:?}: {}", ran.err);
        assert!(ran.err.contains(said), "{arguments:?}: {}", ran.err);
    };
    refused(
        &["mine", "--method", "DINO", "--method", "noise"],
        "has no method `DINO`; it has `DINOv2`, `noise`",
    );
    refused(&["mine", "--method", "noise"], "give two `--method` names");
    refused(&["nothing"], "is no results folder");
    refused(&[], "RUN");

    let manifest = project.read("my/manifest.csv");
    project.write("my/manifest.csv", manifest.replace("fear/3.jpg,fear", "fear/3.jpg,anger").as_bytes());
    project.must(&["run", FILE, "--set", "experiment.name=other"]);
    refused(
        &["mine", "other"],
        "1 of the 96 images in both are labelled differently:\n  `fear/3.jpg`: fear and anger",
    );
    project.write("my/manifest.csv", manifest.replace(".jpg", ".png").as_bytes());
    project.must(&["run", FILE, "--set", "experiment.name=other"]);
    refused(&["mine", "other"], "no image is in both");
}

#[test]
fn a_repeated_cross_validation_has_other_folds_and_reports_the_spread() {
    let project = two_methods();
    let once = project.must(&["run", FILE]);
    let ran = project.must(&["run", FILE, "--set", "split.repeats=3"]);
    assert!(!once.out.contains("over 3 repeats") && ran.out.contains("mean over 3 repeats"), "{}", ran.out);
    let table = rows(&project.read("results/mine/repeats.csv"));
    assert_eq!(table.len(), 2 * (8 + 2));
    for row in &table {
        let [least, mean, most] = ["minimum", "mean", "maximum"].map(|column| number(row, column));
        assert!(least <= mean && mean <= most, "{row:?}");
    }
    assert!(table.iter().any(|row| number(row, "standard_deviation") > 0.0), "the folds differ");
    let rates = rows(&project.read("results/mine/per_class_tpr.csv"));
    let pooled = rates.iter().find(|row| row["repeat"] == "pooled" && row["emotion"] == "awe").unwrap();
    assert_eq!(pooled["images"], "36");
    assert_eq!(rates.len(), 2 * 8 * (3 * (3 + 1) + 1));
    assert!(project.read("results/mine/figure.svg").contains("3-fold cross validation, 3 times"));
    // The first repetition is the experiment that is not repeated: all of it is there already.
    let computed = ran.err.lines().filter(|line| line.contains("train-svm DINOv2")).count();
    assert_eq!(computed, 2 * 3, "{}", ran.err);

    let again = project.must(&["run", FILE, "--set", "split.repeats=3", "--threads", "1"]);
    assert!(again.out.contains("nothing computed"), "{}", again.out);
    let shown = project.must(&["compare", "mine"]);
    assert!(shown.out.contains("96 images in both"), "an image counts once: {}", shown.out);
    for (setting, said) in [
        ("split.repeats=0", "from 1 to 1000"),
        ("split.repeats=2.5", "from 1 to 1000"),
        ("split={kind='holdout', repeats=2}", "`repeats` does not go with `kind = \"holdout\"`"),
    ] {
        let refused = project.emolab(&["run", FILE, "--set", setting]);
        assert_eq!(refused.code, 2);
        assert!(refused.err.contains(said), "{setting}: {}", refused.err);
    }
}

#[test]
fn repetitions_give_equal_bytes_on_one_thread_and_on_two() {
    let run = |threads: &str| {
        let project = two_methods();
        project.must(&["run", FILE, "--set", "split.repeats=2", "--threads", threads]);
        let mut files = project.snapshot("results");
        files.retain(|path, _| !path.ends_with("run.json"));
        files
    };
    assert!(run("1") == run("2"));
}
