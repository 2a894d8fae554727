//! The paper's figures and tables, drawn from finished runs and from data sets.

use std::path::Path;

use crate::harness::{EMOTIONS, Project};

const FILE: &str = "experiments/mine.toml";

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/images").join(name)).unwrap()
}

/// The experiment on FI with real pictures in place of it: two an emotion, one of them from each of two sources.
fn with_pictures() -> Project {
    let project = Project::empty().with_shipped();
    for set in ["fi", "fi-weak"] {
        let mut manifest = "path,label,source\n".to_owned();
        for emotion in EMOTIONS {
            for (number, source) in [(0, "Flickr"), (1, "Instagram")] {
                manifest.push_str(&format!("{emotion}-{number}.png,{emotion},{source}\n"));
                let picture = fixture(if number == 0 { "rgb.png" } else { "grey.png" });
                project.write(&format!("data/{set}/{emotion}-{number}.png"), &picture);
            }
        }
        project.write(&format!("data/{set}/manifest.csv"), manifest.as_bytes());
    }
    project
}

#[test]
fn figures_1_and_2_and_tables_1_and_2_come_from_data_sets_alone() {
    let project = with_pictures();
    let ran = project.must(&["figures", "1", "2", "table2", "--format", "svg,pdf"]);
    assert!(ran.out.contains("results/paper/figure1.svg"), "{}", ran.out);
    let examples = project.read("results/paper/figure1.svg");
    assert_eq!(examples.matches("<image ").count(), 2 * 8);
    assert!(!examples.contains("stand-in"));
    let counts = project.read("results/paper/figure2.csv");
    assert!(
        counts.contains("Flickr,fear,1,\"FI, weak labels\"") && counts.contains("Instagram,awe,1,"),
        "{counts}"
    );
    let table = project.read("results/paper/table2.md");
    assert!(table.contains("| labelled | here | 2 | 2 | 2 | 2 | 2 | 2 | 2 | 2 | 16 |"), "{table}");
    assert!(table.contains("| submitted | here | – |"), "{table}");
    assert!(project.read("results/paper/table2.tex").contains("\\toprule"));
    assert!(project.bytes("results/paper/figure1.pdf").starts_with(b"%PDF-"));
    assert!(!project.has("results/paper/figure1.png"), "it was not asked for");

    // Nothing is computed twice, and the same bytes come out.
    let before = project.snapshot("results/paper");
    let again = project.must(&["figures", "1", "2", "table2", "--format", "svg,pdf"]);
    assert!(!again.err.contains("draw-examples"), "{}", again.err);
    assert_eq!(project.snapshot("results/paper"), before);
}

#[test]
fn what_stands_in_is_said_in_every_figure_and_table() {
    let project = Project::empty().with_shipped();
    project.must(&["figures", "1", "2", "table1", "table2", "--format", "svg"]);
    for name in [
        "figure1.svg",
        "figure1.csv",
        "figure2.svg",
        "figure2.csv",
        "table1.csv",
        "table1.md",
        "table1.tex",
        "table2.md",
    ] {
        assert!(project.read(&format!("results/paper/{name}")).contains("stand-in"), "{name}");
    }
    let counts = project.read("results/paper/figure2.csv");
    assert!(
        counts.contains("twemoji,fear,") && counts.contains("emojione-v1,awe,"),
        "one bar per style: {counts}"
    );
}

#[test]
fn a_figure_whose_run_is_missing_names_the_command() {
    let project = Project::with_features().with_shipped();
    let ran = project.emolab(&["figures", "3", "4", "7"]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("run: emolab run experiments/fi_holdout.toml"), "{}", ran.err);
    assert!(ran.err.contains("figure 7: drawn from `experiments/artphoto_5fold.toml`"), "{}", ran.err);
    let unknown = project.emolab(&["figures", "8"]);
    assert_eq!(unknown.code, 2);
    assert!(unknown.err.contains("results/8"), "{}", unknown.err);
    let format = project.emolab(&["figures", "1", "--format", "gif"]);
    assert_eq!(format.code, 2);
}

#[test]
fn a_figure_whose_data_set_is_missing_keeps_no_other_from_being_drawn() {
    let project = with_pictures();
    std::fs::remove_file(project.path().join("experiments/fi_holdout.toml")).unwrap();
    let ran = project.emolab(&["figures", "1", "table1"]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("figure 1: ") && ran.err.contains("fi_holdout.toml"), "{}", ran.err);
    assert!(
        ran.out.contains("results/paper/table1.md") && project.has("results/paper/table1.csv"),
        "{}",
        ran.out
    );
}

#[test]
fn a_run_leaves_its_figure_as_svg_png_and_pdf_in_the_width_that_is_asked_for() {
    let project = Project::with_features();
    project.must(&["run", FILE]);
    let width = |project: &Project| {
        let svg = project.read("results/mine/figure.svg");
        let width = svg.split("width=\"").nth(1).unwrap().split('"').next().unwrap().parse::<f64>().unwrap();
        (2.54 * width / 96.0 * 10.0).round() / 10.0
    };
    assert!((width(&project) - 17.5).abs() < 0.05, "centimetres");
    project.must(&["run", FILE, "--set", "figure.columns=1"]);
    assert!((width(&project) - 8.5).abs() < 0.05, "centimetres");
    assert!(project.bytes("results/mine/figure.pdf").starts_with(b"%PDF-"));
    let wrong = project.emolab(&["run", FILE, "--set", "figure.columns=3"]);
    assert_eq!(wrong.code, 2);
}

#[test]
fn published_rates_come_from_the_users_table_and_bring_their_source() {
    let project = Project::with_features();
    project.must(&["run", FILE]);
    project.write("published/my-set.csv", b"method,emotion,rate,source\nOther,fear,0.25,Somebody 2010\n");
    let plan = project.must(&["plan", FILE]);
    assert!(plan.out.contains("1 to compute"), "the table is part of the report's key alone: {}", plan.out);
    project.must(&["run", FILE]);
    let svg = project.read("results/mine/figure.svg");
    assert!(svg.contains("Other: fear 0.250") && svg.contains("Somebody 2010"), "{svg:.2000}");
    project.write("published/my-set.csv", b"method,emotion,rate,source\nOther,fear,25,Somebody 2010\n");
    let wrong = project.emolab(&["run", FILE]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.err.contains("published/my-set.csv`, line 2: the rate `25`"), "{}", wrong.err);
    project.write("published/my-set.csv", b"method,emotion,rate,source\nDINOv2,fear,0.25,Somebody 2010\n");
    let same = project.emolab(&["run", FILE]);
    assert!(same.code == 2 && same.err.contains("call one of them something else"), "{}", same.err);
}

#[test]
fn a_map_of_features_is_drawn_as_points_and_is_the_same_with_any_number_of_threads() {
    let project = Project::with_features();
    let text = project.read(FILE);
    project.write(
        FILE,
        format!("{text}\n[embedding]\nmethods = [\"DINOv2\"]\nnumber = 4\niterations = 300\n").as_bytes(),
    );
    project.must(&["run", FILE, "--threads", "1"]);
    let svg = project.bytes("results/mine/figure4_points.svg");
    let table = project.read("results/mine/figure4.csv");
    assert_eq!(table.lines().count(), 97);
    assert!(!project.has("results/mine/figure4.svg"), "there are no pictures to show");
    std::fs::remove_dir_all(project.path().join(".emolab")).unwrap();
    project.must(&["run", FILE, "--threads", "3"]);
    assert_eq!(project.bytes("results/mine/figure4_points.svg"), svg);
    let wrong = project.emolab(&["run", FILE, "--set", "embedding.methods=[\"DINOv3\"]"]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.err.contains("expected some of `DINOv2`"), "{}", wrong.err);
}

#[test]
fn parity_says_of_every_statement_what_became_of_it() {
    let project = Project::with_features();
    project.must(&["run", FILE]);
    let ran = project.must(&["parity"]);
    assert!(ran.out.contains("to find out: emolab run experiments/iaps_5fold.toml"), "{}", ran.out);
    assert!(ran.out.contains("18 not run"), "{}", ran.out);
    let json: serde_json::Value =
        serde_json::from_str(&project.must(&["parity", "mine", "--json"]).out).unwrap();
    assert!(json.as_array().unwrap().iter().all(|row| row["verdict"] == "not-run"));
    let wrong = project.emolab(&["parity", "nothing"]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.err.contains("no results folder"), "{}", wrong.err);
}

#[test]
fn parity_counts_a_real_set_and_does_not_judge_drawings() {
    let project = with_pictures();
    project.write(
        "experiments/abstract.toml",
        b"[experiment]\nname = \"abstract\"\n[dataset]\nname = \"abstract\"\nmanifest = \"my/manifest.csv\"\n[split]\nfolds = 2\n\
          [[method]]\nvariant = \"precomputed\"\nname = \"ImageNet-CNN\"\nfeatures = \"my/dinov2.npy\"\n[pca]\ncomponents = 5\n",
    );
    let features = Project::with_features();
    project.write("my/manifest.csv", &features.bytes("my/manifest.csv"));
    project.write("my/dinov2.npy", &features.bytes("my/dinov2.npy"));
    project.must(&["run", "experiments/abstract.toml"]);
    let ran = project.must(&["parity"]);
    assert!(ran.out.contains("96 images: amusement 12, anger 12,"), "{}", ran.out);
    assert!(ran.out.contains("not reproduced            Table 1      Abstract"), "{}", ran.out);
}
