use ndarray::{Array1, Array2, Axis, concatenate, s};
use proptest::prelude::*;

use super::*;

/// Numbers without visible structure, about normal: sums of four uniform ones.
fn noise(rows: usize, columns: usize, seed: u64) -> Array2<f64> {
    Array2::from_shape_fn((rows, columns), |(i, j)| {
        let hash = blake3::hash(format!("{seed} {i} {j}").as_bytes());
        let bytes = hash.as_bytes();
        (0..4)
            .map(|at| f64::from(u16::from_le_bytes([bytes[2 * at], bytes[2 * at + 1]])) / 65535.0 - 0.5)
            .sum()
    })
}

/// Two overlapping classes: `share` of the rows are positive and shifted by `distance`.
pub(super) fn classes(n: usize, d: usize, share: f64, distance: f64, seed: u64) -> (Array2<f64>, Vec<bool>) {
    let positive: Vec<bool> = (0..n).map(|i| (i as f64) < (share * n as f64).max(1.0)).collect();
    let mut scores = noise(n, d, seed);
    for (mut row, own) in scores.rows_mut().into_iter().zip(&positive) {
        if *own {
            row[0] += distance;
        }
    }
    (scores, positive)
}

fn solve(scores: &Array2<f64>, positive: &[bool], c_positive: f64, c_negative: f64) -> Certificate {
    let design = Design::new(scores.view());
    let problem = Problem { positive, c_positive, c_negative };
    super::solve(&design, &problem, None).unwrap().0
}

fn values(scores: &Array2<f64>, found: &Certificate) -> Array1<f64> {
    scores.dot(&found.weights) + found.bias
}

/// The optimum for penalties by sample.
fn solve_each(scores: &Array2<f64>, positive: &[bool], penalties: &[f64]) -> Certificate {
    let design = Design::new(scores.view());
    let sign = positive.iter().map(|own| if *own { 1.0 } else { -1.0 }).collect();
    let penalty = penalties.iter().map(|penalty| design.penalty(*penalty)).collect();
    optimum(&design, &Samples { sign, penalty }, None).unwrap().0
}

/// The conditions of the optimum, from the multipliers and the plane alone.
pub(super) fn assert_optimal(scores: &Array2<f64>, positive: &[bool], cp: f64, cn: f64, found: &Certificate) {
    assert!(found.gap().abs() <= GAP, "gap {:e}", found.gap());
    let sign = |own: &bool| if *own { 1.0 } else { -1.0 };
    let signed: Array1<f64> = found.multipliers.iter().zip(positive).map(|(a, own)| a * sign(own)).collect();
    let total: f64 = found.multipliers.iter().sum();
    assert!(signed.sum().abs() <= 1e-9 * total, "sum y alpha");

    // Rounding in the largest terms bounds how well the weights can be known.
    let own = scores.t().dot(&signed);
    let size: f64 =
        scores.t().mapv(f64::abs).dot(&signed.mapv(f64::abs)).iter().fold(0.0, |a: f64, b| a.max(*b));
    assert!((&own - &found.weights).iter().all(|error| error.abs() <= 1e-5 * size), "w = sum alpha y x");

    let (mut primal, mut slack) = (0.5 * found.weights.dot(&found.weights), 0.0);
    for ((value, own), alpha) in values(scores, found).iter().zip(positive).zip(&found.multipliers) {
        let (penalty, margin) = (if *own { cp } else { cn }, sign(own) * value - 1.0);
        assert!((0.0..=penalty * (1.0 + 1e-12)).contains(alpha), "box");
        primal += penalty * (-margin).max(0.0);
        // alpha u + (C - alpha) v, with u and v the parts of the margin.
        slack += alpha * margin.max(0.0) + (penalty - alpha) * (-margin).max(0.0);
    }
    assert!((primal - found.primal).abs() <= 1e-8 * primal, "objective {primal} and {}", found.primal);
    assert!(slack <= 2.0 * GAP * primal, "complementarity {slack:e} of {primal:e}");
}

#[test]
fn the_hard_margin_of_two_points_is_known() {
    let scores = ndarray::array![[1.0, 1.0], [-1.0, -1.0]];
    let found = solve(&scores, &[true, false], 100.0, 100.0);
    assert!((&found.weights - &ndarray::array![0.5, 0.5]).iter().all(|error| error.abs() < 1e-9));
    assert!(found.bias.abs() < 1e-9);
    assert_eq!(found.support_vectors, 2);
    assert!((found.primal - 0.25).abs() < 1e-9);
}

#[test]
fn penalties_from_tiny_to_huge_reach_the_optimum() {
    for distance in [0.3, 5.0] {
        let (scores, positive) = classes(150, 12, 0.2, distance, 1);
        for exponent in -4..=6 {
            let c = 10f64.powi(exponent);
            let found = solve(&scores, &positive, 4.0 * c, c);
            assert_optimal(&scores, &positive, 4.0 * c, c, &found);
        }
    }
}

#[test]
fn values_of_any_size_give_the_same_plane_in_their_units() {
    let (scores, positive) = classes(80, 6, 0.3, 0.5, 2);
    let plain = solve(&scores, &positive, 2.0, 1.0);
    for power in [-320, -100, -3, 3, 100, 320] {
        let unit = 2f64.powi(power);
        let found = solve(&(&scores * unit), &positive, 2.0 / (unit * unit), 1.0 / (unit * unit));
        assert_eq!(found.iterations, plain.iterations);
        assert!((&found.weights * unit - &plain.weights).iter().all(|error| error.abs() < 1e-12));
    }
    // A penalty that is not scaled along is another problem, and still solved.
    for power in [-100, -20, 20] {
        let scaled = &scores * 2f64.powi(power);
        assert_optimal(&scaled, &positive, 2.0, 1.0, &solve(&scaled, &positive, 2.0, 1.0));
    }
    let huge = &scores * 1e200;
    let design = Design::new(huge.view());
    let problem = Problem { positive: &positive, c_positive: 2.0, c_negative: 1.0 };
    assert!(matches!(super::solve(&design, &problem, None), Err(Unsolved::Range { is_small: false, .. })));
    // Its square is.
    let design = Design::new(scores.view());
    let problem = Problem { positive: &positive, c_positive: 1e200, c_negative: 1e200 };
    assert!(matches!(super::solve(&design, &problem, None), Err(Unsolved::Range { is_small: false, .. })));
}

#[test]
fn a_large_offset_costs_only_the_digits_it_takes() {
    let (scores, positive) = classes(80, 6, 0.3, 0.5, 3);
    let plain = solve(&scores, &positive, 2.0, 1.0);
    let found = solve(&(&scores + 1e6), &positive, 2.0, 1.0);
    assert!((&found.weights - &plain.weights).iter().all(|error| error.abs() < 1e-7));
}

#[test]
fn hard_cases_reach_the_optimum() {
    let check = |scores: &Array2<f64>, positive: &[bool], cp: f64, cn: f64| {
        let found = solve(scores, positive, cp, cn);
        assert_optimal(scores, positive, cp, cn, &found);
        found
    };
    // One positive sample, balanced: separable and buried.
    for distance in [0.0, 9.0] {
        let (scores, positive) = classes(120, 5, 0.0, distance, 4);
        check(&scores, &positive, 119.0, 1.0);
    }
    // Weights of 1 to 10,000 and the other way round.
    let (scores, positive) = classes(200, 8, 0.5, 0.4, 5);
    check(&scores, &positive, 1e4, 1.0);
    check(&scores, &positive, 1.0, 1e4);
    // Every row twice, some of them with both labels.
    let (rows, positive) = classes(60, 4, 0.4, 0.2, 6);
    let doubled = concatenate![Axis(0), rows, rows];
    let mut labels = [positive.clone(), positive.clone()].concat();
    check(&doubled, &labels, 1.5, 1.0);
    labels[60..].iter_mut().take(30).for_each(|own| *own = !*own);
    check(&doubled, &labels, 1.5, 1.0);
    // Nothing but duplicates, and columns that are constant or copies.
    check(&Array2::ones((10, 3)), &[[true; 4].as_slice(), &[false; 6]].concat(), 1.5, 1.0);
    let copies = concatenate![Axis(1), rows, rows, Array2::from_elem((60, 2), 3.0)];
    let found = check(&copies, &positive, 1.5, 1.0);
    assert!(found.weights.iter().skip(8).all(|weight| weight.abs() < 1e-9));
    // All on a line, and only one column.
    let line = Array2::from_shape_fn((40, 3), |(i, j)| (i * (j + 1)) as f64);
    check(&line, &(0..40).map(|i| i % 3 == 0).collect::<Vec<_>>(), 2.0, 1.0);
    check(&noise(50, 1, 7), &(0..50).map(|i| i < 20).collect::<Vec<_>>(), 1.0, 1.0);
    // Separable: the hard margin at any large penalty.
    let (scores, positive) = classes(100, 3, 0.5, 20.0, 8);
    let (soft, hard) = (check(&scores, &positive, 1e3, 1e3), check(&scores, &positive, 1e6, 1e6));
    assert!((&soft.weights - &hard.weights).iter().all(|error| error.abs() < 1e-6));
}

#[test]
fn more_columns_than_samples_are_solved_in_the_span_of_the_samples() {
    for (n, d) in [(30, 31), (40, 500), (50, 4096)] {
        let (scores, positive) = classes(n, d, 0.3, 1.0, 9);
        for c in [1e-3, 1.0, 1e3] {
            assert_optimal(&scores, &positive, 2.0 * c, c, &solve(&scores, &positive, 2.0 * c, c));
        }
    }
}

#[test]
fn several_chunks_of_rows_are_one_problem_on_any_number_of_threads() {
    let (scores, positive) = classes(5000, 5, 0.2, 0.4, 10);
    let threads = |count| rayon::ThreadPoolBuilder::new().num_threads(count).build().unwrap();
    let one = threads(1).install(|| solve(&scores, &positive, 4.0, 1.0));
    assert_optimal(&scores, &positive, 4.0, 1.0, &one);
    assert_eq!(one, threads(3).install(|| solve(&scores, &positive, 4.0, 1.0)));
}

#[test]
fn a_warm_start_ends_at_the_same_plane_in_fewer_steps() {
    // A spectrum that decays, as that of principal components.
    let (mut scores, positive) = classes(400, 20, 0.3, 0.3, 11);
    for (j, mut column) in scores.columns_mut().into_iter().enumerate() {
        column *= 20.0 / (1 + j) as f64;
    }
    let design = Design::new(scores.view());
    let (mut warm, mut saved) = (None, 0);
    for exponent in -2..=3 {
        let c = 10f64.powi(exponent);
        let problem = Problem { positive: &positive, c_positive: 2.0 * c, c_negative: c };
        let (cold, _) = super::solve(&design, &problem, None).unwrap();
        let (found, next) = super::solve(&design, &problem, warm.as_ref()).unwrap();
        assert!((found.primal / cold.primal - 1.0).abs() < 1e-9);
        assert!((&found.weights - &cold.weights).iter().all(|error| error.abs() < 1e-5));
        saved += cold.iterations as i64 - found.iterations as i64;
        warm = Some(next);
    }
    assert!(saved >= 5, "{saved} steps saved");
}

#[test]
fn the_optimum_is_found_from_afar_or_not_at_all() {
    for (n, d, distance, c) in
        [(240, 5, 0.3, 1.0), (240, 50, 0.5, 1.0), (120, 100, 0.5, 10.0), (900, 8, 0.2, 0.1)]
    {
        let (scores, positive) = classes(n, d, 0.2, distance, 13);
        let design = Design::new(scores.view());
        let samples =
            Samples::new(&design, &Problem { positive: &positive, c_positive: 4.0 * c, c_negative: c });
        let mut point = Point::start(&design, &samples);
        let (mut newton, mut system) = (Newton::new(&design, &samples), System::new(&design));
        let mut furthest = 0.0f64;
        while point.gap().abs() > 1e-9 {
            if let Some(mut optimum) = crossover::optimum(&design, &samples, &point) {
                let found = Estimate::of(&design, &samples, &mut optimum);
                assert!(found.gap.abs() <= AIM, "{n} x {d}: {:e}", found.gap);
                furthest = furthest.max(point.gap().abs());
            }
            let gap = point.gap().abs();
            newton.step(&mut system, &mut point, gap).unwrap();
        }
        assert!(furthest > 1e-6, "{n} x {d}: not before {furthest:e}");
    }
}

#[test]
fn samples_that_depend_on_each_other_are_left_to_the_interior_point() {
    // Every sample twice: which of a pair is a support vector is anyone's choice.
    let (rows, positive) = classes(60, 4, 0.4, 0.2, 6);
    let (scores, positive) = (concatenate![Axis(0), rows, rows], [positive.clone(), positive].concat());
    let single = solve(&rows, &positive[..60], 3.0, 2.0);
    let found = solve(&scores, &positive, 1.5, 1.0);
    assert_optimal(&scores, &positive, 1.5, 1.0, &found);
    assert!((&found.weights - &single.weights).iter().all(|error| error.abs() < 1e-6));
}

#[test]
fn each_side_has_support_vectors_where_samples_depend_on_each_other() {
    let check = |scores: &[f64], is_positive: fn(usize) -> bool, cp: f64, cn: f64, count: usize| {
        let positive: Vec<bool> = (0..scores.len()).map(is_positive).collect();
        let scores = Array2::from_shape_vec((scores.len(), 1), scores.to_vec()).unwrap();
        let found = solve(&scores, &positive, cp, cn);
        assert_eq!(found.support_vectors, count, "{:?}", found.multipliers);
        assert_eq!(found.multipliers.iter().filter(|alpha| **alpha > 0.0).count(), count);
        for own in [true, false] {
            assert!(
                found.multipliers.iter().zip(&positive).any(|(alpha, side)| *alpha > 0.0 && *side == own)
            );
        }
    };
    // Mostly zeros, in large units.
    let first = [
        6_715.313_495_153_412,
        0.0,
        1_656.191_422_430_736_6,
        0.0,
        0.0,
        8_068.978_066_556_087,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
    ];
    check(&first, |i| i == 0, 6.270_778_314_337_699e11, 4.423_912_468_987_423e15, 3);
    let second = [
        758_143.240_248_960_6,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        373_866.369_153_237_96,
        9_343.495_646_830_55,
        402_862.689_874_926_7,
    ];
    check(&second, |i| [0, 4, 7, 8].contains(&i), 1.837_956_034_370_707e6, 2.887_168_730_955_297e5, 7);
}

#[test]
fn no_free_sample_leaves_the_middle_of_the_biases() {
    // With so small a penalty all multipliers are at it, and any bias between the margins is optimal.
    let scores = ndarray::array![[2.0], [4.0], [-1.0], [-5.0]];
    let found = solve(&scores, &[true, true, false, false], 1e-4, 1e-4);
    let own = 1e-4 * (2.0 + 4.0 + 1.0 + 5.0);
    assert!((found.weights[0] - own).abs() < 1e-12);
    // Biases from the last negative sample's margin, at -1 + 5 w, to the first positive one's, at 1 - 4 w.
    assert!((found.bias - 0.5 * ((-1.0 + 5.0 * own) + (1.0 - 4.0 * own))).abs() < 1e-12, "{}", found.bias);
    assert_optimal(&scores, &[true, true, false, false], 1e-4, 1e-4, &found);
}

/// Rotates the columns by reflections, which keep all distances.
fn rotate(scores: &Array2<f64>, seed: u64) -> Array2<f64> {
    let mut rotated = scores.clone();
    for reflection in 0..3 {
        let normal = noise(1, scores.ncols(), seed + reflection).row(0).to_owned();
        let normal = &normal / normal.dot(&normal).sqrt();
        let along = rotated.dot(&normal);
        for (mut row, along) in rotated.rows_mut().into_iter().zip(&along) {
            row.scaled_add(-2.0 * along, &normal);
        }
    }
    rotated
}

/// Of two answers. The objective is strongly convex in `w`: a plane of a gap is within `sqrt(2 gap objective)` of the optimum.
fn assert_same_values(a: &Array1<f64>, b: &Array1<f64>, of: [&Certificate; 2]) {
    let distances = of.map(|found| (2.0 * found.gap().abs() * found.primal).sqrt());
    let tolerance = 1e-5 + 4.0 * distances.iter().sum::<f64>();
    for (a, b) in a.iter().zip(b) {
        assert!((a - b).abs() < tolerance * (1.0 + a.abs()), "{a} and {b}, {tolerance:e}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_optimum_is_found_and_keeps_its_symmetries(
        n in 6usize..90,
        d in 1usize..30,
        share in 0.05f64..0.95,
        distance in 0.0f64..3.0,
        exponent in -3.0f64..3.0,
        weight in -2.0f64..2.0,
        seed in 0u64..1000,
    ) {
        let (scores, mut positive) = classes(n, d, share, distance, seed);
        positive[n - 1] = false;
        let cn = 10f64.powf(exponent);
        let cp = cn * 10f64.powf(weight);
        let found = solve(&scores, &positive, cp, cn);
        assert_optimal(&scores, &positive, cp, cn, &found);
        let expected = values(&scores, &found);

        // Flipped labels: the same plane from the other side.
        let flipped: Vec<bool> = positive.iter().map(|own| !own).collect();
        let other = solve(&scores, &flipped, cn, cp);
        prop_assert!((other.primal / found.primal - 1.0).abs() < 1e-7);
        assert_same_values(&expected, &-values(&scores, &other), [&found, &other]);

        // Permuted samples.
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by_key(|i| *blake3::hash(format!("{seed} {i}").as_bytes()).as_bytes());
        let permuted = scores.select(Axis(0), &order);
        let labels: Vec<bool> = order.iter().map(|&i| positive[i]).collect();
        let other = solve(&permuted, &labels, cp, cn);
        assert_same_values(&expected.select(Axis(0), &order), &values(&permuted, &other), [&found, &other]);

        // Rotated features.
        let rotated = rotate(&scores, seed);
        let other = solve(&rotated, &positive, cp, cn);
        assert_same_values(&expected, &values(&rotated, &other), [&found, &other]);

        // All samples twice at half the penalty.
        let twice = concatenate![Axis(0), scores, scores];
        let labels = [positive.clone(), positive.clone()].concat();
        let other = solve(&twice, &labels, cp / 2.0, cn / 2.0);
        assert_same_values(&expected, &values(&scores, &other), [&found, &other]);

        // One sample twice is that sample at twice its penalty.
        let one = seed as usize % n;
        let mut penalties: Vec<f64> = positive.iter().map(|own| if *own { cp } else { cn }).collect();
        let plain = solve_each(&scores, &positive, &penalties);
        assert_same_values(&expected, &values(&scores, &plain), [&found, &plain]);
        let again = concatenate![Axis(0), scores, scores.slice(s![one..=one, ..])];
        let other = solve(&again, &[positive.as_slice(), &[positive[one]]].concat(), cp, cn);
        penalties[one] *= 2.0;
        let heavier = solve_each(&scores, &positive, &penalties);
        prop_assert!((other.primal / heavier.primal - 1.0).abs() < 1e-7);
        assert_same_values(&values(&scores, &heavier), &values(&scores, &other), [&heavier, &other]);
        // Its penalty matters where it is on the wrong side of its margin.
        let lacking = 1.0 - if positive[one] { expected[one] } else { -expected[one] };
        prop_assert!(lacking < 0.01 || heavier.primal > plain.primal * (1.0 + 1e-9));
    }
}

#[test]
fn steps_that_would_go_round_in_a_circle_still_arrive() {
    let text = include_str!("../../../../tests/fixtures/solvers/circle.csv");
    let numbers = |line: &str| line.split(',').map(|field| field.parse().unwrap()).collect::<Vec<f64>>();
    let rows: Vec<Vec<f64>> = text.lines().skip(1).map(numbers).collect();
    let scores = Array2::from_shape_fn((rows.len(), 5), |(i, j)| rows[i][j]);
    let positive: Vec<bool> = rows.iter().map(|row| row[5] > 0.5).collect();
    let own = positive.iter().filter(|own| **own).count();
    let weight = (positive.len() - own) as f64 / own as f64;
    let found = solve(&scores, &positive, weight, 1.0);
    assert_optimal(&scores, &positive, weight, 1.0, &found);
    assert!(found.iterations < 30, "{}", found.iterations);
    // scikit-learn 1.9.1: SVC(kernel="linear", C=1, class_weight={True: weight, False: 1}, tol=1e-8).
    assert!((found.primal / 183.475_972_147 - 1.0).abs() < 1e-6, "{}", found.primal);
}
