//! `evaluate`: decision values and predictions of every test image, fold by fold.

use serde::Serialize;

use super::inspect::Manifest;
use super::pca::Reduction;
pub use super::predictions::{Prediction, Predictions};
use super::split::Split;
use super::svm::Fitted;
use crate::solvers::pca::Keep;
use crate::stage::{Context, Handle, Stage, StageError};

/// The stage.
#[derive(Serialize)]
pub struct Evaluate {
    /// Labels and names.
    pub manifest: Handle<Manifest>,
    /// Which images are tested when.
    pub split: Handle<Split>,
    /// Principal components by fold, and the images' scores on them.
    pub reductions: Vec<Handle<Reduction>>,
    /// How many of them are kept.
    pub components: Keep,
    /// Classifiers by fold.
    pub classifiers: Vec<Fitted>,
}

impl Stage for Evaluate {
    const NAME: &'static str = "evaluate";
    const VERSION: u32 = 6;
    type Output = Predictions;

    fn run(&self, context: &Context<'_>) -> Result<Predictions, StageError> {
        let (manifest, split) = (context.get(&self.manifest)?, context.get(&self.split)?);
        let failed = |error: &dyn std::fmt::Display| StageError::Failed(error.to_string());
        let mut predictions = Predictions {
            rows: Vec::new(),
            folds: self.classifiers.len(),
            kept_variance: Vec::new(),
            components: Vec::new(),
        };
        for (number, (reduction, classifier)) in self.reductions.iter().zip(&self.classifiers).enumerate() {
            context.check_cancelled()?;
            let (reduction, classifier) = (context.get(reduction)?, classifier.get(context)?);
            let fold = split.fold(number).map_err(|error| failed(&error))?;
            let kept = reduction.count(self.components)?;
            let scores = reduction.scores(self.components)?;
            let scores = fold.test_rows(scores).map_err(|error| failed(&error))?;
            let scores = classifier.scale.apply(scores.get().view()).map_err(|error| failed(&error))?;
            let values = classifier.svm.decision_values(scores.view()).map_err(|error| failed(&error))?;
            let predicted = classifier.svm.predict(values.view());
            for ((&at, predicted), values) in fold.test().iter().zip(predicted).zip(values.rows()) {
                let mut scores = [None; 8];
                for (class, value) in classifier.svm.classes.iter().zip(values) {
                    scores[class.index()] = Some(*value);
                }
                let image = &manifest.images[at];
                predictions.rows.push(Prediction {
                    image: image.path.clone(),
                    group: split.groups()[at].clone(),
                    fold: number as u32,
                    label: image.label,
                    predicted,
                    scores,
                });
            }
            let explained = reduction.spectrum.explained_variance_ratio.iter().take(kept);
            // Rounding must not make more than all of it.
            predictions.kept_variance.push(explained.sum::<f64>().min(1.0));
            predictions.components.push(kept);
        }
        Ok(predictions)
    }
}
