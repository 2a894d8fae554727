//! Statements against runs made up for the purpose.

use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::paper;
use crate::stages::report::Summary;
use crate::types::Emotion;

/// A run on FI as the paper had it, but for what `change` does.
fn run(change: impl Fn(&mut Summary)) -> FinishedRun {
    let method = |(name, correct): (&str, u64)| {
        json!({
            "name": name,
            "true_positive_rate": [0.5, 0.5, 0.5, 0.5, 0.5, 0.5, if name == "ImageNet-CNN" { 0.4 } else { 0.2 }, 0.5],
            "true_positive_rate_interval": [null, null, null, null, null, null, null, null],
            "mean_true_positive_rate": 0.483,
            "mean_true_positive_rate_interval": null,
            "accuracy": correct as f64 / paper::TEST_IMAGES as f64,
            "accuracy_interval": null,
            "measures": {},
            "spread": {},
            "kept_variance": null,
            "components": null,
            "c": null,
            "largest_gap": null,
        })
    };
    let mut summary: Summary = serde_json::from_value(json!({
        "stand_in": null,
        "images": paper::LABELLED,
        "left_out": {},
        "skipped": 0,
        "leakage": null,
        "repeats": 1,
        "methods": paper::CORRECT.map(method),
    }))
    .unwrap();
    change(&mut summary);
    let setting =
        |path: &str, value: serde_json::Value| json!({"path": path, "value": value, "origin": "default"});
    let record = serde_json::from_value(json!({
        "experiment": "fi_holdout",
        "file": "experiments/fi_holdout.toml",
        "set": [],
        "stand_in": null,
        "seed": 2016,
        "data": "0".repeat(64),
        "settings": [
            setting("dataset.name", json!("fi")),
            setting("split.kind", json!("holdout")),
            setting("split.test", json!(0.15)),
        ],
        "stages": [],
        "versions": BTreeMap::<String, String>::new(),
        "files": BTreeMap::<String, String>::new(),
    }))
    .unwrap();
    FinishedRun {
        name: "fi_holdout".to_owned(),
        record,
        summary: Some(summary),
        sweep: None,
        tested: Some(3496),
    }
}

fn verdicts(runs: &[FinishedRun], place: &str) -> Vec<Verdict> {
    compare(runs).iter().filter(|row| row.place == place).map(|row| row.verdict).collect()
}

#[test]
fn a_run_that_found_the_papers_numbers_reproduces_them() {
    let runs = [run(|_| {})];
    assert_eq!(verdicts(&runs, "Table 2"), [Verdict::Reproduced]);
    assert_eq!(verdicts(&runs, "Table 3"), [Verdict::Reproduced; 6]);
    assert_eq!(verdicts(&runs, "Figure 3"), [Verdict::Reproduced; 2]);
    assert_eq!(verdicts(&runs, "Table 1"), [Verdict::NotRun; 3]);
}

#[test]
fn what_differs_is_not_reproduced() {
    let runs = [run(|summary| {
        summary.images[Emotion::Fear.index()] -= 1;
        let fine_tuned = summary.methods.iter_mut().find(|method| method.name == "Fine-tuned-CNN").unwrap();
        fine_tuned.accuracy = Some(0.40);
        fine_tuned.mean_true_positive_rate = Some(0.5031);
        fine_tuned.true_positive_rate[Emotion::Fear.index()] = Some(0.4);
    })];
    let rows = compare(&runs);
    let table2 = rows.iter().find(|row| row.place == "Table 2").unwrap();
    assert_eq!((table2.verdict, table2.found.as_str()), (Verdict::NotReproduced, "23307 images: fear 1031"));
    let [images, imagenet, noisy, fine_tuned, first, second] = verdicts(&runs, "Table 3")[..] else {
        panic!("six statements")
    };
    assert_eq!([images, imagenet, noisy, second], [Verdict::Reproduced; 4]);
    assert_eq!([fine_tuned, first], [Verdict::NotReproduced; 2]);
    // 0.5031 is more than 0.02 away from 0.483, and equal is not higher.
    assert_eq!(verdicts(&runs, "Figure 3"), [Verdict::NotReproduced; 2]);
}

#[test]
fn an_interval_that_holds_the_papers_number_reproduces_it() {
    let runs = [run(|summary| {
        let fine_tuned = summary.methods.iter_mut().find(|method| method.name == "Fine-tuned-CNN").unwrap();
        fine_tuned.mean_true_positive_rate = Some(0.52);
        fine_tuned.mean_true_positive_rate_interval =
            Some(crate::metrics::Interval { low: 0.48, high: 0.56 });
    })];
    assert_eq!(verdicts(&runs, "Figure 3")[0], Verdict::Reproduced);
}

#[test]
fn drawings_make_a_number_incomparable_and_real_images_go_first() {
    let mut drawn = run(|_| {});
    drawn.record.stand_in = Some("stand-in images, not FI".to_owned());
    assert_eq!(verdicts(std::slice::from_ref(&drawn), "Table 3"), [Verdict::StandIn; 6]);
    assert_eq!(verdicts(&[drawn, run(|_| {})], "Table 3"), [Verdict::Reproduced; 6]);
}

#[test]
fn a_network_trained_on_drawings_is_not_comparable_either() {
    let mut trained = run(|_| {});
    let stage = json!({"label": "draw-stand-in (fine-tuning)", "stage": "draw-stand-in", "key": "0".repeat(64), "hit": true, "seconds": 0.0});
    trained.record.stages.push(serde_json::from_value(stage).unwrap());
    assert_eq!(
        verdicts(std::slice::from_ref(&trained), "Table 2"),
        [Verdict::Reproduced],
        "images are counted all the same"
    );
    assert_eq!(verdicts(&[trained], "Figure 3"), [Verdict::StandIn; 2]);
}

#[test]
fn rates_over_a_sweep_are_almost_the_same_or_not() {
    let point = |c: &str, components: &str, mean_rate| run::SweepPoint {
        data_set: "IAPS-Subset".to_owned(),
        method: "ImageNet-CNN".to_owned(),
        others: vec![c.to_owned()],
        components: components.to_owned(),
        mean_rate,
        stand_in: false,
    };
    let row_of = |points| {
        let mut swept = run(|_| {});
        swept.summary = None;
        swept.sweep = Some(Sweep { points });
        compare(&[swept]).into_iter().find(|row| row.says.ends_with("on IAPS-Subset") && row.run.is_some())
    };
    let of_three =
        |last| [("5", 0.30), ("20", 0.33), ("200", last)].map(|(k, rate)| point("1", k, Some(rate)));
    assert_eq!(row_of(of_three(0.34).to_vec()).unwrap().verdict, Verdict::Reproduced);
    let row = row_of(of_three(0.36).to_vec()).unwrap();
    assert_eq!(row.verdict, Verdict::NotReproduced);
    assert_eq!(row.found, "ImageNet-CNN: mean rates of 0.300 to 0.360 with 5, 20, 200 components");
    // Other settings are no numbers of components, nor is one that the data do not have, nor one that failed.
    assert_eq!(row_of(vec![point("0.1", "20", Some(0.3)), point("1", "20", Some(0.31))]), None);
    assert_eq!(row_of(vec![point("1", "24", Some(0.3)), point("1", "24", Some(0.3))]), None);
    assert_eq!(row_of(vec![point("1", "24", Some(0.3)), point("1", "50", None)]), None);
    let mut mixed = of_three(0.34).to_vec();
    mixed.extend([point("1e-6", "5", Some(0.1)), point("1e-6", "20", Some(0.2)), point("1", "300", None)]);
    let row = row_of(mixed).unwrap();
    assert_eq!(
        (row.verdict, row.found.as_str()),
        (
            Verdict::Reproduced,
            "ImageNet-CNN: mean rates of 0.300 to 0.340 with 5, 20, 200 components; it failed with 300"
        )
    );
}
