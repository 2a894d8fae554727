//! In which order a training sees its images: a function of seed and epoch.

use super::random::{Purpose, Stream};

/// Positions of one epoch, as many as there are labels.
///
/// Unbalanced, every image comes once. Balanced, every class comes equally often: images of a rare class come again,
/// those of a frequent one take turns over the epochs.
pub fn order(seed: u64, epoch: u64, labels: &[u8], balanced: bool) -> Vec<u32> {
    let mut stream = Stream::new(seed, Purpose::Order { epoch });
    let mut order: Vec<u32> = (0..labels.len() as u32).collect();
    if balanced {
        order = balance(&mut stream, labels);
    }
    stream.shuffle(&mut order);
    order
}

fn balance(stream: &mut Stream, labels: &[u8]) -> Vec<u32> {
    let mut classes: Vec<Vec<u32>> = vec![Vec::new(); 256];
    for (at, label) in labels.iter().enumerate() {
        classes[usize::from(*label)].push(at as u32);
    }
    classes.retain(|images| !images.is_empty());
    let mut order = Vec::with_capacity(labels.len());
    for (number, images) in classes.iter_mut().enumerate() {
        // Shares that differ by one at most, and add up.
        let share = (labels.len() + number) / classes_of(labels);
        for round in 0..share.div_ceil(images.len()) {
            stream.shuffle(images);
            order.extend(images.iter().take(share - round * images.len()));
        }
    }
    order
}

fn classes_of(labels: &[u8]) -> usize {
    let mut seen = [false; 256];
    for label in labels {
        seen[usize::from(*label)] = true;
    }
    seen.iter().filter(|seen| **seen).count().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels() -> Vec<u8> {
        [vec![0; 70], vec![3; 20], vec![7; 11]].concat()
    }

    #[test]
    fn every_image_comes_once_in_another_order_each_epoch() {
        let first = order(1, 0, &labels(), false);
        let mut sorted = first.clone();
        sorted.sort_unstable();
        assert!(sorted.into_iter().eq(0..101));
        assert_ne!(first, order(1, 1, &labels(), false));
        assert_ne!(first, order(2, 0, &labels(), false));
        assert_eq!(first, order(1, 0, &labels(), false));
    }

    #[test]
    fn balanced_epochs_hold_every_class_equally_often() {
        let labels = labels();
        let order = order(1, 4, &labels, true);
        assert_eq!(order.len(), 101);
        let count = |class| order.iter().filter(|at| labels[**at as usize] == class).count();
        assert_eq!([count(0), count(3), count(7)].iter().sum::<usize>(), 101);
        assert!([0, 3, 7].into_iter().all(|class| (33..=34).contains(&count(class))));
        // A rare class comes evenly often, image by image.
        let times = |at: u32| order.iter().filter(|other| **other == at).count();
        assert!((90..101).all(|at| (3..=4).contains(&times(at))));
    }
}
