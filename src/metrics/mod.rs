//! What predictions are worth: one metric per file.
//!
//! Rates are functions of the confusion matrix; [`measures`] puts an interval around each, [`comparison`] sets two
//! methods against each other. A rate over no samples is `None`, never 0 and never not-a-number.

mod accuracy;
pub mod bootstrap;
pub mod calibration;
mod cohen_kappa;
pub mod comparison;
mod confusion;
mod evaluation;
mod groups;
mod holm;
mod interval;
mod macro_f1;
mod mcnemar;
mod mean_true_positive_rate;
pub mod measures;
mod platt;
mod spread;
mod top_2;
mod true_positive_rate;
mod two_group_accuracy;
mod wilson;

pub use accuracy::accuracy;
pub use cohen_kappa::cohen_kappa;
pub use confusion::ConfusionMatrix;
pub use evaluation::{Evaluation, EvaluationError};
pub use groups::Groups;
pub use holm::holm;
pub use interval::{Interval, LEVEL};
pub use macro_f1::macro_f1;
pub use mcnemar::mcnemar;
pub use mean_true_positive_rate::mean_true_positive_rate;
pub use platt::Sigmoid;
pub use spread::Spread;
pub use top_2::is_in_top_2;
pub use true_positive_rate::true_positive_rate;
pub use two_group_accuracy::two_group_accuracy;
pub use wilson::wilson;

#[cfg(test)]
mod oracle_tests;
#[cfg(test)]
mod tests;
