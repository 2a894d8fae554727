//! The confusion matrices of a cross validation, per fold and pooled.

use super::ConfusionMatrix;
use crate::types::Emotion;

/// What each fold's test samples were predicted as. A hold-out split has one fold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evaluation {
    /// One matrix per fold, in the folds' order.
    pub folds: Vec<ConfusionMatrix>,
}

/// Why predictions cannot be evaluated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what each field is")]
pub enum EvaluationError {
    #[error("{labels} labels, {predicted} predictions and {folds} fold numbers do not match")]
    Lengths { labels: usize, predicted: usize, folds: usize },
    #[error("fold number {fold} among {folds} folds")]
    Fold { fold: u32, folds: usize },
}

impl Evaluation {
    /// Counts predictions; `fold_of[i]` is the fold, below `folds`, in which sample `i` was tested.
    ///
    /// # Errors
    /// Lists of different lengths, or a fold number that is too large.
    pub fn of(
        labels: &[Emotion],
        predicted: &[Emotion],
        fold_of: &[u32],
        folds: usize,
    ) -> Result<Self, EvaluationError> {
        if labels.len() != predicted.len() || labels.len() != fold_of.len() {
            return Err(EvaluationError::Lengths {
                labels: labels.len(),
                predicted: predicted.len(),
                folds: fold_of.len(),
            });
        }
        let mut matrices = vec![ConfusionMatrix::default(); folds];
        for ((&label, &predicted), &fold) in labels.iter().zip(predicted).zip(fold_of) {
            let matrix = matrices.get_mut(fold as usize).ok_or(EvaluationError::Fold { fold, folds })?;
            matrix.counts[label.index()][predicted.index()] += 1;
        }
        Ok(Self { folds: matrices })
    }

    /// All folds together: what the figures and tables show.
    pub fn pooled(&self) -> ConfusionMatrix {
        ConfusionMatrix::pooled(&self.folds)
    }
}
