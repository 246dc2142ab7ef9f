//! The messages that a trial's clients have sent and received: the one side of the comparison whose other
//! side is what the server has at the end.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::sync::watch;
use tokio::time::timeout;

use super::PATIENCE;
use super::reader::Reading;

/// So many acknowledgements come while one is patient, however slow the machine.
const PART: usize = 1000;

/// The numbers by which writers may be ahead of a reader. With what each has under way, this is less than a resume
/// brings, or a socket's queue holds.
const LEAD: i64 = 256;

/// Everything sent and acknowledged, in one group.
#[derive(Default)]
pub struct Ledger {
    notes: Mutex<Notes>,
    load: watch::Sender<Load>,
    over: AtomicBool,
    /// The progress of the readers that writers wait for.
    readers: Mutex<Vec<watch::Receiver<i64>>>,
}

/// How busy the clients are.
#[derive(Debug, Clone, Copy, Default)]
pub struct Load {
    /// Acknowledgements so far, repeated ones too.
    pub acks: usize,
    /// Requests sent that wait for their answer.
    pub flying: usize,
    /// Writers that were answered at least once in this life of the server.
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
    retold: usize,
    changed: Vec<String>,
}

/// The content of an acknowledgement.
#[derive(Debug, PartialEq, Eq)]
struct Acknowledgement {
    id: String,
    seq: i64,
    body: String,
}

/// The result of the comparison.
#[derive(Debug)]
pub struct Verdict {
    /// Messages sent, each counted once however often it was.
    pub sent: usize,
    /// Messages of them that were acknowledged.
    pub acked: usize,
    /// Acknowledgements of a message that had one already.
    pub retold: usize,
    /// Messages that nobody was told of, and that are there all the same.
    pub untold: usize,
    /// Acknowledged, and not there.
    pub lost: Vec<String>,
    /// There more than once.
    pub doubled: Vec<String>,
    /// There, or acknowledged again, with another number, id or body than at first.
    pub renumbered: Vec<String>,
    /// There, and never sent.
    pub strange: Vec<String>,
}

impl Ledger {
    /// Nothing sent so far.
    pub fn new() -> Self {
        Self::default()
    }

    /// Writers make no new messages from here on.
    pub fn close(&self) {
        self.over.store(true, Ordering::SeqCst);
    }

    /// Whether writers are to make no new messages.
    pub fn is_closed(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    /// Writers wait from here on whenever one of these readers is far behind.
    pub fn wait_for(&self, readers: &[Reading]) {
        let progress = readers.iter().map(Reading::progress);
        self.readers.lock().unwrap_or_else(PoisonError::into_inner).extend(progress);
    }

    /// Whether writers may go on: no reader is far behind, or nothing new is to be written.
    pub fn may_write(&self) -> bool {
        let head = self.notes().head;
        let readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        let is_near = |last: &watch::Receiver<i64>| head - *last.borrow() < LEAD;
        self.is_closed() || readers.iter().all(|last| is_near(last) || last.has_changed().is_err())
    }

    /// How busy the writers are.
    pub fn load(&self) -> Load {
        *self.load.borrow()
    }

    /// A request goes out.
    pub fn sends(&self, client_id: &str) {
        self.notes().sent.insert(client_id.to_owned());
        self.load.send_modify(|load| load.flying += 1);
    }

    /// A request is answered with a message.
    pub fn acknowledged(&self, client_id: &str, message: &Value) {
        let told = Acknowledgement::new(message);
        let mut notes = self.notes();
        notes.head = notes.head.max(told.seq);
        match notes.acked.get(client_id) {
            None => {
                notes.acked.insert(client_id.to_owned(), told);
            }
            Some(first) => {
                if *first != told {
                    let change = format!("{client_id}: {first:?}, then {told:?}");
                    notes.changed.push(change);
                }
                notes.retold += 1;
            }
        }
        drop(notes);
        self.load.send_modify(|load| {
            load.acks += 1;
            load.flying -= 1;
        });
    }

    /// So many requests are answered in another way, or never will be.
    pub fn unanswered(&self, requests: usize) {
        self.load.send_modify(|load| load.flying -= requests);
    }

    /// A request is refused with 503.
    pub fn refused(&self) {
        self.load.send_modify(|load| load.refused += 1);
    }

    /// A writer is answered for the first time in this life of the server.
    pub fn begins(&self) {
        self.load.send_modify(|load| load.working += 1);
    }

    /// Such a writer has ended its run.
    pub fn ends(&self) {
        self.load.send_modify(|load| load.working -= 1);
    }

    /// Whether a message was acknowledged.
    pub fn has(&self, client_id: &str) -> bool {
        self.notes().acked.contains_key(client_id)
    }

    /// Waits until so many more acknowledgements have come, so many writers are at work, and a request
    /// is under way; however long, as long as they come.
    pub async fn busy(&self, more: usize, working: usize) -> Load {
        let mut load = self.load.subscribe();
        let target = load.borrow().acks + more;
        loop {
            let next = target.min(load.borrow().acks + PART);
            let busy = load.wait_for(|load| load.acks >= next && load.working >= working && load.flying > 0);
            let load =
                *timeout(PATIENCE, busy).await.expect("the writers write").expect("the ledger is there");
            if next == target {
                return load;
            }
        }
    }

    /// Compares all this with the group's history.
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
            let told = notes.acked.get(*client_id)?;
            (found[0] != *told).then(|| format!("{client_id}: {told:?}, but there {found:?}"))
        });
        let strange = there.keys().filter(|client_id| !notes.sent.contains(**client_id));
        Verdict {
            sent: notes.sent.len(),
            acked: notes.acked.len(),
            retold: notes.retold,
            untold: there.keys().filter(|client_id| !notes.acked.contains_key(**client_id)).count(),
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
    /// Panics with what is wrong, if anything is.
    #[track_caller]
    pub fn assert_kept(&self) {
        let wrongs = [&self.lost, &self.doubled, &self.renumbered, &self.strange];
        assert!(wrongs.iter().all(|wrong| wrong.is_empty()), "{self}: {self:#?}");
        assert!(self.acked > 0, "nothing was acknowledged");
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sent, acked, retold, untold, lost, doubled, renumbered, strange } = self;
        let [lost, doubled, renumbered, strange] = [lost, doubled, renumbered, strange].map(Vec::len);
        write!(
            f,
            "{sent} sent, {acked} acknowledged, {retold} of them again, {untold} stored and never told; \
             {lost} lost, {doubled} doubled, {renumbered} renumbered, {strange} strange"
        )
    }
}
