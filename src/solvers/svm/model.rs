//! A fit of all classes.

use ndarray::{Array1, Array2, ArrayView2, Axis};
use rayon::prelude::*;

use super::along::{Along, Planes, Starts};
use super::interior_point::{self, Design, Double};
use super::{ClassWeight, FitReport, SvmError, SvmParameters, SvmSolver};
use crate::split::Train;
use crate::types::Emotion;

/// One linear decision function per class.
#[derive(Clone, Debug, PartialEq)]
pub struct OneVsAllModel {
    /// The `m` classes seen in training, in the paper's order.
    pub classes: Vec<Emotion>,
    /// `w` of each class, `[m, k]`.
    pub weights: Array2<f64>,
    /// `b` of each class, `[m]`.
    pub bias: Array1<f64>,
    /// How the fit of each class went, `[m]`.
    pub fits: Vec<FitReport>,
}

/// Why there is no model at a penalty, and how the fits of the classes that have a plane there went.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{error}")]
pub struct Incomplete {
    /// Of the first class that has none.
    pub error: SvmError,
    /// Those of the others.
    pub fits: Vec<(Emotion, FitReport)>,
}

/// A model of each penalty, or why there is none.
pub type ModelPath = Vec<Result<OneVsAllModel, Incomplete>>;

/// The answer to a binary problem.
pub(super) struct Hyperplane {
    /// `w`, `[k]`.
    pub weights: Array1<f64>,
    /// `b`.
    pub bias: f64,
    /// How the fit went.
    pub fit: FitReport,
}

/// What rounding may take from a decision value. Where it could be more, far from 0, twice the digits are computed.
const DIGITS_LOST: f64 = 1e-9;

impl OneVsAllModel {
    /// Fits one problem per class present in `labels` to scores `[n, k]`; problems run in parallel, and the
    /// answer does not depend on the number of threads.
    ///
    /// # Errors
    /// No samples or only one class, a score that is not finite, a setting out of range, or a problem that
    /// does not converge.
    pub fn fit(
        train: &Train<Array2<f64>>,
        labels: &Train<Vec<Emotion>>,
        parameters: &SvmParameters,
    ) -> Result<Self, SvmError> {
        Self::fit_after(train, labels, parameters, &mut Starts::default())
    }

    /// As [`fit`](Self::fit), from what was found for the first few of the columns ([`fit_path_after`](Self::fit_path_after)).
    ///
    /// # Errors
    /// As [`fit`](Self::fit).
    pub fn fit_after(
        train: &Train<Array2<f64>>,
        labels: &Train<Vec<Emotion>>,
        parameters: &SvmParameters,
        starts: &mut Starts,
    ) -> Result<Self, SvmError> {
        let models = Self::fit_path_after(train, labels, parameters, &[parameters.c], starts)?;
        models.into_iter().next().ok_or(SvmError::NoPenalty)?.map_err(|incomplete| incomplete.error)
    }

    /// As [`fit`](Self::fit), for several penalties C in place of the parameters' own: for each a model, or why there is
    /// none. The interior point starts each where the last one came from, so ascending penalties are cheapest.
    ///
    /// # Errors
    /// As [`fit`](Self::fit), but for a problem that does not converge.
    pub fn fit_path(
        train: &Train<Array2<f64>>,
        labels: &Train<Vec<Emotion>>,
        parameters: &SvmParameters,
        penalties: &[f64],
    ) -> Result<ModelPath, SvmError> {
        Self::fit_path_after(train, labels, parameters, penalties, &mut Starts::default())
    }

    /// As [`fit_path`](Self::fit_path), from what was found for the first few of the columns, where that is known and nearer; then
    /// what is found here is known. Ascending numbers of columns are cheapest.
    ///
    /// # Errors
    /// As [`fit_path`](Self::fit_path).
    pub fn fit_path_after(
        train: &Train<Array2<f64>>,
        labels: &Train<Vec<Emotion>>,
        parameters: &SvmParameters,
        penalties: &[f64],
        starts: &mut Starts,
    ) -> Result<ModelPath, SvmError> {
        let (scores, labels) = (train.get(), labels.get());
        let classes = check(scores, labels, parameters, penalties)?;
        let design = (parameters.solver == SvmSolver::InteriorPoint).then(|| Design::new(scores.view()));
        let known = &*starts;
        let (planes, next): (Vec<Planes>, Vec<Starts>) = classes
            .par_iter()
            .map(|&class| {
                let positive: Vec<bool> = labels.iter().map(|label| *label == class).collect();
                let weight = weight(parameters.class_weight, class, &positive);
                let (scores, design, epsilon) = (scores.view(), design.as_ref(), parameters.epsilon);
                Along { class, positive, weight, scores, design, epsilon, known }.solve(penalties)
            })
            .unzip();
        *starts = Starts::of_classes(next);
        let mut by_class: Vec<_> = planes.into_iter().map(Vec::into_iter).collect();
        let width = scores.ncols();
        let of_penalty = |_: &f64| {
            let planes = by_class.iter_mut().filter_map(Iterator::next).collect();
            Self::of(&classes, width, planes)
        };
        Ok(penalties.iter().map(of_penalty).collect())
    }

    fn of(classes: &[Emotion], width: usize, planes: Planes) -> Result<Self, Incomplete> {
        if let Some(error) = planes.iter().find_map(|plane| plane.as_ref().err()).cloned() {
            let fits = classes.iter().zip(planes);
            let fits = fits.filter_map(|(class, plane)| Some((*class, plane.ok()?.fit))).collect();
            return Err(Incomplete { error, fits });
        }
        let planes: Vec<Hyperplane> = planes.into_iter().flatten().collect();
        let mut weights = Array2::zeros((classes.len(), width));
        for (mut row, plane) in weights.rows_mut().into_iter().zip(&planes) {
            row.assign(&plane.weights);
        }
        Ok(Self {
            classes: classes.to_vec(),
            weights,
            bias: planes.iter().map(|plane| plane.bias).collect(),
            fits: planes.into_iter().map(|plane| plane.fit).collect(),
        })
    }

    /// Decision values `[n, m]` of scores `[n, k]`, one column per entry of [`classes`](Self::classes).
    ///
    /// # Errors
    /// Scores with another number of columns than the model was fitted on.
    pub fn decision_values(&self, scores: ArrayView2<'_, f64>) -> Result<Array2<f64>, SvmError> {
        let (expected, found) = (self.weights.ncols(), scores.ncols());
        if expected != found {
            return Err(SvmError::Components { expected, found });
        }
        let largest = |of: ArrayView2<'_, f64>| of.iter().fold(0.0f64, |most, value| most.max(value.abs()));
        let lost = f64::EPSILON * found as f64 * largest(scores) * largest(self.weights.view());
        if lost <= DIGITS_LOST {
            return Ok(scores.dot(&self.weights.t()) + &self.bias);
        }
        let value = |(row, class): (usize, usize)| {
            let products = scores.row(row).into_iter().zip(self.weights.row(class));
            Double::product(products).plus(self.bias[class]).round()
        };
        Ok(Array2::from_shape_fn((scores.nrows(), self.bias.len()), value))
    }

    /// The class of the largest decision value of each row `[n, m]`; the first class wins a tie.
    pub fn predict(&self, decision_values: ArrayView2<'_, f64>) -> Vec<Emotion> {
        decision_values
            .axis_iter(Axis(0))
            .filter_map(|row| {
                let mut best: Option<(f64, Emotion)> = None;
                for (&value, &class) in row.iter().zip(&self.classes) {
                    if best.is_none_or(|(largest, _)| value > largest) {
                        best = Some((value, class));
                    }
                }
                best.map(|(_, class)| class)
            })
            .collect()
    }
}

impl From<interior_point::Certificate> for Hyperplane {
    fn from(found: interior_point::Certificate) -> Self {
        let interior_point::Certificate { weights, bias, primal, dual, support_vectors, iterations, .. } =
            found;
        Self { weights, bias, fit: FitReport { primal, dual, support_vectors, iterations } }
    }
}

/// The classes present, once everything is known to be in range.
pub(super) fn check(
    scores: &Array2<f64>,
    labels: &[Emotion],
    parameters: &SvmParameters,
    penalties: &[f64],
) -> Result<Vec<Emotion>, SvmError> {
    let above_zero = |value: f64| value.is_finite() && value > 0.0;
    if let Some(&c) = penalties.iter().find(|c| !above_zero(**c)) {
        return Err(SvmError::Penalty { c });
    }
    if !above_zero(parameters.epsilon) {
        return Err(SvmError::Epsilon { epsilon: parameters.epsilon });
    }
    if let ClassWeight::PerClass(weights) = parameters.class_weight {
        for (class, weight) in Emotion::ALL.into_iter().zip(weights) {
            if let Some(weight) = weight.filter(|weight| !above_zero(*weight)) {
                return Err(SvmError::Weight { class, weight });
            }
        }
    }
    if scores.nrows() != labels.len() {
        return Err(SvmError::Lengths { scores: scores.nrows(), labels: labels.len() });
    }
    if let Some(((row, column), _)) = scores.indexed_iter().find(|(_, value)| !value.is_finite()) {
        return Err(SvmError::NotFinite { row, column });
    }
    let classes: Vec<Emotion> = Emotion::ALL.into_iter().filter(|class| labels.contains(class)).collect();
    match classes.as_slice() {
        [] => Err(SvmError::Empty),
        [class] => Err(SvmError::OneClass { class: *class }),
        _ => Ok(classes),
    }
}

/// How much more the class's samples cost than the others.
pub(super) fn weight(class_weight: ClassWeight, class: Emotion, positive: &[bool]) -> f64 {
    match class_weight {
        ClassWeight::Balanced => {
            let of_class = positive.iter().filter(|positive| **positive).count();
            (positive.len() - of_class) as f64 / of_class as f64
        }
        ClassWeight::None => 1.0,
        ClassWeight::PerClass(weights) => weights[class.index()].unwrap_or(1.0),
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::split::Fold;

    const CLASSES: [Emotion; 3] = [Emotion::Awe, Emotion::Fear, Emotion::Sadness];

    /// Three separable classes of three samples; the last row is test data.
    fn sample() -> (Train<Array2<f64>>, Train<Vec<Emotion>>) {
        let corners = array![[2.0, 0.0], [-1.0, 2.0], [-1.0, -2.0]];
        let rows = Array2::from_shape_fn((10, 2), |(i, j)| corners[[i % 3, j]] + 0.1 * (i / 3) as f64);
        let labels: Vec<Emotion> = (0..10).map(|i| CLASSES[i % 3]).collect();
        sides(&rows, &labels)
    }

    fn sides(rows: &Array2<f64>, labels: &[Emotion]) -> (Train<Array2<f64>>, Train<Vec<Emotion>>) {
        let fold_of: Vec<_> = (1..=labels.len()).map(|row| Some(u32::from(row == labels.len()))).collect();
        let fold = Fold::of_k_fold(&fold_of, 1).unwrap();
        (fold.train_rows(rows.view()).unwrap(), fold.train_of(labels).unwrap())
    }

    #[test]
    fn separable_classes_are_separated_and_absent_ones_have_no_column() {
        let (scores, labels) = sample();
        let model = OneVsAllModel::fit(&scores, &labels, &SvmParameters::default()).unwrap();
        assert_eq!(model.classes, CLASSES);
        let values = model.decision_values(scores.get().view()).unwrap();
        assert_eq!(values.dim(), (9, 3));
        assert_eq!(&model.predict(values.view()), labels.get());
        let error = model.decision_values(array![[1.0]].view()).unwrap_err();
        assert_eq!(error, SvmError::Components { expected: 2, found: 1 });
    }

    #[test]
    fn the_first_class_wins_a_tie() {
        let (scores, labels) = sample();
        let model = OneVsAllModel::fit(&scores, &labels, &SvmParameters::default()).unwrap();
        let tied = array![[0.5, 0.5, 0.5], [0.0, 1.0, 1.0]];
        assert_eq!(model.predict(tied.view()), [Emotion::Awe, Emotion::Fear]);
    }

    #[test]
    fn the_weight_is_on_the_class_and_not_on_the_others() {
        // One fear among eight sadness, not separable: only the weight makes the plane spare it.
        let rows = Array2::from_shape_fn((10, 1), |(i, _)| if i == 0 { 0.0 } else { i as f64 - 4.5 });
        let mut labels = vec![Emotion::Sadness; 10];
        labels[0] = Emotion::Fear;
        let (scores, labels) = sides(&rows, &labels);
        let value = |class_weight| {
            let parameters = SvmParameters { class_weight, ..SvmParameters::default() };
            let model = OneVsAllModel::fit(&scores, &labels, &parameters).unwrap();
            model.decision_values(array![[0.0]].view()).unwrap()[[0, 0]]
        };
        assert!(value(ClassWeight::None) < -0.5);
        let mut weights = [None; 8];
        weights[Emotion::Fear.index()] = Some(1000.0);
        assert!(value(ClassWeight::PerClass(weights)) > 0.9);
    }

    #[test]
    fn bad_input_is_an_error_that_names_it() {
        let (scores, labels) = sample();
        let with = |parameters: SvmParameters| OneVsAllModel::fit(&scores, &labels, &parameters).unwrap_err();
        let default = SvmParameters::default();
        assert_eq!(with(SvmParameters { c: 0.0, ..default }), SvmError::Penalty { c: 0.0 });
        assert!(matches!(with(SvmParameters { c: f64::NAN, ..default }), SvmError::Penalty { .. }));
        assert_eq!(with(SvmParameters { epsilon: -1.0, ..default }), SvmError::Epsilon { epsilon: -1.0 });
        let mut weights = [None; 8];
        weights[1] = Some(-2.0);
        let class_weight = ClassWeight::PerClass(weights);
        let negative = SvmError::Weight { class: Emotion::Anger, weight: -2.0 };
        assert_eq!(with(SvmParameters { class_weight, ..default }), negative);

        let one = labels.map(|labels| vec![Emotion::Awe; labels.len()]);
        let fit = |scores, labels| OneVsAllModel::fit(scores, labels, &default).unwrap_err();
        assert_eq!(fit(&scores, &one), SvmError::OneClass { class: Emotion::Awe });
        let short = labels.map(|labels| labels[1..].to_vec());
        assert_eq!(fit(&scores, &short), SvmError::Lengths { scores: 9, labels: 8 });
        let (none, no_labels) = (scores.map(|_| Array2::zeros((0, 2))), labels.map(|_| Vec::new()));
        assert_eq!(fit(&none, &no_labels), SvmError::Empty);
        let broken = scores.map(|scores| {
            let mut scores = scores.clone();
            scores[[4, 1]] = f64::NAN;
            scores
        });
        assert_eq!(fit(&broken, &labels), SvmError::NotFinite { row: 4, column: 1 });
    }

    #[test]
    fn a_penalty_that_cannot_be_fitted_leaves_the_others_of_its_path() {
        let (scores, labels) = sample();
        let penalties = [1.0, f64::MAX, 10.0];
        let path = OneVsAllModel::fit_path(&scores, &labels, &SvmParameters::default(), &penalties).unwrap();
        let [first, Err(error), last] = path.as_slice() else { panic!("{path:?}") };
        let Incomplete { error, fits } = error;
        assert!(matches!(error, SvmError::Range { class: Emotion::Awe, .. }), "{error}");
        assert!(error.hint().is_some_and(|hint| hint.contains("give a `c` near 1")));
        assert!(fits.is_empty(), "{fits:?}");
        for (model, c) in [(first, 1.0), (last, 10.0)] {
            let alone =
                OneVsAllModel::fit(&scores, &labels, &SvmParameters { c, ..Default::default() }).unwrap();
            for (a, b) in alone.weights.iter().zip(&model.as_ref().unwrap().weights) {
                assert!((a - b).abs() < 1e-6, "{a} and {b}");
            }
        }
        for (c, size) in [(f64::MAX, "more than"), (1e-320, "less than")] {
            let error = OneVsAllModel::fit(&scores, &labels, &SvmParameters { c, ..Default::default() });
            assert!(error.unwrap_err().to_string().contains(&format!("squared) is {size} 64 bits hold")));
        }
    }

    #[test]
    fn classes_that_have_a_plane_say_how_it_was_found_where_another_has_none() {
        let (scores, labels) = sample();
        let mut weights = [None; 8];
        weights[Emotion::Fear.index()] = Some(f64::MAX);
        let parameters = SvmParameters { class_weight: ClassWeight::PerClass(weights), ..Default::default() };
        let mut path = OneVsAllModel::fit_path(&scores, &labels, &parameters, &[10.0]).unwrap();
        let Incomplete { error, fits } = path.remove(0).unwrap_err();
        assert!(matches!(error, SvmError::Range { class: Emotion::Fear, .. }), "{error}");
        let classes: Vec<Emotion> = fits.iter().map(|(class, _)| *class).collect();
        assert_eq!(classes, [Emotion::Awe, Emotion::Sadness]);
        assert!(fits.iter().all(|(_, fit)| fit.gap() <= interior_point::GAP), "{fits:?}");
    }

    #[test]
    fn both_solvers_count_the_same_support_vectors() {
        // Overlapping, and no row depends on others: the multipliers are unique.
        let rows =
            Array2::from_shape_fn((61, 3), |(i, j)| ((i * i + 31 * j + i) as f64).sin() + (i % 3 * j) as f64);
        let labels: Vec<Emotion> = (0..61).map(|i| CLASSES[i % 3]).collect();
        let (scores, labels) = sides(&rows, &labels);
        for c in [0.01, 1.0, 10.0] {
            let counts = |solver| {
                let parameters = SvmParameters { c, epsilon: 1e-9, solver, ..SvmParameters::default() };
                let fits = OneVsAllModel::fit(&scores, &labels, &parameters).unwrap().fits;
                fits.iter().map(|fit| fit.support_vectors).collect::<Vec<_>>()
            };
            assert_eq!(counts(SvmSolver::InteriorPoint), counts(SvmSolver::Linfa), "{c}");
        }
    }

    #[test]
    fn equal_samples_of_two_classes_still_give_an_answer() {
        let rows = Array2::from_elem((10, 2), 1.0);
        let labels: Vec<Emotion> = (0..10).map(|i| CLASSES[i % 2]).collect();
        let (scores, labels) = sides(&rows, &labels);
        let model = OneVsAllModel::fit(&scores, &labels, &SvmParameters::default()).unwrap();
        // No plane tells them apart, so the shortest does best, and its bias is what the penalties make it.
        assert!(model.weights.iter().all(|weight| weight.abs() < 1e-12), "{}", model.weights);
        assert!(model.fits.iter().all(|fit| fit.gap() <= interior_point::GAP), "{:?}", model.fits);
        let values = model.decision_values(rows.view()).unwrap();
        assert!(
            values.iter().zip(model.bias.iter().cycle()).all(|(value, bias)| (value - bias).abs() < 1e-12)
        );
        assert!(model.bias.iter().all(|bias| bias.abs() <= 1.0), "{}", model.bias);
    }
}
