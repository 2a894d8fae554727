//! Which image is trained on and which is tested: k-fold and hold-out splits as pure functions.
//!
//! Invariants: every sample gets exactly one place; with `grouped` all samples of a group share it; the
//! answer depends on names, labels and the seed, never on the order of the rows, the platform or the number
//! of threads. There is no random number generator: the random order is the order of keyed blake3 hashes.
//!
//! [`Fold`] turns a split into row selections whose training and test sides are different types, so that
//! a model cannot be fitted on test data by mistake.

mod assign;
mod error;
mod fold;
mod holdout;
mod k_fold;
mod merge;
mod units;

pub use error::SplitError;
pub use fold::{Fold, Test, Train};
pub use holdout::{Fractions, Part, holdout};
pub use k_fold::k_fold;
pub use merge::merge;

#[cfg(test)]
mod tests;
