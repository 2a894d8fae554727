//! Top-2: whether the label is among the two classes of largest score.

use crate::types::Emotion;

/// Whether fewer than two classes are ahead of the label; of equal scores the first class is ahead. A label without
/// a score is not among them.
pub fn is_in_top_2(label: Emotion, scores: &[Option<f64>; 8]) -> bool {
    let Some(own) = scores[label.index()] else { return false };
    let ahead = |(class, score): &(usize, &Option<f64>)| {
        score.is_some_and(|score| score > own || (score >= own && *class < label.index()))
    };
    scores.iter().enumerate().filter(ahead).count() < 2
}
