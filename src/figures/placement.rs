//! Where thumbnails go so that none hides another: each as near to its point as the earlier ones leave room.

use std::collections::HashMap;

/// Steps between places that are tried, as a share of a thumbnail's side.
const STEP: f64 = 0.25;
/// A thumbnail stays within this many sides of its point, or is left out.
const REACH: f64 = 2.5;

/// Upper left corners of squares of `side` in a box `[0, extent]` squared, one per point; `None` where none is free
/// nearby. Earlier points are served first.
pub(super) fn place(points: &[(f64, f64)], side: f64, extent: f64) -> Vec<Option<(f64, f64)>> {
    let offsets = offsets(side);
    let most = (extent - side).max(0.0);
    let mut taken = Taken { side, cells: HashMap::new() };
    let corner = |&(x, y): &(f64, f64)| {
        let (x, y) = (x - side / 2.0, y - side / 2.0);
        let found = offsets.iter().find_map(|&(across, down)| {
            let at = ((x + across).clamp(0.0, most), (y + down).clamp(0.0, most));
            taken.is_free(at).then_some(at)
        })?;
        taken.add(found);
        Some(found)
    };
    points.iter().map(corner).collect()
}

/// All steps within reach, the nearest first.
fn offsets(side: f64) -> Vec<(f64, f64)> {
    let reach = (REACH / STEP) as i32;
    let steps = |reach: i32| -reach..=reach;
    let mut all: Vec<(i32, i32)> =
        steps(reach).flat_map(|down| steps(reach).map(move |across| (across, down))).collect();
    all.retain(|(across, down)| across * across + down * down <= reach * reach);
    all.sort_by_key(|&(across, down)| (across * across + down * down, down, across));
    let length = |steps: i32| f64::from(steps) * STEP * side;
    all.into_iter().map(|(across, down)| (length(across), length(down))).collect()
}

/// Squares that are placed, by the cell of their corner.
struct Taken {
    side: f64,
    cells: HashMap<(i64, i64), Vec<(f64, f64)>>,
}

impl Taken {
    fn cell(&self, (x, y): (f64, f64)) -> (i64, i64) {
        ((x / self.side).floor() as i64, (y / self.side).floor() as i64)
    }

    fn is_free(&self, at: (f64, f64)) -> bool {
        let (across, down) = self.cell(at);
        let apart = |other: &(f64, f64)| {
            // A hair's breadth less, so that squares side by side do not count as overlapping.
            let least = self.side * (1.0 - 1e-9);
            (other.0 - at.0).abs() >= least || (other.1 - at.1).abs() >= least
        };
        let near = (-1..=1).flat_map(|x| (-1..=1).map(move |y| (across + x, down + y)));
        near.filter_map(|cell| self.cells.get(&cell)).flatten().all(apart)
    }

    fn add(&mut self, at: (f64, f64)) {
        self.cells.entry(self.cell(at)).or_default().push(at);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn none_hides_another_and_all_are_in_the_box_and_in_reach(
            points in prop::collection::vec((0.0..300.0_f64, 0.0..300.0_f64), 1..200),
        ) {
            let (side, extent) = (20.0, 300.0);
            let placed = place(&points, side, extent);
            prop_assert_eq!(placed.len(), points.len());
            let corners: Vec<(f64, f64)> = placed.iter().flatten().copied().collect();
            for (at, a) in corners.iter().enumerate() {
                prop_assert!(a.0 >= 0.0 && a.1 >= 0.0 && a.0 + side <= extent && a.1 + side <= extent);
                for b in &corners[..at] {
                    prop_assert!((a.0 - b.0).abs() >= side - 1e-6 || (a.1 - b.1).abs() >= side - 1e-6);
                }
            }
            for (point, corner) in points.iter().zip(&placed) {
                let Some((x, y)) = corner else { continue };
                let away = (point.0 - x - side / 2.0).hypot(point.1 - y - side / 2.0);
                // The clamp to the box may add half a side.
                prop_assert!(away <= (REACH + 1.0) * side);
            }
        }
    }

    #[test]
    fn a_lonely_point_keeps_its_place_and_a_crowd_is_thinned() {
        assert_eq!(place(&[(50.0, 60.0)], 20.0, 300.0), [Some((40.0, 50.0))]);
        let crowd = place(&[(150.0, 150.0); 500], 20.0, 300.0);
        assert_eq!(crowd[0], Some((140.0, 140.0)));
        let shown = crowd.iter().flatten().count();
        assert!((12..60).contains(&shown), "{shown}");
    }
}
