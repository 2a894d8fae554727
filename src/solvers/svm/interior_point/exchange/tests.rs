use ndarray::s;

use super::super::tests::{assert_optimal, classes};
use super::super::{Problem, solve, solve_from};
use super::*;

#[test]
fn multipliers_of_fewer_columns_lead_to_the_optimum_of_more() {
    // A spectrum that decays, as that of principal components.
    let (mut scores, positive) = classes(240, 80, 0.2, 1.0, 14);
    for (j, mut column) in scores.columns_mut().into_iter().enumerate() {
        column /= (1.0 + j as f64).sqrt();
    }
    // With so small a C that most multipliers are at it, the way is too long.
    for (c, least) in [(0.1, 0), (1.0, 2), (100.0, 2)] {
        let problem = Problem { positive: &positive, c_positive: 4.0 * c, c_negative: c };
        let mut shares: Option<Vec<f64>> = None;
        let mut reached = 0;
        for width in [5, 20, 30, 40, 60, 80] {
            let own = scores.slice(s![.., ..width]);
            let design = Design::new(own);
            let (cold, _) = solve(&design, &problem, None).unwrap();
            if let Some(shares) = &shares {
                let found = solve_from(&design, &problem, shares);
                reached += u32::from(found.is_some());
                if let Some(found) = found {
                    assert_optimal(&own.to_owned(), &positive, 4.0 * c, c, &found);
                    assert!((found.primal / cold.primal - 1.0).abs() < 1e-12);
                    assert!((&found.weights - &cold.weights).iter().all(|error| error.abs() < 1e-9));
                    assert_eq!(found.support_vectors, cold.support_vectors);
                }
            }
            shares = Some(cold.shares(&problem));
        }
        assert!(reached >= least, "{reached} of 5 at C = {c}");
    }
}

#[test]
fn multipliers_that_lead_nowhere_are_left() {
    let (rows, positive) = classes(60, 4, 0.4, 0.2, 6);
    let problem = Problem { positive: &positive, c_positive: 1.5, c_negative: 1.0 };
    let design = Design::new(rows.view());
    // None is inside its bounds, more are than can be, and shares that are no numbers.
    for shares in [vec![0.0; 60], vec![0.5; 60], vec![f64::NAN; 60]] {
        assert_eq!(solve_from(&design, &problem, &shares), None);
    }
}
