//! The only thread that writes. All queued jobs share one commit.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use std::{io, mem};

use chinwag_core::bus::Bus;
use chinwag_core::event::Event;
use chinwag_core::store::WriteJob;
use chinwag_core::{Error, Result};
use rusqlite::Connection;

use crate::checkpoint::Checkpointer;
use crate::fault::{FileState, commit_fault, fault, is_damage, is_disk_full, panicked};
use crate::open::{CHECKPOINT_PAGES, Options};
use crate::queue::{JobReceiver, Queue, Queued};
use crate::remains::overwrite;
use crate::reserve::Reserve;
use crate::statements::Statements;
use crate::transaction::{Transaction, execute};
use crate::written::JournalReader;

/// A request to the writer.
pub(crate) enum Task {
    /// A job of the port.
    Job(WriteJob),
    /// A commit without changes that nevertheless reaches the disk.
    Probe,
    /// Overwrites the gaps of these pages; see [`remains`](crate::remains).
    Overwrite(Vec<i64>),
    /// Releases the writer's page cache after pages were overwritten that no job needs.
    EmptyCache,
}

/// The writer's queue and thread.
pub(crate) struct Writer {
    pub(crate) queue: Queue<Task>,
    pub(crate) state: Arc<FileState>,
    thread: Option<JoinHandle<()>>,
}

/// The most times that one batch may release a part of the reserve.
const MAX_RESERVE_RELEASES: usize = 8;
/// The time after which a batch commits the jobs that it has run so far. The others form the next batch.
const BATCH_TIME: Duration = Duration::from_millis(100);

/// The connection that writes, and the other state of its thread.
struct WriterContext {
    conn: Connection,
    state: Arc<FileState>,
    reserve: Arc<Reserve>,
    journal: RefCell<JournalReader>,
    checkpointer: Checkpointer,
    /// Whether the batch erases data.
    erases: Cell<bool>,
    /// Whether the batch found the disk full.
    met_full_disk: Cell<bool>,
}

impl Writer {
    pub(crate) fn start(
        conn: Connection,
        path: &Path,
        options: &Options,
        (state, reserve): (Arc<FileState>, Arc<Reserve>),
        bus: Arc<dyn Bus>,
    ) -> io::Result<Self> {
        // At the deadline, a write that has started may still commit.
        let (queue, mut exits) = Queue::new(options, Error::Unknown, 1);
        let exit = exits.pop().expect("one was asked for");
        let batch = options.batch.max(1);
        let context = WriterContext {
            conn,
            state: state.clone(),
            reserve,
            journal: RefCell::new(JournalReader::new(path)),
            checkpointer: Checkpointer::start(path, CHECKPOINT_PAGES, options.durable)?,
            erases: Cell::new(false),
            met_full_disk: Cell::new(false),
        };
        let thread = thread::Builder::new().name("store-writer".into()).spawn(move || {
            write(&context, &Statements::of(&context.conn), &exit, batch, &*bus);
            context.close();
        })?;
        Ok(Self { queue, state, thread: Some(thread) })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue.close();
        // The bus may hold the last reference to the store and drop it on this thread.
        let thread = self.thread.take().filter(|thread| thread.thread().id() != thread::current().id());
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the store's writer had panicked");
        }
    }
}

fn write<'l>(
    context: &'l WriterContext,
    statements: &Statements<'l>,
    exit: &JobReceiver<Task>,
    batch: usize,
    bus: &dyn Bus,
) {
    let mut tasks = Vec::with_capacity(batch);
    loop {
        if tasks.is_empty() {
            exit.take(batch, &mut tasks);
        }
        if tasks.is_empty() {
            break;
        }
        let mut events = Vec::new();
        let mut outcome = commit(context, statements, &tasks, &mut events);
        for _ in 0..MAX_RESERVE_RELEASES {
            if outcome.is_ok() || !context.make_room() {
                break;
            }
            events.clear();
            outcome = commit(context, statements, &tasks, &mut events);
        }
        match outcome {
            Ok(outcomes) => {
                publish(bus, events);
                for (task, outcome) in tasks.drain(..outcomes.len()).zip(outcomes) {
                    // The caller may have dropped the future.
                    let _ = task.answer.send(outcome);
                }
                context.follow_up();
            }
            Err(why) => {
                for task in tasks.drain(..) {
                    let is_known = matches!(why, Error::Unknown) && !task.has_begun();
                    let _ = task.answer.send(Err(if is_known { Error::unavailable() } else { why.clone() }));
                }
            }
        }
    }
}

impl WriterContext {
    /// Tracks the pages of the latest commit. Runs after the answers are sent.
    fn follow_up(&self) {
        let mut journal = self.journal.borrow_mut();
        journal.read(&mut self.state.written());
        self.checkpointer.follow(&self.conn, journal.frames());
        if self.erases.take() {
            self.state.erased.store(true, Ordering::Release);
        }
    }

    /// Reserves stamps for this and later batches if none are left.
    fn reserve_stamps(&self) -> Result<Option<i64>> {
        self.state.stamps.reserve(&self.conn).map_err(|why| {
            self.met_full_disk.set(is_disk_full(&self.conn, &why));
            fault(why)
        })
    }

    /// Moves the whole journal into the file.
    fn close(self) {
        drop(self.checkpointer);
        if let Err(why) = self.conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())) {
            tracing::warn!(error = %why, "the journal was not brought into the database; the next start will");
        }
    }

    /// Handles a failed batch. Returns whether it failed because the disk was full and there is room again
    /// now. When it runs again, its jobs that add data are refused.
    fn make_room(&self) -> bool {
        if !self.met_full_disk.take() || !self.reserve.is_kept() {
            return false;
        }
        self.state.set_spent();
        // Journal frames that are already in the file can be reused, unless a reader needs them.
        let _ = self.conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        self.reserve.give_up().unwrap_or_else(|why| {
            tracing::warn!(error = %why, "nothing of the reserve could be given up");
            false
        })
    }
}

/// Runs tasks until the batch's time is over, and commits. Returns the outcome of each task that has run, and
/// adds the events of the successful ones in order. After an error, no task has changed anything.
///
/// Savepoints cost a fifth of a batch's time, and only a job that fails after it has written needs one. So a
/// batch runs without them, and again with them if it contains such a job.
fn commit<'l>(
    context: &'l WriterContext,
    statements: &Statements<'l>,
    tasks: &[Queued<Task>],
    events: &mut Vec<Event>,
) -> Result<Vec<Result<()>>> {
    if let Some(outcomes) = attempt(context, statements, tasks, events, false)? {
        return Ok(outcomes);
    }
    events.clear();
    let outcomes = attempt(context, statements, tasks, events, true)?;
    outcomes.ok_or_else(|| Error::internal("a savepoint did not undo its job"))
}

/// One attempt. Returns `None`, without any change, if the batch needs savepoints.
fn attempt<'l>(
    context: &'l WriterContext,
    statements: &Statements<'l>,
    tasks: &[Queued<Task>],
    events: &mut Vec<Event>,
    savepoints: bool,
) -> Result<Option<Vec<Result<()>>>> {
    let conn = &context.conn;
    statements.execute("BEGIN IMMEDIATE").map_err(fault)?;
    let run = |reserved| Ok((run_all(context, statements, tasks, events, savepoints)?, reserved));
    let outcomes = context.reserve_stamps().and_then(run).and_then(|(outcomes, reserved)| {
        if outcomes.is_some() {
            statements.execute("COMMIT").map_err(|why| {
                if is_damage(&why) {
                    context.state.set_damaged();
                }
                context.met_full_disk.set(is_disk_full(conn, &why));
                commit_fault(why)
            })?;
            context.state.stamps.committed(reserved);
        }
        Ok(outcomes)
    });
    if !conn.is_autocommit() {
        execute(conn, "ROLLBACK")?;
    }
    outcomes
}

fn run_all<'l>(
    context: &'l WriterContext,
    statements: &Statements<'l>,
    tasks: &[Queued<Task>],
    events: &mut Vec<Event>,
    savepoints: bool,
) -> Result<Option<Vec<Result<()>>>> {
    let (mut outcomes, begun) = (Vec::with_capacity(tasks.len()), Instant::now());
    for task in tasks {
        if !task.begin() {
            outcomes.push(Err(Error::unavailable()));
            continue;
        }
        let outcome = match &task.job {
            Task::Job(job) => run(context, statements, job, events, savepoints)?,
            Task::Probe => Some(touch(&context.conn)),
            Task::Overwrite(pages) => Some(overwrite(&context.conn, pages).map_err(fault)),
            Task::EmptyCache => Some(context.conn.execute_batch("PRAGMA shrink_memory").map_err(fault)),
        };
        if context.met_full_disk.get() && context.reserve.is_kept() {
            return Err(outcome.and_then(Result::err).unwrap_or_else(Error::unavailable));
        }
        let Some(outcome) = outcome else { return Ok(None) };
        // Some errors, such as a full disk, make SQLite undo the whole transaction by itself.
        if context.conn.is_autocommit() {
            return Err(outcome.err().unwrap_or_else(Error::unavailable));
        }
        outcomes.push(outcome);
        if begun.elapsed() >= BATCH_TIME {
            break;
        }
    }
    Ok(Some(outcomes))
}

/// Runs one job. The inner result is that of the job; the outer error applies to the whole batch. Returns
/// `None` if the job cannot be rolled back alone.
fn run<'l>(
    context: &'l WriterContext,
    statements: &Statements<'l>,
    job: &WriteJob,
    events: &mut Vec<Event>,
    savepoints: bool,
) -> Result<Option<Result<()>>> {
    let conn = &context.conn;
    let mut tx = Transaction::new(conn, savepoints, context.state.name_case, context.state.stamps.next())
        .with(statements);
    let mut own = Vec::new();
    let outcome = catch_unwind(AssertUnwindSafe(|| job(&mut tx, &mut own)))
        .unwrap_or_else(|with| Err(panicked(&*with)));
    if tx.has_erased() {
        // Set before the commit as well as after it, so that a crash in between does not lose it.
        context.state.erased.store(true, Ordering::Release);
        context.erases.set(true);
    }
    if tx.met_full_disk() {
        context.met_full_disk.set(true);
    }
    if tx.is_damaged() {
        context.state.set_damaged();
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

/// Rewrites the first page unchanged.
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
    // The jobs are committed, so they have succeeded whatever the bus does.
    if let Err(with) = catch_unwind(AssertUnwindSafe(|| bus.publish(events))) {
        tracing::error!(error = %panicked(&*with), "the bus panicked; events are lost, and found again by their gap");
        mem::drop(with);
    }
}
