//! The solvers against scikit-learn; `tests/fixtures/solvers/make.py` made the numbers.

use ndarray::{Array2, ArrayView1, ArrayView2};
use serde::Deserialize;

use super::pca::{Decomposition, Keep, PcaModel, PcaSolver};
use super::scale::{Scale, ScaleModel};
use super::svm::{ClassWeight, OneVsAllModel, SvmParameters, SvmSolver};
use crate::split::{Fold, Test, Train};
use crate::types::Emotion;

#[derive(Deserialize)]
struct Digits {
    train: Vec<Vec<f32>>,
    train_labels: Vec<usize>,
    test: Vec<Vec<f32>>,
    svm: Vec<SvmCase>,
    pca_20_global_scale_svm: Vec<Vec<f64>>,
}

#[derive(Deserialize)]
struct SvmCase {
    c: f64,
    class_weight: String,
    decision_values: Vec<Vec<f64>>,
}

#[derive(Deserialize)]
struct Pca {
    digits: Vec<PcaCase>,
    wide: Vec<PcaCase>,
}

#[derive(Deserialize)]
struct PcaCase {
    components: usize,
    singular_values: Vec<f64>,
    explained_variance: Vec<f64>,
    explained_variance_ratio: Vec<f64>,
    absolute_scores_of_row_0: Vec<f64>,
}

fn digits() -> Digits {
    serde_json::from_str(include_str!("../../tests/fixtures/solvers/digits.json")).unwrap()
}

fn matrix<A: Copy>(rows: &[Vec<A>]) -> Array2<A> {
    Array2::from_shape_vec((rows.len(), rows[0].len()), rows.concat()).unwrap()
}

/// The first `training` rows as training data, the others as test data.
fn sides<A: Clone>(all: ArrayView2<'_, A>, training: usize) -> (Train<Array2<A>>, Test<Array2<A>>) {
    let fold = fold(all.nrows(), training);
    (fold.train_rows(all).unwrap(), fold.test_rows(all).unwrap())
}

fn fold(rows: usize, training: usize) -> Fold {
    let fold_of: Vec<_> = (0..rows).map(|row| Some(u32::from(row >= training))).collect();
    Fold::of_k_fold(&fold_of, 1).unwrap()
}

type Sides = (Train<Array2<f32>>, Test<Array2<f32>>, Train<Vec<Emotion>>);

/// Training pixels, test pixels and training labels.
fn features(digits: &Digits, divisor: f32) -> Sides {
    let training = digits.train.len();
    let all = matrix(&[digits.train.clone(), digits.test.clone()].concat()) / divisor;
    let (train, test) = sides(all.view(), training);
    let mut labels: Vec<Emotion> = digits.train_labels.iter().map(|&label| Emotion::ALL[label]).collect();
    labels.resize(all.nrows(), Emotion::Amusement);
    (train, test, fold(all.nrows(), training).train_of(&labels).unwrap())
}

fn assert_close(found: f64, expected: f64, relative: f64, what: &str) {
    assert!((found - expected).abs() <= relative * expected.abs(), "{what}: {found} is not {expected}");
}

fn check_pca(train: &Train<Array2<f32>>, case: &PcaCase, solver: PcaSolver) -> PcaModel {
    let model = PcaModel::fit(train, Keep::Count(case.components), solver).unwrap();
    assert_eq!(model.spectrum.singular_values.len(), case.components);
    let scores = model.project(train.get().view()).unwrap();
    for i in 0..case.components {
        assert_close(model.spectrum.singular_values[i], case.singular_values[i], 1e-6, "singular value");
        assert_close(model.spectrum.explained_variance[i], case.explained_variance[i], 1e-6, "variance");
        assert_close(
            model.spectrum.explained_variance_ratio[i],
            case.explained_variance_ratio[i],
            1e-6,
            "ratio",
        );
        let score = scores[[0, i]].abs();
        assert!(
            (score - case.absolute_scores_of_row_0[i]).abs() < 1e-5 * model.spectrum.singular_values[0],
            "score"
        );
        let component = model.components.row(i);
        let largest = component.iter().copied().fold(0.0f64, |a, b| if b.abs() > a.abs() { b } else { a });
        assert!(largest > 0.0);
    }
    model
}

#[test]
fn pca_agrees_with_scikit_learn() {
    let reference: Pca = serde_json::from_str(include_str!("../../tests/fixtures/solvers/pca.json")).unwrap();
    let (train, ..) = features(&digits(), 1.0);
    for case in &reference.digits {
        for solver in [PcaSolver::Exact, PcaSolver::Randomized] {
            check_pca(&train, case, solver);
        }
        let model = check_pca(&train, case, PcaSolver::Linfa);
        let expected = if case.components <= 10 { Decomposition::Iterative } else { Decomposition::Dense };
        assert_eq!(model.spectrum.decomposition, expected, "{} components", case.components);
    }
    let wide = Array2::from_shape_fn((61, 400), |(i, j)| {
        let (i, j) = (i as u64, j as u64);
        ((i * 7919 + j * 104_729 + i * i * j * 31 + i * j * j * 17) % 1009) as f32 / 1009.0
    });
    let (train, _) = sides(wide.view(), 60);
    for case in &reference.wide {
        for solver in [PcaSolver::Exact, PcaSolver::Randomized, PcaSolver::Linfa] {
            check_pca(&train, case, solver);
        }
    }
}

fn assert_decides_alike(found: &Array2<f64>, expected: &[Vec<f64>], tolerance: f64) {
    let expected = matrix(expected);
    assert_eq!(found.dim(), expected.dim());
    for (found, expected) in found.rows().into_iter().zip(expected.rows()) {
        for (a, b) in found.iter().zip(expected) {
            assert!((a - b).abs() < tolerance * (1.0 + b.abs()), "{a} is not {b}");
        }
        let argmax =
            |row: ArrayView1<'_, f64>| (0..8).fold(0, |best, i| if row[i] > row[best] { i } else { best });
        assert_eq!(argmax(found), argmax(expected));
    }
}

/// LIBSVM's default tolerance, and one at which both solvers stand at the optimum; the numbers there were
/// found at 1e-7. Beside each, how far decision values may differ.
const TOLERANCES: [(f64, f64); 2] = [(1e-3, 1e-2), (1e-7, 1e-4)];

#[test]
fn svm_agrees_with_libsvm() {
    let digits = digits();
    let (train, test, labels) = features(&digits, 16.0);
    let train = train.map(|pixels| pixels.mapv(f64::from));
    let test = test.map(|pixels| pixels.mapv(f64::from));
    for case in &digits.svm {
        let class_weight = match case.class_weight.as_str() {
            "balanced" => ClassWeight::Balanced,
            _ => ClassWeight::None,
        };
        for (epsilon, tolerance) in TOLERANCES {
            let parameters = SvmParameters { c: case.c, class_weight, epsilon, solver: SvmSolver::Linfa };
            let model = OneVsAllModel::fit(&train, &labels, &parameters).unwrap();
            assert_eq!(model.classes, Emotion::ALL);
            let values = model.decision_values(test.get().view()).unwrap();
            assert_decides_alike(&values, &case.decision_values, tolerance);
        }
        let parameters = SvmParameters { c: case.c, class_weight, ..SvmParameters::default() };
        let model = OneVsAllModel::fit(&train, &labels, &parameters).unwrap();
        let values = model.decision_values(test.get().view()).unwrap();
        // A relative gap of 1e-11 leaves the plane within 1e-5 of the optimal one.
        assert_decides_alike(&values, &case.decision_values, 1e-5);
    }
}

#[test]
fn explicit_weights_equal_to_the_balanced_ones_give_the_same_model() {
    let digits = digits();
    let (train, _, labels) = features(&digits, 16.0);
    let train = train.map(|pixels| pixels.mapv(f64::from));
    let mut weights = [None; 8];
    for (weight, class) in weights.iter_mut().zip(Emotion::ALL) {
        let of_class = labels.get().iter().filter(|label| **label == class).count();
        *weight = Some((labels.get().len() - of_class) as f64 / of_class as f64);
    }
    let fit = |class_weight| {
        let parameters = SvmParameters { class_weight, ..SvmParameters::default() };
        OneVsAllModel::fit(&train, &labels, &parameters).unwrap()
    };
    assert_eq!(fit(ClassWeight::PerClass(weights)), fit(ClassWeight::Balanced));
    assert_ne!(fit(ClassWeight::PerClass([None; 8])), fit(ClassWeight::Balanced));
    assert_eq!(fit(ClassWeight::PerClass([None; 8])), fit(ClassWeight::None));
}

#[test]
fn the_whole_chain_agrees_with_scikit_learn_on_any_number_of_threads() {
    let digits = digits();
    let (train, test, labels) = features(&digits, 1.0);
    let chain = |epsilon, pca_solver, solver| {
        let pca = PcaModel::fit(&train, Keep::Count(20), pca_solver).unwrap();
        let scores = train.try_map(|rows| pca.project(rows.view())).unwrap();
        let scale = ScaleModel::fit(&scores, Scale::Global).unwrap();
        let scaled = scores.try_map(|scores| scale.apply(scores.view())).unwrap();
        let parameters = SvmParameters { epsilon, solver, ..SvmParameters::default() };
        let svm = OneVsAllModel::fit(&scaled, &labels, &parameters).unwrap();
        let tested = scale.apply(pca.project(test.get().view()).unwrap().view()).unwrap();
        svm.decision_values(tested.view()).unwrap()
    };
    let threads = |count| rayon::ThreadPoolBuilder::new().num_threads(count).build().unwrap();
    let linfa = TOLERANCES.map(|(epsilon, most)| (epsilon, most, PcaSolver::Linfa, SvmSolver::Linfa));
    let own =
        [PcaSolver::Exact, PcaSolver::Randomized].map(|pca| (1e-3, 1e-4, pca, SvmSolver::InteriorPoint));
    for (epsilon, tolerance, pca, svm) in linfa.into_iter().chain(own) {
        let one = threads(1).install(|| chain(epsilon, pca, svm));
        assert_decides_alike(&one, &digits.pca_20_global_scale_svm, tolerance);
        assert_eq!(one, threads(3).install(|| chain(epsilon, pca, svm)));
    }
}

#[test]
fn decision_values_keep_their_digits_far_from_0() {
    // Whole numbers, whose products are exact, 1e12 away.
    let scores = Array2::from_shape_fn((6, 3), |(i, j)| 1e12 + f64::from(1 << (i + 2 * j)));
    let (weights, bias) = (ndarray::array![[1.0 / 3.0, -0.25, -1.0 / 12.0]], ndarray::array![0.125]);
    let model = OneVsAllModel { classes: vec![Emotion::Awe], weights, bias: bias.clone(), fits: Vec::new() };
    let values = model.decision_values(scores.view()).unwrap();
    // Thirds and twelfths are not what they are in 64 bits, which 1e12 of them show.
    let rest = (model.weights[[0, 0]] - 0.25 + model.weights[[0, 2]]) * 1e12;
    for (row, value) in scores.rows().into_iter().zip(values.column(0)) {
        let near: f64 =
            row.iter().zip(model.weights.row(0)).map(|(score, weight)| (score - 1e12) * weight).sum();
        assert!((value - (near + rest + bias[0])).abs() < 1e-12, "{value}");
    }
}
