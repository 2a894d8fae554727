//! Sweeps: points share stages, one that fails leaves the others running, the best is chosen without test images.

use std::time::{Duration, Instant};

use polars::prelude::{ParquetReader, SerReader as _};
use rustix::process::{Pid, Signal, kill_process};

use crate::harness::{MINE, Project, npy};

const FILE: &str = "experiments/sweep.toml";

fn project(sweep: &str) -> Project {
    let project = Project::with_features();
    project.write(FILE, format!("{}\n[sweep]\n{sweep}", MINE.replace("\"mine\"", "\"sweep\"")).as_bytes());
    project
}

/// Rows of a table of the results, by column name.
fn rows(project: &Project, name: &str) -> Vec<std::collections::BTreeMap<String, String>> {
    let text = project.read(&format!("results/sweep/{name}"));
    let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
    let header = lines.next().unwrap();
    lines.map(|line| header.iter().cloned().zip(line).collect()).collect()
}

fn planned(project: &Project, arguments: &[&str]) -> serde_json::Value {
    let plan = project.must(&[&["plan", FILE, "--json"], arguments].concat());
    serde_json::from_str(&plan.out).unwrap()
}

#[test]
fn a_grid_has_a_row_per_point_method_and_class_and_agrees_with_single_runs() {
    let project = project(
        "\"pca.components\" = [4, 8]\n\"svm.c\" = { from = 0.1, to = 10, steps = 3, scale = \"log\" }\ninner_folds = 4\n",
    );
    project.must(&["run", FILE]);
    let table = rows(&project, "sweep.csv");
    assert_eq!(table.len(), 6 * 9, "six points, eight classes and their mean");
    let numbers: Vec<(&str, &str)> =
        table.iter().step_by(9).map(|row| (row["pca.components"].as_str(), row["svm.c"].as_str())).collect();
    assert_eq!(
        numbers,
        [("4", "0.1"), ("4", "1.0"), ("4", "10.0"), ("8", "0.1"), ("8", "1.0"), ("8", "10.0")]
    );
    for row in &table {
        let number = |name: &str| row[name].parse::<f64>().unwrap();
        assert!(
            number("low") <= number("true_positive_rate") && number("true_positive_rate") <= number("high"),
            "{row:?}"
        );
        assert_eq!(
            (row["components"].as_str(), row["status"].as_str()),
            (row["pca.components"].as_str(), "done")
        );
    }
    // The certificate of every machine: of each point, in each fold, of each class.
    let fits = rows(&project, "fits.csv");
    let folds = fits.iter().map(|row| row["fold"].as_str()).collect::<std::collections::BTreeSet<_>>().len();
    assert_eq!(fits.len(), 6 * folds * 8);
    for fit in &fits {
        assert!(fit["relative_gap"].parse::<f64>().unwrap() <= 1e-8 && fit["iterations"] != "0", "{fit:?}");
        let point = &table[9 * fit["point"].parse::<usize>().unwrap()];
        assert_eq!((&fit["pca.components"], &fit["c"]), (&point["pca.components"], &point["c"]));
    }
    let file = std::fs::File::open(project.path().join("results/sweep/sweep.parquet")).unwrap();
    let parquet = ParquetReader::new(file).finish().unwrap();
    assert_eq!(parquet.height(), table.len());
    let rates = parquet.column("true_positive_rate").unwrap().f64().unwrap();
    for (row, rate) in table.iter().zip(rates.iter()) {
        assert!((row["true_positive_rate"].parse::<f64>().unwrap() - rate.unwrap()).abs() < 1e-6);
    }
    // Two axes of numbers are drawn as cells.
    assert!(
        project.has("results/sweep/sweep.png")
            && project.read("results/sweep/sweep.svg").contains("mean rate by")
    );
    // A point is the experiment with its settings.
    project.must(&["run", "experiments/mine.toml", "--set", "pca.components=8", "--set", "svm.c=10"]);
    let single = project.read("results/mine/per_class_tpr.csv");
    let rate = |emotion: &str| {
        let start = format!("DINOv2,pooled,pooled,{emotion},");
        let line = single.lines().find(|line| line.starts_with(&start)).unwrap();
        line.split(',').nth(6).unwrap().to_owned()
    };
    for row in &table[45..53] {
        assert_eq!(row["true_positive_rate"], rate(&row["emotion"]), "{}", row["emotion"]);
    }
}

#[test]
fn points_share_features_and_decompositions_and_the_plan_says_so() {
    let project = project("\"pca.components\" = [3, 5, 8]\n\"svm.c\" = [0.1, 1]\nselect = \"none\"\n");
    let plan = planned(&project, &[]);
    let count = |stage: &str| {
        plan["stages"].as_array().unwrap().iter().filter(|other| other["stage"] == stage).count()
    };
    assert_eq!(
        (count("read-features"), count("fit-pca"), count("train-svm"), count("evaluate")),
        (1, 3, 6, 6)
    );
    let shown = project.must(&["plan", FILE]).out;
    // list, inspect, split, read, multiply, 3 PCAs; SVMs of all numbers of components together, by fold and C; 6 evaluations.
    assert!(shown.contains("6 points need 20 stages, 14 of them shared (72 one by one)"), "{shown}");
    assert!(shown.contains("21 are new"), "{shown}");
    assert!(shown.contains("train-svm DINOv2 fold 0 (c = 0.1)"), "{shown}");
    assert!(shown.contains("fit-pca DINOv2 fold 0  "), "{shown}");
    project.must(&["run", FILE]);
    project.edit(FILE, "[0.1, 1]", "[0.1, 1, 10]");
    let plan = planned(&project, &[]);
    // Three points more, trained together in each of three folds: three evaluations, the report.
    assert_eq!(plan["misses"], 7);
}

#[test]
fn panels_of_one_data_set_are_told_apart() {
    let project =
        project("\"pca.components\" = [3, 5]\n\"dataset.min_per_class\" = [2, 3]\nselect = \"none\"\n");
    project.must(&["run", FILE]);
    let figure = project.read("results/sweep/sweep.svg");
    for panel in
        ["dataset.min_per_class = 2, DINOv2, mean rate", "dataset.min_per_class = 3, DINOv2, mean rate"]
    {
        assert_eq!(figure.matches(panel).count(), 1, "{figure:.900}");
    }
    // Four digits do not tell these apart.
    project.edit(FILE, "[2, 3]", "[2, 2]");
    project.edit(FILE, "\"dataset.min_per_class\" = [2, 2]", "\"svm.c\" = [0.12345671, 0.12345672]");
    project.must(&["run", FILE]);
    let figure = project.read("results/sweep/sweep.svg");
    assert!(figure.contains("0.12345671, 3: 0.") && figure.contains("0.12345672, 3: 0."), "{figure:.900}");
}

#[test]
fn zipped_axes_move_together_and_excluded_points_are_left_out() {
    let project = project(
        "\"pca.components\" = [3, 5, 8]\n\"svm.c\" = [0.1, 1, 10]\nseed = [1, 2]\nzip = [\"pca.components\", \"svm.c\"]\n\
         exclude = [{ seed = 2, \"pca.components\" = [5, 8] }]\nselect = \"none\"\n",
    );
    project.must(&["run", FILE]);
    let table = rows(&project, "sweep.csv");
    let points: Vec<String> = table
        .iter()
        .filter(|row| row["emotion"] == "mean")
        .map(|row| format!("{} {} {}", row["pca.components"], row["svm.c"], row["experiment.seed"]))
        .collect();
    assert_eq!(points, ["3 0.1 1", "3 0.1 2", "5 1 1", "8 10 1"]);
    // Both settings that move together stand on their axis.
    let figure = project.read("results/sweep/sweep.svg");
    assert!(figure.contains("by experiment.seed and components/c: 1, 3/0.1: 0."), "{figure:.900}");
    assert!(!project.has("results/sweep/best.json"), "nothing was to be chosen");
}

#[test]
fn points_that_resolve_to_the_same_settings_are_one() {
    let project = project("\"svm.c\" = [1, 1.0, 2]\n\"split.kind\" = [\"k-fold\"]\nselect = \"none\"\n");
    assert_eq!(planned(&project, &[])["points"].as_array().unwrap().len(), 2);
}

#[test]
fn a_network_setting_goes_to_every_method_that_has_it() {
    let project = Project::empty().with_shipped();
    let sweep = "extends = \"quick.toml\"\n[sweep]\n\"method.filter\" = [\"bilinear\", \"bicubic\"]\n\"pca.components\" = [5, 20]\n";
    project.write(FILE, sweep.as_bytes());
    let plan = planned(&project, &[]);
    let extracted: Vec<&str> = (plan["stages"].as_array().unwrap().iter())
        .filter(|stage| stage["stage"] == "extract-features")
        .map(|stage| stage["label"].as_str().unwrap())
        .collect();
    assert_eq!(
        extracted,
        [
            "extract-features ImageNet-CNN (filter = bilinear)",
            "extract-features ImageNet-CNN (filter = bicubic)"
        ]
    );
}

#[test]
fn a_point_that_fails_stands_in_the_results_and_the_others_are_computed() {
    let project = project("\"pca.components\" = [4, 17, 8]\ninner_folds = 4\n");
    let ran = project.emolab(&["run", FILE]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(
        ran.err.contains("1 of 3 points failed") && ran.err.contains("results/sweep/sweep.csv"),
        "{}",
        ran.err
    );
    assert!(ran.out.contains("failed at pca.components = 17"), "{}", ran.out);
    let table = rows(&project, "sweep.csv");
    assert_eq!(table.len(), 27);
    for row in &table {
        let failed = row["pca.components"] == "17";
        assert_eq!(row["status"], if failed { "failed" } else { "done" });
        assert_eq!(row["true_positive_rate"].is_empty(), failed);
        assert_eq!(row["reason"].contains("fold 0: 17 principal components"), failed, "{row:?}");
    }
    // What succeeded is not computed again; what failed is tried again, and its figure can be drawn.
    let again = project.emolab(&["run", FILE]);
    assert_eq!(again.code, 1, "{}", again.err);
    assert!(!again.err.contains("done"), "{}", again.err);
    project.must(&["figures", "sweep"]);
    // With the cause gone the sweep is whole.
    project.edit(FILE, "[4, 17, 8]", "[4, 16, 8]");
    project.must(&["run", FILE]);
    assert!(rows(&project, "sweep.csv").iter().all(|row| row["status"] == "done"));
}

#[test]
fn a_method_that_fails_leaves_the_others_of_its_point() {
    let project = project("\"pca.components\" = [3, 8]\ninner_folds = 4\n");
    let narrow: Vec<f32> = (0..96 * 4).map(|at| ((at * at + 7 * at) % 101) as f32).collect();
    project.write("my/narrow.npy", &npy(96, 4, &narrow));
    let method =
        "[[method]]\nvariant = \"precomputed\"\nname = \"Narrow\"\nfeatures = \"my/narrow.npy\"\n\n[pca]";
    project.edit(FILE, "[pca]", method);
    let ran = project.emolab(&["run", FILE]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.contains("1 of 2 points failed with at least one method"), "{}", ran.err);
    assert!(ran.out.contains("failed at pca.components = 8 of Narrow: "), "{}", ran.out);
    let table = rows(&project, "sweep.csv");
    assert_eq!(table.len(), 2 * 2 * 9, "every point, method and class has its row");
    for row in &table {
        let failed = row["method"] == "Narrow" && row["pca.components"] == "8";
        assert_eq!(row["status"], if failed { "failed" } else { "done" }, "{row:?}");
        assert_eq!(row["true_positive_rate"].is_empty(), failed, "{row:?}");
        assert_eq!(row["reason"].contains("8 principal components"), failed, "{row:?}");
    }
    // Both have a best point, chosen from those where they could be fitted.
    let best = rows(&project, "best.csv");
    let points = |method: &str| best.iter().filter(|row| row["method"] == method).count();
    assert_eq!((points("DINOv2"), points("Narrow")), (4, 4));
    for row in &best {
        let value = |name: &str| row[name].parse::<f64>().unwrap();
        assert!(value("low") <= value("mean_true_positive_rate"), "{row:?}");
        assert!(value("mean_true_positive_rate") <= value("high"), "{row:?}");
    }
    let record: serde_json::Value = serde_json::from_str(&project.read("results/sweep/run.json")).unwrap();
    assert!(record["failed"]["1"]["Narrow"].as_str().unwrap().contains("8 principal components"));
    assert_eq!(record["failed"].as_object().unwrap().len(), 1);
    assert!(project.read("results/sweep/sweep.svg").contains("Narrow, mean rate by pca.components: 3: 0."));
    // Where it fails everywhere, it has no best point, and the results say so.
    let some = project.read(FILE);
    project.edit(FILE, "[3, 8]", "[6, 8]");
    let ran = project.emolab(&["run", FILE]);
    assert!(ran.out.contains("Narrow: no best point, for it failed at every point"), "{}", ran.out);
    assert!(project.read("results/sweep/best.json").contains("\"failed_at_every_point\": [\n    \"Narrow\""));
    project.write(FILE, some.as_bytes());
    project.emolab(&["run", FILE]);
    // Alone the other method comes to the same, and its figure can be drawn again.
    let both: Vec<_> = table.into_iter().filter(|row| row["method"] == "DINOv2").collect();
    project.must(&["figures", "sweep"]);
    project.must(&["report", "sweep"]);
    assert!(project.read("results/sweep.html").contains("1 point, 1 result; the reasons are"));
    project.edit(FILE, method, "[pca]");
    project.must(&["run", FILE]);
    assert_eq!(rows(&project, "sweep.csv"), both);
}

#[test]
fn a_sweep_without_any_result_leaves_those_of_the_run_before() {
    let project = project("\"pca.components\" = [4, 8]\nselect = \"none\"\n");
    project.must(&["run", FILE]);
    let before = project.snapshot("results/sweep");
    let ran = project.emolab(&["run", FILE, "--set", "svm.c=1.7e308"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(
        ran.err.contains("all 2 points failed, the first: ") && ran.err.contains("more than 64 bits"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("is left as it was"), "{}", ran.err);
    assert_eq!(project.snapshot("results/sweep"), before);
}

#[test]
fn machines_of_which_none_can_be_trained_each_say_why() {
    let project = project("\"pca.components\" = [4, 8]\n\"svm.c\" = [1, 1.7e308]\nselect = \"none\"\n");
    let ran = project.emolab(&["run", FILE]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    // Two points, each with a row for every class and the mean.
    let table = project.read("results/sweep/sweep.csv");
    assert_eq!(table.matches(",failed,").count(), 18, "{table}");
    assert_eq!(table.matches("fold 0: the SVM of `amusement`").count(), 18, "{table}");
}

#[test]
fn fail_fast_ends_with_the_first_failure_and_leaves_no_results() {
    let project = project("\"pca.components\" = [4, 17, 8]\ninner_folds = 4\n");
    let ran = project.emolab(&["run", FILE, "--fail-fast", "--threads", "1"]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("17 principal components"), "{}", ran.err);
    assert!(!project.has("results/sweep"));
}

#[test]
fn components_that_the_data_do_not_have_are_clamped_where_that_is_asked_for() {
    let project = project("\"pca.components\" = [4, 17]\ninner_folds = 4\n");
    project.edit(FILE, "components = 8", "components = 8\non_excess = \"clamp\"");
    let ran = project.must(&["run", FILE]);
    assert!(ran.out.contains("16 components in place of 17"), "{}", ran.out);
    let table = rows(&project, "sweep.csv");
    let last = table.last().unwrap();
    assert_eq!((last["pca.components"].as_str(), last["components"].as_str()), ("17", "16"));
}

#[test]
fn the_best_point_is_chosen_inside_the_training_images() {
    let project = project("\"pca.components\" = [1, 8]\n\"svm.c\" = [0.01, 1]\ninner_folds = 4\n");
    let ran = project.must(&["run", FILE]);
    assert!(ran.out.contains("best point, chosen inside each fold's training images"), "{}", ran.out);
    let record: serde_json::Value = serde_json::from_str(&project.read("results/sweep/best.json")).unwrap();
    assert!(record["chosen_by"].as_str().unwrap().contains("test images had no part"));
    let best = &record["best"][0];
    let table = rows(&project, "best.csv");
    assert_eq!(table.len(), 4, "three folds and all of them");
    for (fold, row) in best["folds"].as_array().unwrap().iter().zip(&table) {
        let considered = fold["considered"].as_array().unwrap();
        assert_eq!(considered.len(), 4);
        let highest = considered.iter().map(|point| point[1].as_f64().unwrap()).fold(0.0, f64::max);
        assert!((fold["rate_inside"].as_f64().unwrap() - highest).abs() < 1e-12);
        assert_eq!(row["point"], fold["point"].to_string());
    }
    // Every machine inside is accounted for: eight classes in each of four inner folds, at each point in each fold.
    let inside = rows(&project, "inside.csv");
    assert_eq!(inside.len(), 4 * 3);
    for row in &inside {
        assert_eq!(row["inner_fits"], "32");
        assert!(row["largest_relative_gap"].parse::<f64>().unwrap() <= 1e-8, "{row:?}");
        assert!(
            row["iterations"].parse::<usize>().unwrap() >= 32
                && row["support_vectors"].parse::<usize>().unwrap() >= 64
        );
        let fold = row["fold"].parse::<usize>().unwrap();
        assert_eq!(row["chosen"] == "true", row["point"] == table[fold]["point"], "{row:?}");
        if row["chosen"] == "true" {
            assert_eq!(row["inner_mean_true_positive_rate"], table[fold]["mean_true_positive_rate_inside"]);
        }
    }
    // Each by itself, too.
    let fits = rows(&project, "inside_fits.csv");
    assert_eq!(fits.len(), 4 * 3 * 4 * 8);
    for row in &inside {
        let same = ["point", "pca.components", "svm.c", "method", "repeat", "fold", "c"];
        let own: Vec<_> =
            fits.iter().filter(|fit| same.iter().all(|name| fit[*name] == row[*name])).collect();
        assert_eq!(own.len(), 32);
        for count in ["iterations", "support_vectors"] {
            let sum: usize = own.iter().map(|fit| fit[count].parse::<usize>().unwrap()).sum();
            assert_eq!(sum.to_string(), row[count]);
        }
        for fit in own {
            let number = |name: &str| fit[name].parse::<f64>().unwrap();
            assert!((0.0..=1e-8).contains(&number("relative_gap")) && number("primal") > 0.0, "{fit:?}");
        }
    }
    // The procedure is tested on every image once: each fold's images at the point which that fold chose.
    let images: u64 = best["true_positive_rate"]
        .as_object()
        .unwrap()
        .values()
        .map(|rate| rate["images"].as_u64().unwrap())
        .sum();
    assert_eq!(images, 96);
    // Labels of the test fold change nothing in its choice: it has not seen them.
    let inside = |project: &Project, fold: usize| {
        let record: serde_json::Value =
            serde_json::from_str(&project.read("results/sweep/best.json")).unwrap();
        record["best"][0]["folds"][fold]["considered"].clone()
    };
    let before = inside(&project, 0);
    let features = project.bytes("my/dinov2.npy");
    let predictions = {
        project.must(&["run", "experiments/mine.toml"]);
        let file = std::fs::File::open(project.path().join("results/mine/predictions.parquet")).unwrap();
        ParquetReader::new(file).finish().unwrap()
    };
    let mut changed = features.clone();
    let start = features.len() - 96 * 16 * 4;
    let fold = predictions.column("fold").unwrap().u32().unwrap();
    let image = predictions.column("image").unwrap().str().unwrap();
    for row in 0..predictions.height() {
        if fold.get(row) == Some(0) {
            let (emotion, number) = image.get(row).unwrap().split_once('/').unwrap();
            let class = crate::harness::EMOTIONS.iter().position(|other| *other == emotion).unwrap();
            let at = class * 12 + number.trim_end_matches(".jpg").parse::<usize>().unwrap();
            changed[start + at * 64..start + (at + 1) * 64].fill(0);
        }
    }
    project.write("my/dinov2.npy", &changed);
    project.must(&["run", FILE, "--rehash"]);
    assert_eq!(inside(&project, 0), before, "fold 0 never saw the features of its test images");
    assert_ne!(inside(&project, 1), before);
}

#[test]
fn a_sweep_whose_points_choose_their_penalty_shows_every_candidate() {
    let project = project("\"pca.components\" = [4, 8]\nselect = \"none\"\n");
    let choose = ["svm.c=[0.1,10]", "svm.select=inner-cv", "svm.inner_folds=3"];
    let choose = choose.iter().flat_map(|setting| ["--set", setting]);
    project.must(&["run", FILE].into_iter().chain(choose).collect::<Vec<_>>());
    let candidates = rows(&project, "penalties.csv");
    assert_eq!(candidates.len(), 2 * 3 * 2, "two points, three folds, two penalties");
    let fits = rows(&project, "fits.csv");
    for row in &candidates {
        assert_eq!(row["inner_fits"], "24");
        assert!(row["largest_relative_gap"].parse::<f64>().unwrap() <= 1e-8, "{row:?}");
        let is_of = |fit: &&std::collections::BTreeMap<String, String>| {
            ["point", "pca.components", "fold"].iter().all(|column| fit[*column] == row[*column])
        };
        let own: Vec<_> = fits.iter().filter(is_of).collect();
        assert_eq!(own.len(), 8);
        assert!(own.iter().all(|fit| (fit["c"] == row["c"]) == (row["chosen"] == "true")), "{row:?}");
    }
    // Of each point, fold, penalty, inner fold and class.
    assert_eq!(rows(&project, "penalty_fits.csv").len(), 2 * 3 * 2 * 3 * 8);
    assert!(!project.has("results/sweep/inside.csv") && !project.has("results/sweep/inside_fits.csv"));
}

#[test]
fn where_no_best_point_can_be_chosen_the_results_say_why() {
    let project = project("\"split.folds\" = [3, 4]\ninner_folds = 3\n");
    let ran = project.must(&["run", FILE]);
    assert!(ran.out.contains("no best point: the points differ in their images or folds"), "{}", ran.out);
    assert!(project.read("results/sweep/best.json").contains("the points differ in their images or folds"));
}

#[test]
fn a_sweep_of_which_every_point_fails_leaves_the_reasons() {
    let project = project("\"pca.components\" = [500, 600]\nselect = \"none\"\n");
    let ran = project.emolab(&["run", FILE]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.contains("2 of 2 points failed"), "{}", ran.err);
    let table = rows(&project, "sweep.csv");
    assert!(!table.is_empty() && table.iter().all(|row| row["status"] == "failed"), "{table:?}");
    for row in &table {
        let own = format!("{} principal components", row["pca.components"]);
        assert!(row["reason"].contains(&own), "{row:?}");
    }
}

#[test]
fn what_is_swept_cannot_be_set_beside() {
    let project = project(
        "\"pca.components\" = [3, 5]\n\"svm.c\" = { from = 1, to = 2, steps = 2 }\nselect = \"none\"\n",
    );
    let ran = project.emolab(&["run", FILE, "--set", "pca.components=7"]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.err.contains("`pca.components` is swept, so that `--set pca.components=7` would change nothing"),
        "{}",
        ran.err
    );
    project.must(&["run", FILE]);
    project.must(&["report", "sweep"]);
    let page = project.read("results/sweep.html");
    assert!(page.contains("PCA to 3, 5 components"), "no one number is that of all points");
    assert!(page.contains("C = 1 to 2, class weight"), "nor of a range");
}

#[test]
fn a_killed_sweep_goes_on_where_it_was() {
    let project = project(
        "\"pca.components\" = { from = 1, to = 16, step = 1 }\n\"svm.c\" = [0.01, 0.1, 1, 10]\ninner_folds = 4\n",
    );
    let mut child = project.start(&["run", FILE]);
    let deadline = Instant::now() + Duration::from_secs(60);
    let records =
        || std::fs::read_dir(project.path().join(".emolab/v1/records/train-svm")).map_or(0, Iterator::count);
    while records() < 4 {
        assert!(Instant::now() < deadline, "the sweep never got to its machines");
        std::thread::sleep(Duration::from_millis(1));
    }
    kill_process(Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(), Signal::KILL).unwrap();
    child.wait().unwrap();
    assert!(!project.has("results/sweep"));
    let plan = planned(&project, &[]);
    let left = plan["misses"].as_u64().unwrap();
    let total = plan["stages"].as_array().unwrap().len() as u64;
    assert!(left + 4 <= total, "{left} of {total}");
    let ran = project.must(&["run", FILE]);
    assert!(ran.out.contains(&format!("{left} stages computed")), "{}", ran.out);
    // What the killed one left is the same as what one in peace does.
    let whole = project.snapshot("results");
    std::fs::remove_dir_all(project.path().join(".emolab")).unwrap();
    std::fs::remove_dir_all(project.path().join("results")).unwrap();
    project.must(&["run", FILE]);
    for (path, bytes) in project.snapshot("results").iter().filter(|(path, _)| !path.ends_with("run.json")) {
        assert!(bytes == &whole[path], "{}", path.display());
    }
}

#[test]
fn a_second_run_computes_nothing_and_one_thread_gives_the_bytes_of_two() {
    let sweep = "\"pca.components\" = [2, 4, 8]\n\"svm.c\" = [0.1, 1]\ninner_folds = 4\n";
    let run = |threads: &str| {
        let project = project(sweep);
        project.must(&["run", FILE, "--threads", threads]);
        let mut files = project.snapshot("results");
        files.retain(|path, _| !path.ends_with("run.json"));
        (project, files)
    };
    let ((project, one), (_, two)) = (run("1"), run("2"));
    for (path, bytes) in &one {
        assert!(bytes == &two[path], "{} differs", path.display());
    }
    let before = project.snapshot("results");
    // Other tests run beside this one, so that the first tries may be slow.
    let fastest = (0..50).map(|_| {
        let start = Instant::now();
        let ran = project.must(&["run", FILE]);
        assert!(ran.out.contains("up to date, nothing computed"), "{}", ran.out);
        start.elapsed()
    });
    assert!(fastest.into_iter().any(|time| time < Duration::from_millis(50)), "a second run takes too long");
    assert_eq!(project.snapshot("results"), before);
}

#[test]
fn memory_that_is_too_little_is_told_and_enough_gives_the_same() {
    let project = project("\"pca.components\" = [4, 8]\nselect = \"none\"\n");
    let ran = project.emolab(&["run", FILE, "--memory", "66MiB"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.contains("may need") && ran.err.contains("--memory"), "{}", ran.err);
    project.must(&["run", FILE, "--memory", "128MiB"]);
    let bad = project.emolab(&["run", FILE, "--memory", "lots"]);
    assert_eq!(bad.code, 2);
    assert!(bad.err.contains("4GiB"), "{}", bad.err);
}

#[test]
fn every_bad_sweep_is_told_with_its_place_before_anything_runs() {
    let refused = |sweep: &str| {
        let project = project(sweep);
        let ran = project.emolab(&["run", FILE]);
        assert_eq!(ran.code, 2, "{sweep}\n{}{}", ran.out, ran.err);
        assert!(!project.has(".emolab") && !project.has("results"), "nothing was made");
        ran.err
    };
    let all = refused(
        "\"pca.component\" = [5, 10]\n\"svm.c\" = 3\n\"split.folds\" = { from = 5, to = 3, step = 1 }\n\
         \"experiment.name\" = [\"a\", \"b\"]\nzip = [\"svm.c\", \"svm.d\"]\nexclude = [{ \"svm.e\" = 1 }]\nselect = \"outer-cv\"\n",
    );
    insta::assert_snapshot!(all);
    // Values are checked by resolving every point.
    insta::assert_snapshot!(refused(
        "\"pca.components\" = [5, 0, \"many\"]\n\"svm.c\" = { from = -1, to = 1, steps = 3 }\n"
    ));
    for (sweep, expected) in [
        ("", "has no axis"),
        ("\"svm.c\" = []\n", "1 to 1000 values"),
        (
            "\"svm.c\" = [1, 2]\n\"split.folds\" = [2, 3, 4]\nzip = [\"svm.c\", \"split.folds\"]\n",
            "2, 3 values",
        ),
        ("\"svm.c\" = [1, 2]\nexclude = [{ \"svm.c\" = 3 }]\n", "is never 3"),
        ("\"svm.c\" = [1, 2]\nexclude = [{ \"svm.c\" = [1, 2] }]\n", "every point is excluded"),
        ("\"svm.c\" = [1, 2]\nexclude = [{}]\n", "points to leave out"),
        ("seed = [1, 2]\n\"experiment.seed\" = [1, 2]\n", "swept twice"),
        ("\"method.network\" = [\"alexnet\", \"caffenet\"]\n", "no method has the setting `network`"),
        (
            "\"svm.c\" = { from = 1, to = 2, steps = 1000 }\n\"split.folds\" = { from = 2, to = 999, step = 1 }\n",
            "points",
        ),
    ] {
        let told = refused(sweep);
        assert!(told.contains(expected), "{sweep}: {told}");
    }
}
