//! Two methods on the same images: McNemar's test and the paired bootstrap of the difference.

use serde::{Deserialize, Serialize};

use super::bootstrap::{Tallies, percentile_interval, resample, two_sided_p};
use super::{Groups, Interval, holm, mcnemar};
use crate::types::{Emotion, Seed};

/// An image and what two methods made of it.
#[derive(Clone, Copy, Debug)]
pub struct PairedImage<'a> {
    /// What the image evokes.
    pub label: Emotion,
    /// Images of one group are no independent samples.
    pub group: &'a str,
    /// Share of its repetitions in which the first and the second method tell it rightly: 0 or 1 where there is one.
    pub right: [f64; 2],
}

/// A difference, the second method less the first, and how sure it is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// On the compared images.
    pub value: f64,
    /// Of level 95 %, from a paired bootstrap over groups.
    pub interval: Interval,
    /// Of that bootstrap, two-sided.
    pub p: f64,
}

/// Two methods on some images.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Paired {
    /// How many.
    pub images: u64,
    /// Images that the first method tells rightly more often.
    pub first_only: u64,
    /// Images that the second method tells rightly more often.
    pub second_only: u64,
    /// McNemar's exact test.
    pub mcnemar_p: f64,
    /// The same after Holm's correction over the classes; of a class only.
    pub holm_p: Option<f64>,
    /// Difference of the rates.
    pub difference: Difference,
}

/// Two methods compared.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// All images: difference of accuracies.
    pub overall: Paired,
    /// The images of each class: difference of true positive rates; `None` for a class without images.
    pub classes: [Option<Paired>; 8],
    /// Difference of mean true positive rates.
    pub mean_true_positive_rate: Difference,
}

// Sums of each class: images, and how often the first and the second method are right.
const PER_CLASS: usize = 3;
const OVERALL: usize = 8;
const MEAN: usize = 9;

/// Compares two methods; `None` without images.
pub fn compare(images: &[PairedImage<'_>], seed: Seed) -> Option<Comparison> {
    let groups = Groups::of(images.iter().map(|image| (image.label, image.group)));
    let amounts = images.iter().enumerate().flat_map(|(at, image)| {
        let first = PER_CLASS * image.label.index();
        [(at, first, 1.0), (at, first + 1, image.right[0]), (at, first + 2, image.right[1])]
    });
    let tallies = Tallies::gather(&groups, PER_CLASS * Emotion::ALL.len(), amounts);
    let observed = differences(&tallies.total());
    let resampled = resample(&groups, &tallies, seed, differences);
    let difference = |at: usize| {
        let column = || resampled.iter().map(|row| row[at]);
        Some(Difference {
            value: observed[at]?,
            interval: percentile_interval(column())?,
            p: two_sided_p(column())?,
        })
    };
    let paired = |of: &dyn Fn(&&PairedImage<'_>) -> bool, difference: Difference| {
        let images: Vec<&PairedImage<'_>> = images.iter().filter(of).collect();
        let better = |method: usize| {
            images.iter().filter(|image| image.right[method] > image.right[1 - method]).count() as u64
        };
        let (first_only, second_only) = (better(0), better(1));
        let mcnemar_p = mcnemar(first_only, second_only);
        Paired { images: images.len() as u64, first_only, second_only, mcnemar_p, holm_p: None, difference }
    };
    let class = |class: Emotion| Some(paired(&|image| image.label == class, difference(class.index())?));
    let mut classes = Emotion::ALL.map(class);
    let adjusted = holm(&classes.iter().flatten().map(|paired| paired.mcnemar_p).collect::<Vec<_>>());
    for (paired, adjusted) in classes.iter_mut().flatten().zip(adjusted) {
        paired.holm_p = Some(adjusted);
    }
    Some(Comparison {
        overall: paired(&|_| true, difference(OVERALL)?),
        classes,
        mean_true_positive_rate: difference(MEAN)?,
    })
}

/// Second less first: of each class's rate, of the accuracy, of the mean rate.
fn differences(sums: &[f64]) -> [Option<f64>; 10] {
    let (classes, _) = sums.as_chunks::<PER_CLASS>();
    let mut all = [None; 10];
    let (mut images, mut right, mut rates, mut present) = (0.0, 0.0, 0.0, 0.0);
    for (class, &[count, first, second]) in classes.iter().enumerate().filter(|(_, sums)| sums[0] > 0.0) {
        let difference = (second - first) / count;
        all[class] = Some(difference);
        images += count;
        right += second - first;
        rates += difference;
        present += 1.0;
    }
    if present > 0.0 {
        all[OVERALL] = Some(right / images);
        all[MEAN] = Some(rates / present);
    }
    all
}
