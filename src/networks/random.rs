//! Random numbers of training: each use has a stream of its own, a function of the seed and of what it is for, so
//! that a resumed training needs no saved generator.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{RngCore as _, SeedableRng as _};

/// One stream.
#[derive(Clone, Debug)]
pub struct Stream(Xoshiro256PlusPlus);

/// What a stream is for.
#[derive(Clone, Copy, Debug)]
pub enum Purpose {
    /// The first weights of a new layer.
    NewLayer,
    /// The order of images in an epoch.
    Order {
        /// From 0.
        epoch: u64,
    },
    /// How an image is cropped and altered.
    Augmentation {
        /// From 0.
        epoch: u64,
        /// Its place in the epoch.
        place: u64,
    },
    /// What a step draws: dropout, mixing.
    Step(u64),
    /// Which images of a class are drawn.
    Subset,
}

impl Stream {
    /// The stream of a seed for a purpose.
    pub fn new(seed: u64, purpose: Purpose) -> Self {
        let words = match purpose {
            Purpose::NewLayer => [1, 0, 0],
            Purpose::Order { epoch } => [2, epoch, 0],
            Purpose::Augmentation { epoch, place } => [3, epoch, place],
            Purpose::Step(step) => [4, step, 0],
            Purpose::Subset => [5, 0, 0],
        };
        // The state passes through the generator's own seeding before each word, so that neighbours share nothing.
        let mix = |state: u64, word: u64| Xoshiro256PlusPlus::seed_from_u64(state).next_u64() ^ word;
        Self(Xoshiro256PlusPlus::seed_from_u64(words.into_iter().fold(seed, mix)))
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A whole number below `end`, which is above 0.
    pub fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.bits()) * end as u128) >> 64) as usize
    }

    /// A number from `low` up to `high`.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        let unit = (self.bits() >> 11) as f64 / (1_u64 << 53) as f64;
        low + (high - low) * unit
    }

    /// A normal number of mean 0 and variance 1 (Box and Muller).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.between(0.0, 1.0)).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.between(0.0, 1.0)).cos()
    }

    /// A draw from Beta(m, m), for `m` from 0.01 to 8: Jöhnk 1964, who ends after 13,000 tries on average where `m` is 8,
    /// in twice as many for each 0.5 more.
    pub fn beta(&mut self, m: f64) -> f64 {
        loop {
            let a = self.between(0.0, 1.0).powf(1.0 / m);
            let b = self.between(0.0, 1.0).powf(1.0 / m);
            if a + b > 0.0 && a + b <= 1.0 {
                return a / (a + b);
            }
        }
    }

    /// Puts the items into a random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::networks::recipe::MIXUP;

    #[test]
    fn streams_differ_by_seed_and_purpose_and_repeat() {
        let first = |seed, purpose| Stream::new(seed, purpose).bits();
        let mut seen =
            vec![first(1, Purpose::NewLayer), first(2, Purpose::NewLayer), first(1, Purpose::Subset)];
        for number in 0..50 {
            seen.push(first(1, Purpose::Step(number)));
            seen.push(first(1, Purpose::Order { epoch: number }));
            seen.push(first(1, Purpose::Augmentation { epoch: number, place: 0 }));
            seen.push(first(1, Purpose::Augmentation { epoch: 0, place: number + 1 }));
        }
        let count = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), count);
        assert_eq!(first(1, Purpose::Step(7)), first(1, Purpose::Step(7)));
    }

    #[test]
    fn shares_of_a_mixture_end_and_have_their_distribution() {
        for m in [*MIXUP.start(), 0.2, 1.0, *MIXUP.end()] {
            let mut stream = Stream::new(5, Purpose::Step(0));
            let shares: Vec<f64> = (0..400).map(|_| stream.beta(m)).collect();
            let mean = shares.iter().sum::<f64>() / 400.0;
            let variance = shares.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / 400.0;
            let expected = 0.25 / (2.0 * m + 1.0);
            assert!((mean - 0.5).abs() < 0.08, "{m}: {mean}");
            assert!((variance / expected - 1.0).abs() < 0.25, "{m}: {variance} {expected}");
        }
    }

    #[test]
    fn numbers_have_their_distribution() {
        let mut stream = Stream::new(3, Purpose::Subset);
        let normals: Vec<f64> = (0..20_000).map(|_| stream.normal()).collect();
        let mean = normals.iter().sum::<f64>() / 20_000.0;
        let variance = normals.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / 20_000.0;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05, "{mean} {variance}");
        let mut counts = [0; 5];
        (0..20_000).for_each(|_| counts[stream.below(5)] += 1);
        assert!(counts.iter().all(|count| (3800..4200).contains(count)), "{counts:?}");
        let mut order: Vec<u32> = (0..100).collect();
        stream.shuffle(&mut order);
        assert!(order.iter().enumerate().filter(|(at, item)| *at as u32 == **item).count() < 10);
        order.sort_unstable();
        assert!(order.into_iter().eq(0..100));
    }
}
