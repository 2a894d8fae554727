//! `leakage.csv`: images of different groups that are the same.

use super::rows::Row;
use super::tables::field;

/// A pair of images that are the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeakageRow<'a> {
    /// Path, label and group of each, as the data set has them.
    pub images: [[&'a str; 3]; 2],
    /// `bytes`, `pixels` or `near-duplicate`.
    pub kind: &'static str,
    /// Bits of the perceptual hashes that differ.
    pub distance: u32,
    /// Whether they lie on two sides of the split, had nothing been done; and as it is.
    pub apart: [bool; 2],
}

impl Row for LeakageRow<'_> {
    const COLUMNS: &'static str = "first,second,kind,distance,first_label,second_label,first_group,second_group,\
        apart_if_ignored,apart";

    fn fields(&self) -> String {
        let Self { images: [first, second], kind, distance, apart: [ignored, apart] } = self;
        let [path, label, group] = [0, 1, 2].map(|at| format!("{},{}", field(first[at]), field(second[at])));
        format!("{path},{kind},{distance},{label},{group},{ignored},{apart}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_a_row() {
        let images = [["a, b.png", "fear", "1"], ["c.png", "awe", "2"]];
        let row = LeakageRow { images, kind: "pixels", distance: 0, apart: [true, false] };
        let expected = "\"a, b.png\",c.png,pixels,0,fear,awe,1,2,true,false,x";
        assert_eq!(super::super::rows::csv(&[row], "x").lines().nth(1), Some(expected));
    }
}
