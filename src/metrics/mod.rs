//! What predictions are worth: one metric per file, all of them functions of the confusion matrix.
//!
//! A rate over no samples is `None`, never 0 and never not-a-number.

mod accuracy;
mod confusion;
mod evaluation;
mod mean_true_positive_rate;
mod true_positive_rate;

pub use accuracy::accuracy;
pub use confusion::ConfusionMatrix;
pub use evaluation::{Evaluation, EvaluationError};
pub use mean_true_positive_rate::mean_true_positive_rate;
pub use true_positive_rate::true_positive_rate;

#[cfg(test)]
mod tests;
