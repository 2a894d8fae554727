//! Images by group: what a bootstrap draws, since images of one group are no independent samples.

use std::collections::BTreeMap;

use crate::types::Emotion;

/// Groups of images, divided into strata: a group's stratum is the label that most of its images have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Groups {
    of_image: Vec<usize>,
    strata: Vec<Vec<usize>>,
}

impl Groups {
    /// Of images with these labels and group names; the order of the images does not matter.
    pub fn of<'a>(images: impl IntoIterator<Item = (Emotion, &'a str)>) -> Self {
        let mut of_image = Vec::new();
        let mut found: BTreeMap<&str, ([usize; 8], Vec<usize>)> = BTreeMap::new();
        for (at, (label, name)) in images.into_iter().enumerate() {
            let (counts, members) = found.entry(name).or_default();
            counts[label.index()] += 1;
            members.push(at);
            of_image.push(0);
        }
        let mut strata = vec![Vec::new(); Emotion::ALL.len()];
        for (group, (counts, members)) in found.into_values().enumerate() {
            // Of equal counts the first emotion.
            let most = (0..counts.len()).max_by_key(|&class| (counts[class], std::cmp::Reverse(class)));
            strata[most.unwrap_or(0)].push(group);
            for at in members {
                of_image[at] = group;
            }
        }
        Self { of_image, strata: collapse(strata) }
    }

    /// The group of each image, from 0.
    pub fn of_image(&self) -> &[usize] {
        &self.of_image
    }

    /// Number of groups.
    pub fn count(&self) -> usize {
        self.strata.iter().map(Vec::len).sum()
    }

    /// Groups by stratum.
    pub fn strata(&self) -> &[Vec<usize>] {
        &self.strata
    }

    /// A half, 0 or 1, for each image: groups stay whole, strata are halved.
    pub fn halves(&self) -> Vec<u32> {
        let mut half_of = vec![0; self.count()];
        for (place, &group) in self.strata.iter().flatten().enumerate() {
            half_of[group] = (place % 2) as u32;
        }
        self.of_image.iter().map(|&group| half_of[group]).collect()
    }
}

/// A stratum of one group would be drawn the same every time, as if it could not have come out otherwise. Such strata are
/// drawn from together, and a single one with the last of the others (collapsed strata: Cochran 1977, *Sampling
/// Techniques*, section 5A.12).
fn collapse(strata: Vec<Vec<usize>>) -> Vec<Vec<usize>> {
    let (mut kept, few): (Vec<_>, Vec<_>) = strata.into_iter().partition(|stratum| stratum.len() > 1);
    let together = few.concat();
    match kept.last_mut() {
        Some(last) if together.len() == 1 => last.extend(together),
        _ if together.is_empty() => {}
        _ => kept.push(together),
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_stratum_is_drawn_the_same_every_time() {
        let emotions =
            |names: &[(Emotion, &'static str)]| Groups::of(names.iter().copied()).strata().to_vec();
        let (amusement, awe, fear) = (Emotion::Amusement, Emotion::Awe, Emotion::Fear);
        assert_eq!(emotions(&[(amusement, "a"), (amusement, "b"), (awe, "c")]), [vec![0, 1, 2]]);
        let two = [(amusement, "a"), (amusement, "b"), (awe, "c"), (fear, "d")];
        assert_eq!(emotions(&two), [vec![0, 1], vec![2, 3]]);
        assert_eq!(emotions(&[(awe, "a")]), [vec![0]]);
        assert!(emotions(&[]).is_empty());
    }
}
