//! One class against the others along penalties, each fit from what is known to be near.

use ndarray::ArrayView2;

use super::interior_point::{self, Design, Problem, Warm};
use super::model::Hyperplane;
use super::{Binary, SvmError, Unsolved, linfa};
use crate::types::Emotion;

/// Where fits to more columns of the same samples may start: what was found for fewer.
#[derive(Debug, Default)]
pub struct Starts(Vec<Start>);

#[derive(Debug)]
struct Start {
    class: Emotion,
    c: f64,
    /// Multipliers as shares of their penalties, `[n]`.
    shares: Vec<f64>,
}

impl Starts {
    /// Those of all classes.
    pub(super) fn of_classes(classes: Vec<Self>) -> Self {
        Self(classes.into_iter().flat_map(|starts| starts.0).collect())
    }

    fn of(&self, class: Emotion, c: f64, samples: usize) -> Option<&[f64]> {
        let own = self.0.iter().find(|start| start.class == class && start.c.total_cmp(&c).is_eq());
        own.map(|start| start.shares.as_slice()).filter(|shares| shares.len() == samples)
    }
}

/// By penalty, the plane or why there is none.
pub(super) type Planes = Vec<Result<Hyperplane, SvmError>>;

/// A class against the others.
pub(super) struct Along<'a> {
    pub class: Emotion,
    /// Whether a row belongs to the class.
    pub positive: Vec<bool>,
    /// How much more the class's samples cost.
    pub weight: f64,
    /// `[n, k]`.
    pub scores: ArrayView2<'a, f64>,
    /// Where the interior point solves it.
    pub design: Option<&'a Design<'a>>,
    /// Where linfa stops.
    pub epsilon: f64,
    /// Found for fewer columns.
    pub known: &'a Starts,
}

impl Along<'_> {
    /// At each of some penalties, in order.
    pub fn solve(&self, penalties: &[f64]) -> (Planes, Starts) {
        let (mut warm, mut next) = (None, Starts::default());
        let solve = |&c: &f64| {
            let answer = match self.design {
                Some(design) => self.certified(design, c, &mut warm, &mut next),
                None => linfa::solve(&Binary {
                    scores: self.scores.reborrow(),
                    positive: &self.positive,
                    c_positive: c * self.weight,
                    c_negative: c,
                    epsilon: self.epsilon,
                }),
            };
            answer.map_err(|why| SvmError::unsolved(self.class, c, why))
        };
        (penalties.iter().map(solve).collect(), next)
    }

    /// From the same penalty of fewer columns, else from the last penalty.
    fn certified(
        &self,
        design: &Design<'_>,
        c: f64,
        warm: &mut Option<Warm>,
        next: &mut Starts,
    ) -> Result<Hyperplane, Unsolved> {
        let (class, positive) = (self.class, &self.positive);
        let problem = Problem { positive, c_positive: c * self.weight, c_negative: c };
        let shares = self.known.of(class, c, positive.len());
        let near = shares.and_then(|shares| interior_point::solve_from(design, &problem, shares));
        let found = if let Some(found) = near {
            found
        } else {
            let (found, left) = interior_point::solve(design, &problem, warm.as_ref())?;
            *warm = Some(left);
            found
        };
        next.0.push(Start { class, c, shares: found.shares(&problem) });
        Ok(Hyperplane::from(found))
    }
}
