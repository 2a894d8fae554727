//! Groups that become one because images of theirs are the same.

use std::collections::BTreeMap;

/// The group of each sample after those of every pair, given by row numbers, were made one: transitively, through
/// union-find. A merged group has the name that comes first among those of its parts, so that groups without a pair keep
/// their place in every random order, and the answer does not depend on the order of the rows.
pub fn merge(groups: &[String], pairs: impl IntoIterator<Item = (usize, usize)>) -> Vec<String> {
    let names: BTreeMap<&str, usize> = groups
        .iter()
        .map(String::as_str)
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .zip(0..)
        .collect();
    let mut parents: Vec<usize> = (0..names.len()).collect();
    let of_row: Vec<usize> = groups.iter().filter_map(|name| names.get(name.as_str()).copied()).collect();
    for (first, second) in pairs {
        let (Some(&first), Some(&second)) = (of_row.get(first), of_row.get(second)) else { continue };
        let (first, second) = (root(&mut parents, first), root(&mut parents, second));
        // Numbers are in the order of names: the smaller one leads.
        parents[first.max(second)] = first.min(second);
    }
    let names: Vec<&str> = names.into_keys().collect();
    of_row.into_iter().map(|group| names[root(&mut parents, group)].to_owned()).collect()
}

/// Who leads a group; the way there is halved for the next who asks.
fn root(parents: &mut [usize], mut at: usize) -> usize {
    while parents[at] != at {
        parents[at] = parents[parents[at]];
        at = parents[at];
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(groups: &str, pairs: &[(usize, usize)]) -> String {
        merge(&groups.chars().map(String::from).collect::<Vec<_>>(), pairs.iter().copied()).concat()
    }

    #[test]
    fn pairs_join_groups_transitively_under_the_first_name() {
        assert_eq!(merged("abcd", &[]), "abcd");
        assert_eq!(merged("dcba", &[(0, 1), (2, 1)]), "bbba");
        assert_eq!(merged("dcba", &[(2, 1), (1, 0)]), "bbba");
        // A pair of two images moves the whole groups.
        assert_eq!(merged("aabbcc", &[(1, 4)]), "aabbaa");
        assert_eq!(merged("ab", &[(0, 0), (0, 9)]), "ab");
    }

    #[test]
    fn long_chains_are_one_group() {
        let groups: Vec<String> = (0..5000).map(|at| format!("{at:05}")).collect();
        let merged = merge(&groups, (1..5000).rev().map(|at| (at, at - 1)));
        assert!(merged.iter().all(|name| name == "00000"));
    }
}
