//! A run's events in the store while it goes on, for other processes to show.
//!
//! One file a run, `live/<experiment>.<process>.jsonl`: a [`Header`], then an event a line. It is there as long as
//! its run; what a killed one left is removed by the next reader.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::{Event, Sink};
use crate::fs::{Journal, read_journal};
use crate::plan::Plan;
use crate::store::Store;

/// A stage's progress is written no more often than this.
const APART: Duration = Duration::from_millis(200);
/// Messages that are shown of a run, the newest.
const MESSAGES: usize = 8;

/// The first line: which run it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Name of the experiment.
    pub experiment: String,
    /// Stages in all.
    pub stages: usize,
    /// Stages that were to be computed when it began.
    pub to_compute: usize,
    /// When it began, in seconds since 1970.
    pub began: u64,
}

/// Passes events on and writes them down.
pub struct Live<'a> {
    sink: &'a dyn Sink,
    journal: Option<Journal>,
    shown: Mutex<HashMap<usize, Instant>>,
}

impl<'a> Live<'a> {
    /// Of a run about to begin; one that has nothing to compute writes nothing.
    pub fn begin(experiment: &str, plan: &Plan, store: &Store, sink: &'a dyn Sink) -> Self {
        let header = Header {
            experiment: experiment.to_owned(),
            stages: plan.graph.nodes().len(),
            to_compute: plan.misses(),
            began: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
        };
        // A run is worth more than the showing of it: whatever goes wrong here, it goes on.
        let journal = (header.to_compute > 0).then(|| Self::journal(&header, store)).flatten();
        Self { sink, journal, shown: Mutex::default() }
    }

    fn journal(header: &Header, store: &Store) -> Option<Journal> {
        // Reading removes what killed runs left.
        watch(store);
        let name = format!("{}.{}.jsonl", header.experiment, std::process::id());
        let journal = Journal::begin(&store.live().join(name)).ok()?;
        journal.append(&serde_json::to_string(header).ok()?).ok()?;
        Some(journal)
    }

    fn is_due(&self, event: &Event) -> bool {
        let Event::Progress { stage, done, total } = event else { return true };
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let due = done == total || shown.get(stage).is_none_or(|last| last.elapsed() >= APART);
        if due {
            shown.insert(*stage, Instant::now());
        }
        due
    }
}

impl Sink for Live<'_> {
    fn event(&self, event: Event) {
        if let Some(journal) = &self.journal
            && self.is_due(&event)
            && let Ok(line) = serde_json::to_string(&event)
        {
            let _ = journal.append(&line);
        }
        self.sink.event(event);
    }
}

/// What a run is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// Which run.
    #[serde(flatten)]
    pub header: Header,
    /// Stages computed so far.
    pub computed: usize,
    /// Stages being computed.
    pub running: Vec<Running>,
    /// What it said, newest last.
    pub messages: Vec<String>,
}

/// A stage being computed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Running {
    /// What a person reads.
    pub label: String,
    /// Items done.
    pub done: u64,
    /// Items in all; 0 while that is not known.
    pub total: u64,
    #[serde(skip)]
    stage: usize,
}

/// The runs that go on with this store, by name.
pub fn watch(store: &Store) -> Vec<Snapshot> {
    let files = crate::fs::children(&store.live()).unwrap_or_default();
    let files = files.iter().filter(|path| !crate::fs::is_temporary(path));
    files.filter_map(|path| Snapshot::of(&read_journal(path).ok()??)).collect()
}

impl Snapshot {
    fn of(lines: &[String]) -> Option<Self> {
        let (header, events) = lines.split_first()?;
        let header = serde_json::from_str(header).ok()?;
        let mut snapshot = Self { header, computed: 0, running: Vec::new(), messages: Vec::new() };
        for event in events.iter().filter_map(|line| serde_json::from_str(line).ok()) {
            snapshot.hear(event);
        }
        let old = snapshot.messages.len().saturating_sub(MESSAGES);
        snapshot.messages.drain(..old);
        Some(snapshot)
    }

    fn hear(&mut self, event: Event) {
        match event {
            Event::Started { stage, label } => {
                self.running.push(Running { label, done: 0, total: 0, stage });
            }
            Event::Progress { stage, done, total } => {
                if let Some(running) = self.running.iter_mut().find(|running| running.stage == stage) {
                    (running.done, running.total) = (done, total);
                }
            }
            Event::Finished { stage, label, seconds } => {
                self.running.retain(|running| running.stage != stage);
                self.computed += 1;
                self.messages.push(format!("{label}: {seconds:.2} s"));
            }
            Event::Waiting { label } => {
                self.messages.push(format!("{label}: another run is computing it"));
            }
            Event::Failed { stage, reason, .. } => {
                self.running.retain(|running| running.stage != stage);
                self.messages.push(format!("failed: {reason}"));
            }
            Event::Damaged { label, reason } => {
                self.messages.push(format!("{label} was damaged: {reason}; computing it again"));
            }
            Event::Notice(message) => self.messages.push(message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_holds_what_runs_and_counts_what_ended() {
        let header = Header { experiment: "mine".to_owned(), stages: 9, to_compute: 4, began: 1 };
        let events = [
            Event::Started { stage: 3, label: "fit-pca".to_owned() },
            Event::Started { stage: 4, label: "extract-features".to_owned() },
            Event::Progress { stage: 4, done: 5, total: 20 },
            Event::Finished { stage: 3, label: "fit-pca".to_owned(), seconds: 1.25 },
            Event::Notice("a note".to_owned()),
        ];
        let mut lines = vec![serde_json::to_string(&header).unwrap()];
        lines.extend(events.iter().map(|event| serde_json::to_string(event).unwrap()));
        lines.push("{\"half an ev".to_owned());
        let snapshot = Snapshot::of(&lines).unwrap();
        assert_eq!((snapshot.header, snapshot.computed), (header, 1));
        let running = Running { label: "extract-features".to_owned(), done: 5, total: 20, stage: 4 };
        assert_eq!(snapshot.running, [running]);
        assert_eq!(snapshot.messages, ["fit-pca: 1.25 s", "a note"]);
        assert_eq!(Snapshot::of(&[]), None);
    }
}
