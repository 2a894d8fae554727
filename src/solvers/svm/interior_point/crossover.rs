//! From an iterate on the way to the optimum to the optimum itself.
//!
//! Which multipliers are 0 at the optimum, and which are `C`, shows long before the iterates are there. With those fixed,
//! the others, `F`, at most one more than there are weights, solve a small system:
//!
//! ```text
//! y_i (w x_i + b) = 1  for i in F     w = sum alpha_i y_i x_i     sum alpha_i y_i = 0
//! ```
//!
//! A multiplier that then leaves its bounds is fixed at that bound; one that is fixed although its margin says
//! otherwise is freed, those furthest from their margin first; and so on until nothing changes. That is Newton's method
//! for the conditions of the optimum, which are piecewise linear: a handful of small factors replaces the iterations in
//! which an interior point closes in, and the answer is exact but for rounding. It depends on the sets alone, not on the
//! iterate that they were read from.
//!
//! From afar it may not arrive. Then there is no answer here, and the interior point goes on.
//!
//! Source: Hintermüller, Ito and Kunisch, *The primal-dual active set strategy as a semismooth Newton method*, SIAM J.
//! Optim. 13(3), 2002.

use faer::Mat;

use super::factor::solve_definite;
use super::point::Point;
use super::{Design, Samples};

/// Changes of the sets before giving up; those that arrive take 1 to 12.
const MOST_CHANGES: usize = 16;

/// Changes in a row that come no closer, in the number of samples that move, before giving up.
const PATIENCE: usize = 2;

/// Of the multipliers that may be free, this share is kept back from the first guess, one in so many: more arrive when
/// some can be freed.
const KEPT_BACK: usize = 16;

/// A margin this near to 1 is at it.
const AT_MARGIN: f64 = 1e-10;

/// Where a multiplier is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    AtZero,
    Free,
    AtPenalty,
}

/// The optimum near a point, if its sets can be found from there.
pub(super) fn optimum(design: &Design<'_>, samples: &Samples, point: &Point) -> Option<Point> {
    let mut places = guess(design, samples, point)?;
    let (mut fewest, mut since) = (usize::MAX, 0);
    for _ in 0..MOST_CHANGES {
        let found = solve(design, samples, &places)?;
        let next = corrected(design, samples, &places, &found);
        let moved = places.iter().zip(&next).filter(|(place, next)| place != next).count();
        if moved == 0 {
            return Some(found);
        }
        since = if moved < fewest { 0 } else { since + 1 };
        if since == PATIENCE {
            return None;
        }
        fewest = fewest.min(moved);
        places = next;
    }
    None
}

/// The point of given places, if it is the optimum.
pub(super) fn at(design: &Design<'_>, samples: &Samples, places: &[Place]) -> Option<Point> {
    let found = solve(design, samples, places)?;
    (corrected(design, samples, places, &found) == places).then_some(found)
}

/// Most multipliers that can be free: with more, their equations depend on each other.
pub(super) fn most_free(design: &Design<'_>) -> usize {
    design.width() + 1
}

/// Where a step of the multipliers along their own gradients, each as long as if it were alone, ends. Of too many
/// free ones those stay free that a Newton step could move the furthest. None where nearly all seem free: too early.
fn guess(design: &Design<'_>, samples: &Samples, point: &Point) -> Option<Vec<Place>> {
    let norms = design.squared_norms();
    let mut free = Vec::new();
    let mut places = Vec::with_capacity(norms.len());
    for (i, norm) in norms.iter().enumerate() {
        let moved = norm * point.alpha[i] - (point.lower[i] - point.upper[i]);
        let place = if moved <= 0.0 {
            Place::AtZero
        } else if moved >= norm * samples.penalty[i] {
            Place::AtPenalty
        } else {
            free.push(i);
            Place::Free
        };
        places.push(place);
    }
    let most = most_free(design);
    let kept = most - most / KEPT_BACK;
    if free.len() > 2 * most {
        return None;
    }
    if free.len() > kept {
        let stiffness =
            |i: usize| (point.lower[i] / point.alpha[i] + point.upper[i] / point.room[i]) / norms[i];
        free.sort_by(|a, b| stiffness(*a).total_cmp(&stiffness(*b)).then(a.cmp(b)));
        for &i in &free[kept..] {
            places[i] = if point.alpha[i] < point.room[i] { Place::AtZero } else { Place::AtPenalty };
        }
    }
    Some(places)
}

/// The point at which the free multipliers have their samples on the margin. None without free ones, which alone tell
/// the bias, or where their samples depend on each other.
///
/// With `e = y alpha` of the free ones, and `w_0`, `s_0` what the fixed ones add to `w` and to `sum y alpha`:
/// `X X' e + b = y - X w_0` and `sum e = -s_0`. Adding the known sum to the first gives `A A' e + b = y - A [w_0; s_0]`,
/// which is definite for one more sample than there are weights.
fn solve(design: &Design<'_>, samples: &Samples, places: &[Place]) -> Option<Point> {
    let (sign, penalty) = (&samples.sign, &samples.penalty);
    let (n, width) = (places.len(), design.width());
    let free: Vec<usize> = (0..n).filter(|&i| places[i] == Place::Free).collect();
    if free.is_empty() {
        return None;
    }
    let at_penalty = |i: usize| if places[i] == Place::AtPenalty { penalty[i] } else { 0.0 };
    let mut alpha: Vec<f64> = (0..n).map(at_penalty).collect();
    let mut signed: Vec<f64> = alpha.iter().zip(sign).map(|(alpha, sign)| alpha * sign).collect();
    let mut values = vec![0.0; n];
    let mut sum_of_fixed = 0.0;
    if places.contains(&Place::AtPenalty) {
        let fixed = design.transposed_times(&signed);
        sum_of_fixed = fixed[width];
        design.times(&fixed, &mut values);
    }
    // The second column is solved for ones, which tell the bias.
    let right_side =
        |at: usize, column: usize| if column == 0 { sign[free[at]] - values[free[at]] } else { 1.0 };
    let mut right = Mat::from_fn(free.len(), 2, right_side);
    solve_definite(&mut design.gram(&free), &mut right).ok()?;
    let sum = |column: usize| right.col(column).iter().sum::<f64>();
    let bias = (sum(0) + sum_of_fixed) / sum(1);
    for (at, &i) in free.iter().enumerate() {
        signed[i] = right[(at, 0)] - bias * right[(at, 1)];
        alpha[i] = sign[i] * signed[i];
    }
    let mut plane = design.transposed_times(&signed);
    plane[width] = bias;
    design.times(&plane, &mut values);
    let beyond = |i: usize| sign[i] * values[i] - 1.0;
    Some(Point {
        room: penalty.iter().zip(&alpha).map(|(penalty, alpha)| penalty - alpha).collect(),
        lower: (0..n).map(|i| beyond(i).max(0.0)).collect(),
        upper: (0..n).map(|i| (-beyond(i)).max(0.0)).collect(),
        alpha,
        plane,
        values,
    })
}

/// The places that a solution asks for.
fn corrected(design: &Design<'_>, samples: &Samples, places: &[Place], found: &Point) -> Vec<Place> {
    let mut next = places.to_vec();
    let mut freed = Vec::new();
    for (i, place) in next.iter_mut().enumerate() {
        let beyond = samples.sign[i] * found.values[i] - 1.0;
        match place {
            Place::Free if found.alpha[i] < 0.0 => *place = Place::AtZero,
            Place::Free if found.alpha[i] > samples.penalty[i] => *place = Place::AtPenalty,
            Place::AtZero if beyond < -AT_MARGIN => freed.push((i, -beyond)),
            Place::AtPenalty if beyond > AT_MARGIN => freed.push((i, beyond)),
            Place::Free | Place::AtZero | Place::AtPenalty => {}
        }
    }
    let still = next.iter().filter(|place| **place == Place::Free).count();
    freed.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    for (i, _) in freed.into_iter().take(most_free(design).saturating_sub(still)) {
        next[i] = Place::Free;
    }
    next
}
