//! Intervals of the mean rates of a sweep: methods and points that were tested on the same images are resampled together.

use rayon::prelude::*;

use super::evaluate::Prediction;
use super::sweep_points::{MethodAt, PointAt};
use crate::metrics::bootstrap::{Tallies, percentile_interval, resample};
use crate::metrics::{Groups, Interval};
use crate::types::Seed;

/// Bootstrap intervals of all mean rates. Methods tested on the same images are resampled together, once.
pub(super) fn mean_intervals(points: &mut [PointAt], seed: Seed) {
    let mut methods: Vec<&mut MethodAt> = points.iter_mut().flat_map(|point| &mut point.methods).collect();
    while let Some(first) = methods.first() {
        let same: Vec<Prediction> = first.answers().into_iter().cloned().collect();
        let (own, others) = methods.into_iter().partition(|method: &&mut MethodAt| {
            let own = method.answers();
            let is_same = |(a, b): (&Prediction, &Prediction)| {
                (&a.image, &a.group, a.label) == (&b.image, &b.group, b.label)
            };
            own.len() == same.len() && own.into_iter().zip(&same).all(is_same)
        });
        let mut own: Vec<&mut MethodAt> = own;
        let answers: Vec<Vec<&Prediction>> = own.iter().map(|method| method.answers()).collect();
        let intervals = intervals_of_means(&answers, seed);
        for (method, interval) in own.iter_mut().zip(intervals) {
            method.mean_interval = interval;
        }
        methods = others;
    }
}

/// Of methods that answer for the same images, in the same order.
pub(super) fn intervals_of_means(answers: &[Vec<&Prediction>], seed: Seed) -> Vec<Option<Interval>> {
    let Some(images) = answers.first() else { return Vec::new() };
    let groups = Groups::of(images.iter().map(|row| (row.label, row.group.as_str())));
    // By class: its images, and then the right answers by method. So what an image adds lies side by side.
    let width = answers.len() + 1;
    let amounts = images.iter().enumerate().flat_map(|(image, row)| {
        let first = width * row.label.index();
        let right = answers.iter().enumerate().filter(move |(_, rows)| rows[image].predicted == row.label);
        std::iter::once((image, first, 1.0))
            .chain(right.map(move |(method, _)| (image, first + 1 + method, 1.0)))
    });
    let tallies = Tallies::gather(&groups, 8 * width, amounts);
    let resampled = resample(&groups, &tallies, seed, |sums| mean_rates(sums, width));
    let interval = |method: usize| percentile_interval(resampled.iter().map(|row| row[method]));
    (0..answers.len()).into_par_iter().map(interval).collect()
}

/// By method, of sums by class: images, then right answers by method. None where no class has images.
fn mean_rates(sums: &[f64], width: usize) -> Vec<Option<f64>> {
    let mut means = vec![0.0; width - 1];
    let mut classes = 0.0;
    for class in sums.chunks(width) {
        let Some((images, right)) = class.split_first().filter(|(images, _)| **images > 0.0) else {
            continue;
        };
        classes += 1.0;
        means.iter_mut().zip(right).for_each(|(mean, right)| *mean += right / images);
    }
    means.into_iter().map(|sum| (classes > 0.0).then(|| sum / classes)).collect()
}
