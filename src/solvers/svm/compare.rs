//! The interior point against linfa-svm on the same problems.

use std::time::Instant;

use ndarray::Array2;

use super::interior_point::{self, Design, Problem};
use super::model::{Hyperplane, check, weight};
use super::{Binary, FitReport, SvmError, SvmParameters, linfa};
use crate::split::Train;
use crate::types::Emotion;

/// One class's problem, solved twice.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// The class told from all others.
    pub class: Emotion,
    /// Number of samples.
    pub samples: usize,
    /// The interior point.
    pub interior_point: Solved,
    /// linfa-svm.
    pub linfa: Solved,
    /// Largest difference of two decision values of a sample, where both have an answer.
    pub largest_difference: Option<f64>,
}

/// A solver's answer and what it took.
#[derive(Clone, Debug)]
pub struct Solved {
    /// How the fit went, or why there is none.
    pub fit: Result<FitReport, SvmError>,
    /// Time in seconds, on one thread.
    pub seconds: f64,
}

/// Solves the problem of every class with both solvers, one after the other; `done` hears of each.
///
/// # Errors
/// Samples or settings that no solver takes.
pub fn compare(
    train: &Train<Array2<f64>>,
    labels: &Train<Vec<Emotion>>,
    parameters: &SvmParameters,
    mut done: impl FnMut(Comparison),
) -> Result<(), SvmError> {
    let (scores, labels, c) = (train.get(), labels.get(), parameters.c);
    for class in check(scores, labels, parameters, &[c])? {
        let positive: Vec<bool> = labels.iter().map(|label| *label == class).collect();
        let weight = weight(parameters.class_weight, class, &positive);
        let (c_positive, c_negative) = (c * weight, c);
        let start = Instant::now();
        let design = Design::new(scores.view());
        let problem = Problem { positive: &positive, c_positive, c_negative };
        let own = interior_point::solve(&design, &problem, None).map(|(found, _)| Hyperplane::from(found));
        let own_seconds = start.elapsed().as_secs_f64();
        let start = Instant::now();
        let epsilon = parameters.epsilon;
        let problem = Binary { scores: scores.view(), positive: &positive, c_positive, c_negative, epsilon };
        let other = linfa::solve(&problem);
        let other_seconds = start.elapsed().as_secs_f64();
        let largest_difference = own.as_ref().ok().zip(other.as_ref().ok()).map(|(own, other)| {
            let weights = &own.weights - &other.weights;
            let differences = scores.dot(&weights) + (own.bias - other.bias);
            differences.iter().fold(0.0f64, |largest, difference| largest.max(difference.abs()))
        });
        let solved = |answer: Result<Hyperplane, _>, seconds| Solved {
            fit: answer.map(|plane| plane.fit).map_err(|why| SvmError::unsolved(class, c, why)),
            seconds,
        };
        done(Comparison {
            class,
            samples: scores.nrows(),
            interior_point: solved(own, own_seconds),
            linfa: solved(other, other_seconds),
            largest_difference,
        });
    }
    Ok(())
}
