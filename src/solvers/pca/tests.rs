//! Properties of every solver; see `reference_tests` for numbers.

use ndarray::{Array1, Array2};

use super::*;
use crate::split::{Fold, Train};

fn train(rows: &Array2<f32>) -> Train<Array2<f32>> {
    let mut fold_of = vec![Some(0); rows.nrows()];
    fold_of.push(Some(1));
    let mut all = rows.clone();
    all.push_row(Array1::from_elem(rows.ncols(), 1e9f32).view()).unwrap();
    Fold::of_k_fold(&fold_of, 1).unwrap().train_rows(all.view()).unwrap()
}

/// Numbers without visible structure, from a hash.
fn noise(rows: usize, columns: usize) -> Array2<f32> {
    Array2::from_shape_fn((rows, columns), |(i, j)| {
        let hash = blake3::hash(format!("{i} {j}").as_bytes());
        f32::from(hash.as_bytes()[0]) / 255.0 - 0.5
    })
}

fn fit(rows: &Array2<f32>, components: usize, solver: PcaSolver) -> Result<PcaModel, PcaError> {
    PcaModel::fit(&train(rows), Keep::Count(components), solver)
}

const SOLVERS: [PcaSolver; 4] = [PcaSolver::Auto, PcaSolver::Exact, PcaSolver::Randomized, PcaSolver::Linfa];

#[test]
fn the_scale_of_the_features_changes_only_the_scale_of_the_answer() {
    // linfa-reduction alone panics or returns noise at the ends of this range.
    let rows = noise(120, 90);
    for solver in SOLVERS {
        let model = fit(&rows, 3, solver).unwrap();
        for power in [-60, -20, -10, 10, 30, 60] {
            let factor = 2f32.powi(power);
            let scaled = fit(&(&rows * factor), 3, solver).unwrap();
            assert_eq!(scaled.spectrum.decomposition, model.spectrum.decomposition);
            for (a, b) in scaled.spectrum.singular_values.iter().zip(&model.spectrum.singular_values) {
                assert!((a / (b * f64::from(factor)) - 1.0).abs() < 1e-9, "{solver:?} at 2^{power}");
            }
            assert!((&scaled.components - &model.components).iter().all(|error| error.abs() < 1e-6));
        }
    }
}

#[test]
fn directions_of_equal_variance_are_all_found() {
    // Two categories, each pair of values once, several columns for each value: 39 directions of one variance, more than
    // blocks hold, then 29 of another.
    let rows = Array2::from_shape_fn((1200, 580), |(i, j)| {
        f32::from(if j < 400 { i % 40 == j / 10 } else { i / 40 == (j - 400) / 6 })
    });
    for solver in [PcaSolver::Auto, PcaSolver::Randomized, PcaSolver::Exact] {
        let model = fit(&rows, 45, solver).unwrap();
        for (at, value) in model.spectrum.singular_values.iter().enumerate() {
            let expected = if at < 39 { 300f64.sqrt() } else { 240f64.sqrt() };
            assert!((value / expected - 1.0).abs() < 1e-9, "{solver:?}: number {at} is {value}");
        }
    }
}

#[test]
fn components_of_a_steep_spectrum_are_orthonormal() {
    let mut rows = noise(60, 400);
    for (i, mut row) in rows.rows_mut().into_iter().enumerate() {
        row *= 0.7f32.powi(i as i32);
    }
    let model = fit(&rows, 45, PcaSolver::Exact).unwrap();
    assert!(model.spectrum.singular_values[44] < 1e-5 * model.spectrum.singular_values[0]);
    let products = model.components.dot(&model.components.t());
    assert!((products - Array2::<f64>::eye(45)).iter().all(|error| error.abs() < 1e-12));
}

#[test]
fn each_solver_says_how_it_found_the_components() {
    let found = |rows, k, solver| {
        let mut rows = noise(rows, 600);
        for (j, mut column) in rows.columns_mut().into_iter().enumerate() {
            column /= (1 + j) as f32;
        }
        fit(&rows, k, solver).unwrap().spectrum.decomposition
    };
    assert_eq!(found(120, 3, PcaSolver::Linfa), Decomposition::Iterative);
    assert_eq!(found(120, 3, PcaSolver::Auto), Decomposition::Exact);
    assert_eq!(found(600, 3, PcaSolver::Auto), Decomposition::Randomized);
    assert_eq!(found(600, 200, PcaSolver::Auto), Decomposition::Exact);
    assert_eq!(found(600, 3, PcaSolver::Exact), Decomposition::Exact);
    // Its blocks would fill the space.
    assert_eq!(found(40, 30, PcaSolver::Randomized), Decomposition::Exact);
}

#[test]
fn low_rank_is_seen_by_every_solver() {
    // Rank 13, so that linfa's basis of 3 x 8 vectors is deficient.
    let rows = noise(178, 13).dot(&noise(13, 59));
    for solver in SOLVERS {
        let model = fit(&rows, 8, solver).unwrap();
        let scores = model.project(rows.view()).unwrap();
        let covariance = scores.t().dot(&scores);
        for ((i, j), &value) in covariance.indexed_iter() {
            let expected = if i == j { model.spectrum.singular_values[i].powi(2) } else { 0.0 };
            assert!(
                (value - expected).abs() < 1e-6 * model.spectrum.singular_values[0].powi(2),
                "{solver:?}"
            );
        }
    }
    let shares: f64 = fit(&rows, 13, PcaSolver::Exact).unwrap().spectrum.explained_variance_ratio.sum();
    assert!((shares - 1.0).abs() < 1e-6);
    // 32-bit products leave noise of 1e-7 beyond rank 13; whole numbers leave none.
    let exact = noise(178, 13).mapv(|value| (value * 8.0).round());
    let rows = exact.dot(&noise(13, 59).mapv(|value| (value * 8.0).round()));
    for solver in [PcaSolver::Auto, PcaSolver::Exact, PcaSolver::Randomized] {
        let error = fit(&rows, 14, solver).unwrap_err();
        assert_eq!(error, PcaError::RankTooLow { components: 14, rank: 13 });
        assert_eq!(PcaModel::decompose(&train(&rows), 32, solver).unwrap().components.nrows(), 13);
    }
}

#[test]
fn every_number_of_components_gives_orthonormal_descending_components() {
    let rows = noise(30, 50);
    for solver in SOLVERS {
        for k in 1..=29 {
            let model = fit(&rows, k, solver).unwrap();
            for ((i, j), &product) in model.components.dot(&model.components.t()).indexed_iter() {
                let expected = if i == j { 1.0 } else { 0.0 };
                assert!((product - expected).abs() < 1e-6, "{k} components");
            }
            assert!(model.spectrum.singular_values.windows(2).into_iter().all(|pair| pair[0] >= pair[1]));
        }
        let all = fit(&rows, 29, solver).unwrap();
        assert!((all.spectrum.explained_variance_ratio.sum() - 1.0).abs() < 1e-9);
        assert!((all.spectrum.explained_variance.sum() / all.spectrum.total_variance - 1.0).abs() < 1e-9);
    }
}

#[test]
fn randomized_components_are_the_exact_ones_whatever_the_spectrum() {
    let decays: [fn(usize) -> f32; 4] =
        [|_| 1.0, |j| (j + 1) as f32, |j| 1.0 / (1 + j) as f32, |j| if j < 5 { 100.0 } else { 1.0 }];
    for decay in decays {
        for (n, d) in [(700, 300), (300, 700)] {
            let mut rows = noise(n, d);
            for (j, mut column) in rows.columns_mut().into_iter().enumerate() {
                column *= decay(j);
            }
            let exact = fit(&rows, 20, PcaSolver::Exact).unwrap();
            let found = fit(&rows, 20, PcaSolver::Randomized).unwrap();
            for (a, b) in found.spectrum.singular_values.iter().zip(&exact.spectrum.singular_values) {
                assert!((a / b - 1.0).abs() < 1e-9);
            }
        }
    }
}

/// Directions far below the first are those of a singular value decomposition of the data, here faer's.
fn agrees_with_svd(rows: &Array2<f32>, k: usize, solver: PcaSolver) {
    let (n, d) = rows.dim();
    let mean = |j: usize| rows.column(j).iter().map(|value| f64::from(*value)).sum::<f64>() / n as f64;
    let means: Vec<f64> = (0..d).map(mean).collect();
    let centred = Mat::from_fn(n, d, |i, j| f64::from(rows[[i, j]]) - means[j]);
    // Near 1, where faer's digits do not depend on the size of the numbers.
    let unit = centred.norm_max();
    let svd = (centred / unit).thin_svd().unwrap();
    let model = fit(rows, k, solver).unwrap();
    for (i, value) in model.spectrum.singular_values.iter().enumerate() {
        let value = value / unit;
        let expected = svd.S()[i];
        // Nobody knows a value to more digits than rounding leaves of the largest.
        let known = 16.0 * f64::EPSILON * svd.S()[0] / expected;
        let error = (value / expected - 1.0).abs();
        assert!(error < 1e-8 + known, "{solver:?}, value {i}: {value:e} not {expected:e}");
    }
    // What of each component lies outside the first `k` right singular vectors.
    for component in model.components.rows() {
        let parts: Vec<f64> =
            (0..k).map(|i| (0..d).map(|j| component[j] * svd.V()[(j, i)]).sum::<f64>()).collect();
        let outside: f64 = (0..d)
            .map(|j| (component[j] - (0..k).map(|i| parts[i] * svd.V()[(j, i)]).sum::<f64>()).powi(2))
            .sum();
        assert!(outside.sqrt() < 1e-6, "{solver:?}: {:e} outside", outside.sqrt());
    }
}

#[test]
fn one_row_far_away_leaves_the_others_their_directions() {
    for (n, d) in [(60, 90), (300, 140), (150, 700)] {
        for power in [0, 12, 20, 27] {
            let mut rows = noise(n, d);
            for (j, mut column) in rows.columns_mut().into_iter().enumerate() {
                column /= (1 + j) as f32;
            }
            let mut far = rows.row_mut(7);
            far *= 2f32.powi(power);
            for solver in [PcaSolver::Auto, PcaSolver::Exact, PcaSolver::Randomized] {
                agrees_with_svd(&rows, 12, solver);
            }
        }
    }
}

#[test]
fn many_directions_of_a_flat_spectrum_are_found_in_any_unit() {
    for (n, d) in [(160, 400), (400, 160)] {
        for power in [-60, -40, -14, 0, 7, 14, 40, 60] {
            let rows = noise(n, d) * 2f32.powi(power);
            for solver in [PcaSolver::Auto, PcaSolver::Exact, PcaSolver::Randomized] {
                agrees_with_svd(&rows, 60, solver);
                let components = fit(&rows, 60, solver).unwrap().components;
                let products = components.dot(&components.t());
                let off = products
                    .indexed_iter()
                    .map(|((i, j), product)| (product - f64::from(u8::from(i == j))).abs());
                assert!(off.fold(0.0, f64::max) < 1e-13, "{solver:?}, {n} x {d} at 2^{power}");
            }
        }
    }
}

#[test]
fn small_noise_beside_a_few_large_directions_is_found_to_its_end() {
    let (n, d) = (220, 120);
    let of_rank_7 =
        noise(n + 1, 7).slice(ndarray::s![1.., ..]).dot(&noise(7, d + 1).slice(ndarray::s![.., 1..]));
    let rows = of_rank_7 + 1e-5 * noise(n, d);
    for solver in [PcaSolver::Auto, PcaSolver::Exact, PcaSolver::Randomized] {
        agrees_with_svd(&rows, 109, solver);
    }
}

/// Of size `2^m`: rows and columns of signs at right angles.
fn hadamard(i: usize, j: usize) -> f32 {
    if (i & j).count_ones().is_multiple_of(2) { 1.0 } else { -1.0 }
}

#[test]
fn a_spectrum_over_ten_decades_is_found_to_its_end() {
    // Every column but the first of a Hadamard matrix has the mean 0, so nothing is rounded.
    let rows = Array2::from_shape_fn((32, 48), |(i, j)| {
        if j < 31 { 2f32.powi(-(j as i32 * 11 / 10)) * hadamard(i, j + 1) } else { 0.0 }
    });
    let model = fit(&rows, 31, PcaSolver::Exact).unwrap();
    for (j, value) in model.spectrum.singular_values.iter().enumerate() {
        let expected = 32f64.sqrt() * 2f64.powi(-(j as i32 * 11 / 10));
        assert!((value / expected - 1.0).abs() < 1e-8, "{j}: {value:e} not {expected:e}");
        assert!((model.components[[j, j]] - 1.0).abs() < 1e-8, "{j}: {}", model.components.row(j));
    }
    let most =
        PcaModel::decompose(&train(&rows.slice(ndarray::s![.., ..20]).to_owned()), 31, PcaSolver::Exact);
    assert_eq!(most.unwrap().spectrum.singular_values.len(), 20);
}

#[test]
fn the_answer_does_not_depend_on_the_number_of_threads() {
    let rows = noise(700, 900);
    let threads = |count| rayon::ThreadPoolBuilder::new().num_threads(count).build().unwrap();
    for solver in [PcaSolver::Exact, PcaSolver::Randomized] {
        let one = threads(1).install(|| fit(&rows, 20, solver).unwrap());
        let three = threads(3).install(|| fit(&rows, 20, solver).unwrap());
        assert_eq!(one, three);
    }
}

#[test]
fn one_decomposition_serves_every_smaller_number_of_components() {
    let rows = noise(90, 60);
    let most = PcaModel::decompose(&train(&rows), 32, PcaSolver::Auto).unwrap();
    for k in [1, 5, 20, 32] {
        let kept = most.keep(Keep::Count(k)).unwrap();
        assert_eq!(kept.components.nrows(), k);
        assert_eq!(kept.components.row(k - 1), most.components.row(k - 1));
        assert!((kept.spectrum.total_variance - most.spectrum.total_variance).abs() < 1e-15);
        let alone = fit(&rows, k, PcaSolver::Auto).unwrap();
        assert!((&alone.components - &kept.components).iter().all(|error| error.abs() < 1e-9));
    }
    assert_eq!(most.keep(Keep::Count(33)).unwrap_err(), PcaError::RankTooLow { components: 33, rank: 32 });
}

#[test]
fn scores_of_the_training_rows_are_their_projections() {
    let steep = noise(90, 300) * &ndarray::Array1::from_shape_fn(300, |j| 0.9f32.powi(j as i32));
    for rows in [&noise(90, 300), &steep, &noise(300, 90)] {
        let train = train(rows);
        for solver in SOLVERS {
            for keep in [Keep::Count(12), Keep::AtMost(500), Keep::Variance(0.8)] {
                let (model, scores) = PcaModel::fit_scored(&train, keep, solver).unwrap();
                assert_eq!(model, PcaModel::fit_most(&train, keep, solver).unwrap());
                let projected = model.project(train.get().view()).unwrap();
                let first = model.spectrum.singular_values[0];
                assert_eq!(scores.dim(), projected.dim());
                assert!((&scores - &projected).iter().all(|error| error.abs() < 1e-12 * first), "{solver:?}");
            }
        }
    }
}

#[test]
fn a_share_of_the_variance_keeps_as_few_components_as_reach_it() {
    let train = train(&noise(90, 60));
    for share in [0.01, 0.5, 0.9, 0.999] {
        let model = PcaModel::fit(&train, Keep::Variance(share), PcaSolver::Auto).unwrap();
        let ratios = model.spectrum.explained_variance_ratio.to_vec();
        assert!(ratios.iter().sum::<f64>() >= share);
        assert!(ratios[..ratios.len() - 1].iter().sum::<f64>() < share);
    }
    let few = PcaModel::decompose(&train, 3, PcaSolver::Exact).unwrap();
    assert!(matches!(few.keep(Keep::Variance(0.9)), Err(PcaError::VarianceNotReached { held: 3, .. })));
}

#[test]
fn one_pass_over_blocks_gives_what_all_rows_give() {
    // A mean far from 0, where sums of squares would cancel.
    let rows = noise(500, 70) + 100.0;
    let whole = fit(&rows, 10, PcaSolver::Exact).unwrap();
    for size in [1, 7, 100, 500] {
        let blocks =
            rows.axis_chunks_iter(ndarray::Axis(0), size).map(|block| Ok::<_, PcaError>(block.to_owned()));
        let model = PcaModel::decompose_blocks(70, train(&rows).map(|_| blocks), 10).unwrap();
        assert_eq!(model.spectrum.samples, 500);
        for (a, b) in model.spectrum.singular_values.iter().zip(&whole.spectrum.singular_values) {
            assert!((a / b - 1.0).abs() < 1e-10);
        }
        assert!((&model.components - &whole.components).iter().all(|error| error.abs() < 1e-8));
        assert!((model.spectrum.total_variance / whole.spectrum.total_variance - 1.0).abs() < 1e-10);
        assert!((&model.mean - &whole.mean).iter().all(|error| error.abs() < 1e-9));
    }
    // The first block is far from all others: shifted by its mean, they would lose half their digits.
    let mut rows = noise(500, 70);
    rows.slice_mut(ndarray::s![1.., ..]).mapv_inplace(|value| value + 1e4);
    let whole = fit(&rows, 40, PcaSolver::Exact).unwrap();
    let blocks = rows.axis_chunks_iter(ndarray::Axis(0), 1).map(|block| Ok::<_, PcaError>(block.to_owned()));
    let model = PcaModel::decompose_blocks(70, train(&rows).map(|_| blocks), 40).unwrap();
    for (a, b) in model.spectrum.singular_values.iter().zip(&whole.spectrum.singular_values) {
        assert!((a / b - 1.0).abs() < 1e-6, "{a} and {b}");
    }
    let fails = |rows: &Array2<f32>| {
        let blocks =
            rows.axis_chunks_iter(ndarray::Axis(0), 2).map(|block| Ok::<_, PcaError>(block.to_owned()));
        PcaModel::decompose_blocks(4, train(rows).map(|_| blocks), 2).unwrap_err()
    };
    let mut broken = noise(6, 4);
    broken[[5, 2]] = f32::NAN;
    assert_eq!(fails(&broken), PcaError::NotFinite { row: 5, column: 2 });
    assert_eq!(fails(&noise(1, 4)), PcaError::TooFewSamples { samples: 1 });
    assert_eq!(fails(&Array2::from_elem((6, 4), 0.1)), PcaError::NoVariance { samples: 6 });
}

#[test]
fn of_loadings_that_are_as_large_the_first_is_positive() {
    // Two features that mirror each other but for rounding, the second the larger or the smaller by it.
    for rounding in [1.0 - 3e-7, 1.0 + 3e-7] {
        let mut rows = noise(60, 4) * 0.01;
        let first = noise(60, 1).column(0).to_owned();
        rows.column_mut(1).assign(&first);
        rows.column_mut(2).assign(&(&first * -rounding));
        for solver in SOLVERS {
            let model = fit(&rows, 1, solver).unwrap();
            assert!(model.components[[0, 1]] > 0.7 && model.components[[0, 2]] < -0.7, "{solver:?}");
        }
    }
}

#[test]
fn constant_features_change_nothing() {
    let rows = noise(60, 20);
    let mut wider = Array2::from_elem((60, 25), 7.5f32);
    wider.slice_mut(ndarray::s![.., 3..23]).assign(&rows);
    for solver in SOLVERS {
        let (narrow, wide) = (fit(&rows, 4, solver).unwrap(), fit(&wider, 4, solver).unwrap());
        let errors = narrow.spectrum.singular_values - wide.spectrum.singular_values;
        assert!(errors.iter().all(|error| error.abs() < 1e-8));
        assert!(wide.components.column(0).iter().all(|loading| loading.abs() < 1e-9));
    }
}

#[test]
fn bad_input_is_an_error_that_names_it() {
    let model = fit(&noise(6, 4), 2, PcaSolver::Auto).unwrap();
    let wrong = model.project(noise(2, 3).view()).unwrap_err();
    assert_eq!(wrong, PcaError::Features { expected: 4, found: 3 });
    for solver in SOLVERS {
        let fit = |rows: &Array2<f32>, components| fit(rows, components, solver).unwrap_err();
        let mut rows = noise(6, 4);
        assert_eq!(fit(&rows, 0), PcaError::NoComponents);
        assert_eq!(
            fit(&rows, 5),
            PcaError::TooManyComponents { components: 5, samples: 6, features: 4, most: 4 }
        );
        assert_eq!(fit(&noise(1, 4), 1), PcaError::TooFewSamples { samples: 1 });
        let equal = Array2::from_elem((6, 4), 0.1f32);
        assert_eq!(fit(&equal, 1), PcaError::NoVariance { samples: 6 });
        let line = Array2::from_shape_fn((6, 4), |(i, _)| i as f32);
        assert_eq!(fit(&line, 2), PcaError::RankTooLow { components: 2, rank: 1 });
        rows[[5, 2]] = f32::INFINITY;
        assert_eq!(fit(&rows, 2), PcaError::NotFinite { row: 5, column: 2 });
    }
}
