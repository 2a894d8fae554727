//! What one method's answers are worth: every measure with its interval.

use serde::{Deserialize, Serialize};

use super::bootstrap::{Tallies, percentile_interval, resample};
use super::calibration::{BINS, Confidence, cross_fitted};
use super::{
    ConfusionMatrix, Groups, Interval, accuracy, cohen_kappa, is_in_top_2, macro_f1, mean_true_positive_rate,
    true_positive_rate, two_group_accuracy, wilson,
};
use crate::types::{Emotion, Seed};

/// A number that sums up a method's answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Share of all images.
    Accuracy,
    /// Mean of the classes' rates; also called balanced accuracy.
    MeanTruePositiveRate,
    /// Mean of the classes' F1.
    MacroF1,
    /// Agreement beyond chance.
    CohenKappa,
    /// Share of images whose label is among the two likeliest.
    Top2Accuracy,
    /// Distance of Platt-scaled scores from the rates that they promise.
    CalibrationError,
    /// Share of images told rightly as positive or negative.
    TwoGroupAccuracy,
}

impl Measure {
    /// All of them, in the order of tables.
    pub const ALL: [Self; 7] = [
        Self::Accuracy,
        Self::MeanTruePositiveRate,
        Self::MacroF1,
        Self::CohenKappa,
        Self::Top2Accuracy,
        Self::CalibrationError,
        Self::TwoGroupAccuracy,
    ];

    /// As it stands in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accuracy => "accuracy",
            Self::MeanTruePositiveRate => "mean_true_positive_rate",
            Self::MacroF1 => "macro_f1",
            Self::CohenKappa => "cohen_kappa",
            Self::Top2Accuracy => "top_2_accuracy",
            Self::CalibrationError => "calibration_error",
            Self::TwoGroupAccuracy => "two_group_accuracy",
        }
    }

    /// For people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Accuracy => "accuracy",
            Self::MeanTruePositiveRate => "mean true positive rate (balanced accuracy)",
            Self::MacroF1 => "macro F1",
            Self::CohenKappa => "Cohen's kappa",
            Self::Top2Accuracy => "top-2 accuracy",
            Self::CalibrationError => "calibration error (Platt-scaled)",
            Self::TwoGroupAccuracy => "positive/negative accuracy",
        }
    }
}

/// A measure and its interval, from a bootstrap over groups.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// On the tested images.
    pub value: f64,
    /// Of level 95 %.
    pub interval: Interval,
}

/// A method's answer for an image.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// Which repetition of the cross validation, from 0.
    pub repeat: usize,
    /// The fold of that repetition in which the image was tested.
    pub fold: u32,
    /// What the image evokes.
    pub label: Emotion,
    /// What the method says.
    pub predicted: Emotion,
    /// Decision values by emotion.
    pub scores: [Option<f64>; 8],
    /// Images of one group are no independent samples.
    pub group: &'a str,
}

/// What a method's answers are worth.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measures {
    /// Wilson interval of each true positive rate.
    pub true_positive_rate: [Option<Interval>; 8],
    /// In the order of [`Measure::ALL`]; `None` for one without a value on these images.
    pub estimates: [Option<Estimate>; Measure::ALL.len()],
}

impl Measures {
    /// One of them.
    pub fn get(&self, measure: Measure) -> Option<Estimate> {
        self.estimates[measure as usize]
    }
}

// The sums that a resample adds up: the confusion matrix, then these.
const IN_TOP_2: usize = 64;
const CONFIDENT: usize = 65;
const EXCESS: usize = 66;
const SUMS: usize = EXCESS + BINS;

/// Measures all answers together: those of every fold and repetition.
///
/// With several repetitions an image counts once in each, and groups are resampled with all of their repetitions, so
/// that repeating narrows no interval by itself; a class's Wilson interval is that of its mean rate over as many
/// images as there are.
pub fn measure(answers: &[Answer<'_>], repeats: usize, seed: Seed) -> Measures {
    let groups = Groups::of(answers.iter().map(|answer| (answer.label, answer.group)));
    let confidences = confidences(answers, repeats);
    let amounts = answers.iter().zip(&confidences).enumerate().flat_map(|(image, (answer, confidence))| {
        let cell = (image, 8 * answer.label.index() + answer.predicted.index(), 1.0);
        let top = is_in_top_2(answer.label, &answer.scores).then_some((image, IN_TOP_2, 1.0));
        let calibration = confidence.map(|confidence| {
            let (bin, excess) = confidence.excess();
            [(image, CONFIDENT, 1.0), (image, EXCESS + bin, excess)]
        });
        [Some(cell), top].into_iter().flatten().chain(calibration.into_iter().flatten())
    });
    let tallies = Tallies::gather(&groups, SUMS, amounts);
    let observed = statistics(&tallies.total());
    let resampled = resample(&groups, &tallies, seed, statistics);
    let estimate = |at: usize| {
        let interval = percentile_interval(resampled.iter().map(|row| row[at]));
        Some(Estimate { value: observed[at]?, interval: interval? })
    };
    let pooled = ConfusionMatrix::of(answers.iter().map(|answer| (answer.label, answer.predicted)));
    let rates = true_positive_rate(&pooled);
    let once = |class: Emotion| pooled.images(class) / repeats.max(1) as u64;
    Measures {
        true_positive_rate: Emotion::ALL.map(|class| wilson(rates[class.index()]?, once(class))),
        estimates: std::array::from_fn(estimate),
    }
}

/// Calibrated on the other folds of the same repetition; a holdout's test images on their other half.
fn confidences(answers: &[Answer<'_>], repeats: usize) -> Vec<Option<Confidence>> {
    let mut confidences = vec![None; answers.len()];
    for repeat in 0..repeats {
        let places: Vec<usize> = (0..answers.len()).filter(|&at| answers[at].repeat == repeat).collect();
        let own: Vec<&Answer<'_>> = places.iter().map(|&at| &answers[at]).collect();
        let labels: Vec<Emotion> = own.iter().map(|answer| answer.label).collect();
        let scores: Vec<[Option<f64>; 8]> = own.iter().map(|answer| answer.scores).collect();
        let mut part_of: Vec<u32> = own.iter().map(|answer| answer.fold).collect();
        let mut parts = part_of.iter().max().map_or(0, |last| last + 1);
        if parts == 1 {
            part_of = Groups::of(own.iter().map(|answer| (answer.label, answer.group))).halves();
            parts = 2;
        }
        for (at, confidence) in places.into_iter().zip(cross_fitted(&labels, &scores, &part_of, parts)) {
            confidences[at] = confidence;
        }
    }
    confidences
}

/// In the order of [`Measure::ALL`].
fn statistics(sums: &[f64]) -> [Option<f64>; Measure::ALL.len()] {
    let counts =
        std::array::from_fn(|label| std::array::from_fn(|predicted| sums[8 * label + predicted] as u64));
    let matrix = ConfusionMatrix { counts };
    let images = matrix.total() as f64;
    Measure::ALL.map(|measure| match measure {
        Measure::Accuracy => accuracy(&matrix),
        Measure::MeanTruePositiveRate => mean_true_positive_rate(&matrix),
        Measure::MacroF1 => macro_f1(&matrix),
        Measure::CohenKappa => cohen_kappa(&matrix),
        Measure::Top2Accuracy => (images > 0.0).then(|| sums[IN_TOP_2] / images),
        Measure::CalibrationError => {
            let excess = sums[EXCESS..].iter().map(|excess| excess.abs()).sum::<f64>();
            (sums[CONFIDENT] > 0.0).then(|| excess / sums[CONFIDENT])
        }
        Measure::TwoGroupAccuracy => two_group_accuracy(&matrix),
    })
}
