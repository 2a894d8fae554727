//! Forward passes of a worker within the threads of a run.
//!
//! There are as many lanes as threads. A lane decodes the images of one pass, sends them to the worker, where a thread
//! makes the pass, and waits for what comes back. So while one lane decodes others compute, and as decoding and passes are
//! on one thread each, no more threads than the run's are at work, in both processes together.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender as Release};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::networks::worker::{Receiver, Sender, WorkerError};
use crate::stage::StageError;

/// What a lane says, in the order in which the worker answers.
enum Said {
    /// The pass of that number is on its way; the lane waits to be released.
    Sent(usize, Release<()>),
    /// The images of the pass of that number could not be had.
    Failed(usize, StageError),
}

/// Makes passes, by number below `passes`, on so many lanes: `images` gives the pixels of one and their number, on a lane's
/// thread; `take` takes what comes back, in any order.
///
/// # Errors
/// The first error in the order of the passes; those that were begun are taken nevertheless.
pub(super) fn make_passes(
    lanes: usize,
    passes: usize,
    (sender, mut receiver): (Sender, Receiver),
    images: impl Fn(usize) -> Result<(Vec<u8>, usize), StageError> + Sync,
    mut take: impl FnMut(usize, &[f32]) -> Result<(), StageError>,
) -> Result<(), StageError> {
    let sender = Mutex::new(sender);
    let (next, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let lane = |said: &Release<Said>| {
        while !is_over.load(Ordering::SeqCst) {
            let pass = next.fetch_add(1, Ordering::SeqCst);
            if pass >= passes {
                return;
            }
            let (release, released) = mpsc::channel();
            let sent = images(pass).and_then(|(pixels, count)| {
                // What is sent and what is said of it must be in one order.
                let mut sender = sender.lock().unwrap_or_else(PoisonError::into_inner);
                match sender.send(&pixels, count) {
                    // Why it takes no more comes from the receiver.
                    Ok(()) | Err(WorkerError::Closed) => {}
                    Err(error) => return Err(failed(&error)),
                }
                let _ = said.send(Said::Sent(pass, release));
                Ok(())
            });
            if let Err(error) = sent {
                // Those before it are taken already: no more need be.
                is_over.store(true, Ordering::SeqCst);
                let _ = said.send(Said::Failed(pass, error));
                return;
            }
            // An error is the collector's way to say that nothing comes.
            let _ = released.recv();
        }
    };
    let mut first: Option<(usize, StageError)> = None;
    thread::scope(|scope| {
        let (say, said) = mpsc::channel();
        for _ in 0..lanes.max(1) {
            let say = say.clone();
            scope.spawn(move || lane(&say));
        }
        drop(say);
        let mut is_dead = false;
        for said in said {
            let (pass, outcome) = match said {
                Said::Failed(pass, error) => (pass, Err(error)),
                // Its lane ends, as the way to release it is dropped.
                Said::Sent(..) if is_dead => continue,
                Said::Sent(pass, release) => {
                    let rows = receiver.receive().map_err(|error| failed(&error));
                    is_dead = rows.is_err();
                    let taken = rows.and_then(|rows| take(pass, &rows));
                    let _ = release.send(());
                    (pass, taken)
                }
            };
            if let Err(error) = outcome {
                is_over.store(true, Ordering::SeqCst);
                if first.as_ref().is_none_or(|(number, _)| pass < *number) {
                    first = Some((pass, error));
                }
            }
        }
    });
    first.map_or(Ok(()), |(_, error)| Err(error))
}

fn failed(error: &WorkerError) -> StageError {
    StageError::Failed(error.to_string())
}
