//! Features made elsewhere come in without an image or libtorch.

use polars::prelude::{Column, DataFrame, ParquetWriter};

use crate::harness::{Project, npy};

const FILE: &str = "experiments/mine.toml";

#[test]
fn features_from_a_manifest_run_to_a_figure_and_tables() {
    let project = Project::with_features();
    let ran = project.must(&["run", FILE]);
    assert!(ran.out.contains("DINOv2"), "{}", ran.out);
    for name in
        ["figure.svg", "figure.png", "per_class_tpr.csv", "confusion.csv", "predictions.parquet", "run.json"]
    {
        assert!(project.has(&format!("results/mine/{name}")), "{name}");
    }
    let table = project.read("results/mine/per_class_tpr.csv");
    assert_eq!(
        table.lines().next(),
        Some("method,repeat,fold,emotion,images,correct,true_positive_rate,low,high,data_set")
    );
    let pooled: Vec<&str> = table.lines().filter(|line| line.contains(",pooled,")).collect();
    assert_eq!(pooled.len(), 8);
    let correct: usize =
        pooled.iter().map(|line| line.split(',').nth(5).unwrap().parse::<usize>().unwrap()).sum();
    assert!(correct > 60, "the classes differ in their means, so most of 96 are told apart: {correct}");
    assert!(!table.contains("stand-in"));
}

#[test]
fn the_manifest_decides_which_row_is_whose() {
    let project = Project::with_features();
    project.must(&["run", FILE]);
    let before = project.read("results/mine/confusion.csv");
    // Rows in another order, with their features: the same images are predicted as the same emotions.
    let manifest = project.read("my/manifest.csv");
    let mut rows: Vec<&str> = manifest.lines().skip(1).collect();
    rows.reverse();
    let reversed = format!("path,label,group\n{}\n", rows.join("\n"));
    let features = project.bytes("my/dinov2.npy");
    let values: Vec<f32> =
        features[128..].chunks(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
    let values: Vec<f32> = values.chunks(16).rev().flatten().copied().collect();
    project.write("my/manifest.csv", reversed.as_bytes()).write("my/dinov2.npy", &npy(96, 16, &values));
    project.must(&["run", FILE]);
    let pooled = |text: &str| {
        text.lines().filter(|line| line.contains(",pooled,")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(pooled(&project.read("results/mine/confusion.csv")), pooled(&before));
}

#[test]
fn rows_that_say_they_are_of_other_images_are_refused() {
    let project = Project::with_features();
    let manifest = project.read("my/manifest.csv");
    let paths: Vec<&str> = manifest.lines().skip(1).map(|line| line.split(',').next().unwrap()).collect();
    let parquet = |paths: Vec<String>| {
        let column = |name: &str, period: usize| {
            Column::new(name.into(), (0..96).map(|row| (row % period) as f64).collect::<Vec<_>>())
        };
        let columns =
            vec![Column::new("path".into(), paths), column("a", 12), column("b", 7), column("c", 5)];
        let mut bytes = Vec::new();
        ParquetWriter::new(&mut bytes).finish(&mut DataFrame::new(96, columns).unwrap()).unwrap();
        bytes
    };
    project.edit(FILE, "my/dinov2.npy", "my/mine.parquet").edit(FILE, "components = 8", "components = 2");
    project
        .write("my/mine.parquet", &parquet(paths.iter().map(|path| format!("/elsewhere/{path}")).collect()));
    project.must(&["run", FILE]);
    project.write("my/mine.parquet", &parquet(paths.iter().rev().map(|path| (*path).to_owned()).collect()));
    let ran = project.emolab(&["run", FILE]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    let expected = "row 1 is of `sadness/11.jpg`, the data set's of `amusement/0.jpg`";
    assert!(ran.err.contains(expected), "{}", ran.err);
}

#[test]
fn a_file_that_is_no_matrix_says_why() {
    let project = Project::with_features();
    let matrix = npy(96, 16, &vec![0.5; 96 * 16]);
    for (bytes, reason) in [(&matrix[..600], "dinov2.npy` holds no usable features: "), (b"", ": ")] {
        project.write("my/dinov2.npy", bytes);
        let ran = project.emolab(&["run", FILE]);
        assert_eq!(ran.code, 2, "{}", ran.err);
        assert!(ran.err.contains(reason), "{}", ran.err);
    }
}

#[test]
fn wrong_rows_and_numbers_that_are_none_stop_with_the_place_and_code_2() {
    let project = Project::with_features();
    project.write("my/dinov2.npy", &npy(95, 16, &vec![0.5; 95 * 16]));
    let ran = project.emolab(&["run", FILE]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(
        ran.err.contains("95") && ran.err.contains("96") && ran.err.contains("dinov2.npy"),
        "{}",
        ran.err
    );

    let mut values = vec![0.5; 96 * 16];
    values[3 * 16 + 7] = f32::NAN;
    project.write("my/dinov2.npy", &npy(96, 16, &values));
    let ran = project.emolab(&["run", FILE]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains('3') && ran.err.contains('7') && ran.err.contains("dinov2.npy"), "{}", ran.err);
    assert!(!project.has("results/mine"));
}

#[test]
fn a_missing_features_file_and_a_missing_manifest_are_named() {
    let project = Project::with_features();
    std::fs::remove_file(project.path().join("my/dinov2.npy")).unwrap();
    let ran = project.emolab(&["run", FILE]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("DINOv2") && ran.err.contains("my/dinov2.npy"), "{}", ran.err);
    std::fs::remove_file(project.path().join("my/manifest.csv")).unwrap();
    let ran = project.emolab(&["run", FILE]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("my-set") && ran.err.contains("my/manifest.csv"), "{}", ran.err);
}

#[test]
fn a_holdout_split_tests_on_its_test_part_only() {
    let project = Project::with_features();
    let holdout = "kind = \"holdout\"\ntrain = 0.5\ntest = 0.25\nvalidation = 0.25";
    project.edit(FILE, "folds = 3", holdout);
    let ran = project.must(&["run", FILE]);
    let awe = ran.out.lines().find(|line| line.starts_with("awe")).unwrap();
    assert!(awe.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() <= 4, "{awe}");
    let table = project.read("results/mine/per_class_tpr.csv");
    let images: usize = table
        .lines()
        .filter(|line| line.contains(",pooled,"))
        .map(|line| line.split(',').nth(4).unwrap().parse::<usize>().unwrap())
        .sum();
    assert!((16..=32).contains(&images), "a quarter of 96: {images}");
}

#[test]
fn fitting_the_pca_on_all_images_says_that_it_leaks() {
    let project = Project::with_features();
    project.edit(FILE, "components = 8", "components = 8\nfit = \"all\"");
    let ran = project.must(&["run", FILE]);
    assert!(ran.err.contains("leak"), "{}", ran.err);
    assert!(project.read("results/mine/figure.svg").contains("leak"));
}
