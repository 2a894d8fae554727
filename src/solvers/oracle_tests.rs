//! The solvers against LIBSVM and `NumPy`; `tests/fixtures/solvers/oracles.py` made the numbers.

use std::path::Path;

use ndarray::{Array1, Array2, ArrayView1, Axis, s};
use safetensors::SafeTensors;

use super::pca::{Keep, PcaModel, PcaSolver};
use super::svm::interior_point::GAP;
use super::svm::{ClassWeight, OneVsAllModel, SvmParameters, SvmSolver};
use crate::split::{Fold, Train};
use crate::types::Emotion;

const SETS: [&str; 8] =
    ["digits", "iris", "wine", "breast_cancer", "imbalanced", "one_positive", "even", "wide"];
const CASES: [(&str, f64, ClassWeight); 3] = [
    ("small", 0.01, ClassWeight::Balanced),
    ("one", 1.0, ClassWeight::Balanced),
    ("large", 100.0, ClassWeight::None),
];

struct Oracle(Vec<u8>);

impl Oracle {
    fn read(set: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/solvers/oracles");
        Self(std::fs::read(folder.join(format!("{set}.safetensors"))).unwrap())
    }

    fn matrix(&self, name: &str) -> Array2<f64> {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        let view = file.tensor(name).unwrap();
        let columns = view.shape().get(1).copied().unwrap_or(1);
        let values: Vec<f64> = match view.dtype() {
            safetensors::Dtype::F32 => {
                view.data().as_chunks::<4>().0.iter().map(|b| f64::from(f32::from_le_bytes(*b))).collect()
            }
            _ => view.data().as_chunks::<8>().0.iter().map(|b| f64::from_le_bytes(*b)).collect(),
        };
        Array2::from_shape_vec((view.shape()[0], columns), values).unwrap()
    }

    fn vector(&self, name: &str) -> Array1<f64> {
        self.matrix(name).column(0).to_owned()
    }

    /// As training data.
    fn train<A: Clone>(rows: &Array2<A>, first: A) -> Train<Array2<A>> {
        let mut all = rows.clone();
        all.push_row(Array1::from_elem(rows.ncols(), first).view()).unwrap();
        Self::fold(rows.nrows()).train_rows(all.view()).unwrap()
    }

    fn fold(rows: usize) -> Fold {
        Fold::of_k_fold(&(0..=rows).map(|row| Some(u32::from(row == rows))).collect::<Vec<_>>(), 1).unwrap()
    }

    fn labels(&self) -> Train<Vec<Emotion>> {
        let mut labels: Vec<Emotion> =
            self.vector("labels").iter().map(|label| Emotion::ALL[*label as usize]).collect();
        labels.push(Emotion::Amusement);
        Self::fold(labels.len() - 1).train_of(&labels).unwrap()
    }

    /// Centred, and divided by one number such that the mean squared norm is `d`.
    fn scores(&self) -> Array2<f64> {
        let rows = self.matrix("rows");
        let centred = &rows - &rows.mean_axis(Axis(0)).unwrap();
        let square = centred.iter().map(|value| value * value).sum::<f64>() / centred.len() as f64;
        centred / square.sqrt()
    }
}

/// The largest value and how far it is above the next.
fn argmax(row: ArrayView1<'_, f64>) -> (usize, f64) {
    let best = (0..row.len()).fold(0, |best, i| if row[i] > row[best] { i } else { best });
    let next = (0..row.len()).filter(|i| *i != best).map(|i| row[i]).fold(f64::NEG_INFINITY, f64::max);
    (best, row[best] - next)
}

#[test]
fn the_interior_point_is_at_libsvms_optimum_or_below() {
    for set in SETS {
        let oracle = Oracle::read(set);
        let scores = oracle.scores();
        for (case, c, class_weight) in CASES {
            let what = format!("{set} {case}");
            let parameters = SvmParameters { c, class_weight, ..SvmParameters::default() };
            let model =
                OneVsAllModel::fit(&Oracle::train(&scores, 0.0), &oracle.labels(), &parameters).unwrap();
            let expected = oracle.matrix(&format!("{case}.values"));
            let found = model.decision_values(scores.view()).unwrap();
            assert_eq!(found.dim(), expected.dim(), "{what}");
            let (primal, dual) =
                (oracle.vector(&format!("{case}.primal")), oracle.vector(&format!("{case}.dual")));
            let mut shifts = Array1::zeros(model.fits.len());
            for (k, fit) in model.fits.iter().enumerate() {
                assert!(fit.gap().abs() <= GAP, "{what}: gap {:e}", fit.gap());
                // To the digits that a gap far below the certified one leaves open.
                let rounding = 1e-9 * primal[k];
                assert!(fit.primal <= primal[k] + rounding, "{what}: {} above {}", fit.primal, primal[k]);
                assert!(fit.dual >= dual[k] - rounding, "{what}: {} below {}", fit.dual, dual[k]);
                // Where all multipliers are at a bound, an interval of biases is optimal. Its middle is LIBSVM's, too, unless
                // rounding leaves one of them inside its bounds (below).
                let (own, other) = (found.column(k), expected.column(k));
                let shift = (&own - &other).mean().unwrap();
                let both_optimal = primal[k] - fit.primal < 1e-9 * primal[k];
                let shift = if shift.abs() > 0.01 && both_optimal { shift } else { 0.0 };
                shifts[k] = shift;
                for (a, b) in own.iter().zip(other) {
                    // LIBSVM keeps its kernel in 32 bits, which shows in large values: at C = 100 its
                    // objectives stay 2e-6 apart whatever the tolerance.
                    assert!((a - b - shift).abs() < 1e-3 * b.abs().max(1.0), "{what}: {a} is not {b}");
                }
            }
            assert!(set == "one_positive" || shifts.iter().all(|shift| *shift == 0.0), "{what}: {shifts}");
            for (found, expected) in (&found - &shifts).rows().into_iter().zip(expected.rows()) {
                let (class, margin) = argmax(expected);
                assert!(margin < 2e-3 || argmax(found).0 == class, "{what}");
            }
        }
    }
}

#[test]
fn of_an_interval_of_biases_the_middle_is_libsvms() {
    let oracle = Oracle::read("even");
    let scores = oracle.scores();
    let parameters =
        SvmParameters { c: 1e-4, class_weight: ClassWeight::Balanced, ..SvmParameters::default() };
    let model = OneVsAllModel::fit(&Oracle::train(&scores, 0.0), &oracle.labels(), &parameters).unwrap();
    let (found, expected) = (model.decision_values(scores.view()).unwrap(), oracle.matrix("tiny.values"));
    assert!(model.fits.iter().all(|fit| fit.support_vectors == 32), "every multiplier is at its bound");
    assert!((&found - &expected).iter().all(|error| error.abs() < 1e-3), "{}", &found - &expected);
}

#[test]
fn linfa_is_near_libsvms_optimum() {
    let oracle = Oracle::read("iris");
    let scores = oracle.scores();
    let parameters = SvmParameters { epsilon: 1e-6, solver: SvmSolver::Linfa, ..SvmParameters::default() };
    let model = OneVsAllModel::fit(&Oracle::train(&scores, 0.0), &oracle.labels(), &parameters).unwrap();
    let found = model.decision_values(scores.view()).unwrap();
    assert!((&found - &oracle.matrix("one.values")).iter().all(|error| error.abs() < 1e-3));
    assert!(model.fits.iter().all(|fit| fit.gap() >= -1e-12 && fit.gap() < 1e-3));
}

#[test]
fn components_are_those_of_numpys_singular_value_decomposition() {
    for set in SETS {
        let oracle = Oracle::read(set);
        let rows = oracle.matrix("rows").mapv(|value| value as f32);
        let train = Oracle::train(&rows, 0.0);
        let (expected, directions) = (oracle.vector("singular_values"), oracle.matrix("directions"));
        let rank = expected.iter().filter(|value| **value > 1e-6 * expected[0]).count();
        for solver in [PcaSolver::Auto, PcaSolver::Exact, PcaSolver::Randomized] {
            for k in [1, 2, 3, 5, 10, rank] {
                let k = k.min(rank);
                let model = PcaModel::fit(&train, Keep::Count(k), solver).unwrap();
                for (a, b) in model.spectrum.singular_values.iter().zip(&expected) {
                    assert!((a / b - 1.0).abs() < 1e-8, "{set} {solver:?} {k}: {a} is not {b}");
                }
                // Where two directions explain the same, each mixes them in its own way.
                let is_apart = k == expected.len() || expected[k - 1] > 1.0001 * expected[k];
                if k <= directions.nrows() && is_apart {
                    let other = directions.slice(s![..k, ..]);
                    let outside = &model.components - &model.components.dot(&other.t()).dot(&other);
                    let sine = outside.iter().map(|value| value * value).sum::<f64>().sqrt();
                    assert!(sine < 1e-6, "{set} {solver:?} {k}: angle {sine:e}");
                }
            }
        }
    }
}
