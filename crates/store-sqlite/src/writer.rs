//! The one thread that writes: everything that has queued shares one commit.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::{io, mem};

use chinwag_core::bus::Bus;
use chinwag_core::event::Event;
use chinwag_core::store::WriteJob;
use chinwag_core::{Error, Result};
use rusqlite::Connection;

use crate::fault::{FileState, commit_fault, fault, is_damage, panicked};
use crate::open::Options;
use crate::queue::{Exit, Queue, Queued};
use crate::remains::overwrite;
use crate::transaction::{Transaction, execute, try_execute};

/// A request to the writer.
pub(crate) enum Task {
    /// A job of the port's.
    Job(WriteJob),
    /// A commit that changes nothing and yet reaches the disk.
    Probe,
    /// Overwrites what rows have left on these pages.
    Overwrite(Vec<i64>),
}

/// The writer's queue and thread.
pub(crate) struct Writer {
    pub(crate) queue: Queue<Task>,
    pub(crate) state: Arc<FileState>,
    thread: Option<JoinHandle<()>>,
}

/// The connection that writes, and what its thread has to say of it.
struct Line {
    conn: Connection,
    state: Arc<FileState>,
}

impl Writer {
    pub(crate) fn start(
        conn: Connection,
        options: &Options,
        state: Arc<FileState>,
        bus: Arc<dyn Bus>,
    ) -> io::Result<Self> {
        // One that has begun may yet commit.
        let (queue, mut exits) = Queue::new(options, Error::Unknown, 1);
        let exit = exits.pop().expect("one was asked for");
        let batch = options.batch.max(1);
        let line = Line { conn, state: state.clone() };
        let thread = thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || write(&line, &exit, batch, &*bus))?;
        Ok(Self { queue, state, thread: Some(thread) })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue.close();
        // The bus may hold the store's last reference and drop it on this very thread.
        let thread = self.thread.take().filter(|thread| thread.thread().id() != thread::current().id());
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the store's writer had panicked");
        }
    }
}

fn write(line: &Line, exit: &Exit<Task>, batch: usize, bus: &dyn Bus) {
    let mut tasks = Vec::with_capacity(batch);
    loop {
        exit.take(batch, &mut tasks);
        if tasks.is_empty() {
            break;
        }
        let mut events = Vec::new();
        match commit(line, &tasks, &mut events) {
            Ok(outcomes) => {
                publish(bus, events);
                for (task, outcome) in tasks.drain(..).zip(outcomes) {
                    // Whoever asked may have gone.
                    let _ = task.answer.send(outcome);
                }
            }
            Err(why) => {
                for task in tasks.drain(..) {
                    let _ = task.answer.send(Err(why.clone()));
                }
            }
        }
    }
    if let Err(why) = line.conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())) {
        tracing::warn!(error = %why, "the journal was not brought into the database; the next start will");
    }
}

/// Runs every task and commits: the outcome of each, and the events of those that succeeded in
/// their order. An error is every task's: then nothing at all was changed.
///
/// Savepoints cost a fifth of a batch's time, and only a job that refuses after it wrote needs
/// one. So a batch runs without, and again with them where such a job is in it.
fn commit(line: &Line, tasks: &[Queued<Task>], events: &mut Vec<Event>) -> Result<Vec<Result<()>>> {
    if let Some(outcomes) = attempt(line, tasks, events, false)? {
        return Ok(outcomes);
    }
    events.clear();
    let outcomes = attempt(line, tasks, events, true)?;
    outcomes.ok_or_else(|| Error::internal("a savepoint did not undo its job"))
}

/// The same once; `None`, and nothing was changed, if it takes savepoints.
fn attempt(
    line: &Line,
    tasks: &[Queued<Task>],
    events: &mut Vec<Event>,
    savepoints: bool,
) -> Result<Option<Vec<Result<()>>>> {
    let conn = &line.conn;
    execute(conn, "BEGIN IMMEDIATE")?;
    let outcomes = run_all(line, tasks, events, savepoints).and_then(|outcomes| {
        if outcomes.is_some() {
            try_execute(conn, "COMMIT").map_err(|why| {
                if is_damage(&why) {
                    line.state.set_damaged();
                }
                commit_fault(why)
            })?;
        }
        Ok(outcomes)
    });
    if !conn.is_autocommit() {
        execute(conn, "ROLLBACK")?;
    }
    outcomes
}

fn run_all(
    line: &Line,
    tasks: &[Queued<Task>],
    events: &mut Vec<Event>,
    savepoints: bool,
) -> Result<Option<Vec<Result<()>>>> {
    let mut outcomes = Vec::with_capacity(tasks.len());
    for task in tasks {
        let outcome = match &task.job {
            Task::Job(job) => run(line, job, events, savepoints)?,
            Task::Probe => Some(touch(&line.conn)),
            Task::Overwrite(pages) => Some(overwrite(&line.conn, pages).map_err(fault)),
        };
        let Some(outcome) = outcome else { return Ok(None) };
        // Some errors, such as a full disk, make SQLite undo the whole transaction by itself.
        if line.conn.is_autocommit() {
            return Err(outcome.err().unwrap_or_else(Error::unavailable));
        }
        outcomes.push(outcome);
    }
    Ok(Some(outcomes))
}

/// Runs one job. Its own refusal is the inner result, the outer error the whole batch's; `None`
/// if it cannot be undone alone.
fn run(line: &Line, job: &WriteJob, events: &mut Vec<Event>, savepoints: bool) -> Result<Option<Result<()>>> {
    let conn = &line.conn;
    let mut tx = Transaction::new(conn, savepoints, line.state.name_case);
    let mut own = Vec::new();
    let outcome = catch_unwind(AssertUnwindSafe(|| job(&mut tx, &mut own)))
        .unwrap_or_else(|with| Err(panicked(&*with)));
    if tx.has_erased() {
        // Before the commit, so that no look at it in between comes too early for good.
        line.state.erased.store(true, Ordering::Release);
    }
    if tx.is_damaged() {
        line.state.set_damaged();
    }
    let apart = if outcome.is_ok() {
        tx.keep()?;
        events.append(&mut own);
        true
    } else {
        conn.is_autocommit() || tx.undo()?
    };
    Ok(apart.then_some(outcome))
}

/// Writes the first page again as it was.
fn touch(conn: &Connection) -> Result<()> {
    let touch = || {
        let version: i64 = conn.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        conn.pragma_update(None, "user_version", version)
    };
    touch().map_err(fault)
}

fn publish(bus: &dyn Bus, events: Vec<Event>) {
    if events.is_empty() {
        return;
    }
    // It is committed, so whatever the bus does the jobs have succeeded.
    if let Err(with) = catch_unwind(AssertUnwindSafe(|| bus.publish(events))) {
        tracing::error!(error = %panicked(&*with), "the bus panicked; events are lost, and found again by their gap");
        mem::drop(with);
    }
}
