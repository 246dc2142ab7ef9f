//! Reading, each job on one snapshot: at once where its caller stands, or on a thread.

use std::future::ready;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use chinwag_core::store::{Done, ReadJob};
use chinwag_core::{Error, Result};
use rusqlite::Connection;

use crate::fault::{FileState, panicked};
use crate::open::Options;
use crate::queue::{Exit, Queue};
use crate::transaction::{Transaction, execute};

/// A connection for whoever comes, and the readers' queue, which they share, and their threads.
///
/// A read takes some microseconds, less than it costs to wake a thread for it. So a job runs
/// where its caller stands; but one at a time does, since it may find that it has to wait for the
/// disk: all others, meanwhile, go to the threads, and no more than one of the runtime's is held up.
pub(crate) struct Readers {
    here: Mutex<Connection>,
    state: Arc<FileState>,
    queue: Queue<ReadJob>,
    threads: Vec<JoinHandle<()>>,
}

impl Readers {
    /// One thread for each connection, beside the one for who comes.
    pub(crate) fn start(
        here: Connection,
        connections: Vec<Connection>,
        options: &Options,
        state: Arc<FileState>,
    ) -> io::Result<Self> {
        let (queue, exits) = Queue::new(options, Error::unavailable(), connections.len());
        let spawn = |(number, (conn, exit)): (usize, (Connection, Exit<ReadJob>))| {
            let state = state.clone();
            let name = format!("store-reader-{number}");
            thread::Builder::new().name(name).spawn(move || read(&conn, &exit, &state))
        };
        let threads = connections.into_iter().zip(exits).enumerate().map(spawn).collect::<io::Result<_>>()?;
        Ok(Self { here: Mutex::new(here), state, queue, threads })
    }

    /// Runs a job, here if nobody else reads here.
    pub(crate) fn submit(&self, job: ReadJob) -> Done<'_> {
        match self.here.try_lock() {
            Ok(conn) => Box::pin(ready(run(&conn, &job, &self.state))),
            Err(_) => self.queue.submit(job),
        }
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.queue.close();
        for thread in self.threads.drain(..).filter(|t| t.thread().id() != thread::current().id()) {
            if thread.join().is_err() {
                tracing::error!("one of the store's readers had panicked");
            }
        }
    }
}

fn read(conn: &Connection, exit: &Exit<ReadJob>, state: &FileState) {
    let mut next = Vec::with_capacity(1);
    loop {
        exit.take(1, &mut next);
        let Some(queued) = next.pop() else { return };
        if !queued.answer.is_closed() {
            // Whoever asked may go meanwhile.
            let _ = queued.answer.send(run(conn, &queued.job, state));
        }
    }
}

fn run(conn: &Connection, job: &ReadJob, state: &FileState) -> Result<()> {
    // Before the snapshot, which then has everything below it.
    let next = state.stamps.next();
    execute(conn, "BEGIN")?;
    let tx = Transaction::new(conn, false, state.name_case, next);
    let outcome = catch_unwind(AssertUnwindSafe(|| job(&tx))).unwrap_or_else(|with| Err(panicked(&*with)));
    if tx.is_damaged() {
        state.set_damaged();
    }
    if !conn.is_autocommit() {
        execute(conn, "COMMIT")?;
    }
    outcome
}
