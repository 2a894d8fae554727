//! The confusion matrix.

use crate::types::Emotion;

/// How often samples of one class (row) were predicted as another (column), by [`Emotion::index`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConfusionMatrix {
    /// `counts[label][predicted]`.
    pub counts: [[u64; 8]; 8],
}

impl ConfusionMatrix {
    /// The matrix of `(label, predicted)` pairs.
    pub fn of(pairs: impl IntoIterator<Item = (Emotion, Emotion)>) -> Self {
        let mut matrix = Self::default();
        for (label, predicted) in pairs {
            matrix.counts[label.index()][predicted.index()] += 1;
        }
        matrix
    }

    /// The sum of several matrices, as of the folds of a cross validation.
    pub fn pooled<'a>(matrices: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut pooled = Self::default();
        for matrix in matrices {
            for (into, from) in pooled.counts.iter_mut().flatten().zip(matrix.counts.iter().flatten()) {
                *into += from;
            }
        }
        pooled
    }

    /// Samples of the class.
    pub fn images(&self, label: Emotion) -> u64 {
        self.counts[label.index()].iter().sum()
    }

    /// Samples of the class that were predicted as it.
    pub const fn correct(&self, label: Emotion) -> u64 {
        self.counts[label.index()][label.index()]
    }

    /// All samples.
    pub fn total(&self) -> u64 {
        self.counts.iter().flatten().sum()
    }

    /// Each row divided by its sum; `None` for a class without samples.
    pub fn row_normalised(&self) -> [Option<[f64; 8]>; 8] {
        self.counts.map(|row| {
            let images: u64 = row.iter().sum();
            (images > 0).then(|| row.map(|count| count as f64 / images as f64))
        })
    }
}
