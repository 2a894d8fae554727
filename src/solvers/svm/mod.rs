//! One-against-all linear support vector machines with class weights.
//!
//! For each class a binary C-SVC separates it from all others:
//!
//! ```text
//! minimise  |w|^2 / 2 + sum over i of C_i max(0, 1 - y_i (w x_i + b)),   b unpenalised
//! C_i = C * weight  for samples of the class,  C_i = C  for all others
//! ```
//!
//! With [`ClassWeight::Balanced`] the weight is `N_other / N_class`, so both sides weigh the same and the
//! per-class true positive rate is not sold for accuracy. A sample goes to the class of the largest decision
//! value `w x + b`; the first class wins a tie. Signs and scale are LIBSVM's with the class labelled `+1`.
//!
//! The answer is unique but for the bias, where no sample lies on the margin: then its interval's middle.
//! Source: Chang and Lin, *LIBSVM*, ACM TIST 2(3), 2011.

mod along;
mod compare;
mod error;
pub mod interior_point;
mod linfa;
mod model;
mod report;

use ndarray::ArrayView2;
use serde::Serialize;

pub use along::Starts;
pub use compare::{Comparison, Solved, compare};
pub use error::SvmError;
pub use model::{Incomplete, ModelPath, OneVsAllModel};
pub use report::{FAR, FitReport, FitTotals};

/// Which algorithm solves the binary problems.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SvmSolver {
    /// Our interior point: the optimum, with a certificate.
    #[default]
    InteriorPoint,
    /// linfa-svm's sequential minimal optimisation, to within a tolerance; far slower.
    Linfa,
}

/// How much more an error on a sample of the class costs than one on the others, per binary problem.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClassWeight {
    /// `N_other / N_class`.
    #[default]
    Balanced,
    /// 1 for every class.
    None,
    /// Explicit numbers by [`Emotion::index`](crate::types::Emotion::index); `None` stands for 1.
    PerClass([Option<f64>; 8]),
}

/// Settings of a fit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SvmParameters {
    /// The penalty C, above 0.
    pub c: f64,
    /// The weights of the classes.
    pub class_weight: ClassWeight,
    /// Largest violation of the optimality conditions at which [`SvmSolver::Linfa`] stops, above 0; LIBSVM's
    /// default is 1e-3, and decision values then agree with the optimum to about that.
    pub epsilon: f64,
    /// The solver.
    pub solver: SvmSolver,
}

impl Default for SvmParameters {
    fn default() -> Self {
        Self { c: 1.0, class_weight: ClassWeight::default(), epsilon: 1e-3, solver: SvmSolver::default() }
    }
}

/// One class against the others.
struct Binary<'a> {
    /// Scores, `[n, k]`, finite.
    scores: ArrayView2<'a, f64>,
    /// Whether a row belongs to the class; both occur.
    positive: &'a [bool],
    /// Penalty of the class's samples.
    c_positive: f64,
    /// Penalty of the others.
    c_negative: f64,
    /// Stopping tolerance of linfa.
    epsilon: f64,
}

/// Why there is no answer to a binary problem.
#[derive(Debug)]
enum Unsolved {
    /// The objectives are this far apart, relatively, and do not come closer.
    Gap { gap: f64, iterations: usize },
    /// The conditions of the optimum do not hold.
    NotConverged(String),
    /// C times the squared size of the scores is too small, or too large.
    Range { size: f64, is_small: bool },
    /// Anything else.
    Failed(String),
}
