//! The parent's side: the child process, and a channel to and from it.

use std::collections::VecDeque;
use std::io::{self, BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::protocol::{self, FromWorker, Job, Request, ToWorker, Training};
use super::{WorkerError, find};

const STDERR_LINES: usize = 20;
/// Bytes on their way to the worker; as many as Linux gives anybody.
#[cfg(target_os = "linux")]
const PIPE: usize = 1 << 20;
/// A child that has closed its output ends at once; one that does not is not waited for.
const EXIT_PATIENCE: Duration = Duration::from_secs(5);

/// A worker that has loaded its weights.
#[derive(Debug)]
pub struct Worker {
    /// The device it runs on, such as `cpu`.
    pub device: String,
    /// Version of its libtorch, such as `2.11.0+cpu`.
    pub libtorch: String,
    /// Numbers per image of the layer that was asked for.
    pub width: usize,
    /// Images of one forward pass. One thread makes the passes of a batch.
    pub images_per_pass: usize,
    sender: Sender,
    receiver: Receiver,
    guard: Guard,
}

/// Sends batches. Dropping it tells the worker that there are no more.
#[derive(Debug)]
pub struct Sender {
    /// `None` once the worker has gone.
    stdin: Option<ChildStdin>,
    image_bytes: usize,
}

/// Receives one answer per batch, in the order in which they were sent.
#[derive(Debug)]
pub struct Receiver {
    stdout: BufReader<ChildStdout>,
    width: usize,
    process: Arc<Mutex<Process>>,
}

/// Kills the child when dropped, whatever it does.
#[derive(Debug)]
pub struct Guard(Arc<Mutex<Process>>);

#[derive(Debug)]
struct Process {
    child: Child,
    stderr: Option<JoinHandle<Vec<String>>>,
}

/// Waits until no other worker of this process computes: each uses all threads, and two at once take more than twice
/// as long as one after the other (measured: seven times).
pub fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts the worker `program` and waits until it has loaded the weights.
///
/// # Errors
/// What [`WorkerError`] names; a weights file that does not fit is [`WorkerError::Failed`].
pub fn start(program: &Path, request: &Request) -> Result<Worker, WorkerError> {
    let (stdin, stdout, process) = spawn(program)?;
    let process = Arc::new(Mutex::new(process));
    let guard = Guard(process.clone());
    let mut sender = Sender { stdin: Some(stdin), image_bytes: request.input.image_bytes() };
    let mut receiver = Receiver { stdout: BufReader::new(stdout), width: request.width, process };

    // A child that dies before it has read this says more on its other pipes.
    let _ = sender.write(&hello(&Job::Extract(request.clone()))?, &[]);
    let (answer, _) = receiver.answer()?;
    let FromWorker::Ready { device, libtorch, width, images_per_pass } = answer else {
        return Err(WorkerError::Protocol(format!("{answer:?} before it is ready")));
    };
    if width != request.width {
        return Err(WorkerError::Protocol(format!("width {width} instead of {}", request.width)));
    }
    Ok(Worker { device, libtorch, width, images_per_pass, sender, receiver, guard })
}

/// Starts the worker `program` on a training; `labels` holds one per image. What it says comes from
/// [`Receiver::news`]; dropping the [`Sender`] makes it write a checkpoint and stop.
///
/// # Errors
/// The worker cannot be started.
pub fn train(
    program: &Path,
    training: &Training,
    labels: &[u8],
) -> Result<(Sender, Receiver, Guard), WorkerError> {
    let (stdin, stdout, process) = spawn(program)?;
    let process = Arc::new(Mutex::new(process));
    let guard = Guard(process.clone());
    let mut sender = Sender { stdin: Some(stdin), image_bytes: training.input.image_bytes() };
    let receiver = Receiver { stdout: BufReader::new(stdout), width: training.outputs, process };
    // A child that dies before it has read this says more on its other pipes.
    let _ = sender.write(&hello(&Job::Train(Box::new(training.clone())))?, labels);
    Ok((sender, receiver, guard))
}

fn hello(job: &Job) -> Result<ToWorker, WorkerError> {
    // Fails for a path that is not UTF-8.
    let job = serde_json::to_value(job).map_err(|error| WorkerError::Protocol(error.to_string()))?;
    Ok(ToWorker::Hello { version: protocol::VERSION, job })
}

fn spawn(program: &Path) -> Result<(ChildStdin, ChildStdout, Process), WorkerError> {
    let start = |source| WorkerError::Start { program: program.to_owned(), source };
    let mut command = Command::new(program);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // f32 means f32, also on a GPU that could round it to TF32.
    command.env("NVIDIA_TF32_OVERRIDE", "0").env_remove(find::WORKER_VARIABLE);
    // Activations come and go by the hundred megabytes: glibc would give each back to the system and fault every page
    // in again, which took a third of a training's time (measured).
    command.env("MALLOC_MMAP_THRESHOLD_", "4294967296").env("MALLOC_TRIM_THRESHOLD_", "17179869184");
    // Threads that spin while they wait starve each other as soon as anything else wants a core: a training then took
    // seven times as long (measured); alone, sleeping costs nothing that could be measured.
    if std::env::var_os("OMP_WAIT_POLICY").is_none() {
        command.env("OMP_WAIT_POLICY", "PASSIVE");
    }
    // A group of its own: Ctrl-C at the terminal is the parent's to handle.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = command.spawn().map_err(start)?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    // Otherwise sender and worker take turns for every 64 KiB of a batch. Where it is refused, they do.
    #[cfg(target_os = "linux")]
    if let Some(stdin) = &stdin {
        let _ = rustix::pipe::fcntl_setpipe_size(stdin, PIPE);
    }
    let stderr = stderr.map(|stderr| thread::spawn(move || last_lines(stderr)));
    match (stdin, stdout) {
        (Some(stdin), Some(stdout)) => Ok((stdin, stdout, Process { child, stderr })),
        _ => Err(start(io::Error::other("it has no pipes"))),
    }
}

/// Reads to the end and keeps what was written last.
fn last_lines(stderr: ChildStderr) -> Vec<String> {
    let mut lines = VecDeque::with_capacity(STDERR_LINES);
    // Bytes, not text: what a dying process writes need not be UTF-8.
    for line in BufReader::new(stderr).split(b'\n').map_while(Result::ok) {
        if lines.len() == STDERR_LINES {
            lines.pop_front();
        }
        lines.push_back(String::from_utf8_lossy(&line).trim_end().to_owned());
    }
    lines.into()
}

impl Worker {
    /// The two ends, to be used by two threads, and the guard to be kept until both are done.
    ///
    /// The pipes hold little: who sends many batches before receiving the first answer waits forever.
    pub fn split(self) -> (Sender, Receiver, Guard) {
        (self.sender, self.receiver, self.guard)
    }
}

impl Sender {
    /// Sends `[images, side, side, 3]` of u8, RGB, rows from the top; waits while the worker is busy.
    ///
    /// # Errors
    /// [`WorkerError::Shape`]; [`WorkerError::Closed`] once the worker has failed, which
    /// [`Receiver::receive`] explains.
    pub fn send(&mut self, pixels: &[u8], images: usize) -> Result<(), WorkerError> {
        if images == 0 || images.checked_mul(self.image_bytes) != Some(pixels.len()) {
            let expected = self.image_bytes;
            return Err(WorkerError::Shape { images, bytes: pixels.len(), expected });
        }
        self.write(&ToWorker::Batch { images }, pixels)
    }

    fn write(&mut self, message: &ToWorker, payload: &[u8]) -> Result<(), WorkerError> {
        let stdin = self.stdin.as_mut().ok_or(WorkerError::Closed)?;
        protocol::write(stdin, message, payload).map_err(|_| {
            self.stdin = None;
            WorkerError::Closed
        })
    }
}

impl Receiver {
    /// The next answer, `[images, width]`, rows in the order of the images sent.
    ///
    /// # Errors
    /// [`WorkerError::Failed`] with the child's own message, [`WorkerError::Died`] without one. Receiving
    /// more often than was sent is [`WorkerError::Died`] too.
    pub fn receive(&mut self) -> Result<Vec<f32>, WorkerError> {
        let (answer, payload) = self.answer()?;
        let FromWorker::Features { images } = answer else {
            return Err(WorkerError::Protocol(format!("{answer:?} instead of features")));
        };
        if images.checked_mul(self.width * size_of::<f32>()) != Some(payload.len()) {
            return Err(WorkerError::Protocol(format!("{} bytes for {images} images", payload.len())));
        }
        Ok(protocol::from_bytes(&payload))
    }

    /// What a training says next, with its payload.
    ///
    /// # Errors
    /// As [`Receiver::receive`].
    pub fn news(&mut self) -> Result<(FromWorker, Vec<u8>), WorkerError> {
        self.answer()
    }

    fn answer(&mut self) -> Result<(FromWorker, Vec<u8>), WorkerError> {
        match protocol::read(&mut self.stdout) {
            Ok((FromWorker::Failed { error }, _)) => Err(WorkerError::Failed(error)),
            Ok(answer) => Ok(answer),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(lock(&self.process).died()),
            Err(error) => Err(WorkerError::Protocol(error.to_string())),
        }
    }
}

impl Process {
    fn died(&mut self) -> WorkerError {
        let deadline = Instant::now() + EXIT_PATIENCE;
        let status = loop {
            match self.child.try_wait() {
                Ok(Some(status)) => break status.to_string(),
                Ok(None) if Instant::now() < deadline => thread::sleep(Duration::from_millis(5)),
                Ok(None) => break "it closed its output".to_owned(),
                Err(error) => break error.to_string(),
            }
        };
        let ended = matches!(self.child.try_wait(), Ok(Some(_)));
        let lines = self.stderr.take().filter(|_| ended).and_then(|thread| thread.join().ok());
        WorkerError::Died { status, stderr: lines.unwrap_or_default() }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let mut process = lock(&self.0);
        // Both fail only where the child has ended already.
        let _ = process.child.kill();
        let _ = process.child.wait();
    }
}

fn lock(process: &Mutex<Process>) -> MutexGuard<'_, Process> {
    process.lock().unwrap_or_else(PoisonError::into_inner)
}
