//! `[sweep]`: one experiment at many points of a grid of settings.
//!
//! ```toml
//! [sweep]
//! "pca.components" = [5, 10, 20]                                  # an axis: a setting and its values
//! "svm.c" = { from = 0.01, to = 100, steps = 5, scale = "log" }   # or { from = 1, to = 9, step = 2 }
//! "method.network" = ["efficientnet-lite0", "resnet18"]           # of every method that has the setting
//! seed = [1, 2, 3]                                                # short for "experiment.seed"
//! zip = ["pca.components", "svm.c"]                               # axes that move together
//! exclude = [{ seed = 3, "pca.components" = [5, 10] }]            # points left out
//! select = "inner-cv"                                             # how the best point is chosen
//! inner_folds = 5
//! ```
//!
//! A point is the experiment with the point's values laid over it, and is resolved and checked as such, each of
//! them, before anything runs. Points that resolve to the same settings are one point.

mod axis;
mod grid;
mod resolve;

use super::experiment::Experiment;
use super::setting::Shown;

pub(super) use resolve::{declare, points, schema};

/// A checked sweep.
#[derive(Clone, Debug)]
pub struct Sweep {
    /// What is varied, in the order of the file.
    pub axes: Vec<Axis>,
    /// Axes that move together, as positions in `axes`; an axis of its own is a group of one.
    pub dimensions: Vec<Vec<usize>>,
    /// Every point, the last dimension moving fastest.
    pub points: Vec<Point>,
    /// Folds of the cross validation inside the training images that chooses the best point; none chooses nothing.
    pub inner_folds: Option<usize>,
}

/// A setting and the values that it takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// Dotted path of the setting: `pca.components`.
    pub path: String,
    /// Its values, in the order given.
    pub values: Vec<Shown>,
    /// Whether they are spaced evenly in their logarithm, as said by the file.
    pub is_log: bool,
}

/// An experiment at one point.
#[derive(Clone, Debug)]
pub struct Point {
    /// Its value on each axis.
    pub values: Vec<Shown>,
    /// What runs.
    pub experiment: Experiment,
}

impl Sweep {
    /// What a person reads: `pca.components = 5, svm.c = 1.0`.
    pub fn label(&self, point: &Point) -> String {
        label(self.axes.iter().map(|axis| axis.path.as_str()).zip(&point.values))
    }
}

fn label<'a>(values: impl Iterator<Item = (&'a str, &'a Shown)>) -> String {
    values.map(|(path, value)| format!("{path} = {value}")).collect::<Vec<_>>().join(", ")
}
