//! t-SNE: a map of points in two dimensions in which neighbours stay neighbours.
//!
//! van der Maaten and Hinton (2008), with the Barnes-Hut approximation of van der Maaten (2014): each point's distances
//! become probabilities of a Gaussian whose width gives the perplexity asked for; the map's points get the heavier
//! tails of Student's t with one degree of freedom; and gradient descent lowers the divergence between the two. It
//! starts from the first two columns, scaled to a standard deviation of 1e-4, as scikit-learn does: with principal
//! components as points nothing in it is random. Distances between clusters mean little.
//!
//! The work is done on one thread: with more, the crate adds in another order and ends in another map. Neighbours are
//! found here, of equally near ones the first: the crate's own search parts its points at random.

use bhtsne::{Neighbor, tSNE};
use ndarray::{Array2, ArrayView2, Axis};

/// Which code computes it.
pub const CODE: &str = "bhtsne 0.7.13, one thread";

/// Accuracy of the Barnes-Hut approximation, as in the paper.
const THETA: f64 = 0.5;
/// Standard deviation of the start.
const START: f64 = 1e-4;
/// Fewer points have no neighbourhoods.
pub const FEWEST: usize = 5;

/// Why there is no map.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum TsneError {
    #[error("a map needs {FEWEST} points or more, not {points}")]
    TooFewPoints { points: usize },
    #[error("a map needs points of two columns or more, not {columns}")]
    TooFewColumns { columns: usize },
    #[error("point {row} holds a value that is no number")]
    NotFinite { row: usize },
    #[error("the map did not converge: it holds values that are no numbers")]
    Diverged,
    #[error("no thread for the map: {reason}")]
    Threads { reason: String },
}

/// The perplexity that is used where another is asked for: a third of the other points at most.
pub fn perplexity(asked: f64, points: usize) -> f64 {
    // The crate asks for more points than three times the perplexity.
    asked.min(points.saturating_sub(1) as f64 / 3.0 - 1e-9).max(1.0)
}

/// A map `[n, 2]` of points `[n, d]`, whose first two columns are where it starts.
///
/// # Errors
/// Fewer than 5 points or 2 columns, or a value that is not finite.
pub fn map(points: ArrayView2<'_, f64>, asked: f64, iterations: usize) -> Result<Array2<f64>, TsneError> {
    let (n, columns) = points.dim();
    if n < FEWEST {
        return Err(TsneError::TooFewPoints { points: n });
    }
    if columns < 2 {
        return Err(TsneError::TooFewColumns { columns });
    }
    if let Some(row) = points.rows().into_iter().position(|row| !row.iter().all(|value| value.is_finite())) {
        return Err(TsneError::NotFinite { row });
    }
    let rows: Vec<Vec<f64>> = points.rows().into_iter().map(|row| row.to_vec()).collect();
    let start = start(points);
    let neighbours = neighbours(&rows, ((3.0 * perplexity(asked, n)) as usize).clamp(1, n - 1));
    let fit = || {
        let mut tsne: tSNE<'_, f64, Vec<f64>> = tSNE::new(&rows);
        tsne.perplexity(perplexity(asked, n)).epochs(iterations).initial_embedding(start);
        tsne.barnes_hut_with_neighbors(THETA, &neighbours);
        tsne.embedding()
    };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    let pool = pool.map_err(|error| TsneError::Threads { reason: error.to_string() })?;
    let map = Array2::from_shape_vec((n, 2), pool.install(fit)).map_err(|_| TsneError::Diverged)?;
    if map.iter().all(|value| value.is_finite()) { Ok(map) } else { Err(TsneError::Diverged) }
}

/// The first two columns, row by row, centred and scaled by one number.
fn start(points: ArrayView2<'_, f64>) -> Vec<f64> {
    let two = points.select(Axis(1), &[0, 1]);
    let centred = match two.mean_axis(Axis(0)) {
        Some(mean) => two - mean,
        None => two,
    };
    let spread = centred.column(0).std(0.0);
    let scale = if spread > 0.0 { START / spread } else { 0.0 };
    centred.iter().map(|value| value * scale).collect()
}

/// The `count` nearest other points of each, the nearest first.
fn neighbours(rows: &[Vec<f64>], count: usize) -> Vec<Vec<Neighbor<f64>>> {
    let of = |at: usize| {
        let others = (0..rows.len()).filter(|other| *other != at);
        let mut others: Vec<Neighbor<f64>> =
            others.map(|index| Neighbor { index, distance: distance(&rows[at], &rows[index]) }).collect();
        others.sort_by(|a, b| a.distance.total_cmp(&b.distance).then(a.index.cmp(&b.index)));
        others.truncate(count);
        others
    };
    (0..rows.len()).map(of).collect()
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| (x - y) * (x - y)).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three clusters of 20 points in 6 dimensions, far apart.
    fn clusters() -> Array2<f64> {
        Array2::from_shape_fn((60, 6), |(row, column)| {
            let noise = ((row * 131 + column * 977) % 89) as f64 / 89.0 - 0.5;
            noise + if column == row / 20 { 8.0 } else { 0.0 }
        })
    }

    #[test]
    fn neighbours_stay_neighbours_and_the_map_repeats_whatever_the_threads_around_it() {
        let points = clusters();
        let first = map(points.view(), 30.0, 500).unwrap();
        for row in 0..60 {
            let nearest = (0..60)
                .filter(|other| *other != row)
                .min_by(|a, b| {
                    let to = |other: usize| distance(&first.row(row).to_vec(), &first.row(other).to_vec());
                    to(*a).total_cmp(&to(*b))
                })
                .unwrap();
            assert_eq!(nearest / 20, row / 20, "point {row}");
        }
        for threads in [1, 4] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            assert_eq!(pool.install(|| map(points.view(), 30.0, 500)).unwrap(), first, "{threads} threads");
        }
    }

    #[test]
    fn what_has_no_map_is_an_error() {
        assert_eq!(map(Array2::zeros((4, 3)).view(), 5.0, 10), Err(TsneError::TooFewPoints { points: 4 }));
        assert_eq!(map(Array2::zeros((9, 1)).view(), 5.0, 10), Err(TsneError::TooFewColumns { columns: 1 }));
        let mut points = clusters();
        points[(7, 2)] = f64::NAN;
        assert_eq!(map(points.view(), 5.0, 10), Err(TsneError::NotFinite { row: 7 }));
        // Points that are all equal have no map, or one that says nothing, and are no reason to panic.
        let equal = map(Array2::zeros((9, 3)).view(), 5.0, 50);
        assert!(equal.is_ok() || equal == Err(TsneError::Diverged), "{equal:?}");
        map(clusters().slice(ndarray::s![..5, ..]), 50.0, 50).unwrap();
    }

    #[test]
    fn the_perplexity_fits_the_number_of_points() {
        assert!((perplexity(30.0, 1000) - 30.0).abs() < 1e-12);
        assert!((perplexity(30.0, 31) - 10.0).abs() < 1e-6);
    }
}
