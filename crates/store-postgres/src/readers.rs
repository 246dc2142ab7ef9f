//! The reader threads. Each job runs on one snapshot.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use chinwag_core::store::ReadJob;
use chinwag_core::{Error, Result};
use tokio::sync::mpsc::Receiver;

use crate::address::Target;
use crate::fault::{FailureKind, panicked};
use crate::link::LinkSlot;
use crate::open::Options;
use crate::queue::{Queue, Queued};
use crate::transaction::Transaction;

/// Attempts of a job whose link is lost.
const MAX_ATTEMPTS: usize = 2;

/// The reader threads, with their shared queue.
pub(crate) struct Readers {
    pub(crate) queue: Queue<ReadJob>,
    threads: Vec<JoinHandle<()>>,
}

impl Readers {
    pub(crate) fn start(target: &Arc<Target>, options: &Options) -> io::Result<Self> {
        let (queue, exit) = Queue::new(options.queue, options.patience);
        let exit = Arc::new(Mutex::new(exit));
        let threads = spawn("store-reader", options.readers, || {
            let (target, exit) = (target.clone(), exit.clone());
            move || read(&target, &exit)
        })?;
        Ok(Self { queue, threads })
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.queue.close();
        join(&mut self.threads);
    }
}

/// Spawns `count` threads.
pub(crate) fn spawn<F: FnOnce() + Send + 'static>(
    name: &str,
    count: usize,
    work: impl Fn() -> F,
) -> io::Result<Vec<JoinHandle<()>>> {
    let start = |number| thread::Builder::new().name(format!("{name}-{number}")).spawn(work());
    (0..count.max(1)).map(start).collect()
}

/// Joins threads, except the current one: the bus may hold the last reference to the store and drop it on one
/// of the store's threads.
pub(crate) fn join(threads: &mut Vec<JoinHandle<()>>) {
    for thread in threads.drain(..).filter(|t| t.thread().id() != thread::current().id()) {
        if thread.join().is_err() {
            tracing::error!("one of the store's threads had panicked");
        }
    }
}

/// The next job that has not waited for too long.
pub(crate) fn next<T>(exit: &Mutex<Receiver<Queued<T>>>) -> Option<Queued<T>> {
    loop {
        // One thread waits for the next job, the others wait for the lock.
        let next = exit.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv()?;
        if !next.is_late() {
            return Some(next);
        }
        // The caller may have dropped the future.
        let _ = next.answer.send(Err(Error::unavailable()));
    }
}

fn read(target: &Target, exit: &Mutex<Receiver<Queued<ReadJob>>>) {
    let mut slot = LinkSlot::default();
    while let Some(Queued { job, answer, .. }) = next(exit) {
        if answer.is_closed() {
            continue;
        }
        let (outcome, has_begun) = run(&mut slot, target, &job);
        // The caller may have dropped the future.
        let _ = answer.send(outcome);
        if has_begun && slot.link(target).is_ok_and(|link| link.batch("ROLLBACK").is_err()) {
            slot.drop_link();
        }
    }
}

/// Runs a job. Returns its outcome, and whether a transaction must be ended.
fn run(slot: &mut LinkSlot, target: &Target, job: &ReadJob) -> (Result<()>, bool) {
    for _ in 0..MAX_ATTEMPTS {
        let link = match slot.link(target) {
            Ok(link) => link,
            Err(why) => return (Err(why), false),
        };
        let tx = Transaction::reading(link);
        let outcome =
            catch_unwind(AssertUnwindSafe(|| job(&tx))).unwrap_or_else(|with| Err(panicked(&*with)));
        match tx.failure() {
            Some(FailureKind::Lost | FailureKind::Retry | FailureKind::Stale) => slot.drop_link(),
            _ => return (outcome, tx.has_begun()),
        }
    }
    (Err(Error::unavailable()), false)
}
