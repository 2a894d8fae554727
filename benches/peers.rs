//! Times our side of `benches/peers.py`: reads arrays it wrote, prints the best time of several in seconds.
//!
//! ```text
//! peers svm FOLDER THREADS       # scores.npy (f64, [n, d]), labels.npy (f64, [n]); eight problems, C = 1, balanced
//! peers pca FOLDER THREADS SOLVER  # rows.npy (f32, [n, d]); 20 components
//! ```
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench that cannot go on stops; it prints times"
)]

use std::path::Path;
use std::time::{Duration, Instant};

use emolab::dataset::feature_file;
use emolab::solvers::pca::{Keep, PcaModel, PcaSolver};
use emolab::solvers::svm::{OneVsAllModel, SvmParameters};
use emolab::split::Fold;
use emolab::types::Emotion;
use ndarray::Array2;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [kind, folder, threads, rest @ ..] = arguments.as_slice() else {
        println!("`just bench-solvers` runs this");
        return;
    };
    let folder = Path::new(folder);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.parse().unwrap()).build().unwrap();
    let seconds = pool.install(|| match kind.as_str() {
        "svm" => svm(folder),
        _ => pca(folder, rest.first().map_or("auto", String::as_str)),
    });
    println!("{seconds:.6}");
}

/// The best of as many runs as take two seconds, at least three.
fn best(mut run: impl FnMut()) -> f64 {
    let (start, mut best, mut runs) = (Instant::now(), f64::INFINITY, 0);
    while runs < 3 || start.elapsed() < Duration::from_secs(2) {
        let start = Instant::now();
        run();
        best = best.min(start.elapsed().as_secs_f64());
        runs += 1;
    }
    best
}

fn numbers(path: &Path) -> (Vec<u64>, Vec<f64>) {
    let file = npyz::NpyFile::new(std::fs::File::open(path).map(std::io::BufReader::new).unwrap()).unwrap();
    (file.shape().to_vec(), file.into_vec().unwrap())
}

/// All rows but an added last one, which the fold tests.
fn fold(rows: usize) -> Fold {
    Fold::of_k_fold(&(0..=rows).map(|row| Some(u32::from(row == rows))).collect::<Vec<_>>(), 1).unwrap()
}

fn svm(folder: &Path) -> f64 {
    let (shape, values) = numbers(&folder.join("scores.npy"));
    let (n, d) = (shape[0] as usize, shape[1] as usize);
    let mut scores = Array2::from_shape_vec((n, d), values).unwrap();
    scores.push_row(Array2::zeros((1, d)).row(0)).unwrap();
    let (_, labels) = numbers(&folder.join("labels.npy"));
    let labels: Vec<Emotion> =
        labels.iter().chain([&0.0]).map(|label| Emotion::ALL[*label as usize]).collect();
    let (scores, labels) = (fold(n).train_rows(scores.view()).unwrap(), fold(n).train_of(&labels).unwrap());
    best(|| {
        OneVsAllModel::fit(&scores, &labels, &SvmParameters::default()).unwrap();
    })
}

fn pca(folder: &Path, solver: &str) -> f64 {
    let mut rows = feature_file::read(&folder.join("rows.npy")).unwrap();
    let n = rows.nrows();
    rows.push_row(Array2::zeros((1, rows.ncols())).row(0)).unwrap();
    let rows = fold(n).train_rows(rows.view()).unwrap();
    let solver = match solver {
        "exact" => PcaSolver::Exact,
        "randomized" => PcaSolver::Randomized,
        _ => PcaSolver::Auto,
    };
    best(|| {
        PcaModel::fit(&rows, Keep::Count(20), solver).unwrap();
    })
}
