//! What happens during a run, as data.

use serde::{Deserialize, Serialize};

/// One thing that happened.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// A stage began to compute.
    Started {
        /// Its position in the graph.
        stage: usize,
        /// What a person reads.
        label: String,
    },
    /// A stage is so far.
    Progress {
        /// Its position in the graph.
        stage: usize,
        /// Items done.
        done: u64,
        /// Items in all.
        total: u64,
    },
    /// A stage ended and its result is in the store.
    Finished {
        /// Its position in the graph.
        stage: usize,
        /// What a person reads.
        label: String,
        /// Wall time in seconds.
        seconds: f64,
    },
    /// A stage failed, and others go on.
    Failed {
        /// Its position in the graph.
        stage: usize,
        /// What a person reads.
        label: String,
        /// Why, with the label.
        reason: String,
    },
    /// A stage is being computed by another process; this one waits for it.
    Waiting {
        /// What a person reads.
        label: String,
    },
    /// Something stored was damaged and is computed again.
    Damaged {
        /// Label of the stage.
        label: String,
        /// What is wrong.
        reason: String,
    },
    /// Something the user should know.
    Notice(String),
}

/// Hears events, from any thread.
pub trait Sink: Sync {
    /// One event.
    fn event(&self, event: Event);
}

/// Hears nothing.
impl Sink for () {
    fn event(&self, _: Event) {}
}
