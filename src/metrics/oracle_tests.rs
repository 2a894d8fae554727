//! Against statsmodels, scikit-learn and NumPy; `tests/fixtures/metrics/make.py` made the expected values.

use serde::Deserialize;

use super::comparison::{PairedImage, compare};
use super::measures::{Answer, Measure, measure};
use super::*;
use crate::types::{Emotion, Seed};

#[derive(Deserialize)]
struct Expected {
    cases: Vec<Case>,
    sigmoids: Vec<SigmoidCase>,
    mcnemar: Vec<(u64, u64, f64)>,
    wilson: Vec<(u64, u64, f64, f64)>,
}

#[derive(Deserialize)]
struct Case {
    classes: Vec<usize>,
    labels: Vec<usize>,
    groups: Vec<usize>,
    folds: Vec<u32>,
    scores: Vec<Vec<f64>>,
    other: Vec<Vec<f64>>,
    wilson: Vec<(usize, f64, f64)>,
    accuracy: f64,
    mean_true_positive_rate: f64,
    macro_f1: f64,
    cohen_kappa: f64,
    top_2_accuracy: f64,
    two_group_accuracy: f64,
    calibration_error: f64,
    mcnemar: Tests,
    bootstrap: Bootstrap,
}

#[derive(Deserialize)]
struct Tests {
    overall: (u64, u64, f64),
    classes: Vec<(usize, u64, u64, f64, f64)>,
}

#[derive(Deserialize)]
struct Bootstrap {
    accuracy: [f64; 2],
    mean_true_positive_rate: [f64; 2],
    difference: [f64; 2],
}

#[derive(Deserialize)]
struct SigmoidCase {
    values: Vec<f64>,
    labels: Vec<bool>,
    at: Vec<f64>,
    probabilities: Vec<f64>,
}

fn expected() -> Expected {
    serde_json::from_str(include_str!("../../tests/fixtures/metrics/expected.json")).unwrap()
}

fn close(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "{found} {expected}");
}

impl Case {
    fn scores_of(&self, row: &[f64]) -> [Option<f64>; 8] {
        let mut scores = [None; 8];
        for (&class, score) in self.classes.iter().zip(row) {
            scores[class] = Some(*score);
        }
        scores
    }

    fn predicted(&self, row: &[f64]) -> Emotion {
        let best = (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap();
        Emotion::ALL[self.classes[best]]
    }

    fn groups(&self) -> Vec<String> {
        self.groups.iter().map(usize::to_string).collect()
    }

    fn answers<'a>(&self, groups: &'a [String]) -> Vec<Answer<'a>> {
        let answer = |at: usize| Answer {
            repeat: 0,
            fold: self.folds[at],
            label: Emotion::ALL[self.labels[at]],
            predicted: self.predicted(&self.scores[at]),
            scores: self.scores_of(&self.scores[at]),
            group: &groups[at],
        };
        (0..self.labels.len()).map(answer).collect()
    }
}

#[test]
fn measures_are_those_of_scikit_learn() {
    for case in expected().cases {
        let groups = case.groups();
        let measures = measure(&case.answers(&groups), 1, Seed(1));
        let value = |measure: Measure| measures.get(measure).unwrap().value;
        close(value(Measure::Accuracy), case.accuracy, 1e-12);
        close(value(Measure::MeanTruePositiveRate), case.mean_true_positive_rate, 1e-12);
        close(value(Measure::MacroF1), case.macro_f1, 1e-12);
        close(value(Measure::CohenKappa), case.cohen_kappa, 1e-12);
        close(value(Measure::Top2Accuracy), case.top_2_accuracy, 1e-12);
        close(value(Measure::TwoGroupAccuracy), case.two_group_accuracy, 1e-12);
        // Its sigmoids end where L-BFGS gives up.
        close(value(Measure::CalibrationError), case.calibration_error, 1e-3);
        for (class, low, high) in case.wilson {
            let interval = measures.true_positive_rate[class].unwrap();
            close(interval.low, low, 1e-12);
            close(interval.high, high, 1e-12);
        }
    }
}

#[test]
fn bootstrap_intervals_are_those_of_another_implementation() {
    for case in expected().cases {
        let groups = case.groups();
        let answers = case.answers(&groups);
        let measures = measure(&answers, 1, Seed(7));
        let ends = |measure: Measure| measures.get(measure).unwrap().interval;
        // Two sets of 10,000 draws: the ends of an interval of width 0.2 differ by a few thousandths.
        for (found, expected) in [
            (ends(Measure::Accuracy), case.bootstrap.accuracy),
            (ends(Measure::MeanTruePositiveRate), case.bootstrap.mean_true_positive_rate),
            (
                comparison_of(&case, &groups, Seed(7)).mean_true_positive_rate.interval,
                case.bootstrap.difference,
            ),
        ] {
            close(found.low, expected[0], 0.006);
            close(found.high, expected[1], 0.006);
        }
    }
}

fn comparison_of(case: &Case, groups: &[String], seed: Seed) -> comparison::Comparison {
    let right = |row: &[f64], label: usize| f64::from(u8::from(case.predicted(row) == Emotion::ALL[label]));
    let image = |at: usize| PairedImage {
        label: Emotion::ALL[case.labels[at]],
        group: &groups[at],
        right: [right(&case.scores[at], case.labels[at]), right(&case.other[at], case.labels[at])],
    };
    compare(&(0..case.labels.len()).map(image).collect::<Vec<_>>(), seed).unwrap()
}

#[test]
fn tests_of_two_methods_are_those_of_statsmodels() {
    let expected = expected();
    for case in &expected.cases {
        let groups = case.groups();
        let comparison = comparison_of(case, &groups, Seed(1));
        let (first, second, p) = case.mcnemar.overall;
        assert_eq!((comparison.overall.first_only, comparison.overall.second_only), (first, second));
        close(comparison.overall.mcnemar_p, p, 1e-9);
        for &(class, first, second, p, adjusted) in &case.mcnemar.classes {
            let paired = comparison.classes[class].unwrap();
            assert_eq!((paired.first_only, paired.second_only), (first, second));
            close(paired.mcnemar_p, p, 1e-9);
            close(paired.holm_p.unwrap(), adjusted, 1e-9);
        }
    }
    for (first, second, p) in expected.mcnemar {
        close(mcnemar(first, second), p, 1e-9);
    }
    for (correct, images, low, high) in expected.wilson {
        let interval = wilson(correct as f64 / images as f64, images).unwrap();
        close(interval.low, low, 1e-12);
        close(interval.high, high, 1e-12);
    }
}

#[test]
fn sigmoids_are_those_of_scikit_learn() {
    for case in expected().sigmoids {
        let samples: Vec<(f64, bool)> = case.values.into_iter().zip(case.labels).collect();
        let sigmoid = Sigmoid::fit(&samples).unwrap();
        for (value, probability) in case.at.iter().zip(case.probabilities) {
            close(sigmoid.probability(*value), probability, 2e-3);
        }
    }
}
