//! What a stage is: checked parameters and typed handles in, one artifact out.
//!
//! A stage is a plain serialisable struct. Its key is the hash of its name, its version and what it serialises
//! to; a [`Handle`] serialises as its input's key, so the struct is the only list of inputs there is. What must
//! not enter the key (paths, thread counts) carries `#[serde(skip)]`.

use std::any::Any;
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ndarray::ArrayView2;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use crate::store::{Key, Rows, Store, StoreError};
use crate::types::Digest;

/// One kind of computation.
pub trait Stage: Serialize + Send + Sync + 'static {
    /// A verb phrase in kebab case: `extract-features`.
    const NAME: &'static str;
    /// Raised when the code computes something else than before.
    const VERSION: u32;
    /// What it yields.
    type Output: Artifact;

    /// How many threads it keeps busy by itself.
    const OCCUPIES: Occupies = Occupies::OneThread;

    /// Most memory that it takes while it runs, inputs and output included, given the bytes of its inputs as stored:
    /// an estimate on the safe side.
    fn memory(&self, inputs: u64) -> u64 {
        5 * inputs + (8 << 20)
    }

    /// Computes the output. Equal parameters and inputs give equal bytes, whatever the number of threads.
    fn run(&self, context: &Context<'_>) -> Result<Self::Output, StageError>;
}

/// How a stage uses the run's threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occupies {
    /// It runs on one of them; parallel parts of it are shared out among those that are idle.
    OneThread,
    /// It starts threads of its own or a worker that does, as many as the run has: nothing else runs beside it.
    AllThreads,
}

/// An artifact's files by name.
pub type Files = BTreeMap<String, Vec<u8>>;

/// What a stage yields: files that other programs read.
pub trait Artifact: Send + Sync + Sized + 'static {
    /// To files; equal values give equal bytes.
    fn save(&self) -> Result<Files, ArtifactError>;
    /// From the files that [`Artifact::save`] wrote.
    fn load(files: &Files) -> Result<Self, ArtifactError>;
}

/// A stored artifact that is not what its stage writes.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ArtifactError(pub String);

/// An input: the output of a stage planned earlier.
pub struct Handle<T> {
    key: Key,
    output: PhantomData<fn() -> T>,
}

impl<T> Handle<T> {
    pub(crate) fn new(key: Key) -> Self {
        Self { key, output: PhantomData }
    }

    /// The key of the stage that yields it.
    pub fn key(&self) -> Key {
        self.key
    }
}

impl<T> std::fmt::Debug for Handle<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Handle").field(&self.key).finish()
    }
}

impl<T> Clone for Handle<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Handle<T> {}

impl<T> Serialize for Handle<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry("$input", &self.key)?;
        map.end()
    }
}

/// Names the rows that an extractor shares between stages; the store keeps them while a record names it.
#[derive(Clone, Copy, Debug)]
pub struct Extractor(pub Key);

impl Serialize for Extractor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry("$extractor", &self.0)?;
        map.end()
    }
}

/// Why a stage has no output.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// What the user gave is wrong; the message says what and where.
    #[error("{0}")]
    BadInput(String),
    /// The computation failed.
    #[error("{0}")]
    Failed(String),
    /// The user stopped the run.
    #[error("stopped")]
    Cancelled,
    /// An input was damaged between planning and reading.
    #[error("the stored input `{}` is damaged: {reason}", key.short())]
    DamagedInput {
        /// Whose output it was.
        key: Key,
        /// What is wrong.
        reason: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Raised once, seen by all: the user wants the run to stop.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks every stage to stop.
    pub fn raise(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether somebody asked.
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// A stage's output in memory.
pub type Output = Arc<dyn Any + Send + Sync>;

/// Finds the output of an earlier stage.
pub(crate) type Inputs<'a> = dyn Fn(Key) -> Result<Output, StageError> + Sync + 'a;

/// What a running stage may use.
pub struct Context<'a> {
    pub(crate) key: Key,
    pub(crate) inputs: &'a Inputs<'a>,
    pub(crate) store: &'a Store,
    pub(crate) pool: &'a rayon::ThreadPool,
    pub(crate) cancel: &'a Cancel,
    pub(crate) progress: &'a (dyn Fn(u64, u64) + Sync),
    pub(crate) notice: &'a (dyn Fn(String) + Sync),
}

impl Context<'_> {
    /// An input's value.
    pub fn get<T: Artifact>(&self, handle: &Handle<T>) -> Result<Arc<T>, StageError> {
        let output = (self.inputs)(handle.key)?;
        // Handles are only made by the graph, from the stage with that output.
        output.downcast().map_err(|_| StageError::Failed("an input has another type than planned".to_owned()))
    }

    /// Runs `work` on the run's threads: rayon's parallel iterators inside it use those and no others.
    pub fn parallel<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.pool.install(work)
    }

    /// Threads of this run.
    pub fn threads(&self) -> usize {
        self.pool.current_num_threads()
    }

    /// A folder of this stage's own, kept until its output is in the store: what a stopped run left is there.
    pub fn scratch(&self) -> Result<std::path::PathBuf, StageError> {
        Ok(self.store.scratch(self.key)?)
    }

    /// Whether the user wants the run to stop.
    pub fn is_cancelled(&self) -> bool {
        self.cancel.is_raised()
    }

    /// An error if the user wants the run to stop: for `?` in loops.
    pub fn check_cancelled(&self) -> Result<(), StageError> {
        if self.is_cancelled() { Err(StageError::Cancelled) } else { Ok(()) }
    }

    /// Says how far the stage is.
    pub fn progress(&self, done: usize, total: usize) {
        (self.progress)(done as u64, total as u64);
    }

    /// Tells the user something.
    pub fn notice(&self, message: String) {
        (self.notice)(message);
    }

    /// Rows that an extractor computed before, for these images.
    pub fn rows(&self, extractor: Extractor, width: usize, images: &[Digest]) -> Result<Rows, StageError> {
        Ok(self.store.rows(extractor.0, width, images)?)
    }

    /// Keeps rows that were just computed, even if the stage is stopped before its end.
    pub fn keep_rows(
        &self,
        extractor: Extractor,
        images: &[Digest],
        features: ArrayView2<'_, f32>,
    ) -> Result<(), StageError> {
        Ok(self.store.add_rows(extractor.0, images, features)?)
    }
}
