//! `classify-by-network`: the emotions that a fine-tuned network's own last layer tells.

use serde::Serialize;

use super::evaluate::{Prediction, Predictions};
use super::features::Features;
use super::inspect::Manifest;
use super::split::Split;
use crate::stage::{Context, Handle, Stage, StageError};
use crate::types::Emotion;

/// The stage.
#[derive(Serialize)]
pub struct ClassifyByNetwork {
    /// Labels and names.
    pub manifest: Handle<Manifest>,
    /// The last layer's scores of all images, `[n, 8]`.
    pub scores: Handle<Features>,
    /// Which of them are tested when.
    pub split: Handle<Split>,
    /// Number of folds.
    pub folds: usize,
}

impl Stage for ClassifyByNetwork {
    const NAME: &'static str = "classify-by-network";
    const VERSION: u32 = 2;
    type Output = Predictions;

    fn run(&self, context: &Context<'_>) -> Result<Predictions, StageError> {
        let (manifest, scores) = (context.get(&self.manifest)?, context.get(&self.scores)?);
        let split = context.get(&self.split)?;
        let mut rows = Vec::new();
        for number in 0..self.folds {
            let fold = split.fold(number).map_err(|error| StageError::Failed(error.to_string()))?;
            for &at in fold.test() {
                let (image, scores) = (&manifest.images[at], scores.0.row(at));
                let score = |emotion: &Emotion| scores[emotion.index()];
                let best = Emotion::ALL.into_iter().max_by(|a, b| {
                    // Of equal scores the first.
                    score(a).total_cmp(&score(b)).then(b.index().cmp(&a.index()))
                });
                rows.push(Prediction {
                    image: image.path.clone(),
                    group: split.groups()[at].clone(),
                    fold: number as u32,
                    label: image.label,
                    predicted: best.unwrap_or(Emotion::Amusement),
                    scores: Emotion::ALL.map(|emotion| Some(f64::from(score(&emotion)))),
                });
            }
        }
        Ok(Predictions { rows, folds: self.folds, kept_variance: Vec::new(), components: Vec::new() })
    }
}
