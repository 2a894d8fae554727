//! What an experiment says about its solvers, and the commands that try them.

use ndarray::{Array1, Array2};

use crate::harness::{EMOTIONS, Project, npy};

const FILE: &str = "experiments/mine.toml";

/// A column of a table in `results/mine`, after the header.
fn column(project: &Project, table: &str, name: &str) -> Vec<String> {
    let text = project.read(&format!("results/mine/{table}"));
    let mut lines = text.lines();
    let at = lines.next().unwrap().split(',').position(|column| column == name).unwrap();
    lines.map(|line| line.split(',').nth(at).unwrap().to_owned()).collect()
}

fn numbers(project: &Project, table: &str, name: &str) -> Vec<f64> {
    column(project, table, name).iter().map(|cell| cell.parse().unwrap()).collect()
}

#[test]
fn every_fit_is_reported_with_a_gap_below_the_certified_one() {
    let project = Project::with_features();
    project.must(&["run", FILE]);
    assert_eq!(column(&project, "fits.csv", "emotion").len(), 3 * EMOTIONS.len());
    assert!(numbers(&project, "fits.csv", "relative_gap").iter().all(|gap| (0.0..=1e-8).contains(gap)));
    let (primal, dual) = (numbers(&project, "fits.csv", "primal"), numbers(&project, "fits.csv", "dual"));
    assert!(primal.iter().zip(&dual).all(|(primal, dual)| (primal - dual).abs() <= 1e-8 * primal));
    assert!(numbers(&project, "fits.csv", "iterations").iter().all(|steps| (3.0..40.0).contains(steps)));
    assert!(
        numbers(&project, "fits.csv", "support_vectors").iter().all(|count| (2.0..=64.0).contains(count))
    );
    assert!(!project.has("results/mine/penalties.csv"));
}

#[test]
fn linfa_computes_its_own_fits_and_stops_further_from_the_optimum() {
    let project = Project::with_features();
    project.must(&["run", FILE]);
    let own = numbers(&project, "fits.csv", "primal");
    let ran = project.must(&["run", FILE, "--set", "svm.solver=linfa"]);
    assert!(ran.err.contains("train-svm") && !ran.err.contains("fit-pca"), "{}", ran.err);
    let other = numbers(&project, "fits.csv", "primal");
    assert!(own.iter().zip(&other).all(|(own, other)| own <= other && *other < 1.01 * own));
    assert!(numbers(&project, "fits.csv", "relative_gap").iter().any(|gap| *gap > 1e-6));
}

#[test]
fn the_penalty_is_chosen_inside_the_training_folds() {
    let project = Project::with_features();
    let list = ["run", FILE, "--set", "svm.c=[0.001,0.1,10]"];
    let ran = project.emolab(&list);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("select = \"inner-cv\""), "{}", ran.err);
    let choose = [list.as_slice(), &["--set", "svm.select=inner-cv"]].concat();
    let ran = project.emolab(&choose);
    assert_eq!(ran.code, 2, "four groups of a class do not spread over five folds");
    assert!(ran.err.contains("inner_folds"), "{}", ran.err);

    project.must(&[choose.as_slice(), &["--set", "svm.inner_folds=3"]].concat());
    assert_eq!(numbers(&project, "penalties.csv", "c"), [0.001, 0.1, 10.0].repeat(3));
    let chosen = column(&project, "penalties.csv", "chosen");
    assert_eq!(chosen.iter().filter(|cell| *cell == "true").count(), 3);
    let rates = numbers(&project, "penalties.csv", "inner_mean_true_positive_rate");
    // Eight machines in each of three inner folds, each with its certificate.
    assert_eq!(numbers(&project, "penalties.csv", "inner_fits"), [24.0; 9]);
    let gaps = numbers(&project, "penalties.csv", "largest_relative_gap");
    assert!(gaps.iter().all(|gap| *gap <= 1e-8), "{gaps:?}");
    for count in ["iterations", "support_vectors"] {
        let counts = numbers(&project, "penalties.csv", count);
        assert!(counts.iter().all(|count| *count >= 24.0), "{count}: {counts:?}");
    }
    let inner = numbers(&project, "penalty_fits.csv", "inner_fold");
    assert_eq!(inner.len(), 9 * 24);
    assert!((0..3).all(|fold| inner.iter().filter(|inner| **inner as usize == fold).count() == 9 * 8));
    let gaps = numbers(&project, "penalty_fits.csv", "relative_gap");
    assert!(gaps.iter().all(|gap| (0.0..=1e-8).contains(gap)), "{gaps:?}");
    let fits = numbers(&project, "fits.csv", "c");
    for fold in 0..3 {
        let own = 3 * fold..3 * fold + 3;
        let best = own.clone().find(|row| chosen[*row] == "true").unwrap();
        assert!(rates[own.clone()].iter().all(|rate| *rate <= rates[best]), "fold {fold}");
        let c = numbers(&project, "penalties.csv", "c")[best];
        let of_fold = fits.chunks(EMOTIONS.len()).nth(fold).unwrap();
        assert!(of_fold.iter().all(|found| found.to_bits() == c.to_bits()), "fold {fold}");
    }
}

#[test]
fn a_penalty_that_cannot_be_fitted_is_left_out_of_the_choice_and_said() {
    let project = Project::with_features();
    let choose = ["run", FILE, "--set", "svm.select=inner-cv", "--set", "svm.inner_folds=3", "--set"];
    // Times the squared size of the scores this is beyond f64.
    project.must(&[choose.as_slice(), &["svm.c=[0.1,1.7e308]"]].concat());
    assert_eq!(numbers(&project, "penalties.csv", "c"), [0.1, 1.7e308].repeat(3));
    assert_eq!(column(&project, "penalties.csv", "chosen"), ["true", "false"].repeat(3));
    let rates = column(&project, "penalties.csv", "inner_mean_true_positive_rate");
    assert!(rates.chunks(2).all(|pair| !pair[0].is_empty() && pair[1].is_empty()), "{rates:?}");
    let figure = project.read("results/mine/figure.svg");
    assert!(figure.contains("was left out of the choice in 3 of 3 folds"), "{figure}");
    let reasons = column(&project, "penalties.csv", "left_out");
    assert!(
        reasons.chunks(2).all(|pair| pair[0].is_empty() && pair[1].starts_with("inner fold 0: ")),
        "{reasons:?}"
    );

    let ran = project.emolab(&[choose.as_slice(), &["svm.c=[1.6e308,1.7e308]"]].concat());
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.contains("no penalty to choose from") && ran.err.contains("smaller"), "{}", ran.err);
    assert!(ran.err.contains("scale = \"global\""), "{}", ran.err);
    let ran = project.emolab(&["run", FILE, "--set", "svm.c=1.7e308"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.contains("give a `c` near 1") && !ran.err.contains("fold 0: fold 0"), "{}", ran.err);
}

#[test]
fn fewer_components_need_no_other_decomposition() {
    let project = Project::with_features();
    project.must(&["run", FILE]);
    let ran = project.must(&["run", FILE, "--set", "pca.components=3"]);
    assert!(!ran.err.contains("fit-pca") && ran.err.contains("train-svm"), "{}", ran.err);
    let ran = project.must(&["run", FILE, "--set", "pca.components=0.9"]);
    assert!(ran.err.contains("fit-pca"), "{}", ran.err);
    for (components, word) in [("40", "at most 16"), ("0", "1"), ("1.5", "share of the variance")] {
        let ran = project.emolab(&["run", FILE, "--set", &format!("pca.components={components}")]);
        assert_eq!(ran.code, 2, "{components}: {}", ran.err);
        assert!(ran.err.contains("components") && ran.err.contains(word), "{components}: {}", ran.err);
    }
}

#[test]
fn both_solvers_are_compared_problem_by_problem() {
    let project = Project::with_features();
    let ran = project.must(&["check-solvers", FILE, "--json"]);
    // Only what the machines are fitted on.
    assert!(ran.err.contains("fit-pca"), "{}", ran.err);
    for stage in ["train-svm", "evaluate", "report"] {
        assert!(!ran.err.contains(stage), "{}", ran.err);
    }
    let problems: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let problems = problems.as_array().unwrap();
    assert_eq!(problems.len(), 3 * EMOTIONS.len());
    for problem in problems {
        let (own, other) = (&problem["interior_point"]["fit"], &problem["linfa"]["fit"]);
        assert!(own["primal"].as_f64().unwrap() <= other["primal"].as_f64().unwrap());
        assert!(own["relative_gap"].as_f64().unwrap() <= 1e-8);
        assert!(problem["largest_difference"].as_f64().unwrap() < 0.1);
        assert!(problem["linfa"]["seconds"].as_f64().unwrap() > 0.0);
    }
    let table = project.must(&["check-solvers", FILE]).out;
    assert!(table.contains("DINOv2 fold 2 sadness") && table.contains("24 problems"), "{table}");

    // Times the squared size of the scores this is beyond f64.
    let ran = project.emolab(&["check-solvers", FILE, "--set", "svm.c=1.7e308"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.contains("the first that of the interior point for DINOv2 fold 0"), "{}", ran.err);
    assert!(ran.err.contains("more than 64 bits hold") && ran.out.contains("failed"), "{}", ran.err);
}

#[test]
fn a_mapped_file_gives_the_components_of_its_rows() {
    let project = Project::with_features();
    project.must(&["run", FILE, "--set", "pca.components=16", "--set", "pca.fit=all"]);
    let ran =
        project.must(&["fit-pca", "my/dinov2.npy", "--components", "16", "--json", "-o", "pca.safetensors"]);
    let model: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&model["samples"], &model["features"]), (&96.into(), &16.into()));
    let bytes = project.bytes("pca.safetensors");
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let values = |file: &safetensors::SafeTensors<'_>, name: &str| -> Vec<f64> {
        let data = file.tensor(name).unwrap().data().to_vec();
        data.as_chunks::<8>().0.iter().map(|value| f64::from_le_bytes(*value)).collect()
    };
    let features = project.bytes("my/dinov2.npy");
    let features = features[features.len() - 96 * 16 * 4..].as_chunks::<4>().0.iter();
    let rows: Vec<f64> = features.map(|value| f64::from(f32::from_le_bytes(*value))).collect();
    let rows = Array2::from_shape_vec((96, 16), rows).unwrap();
    let mut compared = 0;
    for blob in project.blobs() {
        let other = std::fs::read(blob).unwrap();
        let Ok(other) = safetensors::SafeTensors::deserialize(&other) else { continue };
        let Ok(scores) = other.tensor("scores") else { continue };
        for name in ["singular_values", "explained_variance_ratio"] {
            let (own, other) = (values(&tensors, name), values(&other, name));
            assert!(own.iter().zip(&other).all(|(own, other)| (own - other).abs() < 1e-9), "{name}");
        }
        // The components, by what they make of the rows.
        let shape = scores.shape().to_vec();
        let scores = Array2::from_shape_vec((shape[0], shape[1]), values(&other, "scores")).unwrap();
        let components = Array2::from_shape_vec((16, 16), values(&tensors, "components")).unwrap();
        let mut projected = (&rows - &Array1::from_vec(values(&tensors, "mean"))).dot(&components.t());
        // Of a fold's scores the largest is positive, of a model's components the largest loading.
        for mut column in projected.columns_mut() {
            let largest = column.iter().fold(0.0f64, |a, b| if b.abs() > a.abs() { *b } else { a });
            column *= largest.signum();
        }
        assert!((projected - scores).iter().all(|error| error.abs() < 1e-9));
        compared += 1;
    }
    assert!(compared > 0, "the run fitted the same components from memory");
}

/// Through the products of its rows: those of its features would take two gigabytes.
#[test]
fn a_file_of_few_rows_and_many_features_is_fitted_through_its_rows() {
    let project = Project::with_features();
    let numbers: Vec<f32> =
        (0..6 * 16_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 8) as f32).collect();
    project.write("wide.npy", &npy(6, 16_000, &numbers));
    let ran = project.must(&["fit-pca", "wide.npy", "--components", "5", "--json"]);
    let model: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let ratios = model["explained_variance_ratio"].as_array().unwrap();
    let together: f64 = ratios.iter().map(|ratio| ratio.as_f64().unwrap()).sum();
    assert_eq!(ratios.len(), 5);
    assert!((together - 1.0).abs() < 1e-12, "{together}");
}

/// A file with holes: 40 GB of features that take no room on the disk.
#[test]
fn a_file_whose_products_do_not_fit_into_memory_is_refused() {
    let project = Project::with_features();
    let header = npy(100_001, 100_000, &[]);
    project.write("vast.npy", &header);
    let file = std::fs::File::options().write(true).open(project.path().join("vast.npy")).unwrap();
    file.set_len(header.len() as u64 + 4 * 100_001 * 100_000).unwrap();
    let ran = project.emolab(&["fit-pca", "vast.npy", "--components", "5"]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("100001 rows of 100000 features") && ran.err.contains("memory"), "{}", ran.err);
}

#[test]
fn a_file_that_cannot_be_fitted_is_refused_before_it_is_read() {
    let project = Project::with_features();
    project
        .write("one.npy", &npy(1, 4, &[0.5; 4]))
        .write("empty.npy", b"")
        .write("cut.npy", &npy(9, 4, &[0.5; 35]));
    project
        .write("infinite.npy", &npy(2, 2, &[1.0, 2.0, f32::INFINITY, 3.0]))
        .write("flat.npy", &npy(3, 1, &[1.0; 3]));
    let ran = project.emolab(&["fit-pca", "my/dinov2.npy", "--components", "2", "-o", "my"]);
    assert!(ran.code == 1 && ran.err.contains("cannot write `my`") && ran.out.is_empty(), "{}", ran.err);
    for (arguments, words) in [
        (["my/dinov2.npy", "17"], "at most 16"),
        (["my/dinov2.npy", "0"], "expected a number of components"),
        (["my/dinov2.npy", "1.5"], "expected a number of components"),
        (["one.npy", "1"], "at least 2 training rows"),
        (["empty.npy", "1"], "empty.npy"),
        (["cut.npy", "1"], "is it truncated?"),
        (["infinite.npy", "1"], "feature 0 of training row 1 is not a finite number"),
        (["flat.npy", "1"], "no variance"),
        (["my/manifest.csv", "1"], "expected .npy or .safetensors"),
        (["nowhere.npy", "1"], "nowhere.npy"),
        (["my", "1"], "expected .npy or .safetensors"),
    ] {
        let ran =
            project.emolab(&["fit-pca", arguments[0], "--components", arguments[1], "-o", "out.safetensors"]);
        assert_eq!(ran.code, 2, "{arguments:?}: {}", ran.err);
        assert!(ran.err.contains(words), "{arguments:?}: {}", ran.err);
        assert!(!project.has("out.safetensors"));
    }
}
