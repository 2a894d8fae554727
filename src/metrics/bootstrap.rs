//! The bootstrap over groups (Efron and Tibshirani 1993, *An Introduction to the Bootstrap*, chapters 8 and 13).
//!
//! Images of one group (one code point, one photograph in several crops) are no independent samples, so whole groups
//! are drawn, with replacement, as many from each stratum as there are. Every statistic here is a function of sums
//! over images; the sums of each group are gathered once, and a resample only adds them up. The interval runs from
//! the 2.5th to the 97.5th percentile of the resamples.
//!
//! Resample `i` has a random stream of its own, a function of the seed and `i`: the answer does not depend on the number of
//! threads. All columns of a resample come from the same draw, so that differences between methods are paired.

use pulp::{Arch, Simd, WithSimd};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{RngCore as _, SeedableRng as _};
use rayon::prelude::*;

use super::{Groups, Interval, interval::LEVEL};
use crate::types::Seed;

/// Resamples of every interval.
pub const RESAMPLES: usize = 10_000;

/// Resamples that a thread makes before another can take over: few, or one ends long after the others.
const TOGETHER: usize = 250;

/// What each group adds to some sums.
#[derive(Clone, Debug)]
pub struct Tallies {
    sums: usize,
    /// By group, where its runs begin among all, and in the end their number.
    starts: Vec<usize>,
    runs: Vec<Run>,
    amounts: Vec<f64>,
}

/// What a group adds to sums side by side: amounts of `at..` go to the sums `first..`, as many as fill whole vectors, the last
/// of them 0.
#[derive(Clone, Debug)]
struct Run {
    first: usize,
    at: usize,
    length: usize,
}

/// Sums this near to each other share a run, with zeros between them: adding those is faster than another run.
const GAP: usize = 16;

/// Amounts that are added at once.
const LANES: usize = 8;

impl Tallies {
    /// Of `(image, sum, amount)`: image `image` adds `amount` to the sum number `sum`, below `sums`.
    pub fn gather(
        groups: &Groups,
        sums: usize,
        amounts: impl IntoIterator<Item = (usize, usize, f64)>,
    ) -> Self {
        let of_image = groups.of_image();
        let mut all: Vec<(usize, usize, f64)> =
            amounts.into_iter().map(|(image, sum, amount)| (of_image[image], sum, amount)).collect();
        all.sort_by_key(|(group, sum, _)| (*group, *sum));
        let mut tallies = Self { sums, starts: vec![0], runs: Vec::new(), amounts: Vec::new() };
        for (group, sum, amount) in all {
            tallies.begin(group);
            tallies.put(sum, amount);
        }
        tallies.begin(groups.count());
        tallies
    }

    /// Ends the groups before this one.
    fn begin(&mut self, group: usize) {
        self.starts.resize(group + 1, self.runs.len());
    }

    /// Adds to a sum of the last group, whose number is not below that of the sum before.
    fn put(&mut self, sum: usize, amount: f64) {
        let is_of_group = self.starts.last().is_some_and(|start| *start < self.runs.len());
        let is_near = |run: &Run| sum < run.first + run.length + GAP;
        if !is_of_group || !self.runs.last().is_some_and(is_near) {
            self.runs.push(Run { first: sum, at: self.amounts.len(), length: 0 });
        }
        let Some(run) = self.runs.last_mut() else { return };
        run.length = run.length.max((sum - run.first + 1).next_multiple_of(LANES));
        self.amounts.resize(run.at + run.length, 0.0);
        self.amounts[run.at + sum - run.first] += amount;
    }

    /// The sums over all images.
    pub fn total(&self) -> Vec<f64> {
        let mut total = self.zeros();
        let once = vec![1; self.starts.len() - 1];
        Arch::new().dispatch(Add { tallies: self, times: &once, sums: &mut total });
        total.truncate(self.sums);
        total
    }

    /// Sums of nothing, and room for the end of a run.
    fn zeros(&self) -> Vec<f64> {
        vec![0.0; self.sums + LANES]
    }
}

/// Adds to sums what groups add, each so many times; compiled for the processor's vectors.
struct Add<'a> {
    tallies: &'a Tallies,
    /// By group.
    times: &'a [u32],
    sums: &'a mut [f64],
}

impl WithSimd for Add<'_> {
    type Output = ();

    #[expect(
        clippy::inline_always,
        reason = "what is not inlined is not compiled for the processor's vectors"
    )]
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Tallies { starts, runs, amounts, .. } = self.tallies;
        for (group, times) in self.times.iter().enumerate().filter(|(_, times)| **times > 0) {
            let times = simd.splat_f64s(f64::from(*times));
            for Run { first, at, length } in &runs[starts[group]..starts[group + 1]] {
                let (amounts, _) = S::as_simd_f64s(&amounts[*at..at + length]);
                let (sums, _) = S::as_mut_simd_f64s(&mut self.sums[*first..first + length]);
                for (sum, amount) in sums.iter_mut().zip(amounts) {
                    *sum = simd.add_f64s(*sum, simd.mul_f64s(times, *amount));
                }
            }
        }
    }
}

/// Statistics of every resample: `statistics` makes them from its sums.
pub fn resample<T: Send>(
    groups: &Groups,
    tallies: &Tallies,
    seed: Seed,
    statistics: impl Fn(&[f64]) -> T + Sync,
) -> Vec<T> {
    let arch = Arch::new();
    let base = Xoshiro256PlusPlus::seed_from_u64(seed.0).next_u64();
    let buffers = || (vec![0_u32; groups.count()], tallies.zeros());
    let draw = |(times, sums): &mut (Vec<u32>, Vec<f64>), number: usize| {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(base.wrapping_add(number as u64));
        times.fill(0);
        for stratum in groups.strata() {
            for _ in stratum {
                let place = (u128::from(random.next_u64()) * stratum.len() as u128) >> 64;
                times[stratum[place as usize]] += 1;
            }
        }
        sums.fill(0.0);
        arch.dispatch(Add { tallies, times, sums });
        statistics(&sums[..tallies.sums])
    };
    let numbers = (0..RESAMPLES).into_par_iter().with_max_len(TOGETHER);
    numbers.map_init(buffers, draw).collect()
}

/// The percentile interval of a statistic; `None` where no resample has it.
pub fn percentile_interval(values: impl IntoIterator<Item = Option<f64>>) -> Option<Interval> {
    let mut values: Vec<f64> = values.into_iter().flatten().collect();
    let tail = (1.0 - LEVEL) / 2.0;
    Some(Interval { low: quantile(&mut values, tail)?, high: quantile(&mut values, 1.0 - tail)? })
}

/// How likely a difference as far from 0 is where there is none, two-sided: twice the smaller share of resamples on
/// one side of 0, the observed sample counted among them; at most 1.
pub fn two_sided_p(differences: impl IntoIterator<Item = Option<f64>>) -> Option<f64> {
    let differences: Vec<f64> = differences.into_iter().flatten().collect();
    let below = differences.iter().filter(|difference| **difference <= 0.0).count();
    let above = differences.iter().filter(|difference| **difference >= 0.0).count();
    let share = (below.min(above) + 1) as f64 / (differences.len() + 1) as f64;
    (!differences.is_empty()).then(|| (2.0 * share).min(1.0))
}

/// The quantile of values, interpolated between neighbours; leaves them in another order.
fn quantile(values: &mut [f64], share: f64) -> Option<f64> {
    let place = share * values.len().checked_sub(1)? as f64;
    let (_, below, others) = values.select_nth_unstable_by(place.floor() as usize, f64::total_cmp);
    let below = *below;
    let above = others.iter().copied().min_by(f64::total_cmp).unwrap_or(below);
    Some(below + place.fract() * (above - below))
}
