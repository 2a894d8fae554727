//! What an experiment found, in numbers: for the terminal, `run.json` and whoever reads them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::evaluate::Predictions;
use super::leakage::LeakageCounts;
use crate::figures::fit_tables::FitRow;
use crate::figures::repeat_table::spreads;
use crate::figures::tables::MethodEvaluation;
use crate::metrics::measures::{Estimate, Measure, Measures};
use crate::metrics::{Evaluation, Interval, Spread, accuracy, mean_true_positive_rate, true_positive_rate};
use crate::solvers::svm::FitTotals;
use crate::stage::StageError;
use crate::types::Emotion;

/// What an experiment found, in numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Said in every place where the numbers are shown, when drawings stand in for the data set.
    pub stand_in: Option<String>,
    /// Usable images per emotion.
    pub images: [usize; 8],
    /// Images per emotion that each repetition tests: fewer than there are in a holdout.
    #[serde(default)]
    pub tested: [usize; 8],
    /// Emotions with too few images, and how many each has.
    pub left_out: BTreeMap<Emotion, usize>,
    /// Bad images left out.
    pub skipped: usize,
    /// Duplicates on both sides of the split, and what became of them; `None` where no image was read.
    pub leakage: Option<LeakageCounts>,
    /// How often the cross validation was repeated.
    pub repeats: usize,
    /// What must be known to read the numbers.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// One per method.
    pub methods: Vec<MethodSummary>,
}

/// One method's pooled rates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MethodSummary {
    /// Its label.
    pub name: String,
    /// True positive rate per emotion; `None` for one left out.
    pub true_positive_rate: [Option<f64>; 8],
    /// Wilson interval of each of those rates.
    pub true_positive_rate_interval: [Option<Interval>; 8],
    /// Mean over the emotions present.
    pub mean_true_positive_rate: Option<f64>,
    /// Its interval, from a bootstrap over groups.
    pub mean_true_positive_rate_interval: Option<Interval>,
    /// Share of all test images.
    pub accuracy: Option<f64>,
    /// Its interval, from a bootstrap over groups.
    pub accuracy_interval: Option<Interval>,
    /// These two and further measures by name, each with its interval.
    pub measures: BTreeMap<String, Estimate>,
    /// How much rates change between repetitions, by emotion or measure; empty for a single one.
    pub spread: BTreeMap<String, Spread>,
    /// Share of the variance that the components keep, mean over folds; this and what follows is of SVMs only.
    pub kept_variance: Option<f64>,
    /// Number of components, fewest and most of a fold.
    pub components: Option<[usize; 2]>,
    /// Penalty C, smallest and largest of a fold.
    pub c: Option<[f64; 2]>,
    /// Largest relative gap of a fit.
    pub largest_gap: Option<f64>,
}

impl MethodSummary {
    /// Of the answers of all repetitions.
    pub(super) fn of(
        method: &MethodEvaluation,
        repeats: &[Arc<Predictions>],
        measures: &Measures,
        fits: &[FitRow],
    ) -> Self {
        let pooled = method.evaluation.pooled();
        let interval = |measure: Measure| measures.get(measure).map(|estimate| estimate.interval);
        let components = || repeats.iter().flat_map(|repeat| repeat.components.iter().copied());
        let kept: Vec<f64> = repeats.iter().flat_map(|repeat| repeat.kept_variance.iter().copied()).collect();
        let c = || fits.iter().map(|row| row.c);
        Self {
            name: method.name.clone(),
            true_positive_rate: true_positive_rate(&pooled),
            true_positive_rate_interval: measures.true_positive_rate,
            mean_true_positive_rate: mean_true_positive_rate(&pooled),
            mean_true_positive_rate_interval: interval(Measure::MeanTruePositiveRate),
            accuracy: accuracy(&pooled),
            accuracy_interval: interval(Measure::Accuracy),
            measures: by_name(measures),
            spread: spreads(method, repeats.len())
                .into_iter()
                .map(|(name, spread)| (name.to_owned(), spread))
                .collect(),
            kept_variance: (!kept.is_empty()).then(|| kept.iter().sum::<f64>() / kept.len() as f64),
            components: components().min().zip(components().max()).map(|(least, most)| [least, most]),
            c: (!fits.is_empty()).then(|| [c().fold(f64::INFINITY, f64::min), c().fold(0.0, f64::max)]),
            largest_gap: (!fits.is_empty())
                .then(|| FitTotals::of(fits.iter().map(|row| &row.fit)).largest_gap),
        }
    }
}

/// The confusion matrices of all folds of all repetitions.
pub(super) fn evaluation_of(repeats: &[Arc<Predictions>]) -> Result<Evaluation, StageError> {
    let mut folds = Vec::new();
    for repeat in repeats {
        folds.extend(repeat.evaluation()?.folds);
    }
    Ok(Evaluation { folds })
}

/// Measures by name, without those that have no value.
fn by_name(measures: &Measures) -> BTreeMap<String, Estimate> {
    let named = |measure: Measure| Some((measure.name().to_owned(), measures.get(measure)?));
    Measure::ALL.into_iter().filter_map(named).collect()
}
