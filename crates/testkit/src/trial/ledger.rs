//! The messages that a trial's clients have sent and received, to compare with the server's final history.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::sync::watch;
use tokio::time::timeout;

use super::WAIT_TIMEOUT;
use super::reader::Reading;

/// Acknowledgements that arrive within one timeout even on a slow machine.
const PART: usize = 1000;

/// How far writers may be ahead of a reader. With requests in flight this stays below the limits of a resume and of a
/// socket's queue.
const LEAD: i64 = 256;

/// The sent and acknowledged messages of one group.
#[derive(Default)]
pub struct Ledger {
    notes: Mutex<Notes>,
    load: watch::Sender<Load>,
    over: AtomicBool,
    /// The progress of readers that writers wait for.
    readers: Mutex<Vec<watch::Receiver<i64>>>,
}

/// The load of the clients.
#[derive(Debug, Clone, Copy, Default)]
pub struct Load {
    /// Acknowledgements so far, repeated ones included.
    pub acks: usize,
    /// Requests in flight.
    pub flying: usize,
    /// Writers with at least one answer since the server's last start.
    pub working: usize,
    /// Requests refused with 503 so far.
    pub refused: usize,
}

#[derive(Default)]
struct Notes {
    sent: HashSet<String>,
    acked: HashMap<String, Acknowledgement>,
    /// The highest number acknowledged.
    head: i64,
    repeated: usize,
    changed: Vec<String>,
}

/// An acknowledged message.
#[derive(Debug, PartialEq, Eq)]
struct Acknowledgement {
    id: String,
    seq: i64,
    body: String,
}

/// The result of the comparison.
#[derive(Debug)]
pub struct Verdict {
    /// Messages sent, each counted once with its retries.
    pub sent: usize,
    /// Acknowledged messages.
    pub acked: usize,
    /// Repeated acknowledgements.
    pub repeated: usize,
    /// Stored messages without an acknowledgement.
    pub unacknowledged: usize,
    /// Acknowledged, but not stored.
    pub lost: Vec<String>,
    /// Stored more than once.
    pub doubled: Vec<String>,
    /// Stored or acknowledged again with another number, id or body.
    pub renumbered: Vec<String>,
    /// Stored, but never sent.
    pub strange: Vec<String>,
}

impl Ledger {
    /// An empty ledger.
    pub fn new() -> Self {
        Self::default()
    }

    /// Stops new messages.
    pub fn close(&self) {
        self.over.store(true, Ordering::SeqCst);
    }

    /// Whether new messages are stopped.
    pub fn is_closed(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    /// Makes writers wait while one of these readers is far behind.
    pub fn wait_for(&self, readers: &[Reading]) {
        let progress = readers.iter().map(Reading::progress);
        self.readers.lock().unwrap_or_else(PoisonError::into_inner).extend(progress);
    }

    /// Whether writers may continue: no reader is far behind, or new messages are stopped.
    pub fn may_write(&self) -> bool {
        let head = self.notes().head;
        let readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        let is_near = |last: &watch::Receiver<i64>| head - *last.borrow() < LEAD;
        self.is_closed() || readers.iter().all(|last| is_near(last) || last.has_changed().is_err())
    }

    /// The load of the writers.
    pub fn load(&self) -> Load {
        *self.load.borrow()
    }

    /// Records a request.
    pub fn note_request(&self, client_id: &str) {
        self.notes().sent.insert(client_id.to_owned());
        self.load.send_modify(|load| load.flying += 1);
    }

    /// Records an answer with a message.
    pub fn note_acknowledgement(&self, client_id: &str, message: &Value) {
        let acknowledged = Acknowledgement::new(message);
        let mut notes = self.notes();
        notes.head = notes.head.max(acknowledged.seq);
        match notes.acked.get(client_id) {
            None => {
                notes.acked.insert(client_id.to_owned(), acknowledged);
            }
            Some(first) => {
                if *first != acknowledged {
                    let change = format!("{client_id}: {first:?}, then {acknowledged:?}");
                    notes.changed.push(change);
                }
                notes.repeated += 1;
            }
        }
        drop(notes);
        self.load.send_modify(|load| {
            load.acks += 1;
            load.flying -= 1;
        });
    }

    /// Records requests with another answer or none.
    pub fn note_unanswered(&self, requests: usize) {
        self.load.send_modify(|load| load.flying -= requests);
    }

    /// Records a refusal with 503.
    pub fn note_refusal(&self) {
        self.load.send_modify(|load| load.refused += 1);
    }

    /// Records a writer's first answer since the server's last start.
    pub fn begin_writer(&self) {
        self.load.send_modify(|load| load.working += 1);
    }

    /// Records the end of such a writer.
    pub fn end_writer(&self) {
        self.load.send_modify(|load| load.working -= 1);
    }

    /// Whether a message was acknowledged.
    pub fn has(&self, client_id: &str) -> bool {
        self.notes().acked.contains_key(client_id)
    }

    /// Waits for `more` acknowledgements, `working` active writers, and a request in flight. Times out only without progress.
    pub async fn busy(&self, more: usize, working: usize) -> Load {
        let mut load = self.load.subscribe();
        let target = load.borrow().acks + more;
        loop {
            let next = target.min(load.borrow().acks + PART);
            let busy = load.wait_for(|load| load.acks >= next && load.working >= working && load.flying > 0);
            let load =
                *timeout(WAIT_TIMEOUT, busy).await.expect("the writers write").expect("the ledger is there");
            if next == target {
                return load;
            }
        }
    }

    /// Compares the ledger with the group's history.
    pub fn compare(&self, history: &[Value]) -> Verdict {
        let notes = self.notes();
        let mut there: HashMap<&str, Vec<Acknowledgement>> = HashMap::new();
        for message in history {
            let client_id = message["client_id"].as_str().expect("every message here has a client_id");
            there.entry(client_id).or_default().push(Acknowledgement::new(message));
        }
        let name = |client_id: &&str| (*client_id).to_owned();
        let lost = notes.acked.keys().filter(|client_id| !there.contains_key(client_id.as_str()));
        let doubled = there.iter().filter(|(_, found)| found.len() > 1).map(|(client_id, _)| client_id);
        let moved = there.iter().filter_map(|(client_id, found)| {
            let acknowledged = notes.acked.get(*client_id)?;
            (found[0] != *acknowledged).then(|| format!("{client_id}: {acknowledged:?}, but there {found:?}"))
        });
        let strange = there.keys().filter(|client_id| !notes.sent.contains(**client_id));
        Verdict {
            sent: notes.sent.len(),
            acked: notes.acked.len(),
            repeated: notes.repeated,
            unacknowledged: there.keys().filter(|client_id| !notes.acked.contains_key(**client_id)).count(),
            lost: lost.cloned().collect(),
            doubled: doubled.map(name).collect(),
            renumbered: notes.changed.iter().cloned().chain(moved).collect(),
            strange: strange.map(name).collect(),
        }
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Acknowledgement {
    fn new(message: &Value) -> Self {
        let text = |key: &str| message[key].as_str().expect("a message has it, as text").to_owned();
        Self { id: text("id"), seq: message["seq"].as_i64().expect("a number"), body: text("body") }
    }
}

impl Verdict {
    /// Panics with the differences, if any.
    #[track_caller]
    pub fn assert_kept(&self) {
        let wrongs = [&self.lost, &self.doubled, &self.renumbered, &self.strange];
        assert!(wrongs.iter().all(|wrong| wrong.is_empty()), "{self}: {self:#?}");
        assert!(self.acked > 0, "nothing was acknowledged");
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sent, acked, repeated, unacknowledged, lost, doubled, renumbered, strange } = self;
        let [lost, doubled, renumbered, strange] = [lost, doubled, renumbered, strange].map(Vec::len);
        write!(
            f,
            "{sent} sent, {acked} acknowledged, {repeated} of them again, {unacknowledged} stored and not acknowledged; \
             {lost} lost, {doubled} doubled, {renumbered} renumbered, {strange} strange"
        )
    }
}
