//! The expected calibration error of Platt-scaled scores (Guo et al. 2017, *On calibration of modern neural networks*).
//!
//! Confidences are sorted into 15 bins of equal width, ((m - 1)/15, m/15]. With n images, `n_m` of them in bin m,
//!
//! ```text
//! error = sum over m of n_m/n |accuracy of bin m - mean confidence of bin m|.
//! ```
//!
//! Decision values of support vector machines are no probabilities, so each class gets a sigmoid first, and the eight
//! (or fewer) are divided by their sum; the confidence is the largest, and its class is what is counted as right or
//! wrong. A sigmoid is never fitted on the images that it is applied to: the tested images are in parts, and the
//! sigmoids for one part are fitted on all others.

use super::Sigmoid;
use crate::types::Emotion;

/// Number of bins.
pub const BINS: usize = 15;

/// How sure a method is of its answer for an image, and whether that is right.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Confidence {
    /// Probability of the likeliest class.
    pub probability: f64,
    /// Whether that class is the label.
    pub is_right: bool,
}

impl Confidence {
    /// The bin that it falls into, and what it adds there: 1 if right, less its probability. The absolute sums of
    /// bins, divided by the number of images, add up to the error.
    pub fn excess(&self) -> (usize, f64) {
        let bin = (self.probability * BINS as f64).ceil() as usize;
        (bin.clamp(1, BINS) - 1, f64::from(u8::from(self.is_right)) - self.probability)
    }
}

/// Calibrated confidences of images with these labels and scores, where image `i` is in part `part_of[i]`, below
/// `parts`; `None` for an image without any sigmoid, because no other part has scores.
pub fn cross_fitted(
    labels: &[Emotion],
    scores: &[[Option<f64>; 8]],
    part_of: &[u32],
    parts: u32,
) -> Vec<Option<Confidence>> {
    let mut confidences = vec![None; labels.len()];
    for part in 0..parts {
        let sigmoid = |class: Emotion| {
            let others = labels.iter().zip(scores).zip(part_of).filter(|(_, other)| **other != part);
            let samples =
                others.filter_map(|((label, scores), _)| Some((scores[class.index()]?, *label == class)));
            Sigmoid::fit(&samples.collect::<Vec<_>>())
        };
        let sigmoids = Emotion::ALL.map(sigmoid);
        for (at, _) in part_of.iter().enumerate().filter(|(_, own)| **own == part) {
            confidences[at] = confidence(labels[at], &scores[at], &sigmoids);
        }
    }
    confidences
}

fn confidence(
    label: Emotion,
    scores: &[Option<f64>; 8],
    sigmoids: &[Option<Sigmoid>; 8],
) -> Option<Confidence> {
    let mut sum = 0.0;
    let mut best: Option<(Emotion, f64)> = None;
    for class in Emotion::ALL {
        let (Some(score), Some(sigmoid)) = (scores[class.index()], &sigmoids[class.index()]) else {
            continue;
        };
        let probability = sigmoid.probability(score);
        sum += probability;
        if best.is_none_or(|(_, most)| probability > most) {
            best = Some((class, probability));
        }
    }
    let (class, probability) = best?;
    // All sigmoids can be 0 to the last bit; then nothing is known.
    (sum > 0.0).then(|| Confidence { probability: probability / sum, is_right: class == label })
}
