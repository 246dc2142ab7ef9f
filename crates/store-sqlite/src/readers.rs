//! The threads that read, each job on one snapshot.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{self, JoinHandle};

use chinwag_core::store::ReadJob;
use chinwag_core::{Error, Result};
use rusqlite::Connection;

use crate::fault::panicked;
use crate::open::Options;
use crate::queue::{Exit, Queue};
use crate::transaction::{Transaction, execute};

/// The readers' queue, which they share, and their threads.
pub(crate) struct Readers {
    pub(crate) queue: Queue<ReadJob>,
    threads: Vec<JoinHandle<()>>,
}

impl Readers {
    /// One thread for each connection.
    pub(crate) fn start(connections: Vec<Connection>, options: &Options) -> io::Result<Self> {
        let (queue, exits) = Queue::new(options, Error::unavailable(), connections.len());
        let spawn = |(number, (conn, exit)): (usize, (Connection, Exit<ReadJob>))| {
            let name = format!("store-reader-{number}");
            thread::Builder::new().name(name).spawn(move || read(&conn, &exit))
        };
        let threads = connections.into_iter().zip(exits).enumerate().map(spawn).collect::<io::Result<_>>()?;
        Ok(Self { queue, threads })
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

fn read(conn: &Connection, exit: &Exit<ReadJob>) {
    let mut next = Vec::with_capacity(1);
    loop {
        exit.take(1, &mut next);
        let Some(queued) = next.pop() else { return };
        if !queued.answer.is_closed() {
            // Whoever asked may go meanwhile.
            let _ = queued.answer.send(run(conn, &queued.job));
        }
    }
}

fn run(conn: &Connection, job: &ReadJob) -> Result<()> {
    execute(conn, "BEGIN")?;
    let tx = Transaction::new(conn, false);
    let outcome = catch_unwind(AssertUnwindSafe(|| job(&tx))).unwrap_or_else(|with| Err(panicked(&*with)));
    if !conn.is_autocommit() {
        execute(conn, "COMMIT")?;
    }
    outcome
}
