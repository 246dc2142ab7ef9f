//! Fault injection in front of a real store.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use chinwag_core::event::Event;
use chinwag_core::name::NameCase;
use chinwag_core::send::{SendRules, Sending, Sent};
use chinwag_core::store::{Answer, Done, ReadJob, Sends, Store, Tx, WriteJob};
use chinwag_core::{Date, MessageId, Result, forward_store};

/// The faults of a [`Faulty`] store; none at first.
#[derive(Debug, Default)]
pub struct Faults {
    writes: AtomicUsize,
    reads: AtomicUsize,
    callers: AtomicUsize,
    panicked: AtomicUsize,
    stall: Mutex<Stall>,
    moved: Condvar,
}

#[derive(Debug, Default)]
struct Stall {
    on: bool,
    held: usize,
    writes: usize,
}

impl Faults {
    /// Makes the next write job panic after its work and before the commit, also if the store runs it again.
    pub fn panic_in_write(&self) {
        self.writes.fetch_add(1, Ordering::SeqCst);
    }

    /// Makes the next read job panic.
    pub fn panic_in_read(&self) {
        self.reads.fetch_add(1, Ordering::SeqCst);
    }

    /// Makes the caller panic that submits the next job: a transport's handler in its own task.
    pub fn panic_in_caller(&self) {
        self.callers.fetch_add(1, Ordering::SeqCst);
    }

    /// The number of panicking jobs submitted so far.
    pub fn panicked(&self) -> usize {
        self.panicked.load(Ordering::SeqCst)
    }

    /// Blocks every job on the store's threads, like a disk that does not answer, until [`Faults::release`].
    pub fn stall(&self) {
        self.stall.lock().unwrap_or_else(PoisonError::into_inner).on = true;
    }

    /// Unblocks the jobs.
    pub fn release(&self) {
        self.stall.lock().unwrap_or_else(PoisonError::into_inner).on = false;
        self.moved.notify_all();
    }

    /// The number of blocked threads of the store.
    pub fn held(&self) -> usize {
        self.stall.lock().unwrap_or_else(PoisonError::into_inner).held
    }

    /// The number of them that run a write job.
    pub fn held_writes(&self) -> usize {
        self.stall.lock().unwrap_or_else(PoisonError::into_inner).writes
    }

    fn pass(&self, writes: bool) {
        let mut stall = self.stall.lock().unwrap_or_else(PoisonError::into_inner);
        stall.held += 1;
        stall.writes += usize::from(writes);
        while stall.on {
            stall = self.moved.wait(stall).unwrap_or_else(PoisonError::into_inner);
        }
        stall.held -= 1;
        stall.writes -= usize::from(writes);
    }

    fn called(&self) {
        assert!(!self.must_panic(&self.callers), "a caller was told to panic");
    }

    /// Whether a job submitted now must panic.
    fn must_panic(&self, left: &AtomicUsize) -> bool {
        let one_less = |left: usize| left.checked_sub(1);
        let must_panic = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok();
        self.panicked.fetch_add(usize::from(must_panic), Ordering::SeqCst);
        must_panic
    }
}

/// A store with injected [`Faults`].
pub struct Faulty {
    store: Arc<dyn Store>,
    faults: Arc<Faults>,
}

impl Faulty {
    /// Wraps a store.
    pub fn new(store: Arc<dyn Store>, faults: Arc<Faults>) -> Self {
        Self { store, faults }
    }
}

impl Faulty {
    fn faulty(&self, job: WriteJob) -> WriteJob {
        let faults = self.faults.clone();
        let must_panic = faults.must_panic(&faults.writes);
        Box::new(move |tx, events| {
            faults.pass(true);
            let outcome = job(tx, events);
            assert!(!must_panic, "a job was told to panic");
            outcome
        })
    }
}

/// The rules of a send, with faults.
struct FaultyRules {
    rules: Arc<dyn SendRules>,
    faults: Arc<Faults>,
    must_panic: bool,
}

impl SendRules for FaultyRules {
    /// A store that decides many messages in one statement calls this on its own thread, before the statement.
    fn stamp(&self) -> (MessageId, Date) {
        self.faults.pass(true);
        assert!(!self.must_panic, "a job was told to panic");
        self.rules.stamp()
    }

    fn name_case(&self) -> NameCase {
        self.rules.name_case()
    }

    fn run(&self, sending: &Sending, tx: &mut dyn Tx, events: &mut Vec<Event>) -> Result<Sent> {
        self.faults.pass(true);
        let outcome = self.rules.run(sending, tx, events);
        assert!(!self.must_panic, "a job was told to panic");
        outcome
    }
}

impl Sends for Faulty {
    fn submit_sends(&self, sendings: Vec<Sending>) -> Vec<Answer<'_, Sent>> {
        self.faults.called();
        let faulty = |sending: Sending| {
            let (faults, must_panic) = (self.faults.clone(), self.faults.must_panic(&self.faults.writes));
            sending.with_rules(|rules| Arc::new(FaultyRules { rules, faults, must_panic }))
        };
        self.store.submit_sends(sendings.into_iter().map(faulty).collect())
    }
}

impl Store for Faulty {
    fn submit_write(&self, job: WriteJob) -> Done<'_> {
        self.faults.called();
        self.store.submit_write(self.faulty(job))
    }

    fn submit_writes(&self, jobs: Vec<WriteJob>) -> Vec<Done<'_>> {
        self.faults.called();
        self.store.submit_writes(jobs.into_iter().map(|job| self.faulty(job)).collect())
    }

    fn submit_read(&self, job: ReadJob) -> Done<'_> {
        self.faults.called();
        let faults = self.faults.clone();
        let must_panic = faults.must_panic(&faults.reads);
        self.store.submit_read(Box::new(move |tx| {
            faults.pass(false);
            let outcome = job(tx);
            assert!(!must_panic, "a job was told to panic");
            outcome
        }))
    }

    forward_store!(store);
}
