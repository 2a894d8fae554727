//! What is fitted: principal components, the scale of their scores, support vector machines, and maps to look at.
//!
//! Plain functions on arrays; rows are samples. Each problem has an enum of solvers matched in one place, so
//! that another solver is one file and one variant. A fit takes [`Train`](crate::split::Train) data only.
//! Not converged, constant, or not-a-number is an error, never a number.

pub mod pca;
pub mod scale;
pub mod svm;
pub mod tsne;

#[cfg(test)]
mod oracle_tests;
#[cfg(test)]
mod reference_tests;
