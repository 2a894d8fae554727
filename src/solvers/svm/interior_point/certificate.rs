//! What bounds the error of an answer: a feasible point of the dual and a plane, with their objectives.
//!
//! A penalty of 1e10 makes an objective of rounding alone: the margin of a support vector is 1 but for a few digits, and
//! what it falls short is multiplied by the penalty. So the plane is stretched. At `(1 + e) (w, b)` every margin of 1 is
//! `1 + e`, which rounding below `e` does not bring under 1 again, and the objective is at most `1 + 2 e` times the
//! optimum: `|w|^2 / 2` grows by that factor, and a loss `C (1 - m)` to at most `(1 + e)` times itself.

use ndarray::Array1;

use super::point::Point;
use super::scores::{Scores, Values};
use super::{Design, Problem, Samples};

/// A plane and how far from the optimum it can be.
#[derive(Clone, Debug, PartialEq)]
pub struct Certificate {
    /// `w`, `[d]`.
    pub weights: Array1<f64>,
    /// `b`. Where an interval of biases is optimal, its middle.
    pub bias: f64,
    /// Objective of this plane for the scores as they came, rounded up: no evaluation without rounding gives more.
    pub primal: f64,
    /// Objective of feasible multipliers: no plane has a smaller objective than this.
    pub dual: f64,
    /// Feasible multipliers, `alpha`, `[n]`.
    pub multipliers: Vec<f64>,
    /// Number of samples whose multiplier is not 0, or would not be but for rounding: at least one on each side.
    pub support_vectors: usize,
    /// Newton steps taken.
    pub iterations: usize,
}

impl Certificate {
    /// `(primal - dual) / max(|primal|, |dual|)`; rounding can make it negative.
    pub fn gap(&self) -> f64 {
        relative_gap(self.primal, self.dual)
    }

    /// Multipliers as shares of their penalties, `[n]`, those at a bound exactly there.
    pub(in crate::solvers::svm) fn shares(&self, problem: &Problem<'_>) -> Vec<f64> {
        let share = |(alpha, own): (&f64, &bool)| {
            let share = alpha / if *own { problem.c_positive } else { problem.c_negative };
            if share <= AT_BOUND {
                0.0
            } else if share >= 1.0 - AT_BOUND {
                1.0
            } else {
                share
            }
        };
        self.multipliers.iter().zip(problem.positive).map(share).collect()
    }
}

/// A share this near to 0 or 1 is one but for rounding.
const AT_BOUND: f64 = 1e-9;

pub(super) fn relative_gap(primal: f64, dual: f64) -> f64 {
    (primal - dual) / primal.abs().max(dual.abs())
}

/// Feasible multipliers and what is known of them.
pub(super) struct Multipliers {
    /// `alpha`, `[n]`.
    pub alpha: Vec<f64>,
    /// Their objective, in the design's units.
    pub dual: f64,
    /// Number of those that are not 0.
    pub support_vectors: usize,
    /// `w = sum alpha y x`, then 0, `[r + 1]`.
    pub plane: Vec<f64>,
}

impl Multipliers {
    /// Near those of a point.
    pub fn of(design: &Design<'_>, samples: &Samples, point: &Point) -> Self {
        let alpha = feasible(&point.alpha, samples);
        let signed: Vec<f64> = alpha.iter().zip(&samples.sign).map(|(alpha, sign)| alpha * sign).collect();
        let mut plane = design.transposed_times(&signed);
        plane[design.width()] = 0.0;
        let dual = alpha.iter().sum::<f64>() - half_square(&plane);
        let support_vectors = support_vectors(&alpha, &point.lower, samples);
        Self { alpha, dual, support_vectors, plane }
    }

    /// `w`, `[r]`.
    pub fn weights(&self) -> &[f64] {
        self.plane.split_last().map_or(&[], |(_, weights)| weights)
    }
}

/// A plane of the design and multipliers, with their distance.
pub(super) struct Estimate {
    /// `w`, `[r]`.
    pub weights: Vec<f64>,
    /// `b`.
    pub bias: f64,
    /// Feasible.
    pub multipliers: Multipliers,
    /// Relative distance of the objectives, rounding aside.
    pub gap: f64,
}

impl Estimate {
    /// Of a point near the optimum, whose values are computed anew.
    pub fn of(design: &Design<'_>, samples: &Samples, point: &mut Point) -> Self {
        design.times(&point.plane, &mut point.values);
        let multipliers = Multipliers::of(design, samples, point);
        let mut values = vec![0.0; point.values.len()];
        design.times(&multipliers.plane, &mut values);

        // The plane of these multipliers, or the iterate's own, whichever is better.
        let exact = vec![0.0; values.len()];
        let of_multipliers = Placed::best((&values, &exact), half_square(multipliers.weights()), samples);
        let of_point = Placed::best((&point.values, &exact), half_square(point.weights()), samples);
        let (weights, Placed { bias, primal, .. }) = if of_point.primal < of_multipliers.primal {
            (point.weights(), of_point)
        } else {
            (multipliers.weights(), of_multipliers)
        };
        Self { weights: weights.to_vec(), bias, gap: relative_gap(primal, multipliers.dual), multipliers }
    }
}

/// A plane for the scores as they came.
pub(super) struct Plane {
    pub weights: Array1<f64>,
    pub bias: f64,
    /// Its objective in the design's units, rounded up.
    pub primal: f64,
}

impl Plane {
    /// With weights `[d]` for scaled scores, a bias near `near`, and stretched as is best.
    pub fn new(scores: &Scores<'_>, samples: &Samples, weights: &Array1<f64>, near: f64) -> Self {
        let at_centre = scores.at_centre(&scores.restore(weights)).round();
        // The bias of scores that are not centred has fewer digits behind the point.
        let rounding = 0.5 * f64::EPSILON * (near.abs() + (near - at_centre).abs());
        Self::placed(scores, samples, weights, &scores.values(weights), rounding, rounded).0
    }

    /// The same with a bias that loses little, for weights that are changed a little.
    pub fn aligned(scores: &Scores<'_>, samples: &Samples, weights: &Array1<f64>, near: f64) -> Self {
        let (values, rounding) = (scores.values(weights), 0.5 * f64::EPSILON * near.abs());
        let (mut best, mut off) = Self::placed(scores, samples, weights, &values, rounding, aligned);
        for _ in 1..MOST_ALIGNMENTS {
            // With room for what the last one could not reach; it wants another value, which may be reached better or worse.
            let (next, reached) = Self::placed(scores, samples, weights, &values, rounding + off, aligned);
            (best, off) = (best.or_better(next), reached);
        }
        best
    }

    /// This one or another, whichever has the smaller objective.
    pub fn or_better(self, other: Self) -> Self {
        if other.primal < self.primal { other } else { self }
    }

    /// At the best bias and stretch for values `w x` where decision values may be off by `rounding` more than those, and how far its value at the
    /// centre is from what it was to be. `round` gives a plane of 64 bits for the scores as they came, whose value there is about
    /// as wanted.
    fn placed(
        scores: &Scores<'_>,
        samples: &Samples,
        weights: &Array1<f64>,
        Values { values, errors }: &Values,
        rounding: f64,
        round: impl Fn(&Scores<'_>, Array1<f64>, f64) -> (Array1<f64>, f64),
    ) -> (Self, f64) {
        let with_rounding: Vec<f64> = errors.iter().map(|error| error + rounding).collect();
        let Placed { bias: wanted, stretch, .. } =
            Placed::best((values, &with_rounding), half_square(weights), samples);
        let (stretched, wanted) = (weights * stretch, stretch * wanted);
        let (weights, rounded) = round(scores, scores.restore(&stretched), wanted);
        // What the rounded bias comes to where scores are centred: known, so that only its own last digit is not.
        let bias = scores.at_centre(&weights).plus(rounded).round();
        let rounding = 0.5 * f64::EPSILON * bias.abs();
        let moved = scores.scaled(&weights);
        let (values, errors) = if moved == stretched {
            let times = |values: &[f64]| values.iter().map(|value| value * stretch).collect();
            (times(values), times(errors))
        } else {
            let Values { values, errors } = scores.values(&moved);
            (values, errors)
        };
        let errors: Vec<f64> = errors.iter().map(|error| error + rounding).collect();
        let primal = half_square(&moved) + samples.loss((&values, &errors), bias, 1.0);
        (Self { weights, bias: rounded, primal }, (bias - wanted).abs())
    }
}

/// Weights for the scores as they came as they are, and the bias that makes of them a value at the centre.
fn rounded(scores: &Scores<'_>, weights: Array1<f64>, at_centre: f64) -> (Array1<f64>, f64) {
    let bias = scores.at_centre(&weights).negative().plus(at_centre).round();
    (weights, bias)
}

/// Times that a bias is sought that can be reached.
const MOST_ALIGNMENTS: usize = 5;

/// Weights whose last digits are tried, those that matter most at the centre, and how many units of each at most: with a centre
/// 1e12 away, the root of that many balance what they gain and what they cost.
const MOST_ALIGNED: usize = 4;
const MOST_UNITS: u32 = 1 << 20;

/// As [`rounded`], with one of the weights changed by some units of its last digit, such that the value at the centre is nearest to
/// what it is to be. Where the centre is 1e10 away, a bias has few digits left behind the point, and so has each such unit times
/// the centre; but one falls between the others. Samples about the centre hardly tell the difference, which is weighed.
fn aligned(scores: &Scores<'_>, weights: Array1<f64>, at_centre: f64) -> (Array1<f64>, f64) {
    let centre = scores.centre();
    let size = |column: usize| (weights[column] * centre[column]).abs();
    // A change of another costs as much as it gains.
    let is_far = |column: &usize| size(*column) > 0.0 && centre[*column].abs() > scores.scale();
    let mut columns: Vec<usize> = (0..weights.len()).filter(is_far).collect();
    columns.sort_by(|a, b| size(*b).total_cmp(&size(*a)).then(a.cmp(b)));
    columns.truncate(MOST_ALIGNED);
    let whole = scores.at_centre(&weights);
    let (mut best, mut least) = (None, f64::INFINITY);
    for column in columns {
        let weight = weights[column];
        let unit = weight.next_up() - weight;
        for units in 0..=MOST_UNITS {
            let change = f64::from(units) * unit;
            // What it moves the value of a sample by that is as far from the centre as most.
            let cost = change * scores.scale();
            if cost >= least {
                break;
            }
            for moved in [weight + change, weight - change] {
                let sum = whole.plus_product(moved - weight, centre[column]);
                let bias = sum.negative().plus(at_centre).round();
                let off = cost + sum.plus(bias).plus(-at_centre).round().abs();
                if off < least {
                    (best, least) = (Some((column, moved, bias)), off);
                }
            }
        }
    }
    let Some((column, moved, bias)) = best else { return rounded(scores, weights, at_centre) };
    let mut weights = weights;
    weights[column] = moved;
    (weights, bias)
}

/// A bias and a stretch for given weights.
struct Placed {
    /// Before it is stretched.
    bias: f64,
    stretch: f64,
    primal: f64,
}

impl Placed {
    /// The best of a few stretches at the best bias, for values `w x` and what they may be off by; `half` is
    /// `|w|^2 / 2` before.
    fn best(values: (&[f64], &[f64]), half: f64, samples: &Samples) -> Self {
        let bias = best_bias(values, samples);
        let at = |stretch: f64| {
            let primal = stretch * stretch * half + samples.loss(values, bias, stretch);
            Self { bias, stretch, primal }
        };
        let mut best = at(1.0);
        for exponent in STRETCHES {
            let next = at(1.0 + 2.0f64.powi(exponent));
            if next.primal < best.primal {
                best = next;
            } else if next.primal > (1.0 + ROUNDING) * best.primal {
                // The objective is convex in the stretch.
                break;
            }
        }
        best
    }
}

/// Powers of 2 by which a plane is stretched; beyond the last it would cost more than the gap.
const STRETCHES: std::ops::RangeInclusive<i32> = -50..=-28;

/// Relative difference of two objectives that says nothing.
const ROUNDING: f64 = 1e-14;

fn half_square<'a>(weights: impl IntoIterator<Item = &'a f64>) -> f64 {
    0.5 * weights.into_iter().map(|weight| weight * weight).sum::<f64>()
}

/// A multiplier of this share of its side's largest is not 0.
const NOT_0: f64 = 1e-4;

/// Number of feasible multipliers, `[n]`, that are not 0 at the optimum; `lower` are those of `alpha >= 0`.
///
/// Near the optimum one of `alpha` and `u` is far smaller than the other; `u` is in units of the margin. Where samples
/// depend on each other both can be small, or both large.
fn support_vectors(alpha: &[f64], lower: &[f64], samples: &Samples) -> usize {
    let typical = alpha.iter().sum::<f64>() / alpha.len() as f64;
    let largest = |positive: bool| {
        let own = alpha.iter().zip(&samples.sign).filter(|(_, sign)| (**sign > 0.0) == positive);
        own.fold(0.0f64, |largest, (alpha, _)| largest.max(*alpha))
    };
    let (positive, negative) = (largest(true), largest(false));
    let is_one = |i: &usize| {
        let largest = if samples.sign[*i] > 0.0 { positive } else { negative };
        alpha[*i] > 0.0 && (alpha[*i] / typical > lower[*i] || alpha[*i] >= NOT_0 * largest)
    };
    (0..alpha.len()).filter(is_one).count()
}

/// Multipliers within their bounds with `sum y alpha = 0`: the heavier side is scaled down.
fn feasible(alpha: &[f64], samples: &Samples) -> Vec<f64> {
    let mut alpha: Vec<f64> =
        alpha.iter().zip(&samples.penalty).map(|(alpha, penalty)| alpha.clamp(0.0, *penalty)).collect();
    let (positive, negative) = samples.sums_of_sides(&alpha);
    let smaller = positive.min(negative);
    for (alpha, sign) in alpha.iter_mut().zip(&samples.sign) {
        *alpha *= smaller / if *sign > 0.0 { positive } else { negative };
    }
    alpha
}

/// Turns of a loss that are sorted.
const FEW_TURNS: usize = 64;

/// The bias of least loss for decision values without one, `[n]`; the middle where an interval has it.
/// So does LIBSVM where no multiplier is free; one that is so by rounding alone gives an end.
///
/// The loss is piecewise linear in the bias. Its slope starts at minus the penalties of all positive samples,
/// and rises by a sample's penalty where that sample reaches its margin, at `y_i (1 + error_i) - value_i`.
fn best_bias((values, errors): (&[f64], &[f64]), samples: &Samples) -> f64 {
    let mut turns: Vec<(f64, f64)> = (0..values.len())
        .map(|i| (samples.sign[i] * (1.0 + errors[i]) - values[i], samples.penalty[i]))
        .collect();
    let order = |a: &(f64, f64), b: &(f64, f64)| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1));
    let mut slope = -samples.sums_of_sides(&samples.penalty).0;
    let flat = 1e-12 * samples.penalty.iter().sum::<f64>();
    // Halves of those that are left: sorting all would not be linear.
    let (mut left, mut beyond) = (turns.as_mut_slice(), None);
    while left.len() > FEW_TURNS {
        let (lower, middle, _) = left.select_nth_unstable_by(left.len() / 2, order);
        let rise: f64 = lower.iter().map(|(_, penalty)| penalty).sum();
        let (first, is_lower) = (middle.0, slope + rise >= -flat);
        let (lower, upper) = left.split_at_mut(left.len() / 2);
        if is_lower {
            (left, beyond) = (lower, Some(first));
        } else {
            (left, slope) = (upper, slope + rise);
        }
    }
    left.sort_unstable_by(order);
    let mut flat_from = None;
    for (bias, penalty) in left.iter().copied() {
        if let Some(from) = flat_from {
            return 0.5 * (from + bias);
        }
        slope += penalty;
        if slope > flat {
            return bias;
        }
        if slope >= -flat {
            flat_from = Some(bias);
        }
    }
    let end = flat_from.or(beyond).unwrap_or(0.0);
    0.5 * (end + beyond.unwrap_or(end))
}
