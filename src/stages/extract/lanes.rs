//! Batches of images through a worker within the threads of a run.
//!
//! There are as many lanes as threads. A lane decodes the images of a batch, sends them to the worker, where one thread
//! makes their forward passes, and waits for what comes back. So while one lane decodes others compute, and no more threads
//! than the run's are at work, in both processes together.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender as Release};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::networks::worker::{Receiver, Sender, WorkerError};
use crate::stage::StageError;

/// What a lane says, in the order in which the worker answers.
enum Said {
    /// The batch of that number is on its way; the lane waits to be released.
    Sent(usize, Release<()>),
    /// The images of the batch of that number could not be had.
    Failed(usize, StageError),
}

/// Sends batches, by number below `batches`, through so many lanes: `images` gives the pixels of one and how many images they
/// are, on a lane's thread; `take` takes what comes back, in any order.
///
/// # Errors
/// The first error in the order of the batches; those that were begun are taken nevertheless.
pub(super) fn compute(
    lanes: usize,
    batches: usize,
    (sender, mut receiver): (Sender, Receiver),
    images: impl Fn(usize) -> Result<(Vec<u8>, usize), StageError> + Sync,
    mut take: impl FnMut(usize, &[f32]) -> Result<(), StageError>,
) -> Result<(), StageError> {
    let sender = Mutex::new(sender);
    let (next, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let lane = |said: &Release<Said>| {
        while !is_over.load(Ordering::SeqCst) {
            let batch = next.fetch_add(1, Ordering::SeqCst);
            if batch >= batches {
                return;
            }
            let (release, released) = mpsc::channel();
            let sent = images(batch).and_then(|(pixels, count)| {
                // What is sent and what is said of it must be in one order.
                let mut sender = sender.lock().unwrap_or_else(PoisonError::into_inner);
                match sender.send(&pixels, count) {
                    // Why it takes no more comes from the receiver.
                    Ok(()) | Err(WorkerError::Closed) => {}
                    Err(error) => return Err(failed(&error)),
                }
                let _ = said.send(Said::Sent(batch, release));
                Ok(())
            });
            if let Err(error) = sent {
                // Those before it are taken already: no more need be.
                is_over.store(true, Ordering::SeqCst);
                let _ = said.send(Said::Failed(batch, error));
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
            let (batch, outcome) = match said {
                Said::Failed(batch, error) => (batch, Err(error)),
                // Its lane ends, as the way to release it is dropped.
                Said::Sent(..) if is_dead => continue,
                Said::Sent(batch, release) => {
                    let rows = receiver.receive().map_err(|error| failed(&error));
                    is_dead = rows.is_err();
                    let taken = rows.and_then(|rows| take(batch, &rows));
                    let _ = release.send(());
                    (batch, taken)
                }
            };
            if let Err(error) = outcome {
                is_over.store(true, Ordering::SeqCst);
                if first.as_ref().is_none_or(|(number, _)| batch < *number) {
                    first = Some((batch, error));
                }
            }
        }
    });
    first.map_or(Ok(()), |(_, error)| Err(error))
}

fn failed(error: &WorkerError) -> StageError {
    StageError::Failed(error.to_string())
}
