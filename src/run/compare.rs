//! The support vector machines of an experiment, fitted with both solvers.

use super::{Outcome, RunError};
use crate::plan::{FitInputs, Plan};
use crate::solvers::svm::{Comparison, SvmParameters, compare};
use crate::stage::{Artifact, Cancel, Handle, StageError};
use crate::stages::svm::{PenaltyOf, training_scores};
use crate::store::Store;

/// A problem of a plan, solved twice.
#[derive(Clone, Debug)]
pub struct ProblemComparison {
    /// The method's name.
    pub method: String,
    /// The fold, from 0.
    pub fold: usize,
    /// Penalty C.
    pub c: f64,
    /// What came out.
    pub comparison: Comparison,
}

/// Fits every fold's machines of every method with the interior point and with linfa-svm, one problem at a time; what
/// they are fitted on is computed.
///
/// # Errors
/// A stored result that cannot be read, samples that no solver takes, or the wish to stop.
pub fn compare_solvers(
    plan: &Plan,
    store: &Store,
    outcome: &Outcome,
    cancel: &Cancel,
    mut done: impl FnMut(ProblemComparison),
) -> Result<(), RunError> {
    for inputs in &plan.fits {
        let FitInputs { method, fold, .. } = inputs;
        let stage = || format!("check-solvers {method} fold {fold}");
        let at = |source: StageError| RunError::Stage { stage: stage(), source };
        if cancel.is_raised() {
            return Err(at(StageError::Cancelled));
        }
        let reader = Reader { store, outcome };
        let manifest = reader.read(inputs.manifest)?;
        let (split, reduction) = (reader.read(inputs.split)?, reader.read(inputs.reduction)?);
        let scores = reduction.scores(inputs.components).map_err(at)?;
        let data = training_scores(&split, *fold, scores, &manifest, inputs.scale).map_err(at)?;
        let c = match inputs.c {
            PenaltyOf::Experiment(c) => c,
            PenaltyOf::Selection(selection) => reader.read(selection)?.c,
        };
        let parameters = SvmParameters { c, class_weight: inputs.class_weight, ..SvmParameters::default() };
        let hear =
            |comparison| done(ProblemComparison { method: method.clone(), fold: *fold, c, comparison });
        compare(&data.scores, &data.labels, &parameters, hear)
            .map_err(|error| at(StageError::Failed(error.to_string())))?;
    }
    Ok(())
}

struct Reader<'a> {
    store: &'a Store,
    outcome: &'a Outcome,
}

impl Reader<'_> {
    fn read<T: Artifact>(&self, handle: Handle<T>) -> Result<T, RunError> {
        let damaged = |reason: String| RunError::Stage {
            stage: "check-solvers".to_owned(),
            source: StageError::DamagedInput { key: handle.key(), reason },
        };
        let run = self.outcome.stages.iter().find(|run| run.record.key == handle.key());
        let run = run.ok_or_else(|| damaged("it was not computed".to_owned()))?;
        let mut files = crate::stage::Files::new();
        for (name, blob) in &run.record.files {
            files.insert(name.clone(), self.store.read_blob(blob)?);
        }
        T::load(&files).map_err(|error| damaged(error.to_string()))
    }
}
