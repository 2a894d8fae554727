//! What is fitted: principal components, the scale of their scores, support vector machines, and maps to look at.
//!
//! Plain functions on arrays; rows are samples. Each problem has an enum of solvers matched in one place, so
//! that another solver is one file and one variant. A fit takes [`Train`](crate::split::Train) data only.
//! Not converged, constant, or not-a-number is an error, never a number.

pub mod pca;
pub mod scale;
pub mod svm;
pub mod tsne;

/// The power of 2 next below a number above 0; 1 for 0, and for what is no normal number. Dividing by it rounds nothing that is
/// not far smaller.
fn power_of_2(value: f64) -> f64 {
    if value.is_normal() { 2.0f64.powi(value.log2().floor() as i32) } else { 1.0 }
}

#[cfg(test)]
mod oracle_tests;
#[cfg(test)]
mod reference_tests;
