//! The one thread that writes: everything that has queued shares one commit.

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
use crate::queue::{Exit, Queue, Queued};
use crate::remains::overwrite;
use crate::reserve::Reserve;
use crate::statements::Statements;
use crate::transaction::{Transaction, execute};
use crate::written::JournalReader;

/// A request to the writer.
pub(crate) enum Task {
    /// A job of the port's.
    Job(WriteJob),
    /// A commit that changes nothing and yet reaches the disk.
    Probe,
    /// Overwrites what rows have left on these pages.
    Overwrite(Vec<i64>),
    /// Empties the writer's cache of overwritten pages, which nobody has asked for.
    EmptyCache,
}

/// The writer's queue and thread.
pub(crate) struct Writer {
    pub(crate) queue: Queue<Task>,
    pub(crate) state: Arc<FileState>,
    thread: Option<JoinHandle<()>>,
}

/// The number of times that one batch may ask for more room.
const GIVEN_UP: usize = 8;
/// The time after which a batch commits with the jobs that it has run. The others are the next batch.
const BATCH_TIME: Duration = Duration::from_millis(100);

/// The connection that writes, and what belongs to its thread.
struct Line {
    conn: Connection,
    state: Arc<FileState>,
    reserve: Arc<Reserve>,
    journal: RefCell<JournalReader>,
    checkpointer: Checkpointer,
    /// Whether the batch erases something.
    erases: Cell<bool>,
    /// Whether the batch met a full disk.
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
        // One that has begun may yet commit.
        let (queue, mut exits) = Queue::new(options, Error::Unknown, 1);
        let exit = exits.pop().expect("one was asked for");
        let batch = options.batch.max(1);
        let line = Line {
            conn,
            state: state.clone(),
            reserve,
            journal: RefCell::new(JournalReader::new(path)),
            checkpointer: Checkpointer::start(path, CHECKPOINT_PAGES, options.durable)?,
            erases: Cell::new(false),
            met_full_disk: Cell::new(false),
        };
        let thread = thread::Builder::new().name("store-writer".into()).spawn(move || {
            write(&line, &Statements::of(&line.conn), &exit, batch, &*bus);
            line.close();
        })?;
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

fn write<'l>(line: &'l Line, statements: &Statements<'l>, exit: &Exit<Task>, batch: usize, bus: &dyn Bus) {
    let mut tasks = Vec::with_capacity(batch);
    loop {
        if tasks.is_empty() {
            exit.take(batch, &mut tasks);
        }
        if tasks.is_empty() {
            break;
        }
        let mut events = Vec::new();
        let mut outcome = commit(line, statements, &tasks, &mut events);
        for _ in 0..GIVEN_UP {
            if outcome.is_ok() || !line.make_room() {
                break;
            }
            events.clear();
            outcome = commit(line, statements, &tasks, &mut events);
        }
        match outcome {
            Ok(outcomes) => {
                publish(bus, events);
                for (task, outcome) in tasks.drain(..outcomes.len()).zip(outcomes) {
                    // Whoever asked may have gone.
                    let _ = task.answer.send(outcome);
                }
                line.follow_up();
            }
            Err(why) => {
                for task in tasks.drain(..) {
                    let _ = task.answer.send(Err(why.clone()));
                }
            }
        }
    }
}

impl Line {
    /// Notes the pages of the commit that was just made. No answer waits for it.
    fn follow_up(&self) {
        let mut journal = self.journal.borrow_mut();
        journal.read(&mut self.state.written());
        self.checkpointer.follow(&self.conn, journal.frames());
        if self.erases.take() {
            self.state.erased.store(true, Ordering::Release);
        }
    }

    /// Reserves stamps for this batch and later ones, where there are none left.
    fn reserve_stamps(&self) -> Result<Option<i64>> {
        self.state.stamps.reserve(&self.conn).map_err(|why| {
            self.met_full_disk.set(is_disk_full(&why));
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

    /// After a batch has failed: whether it was for want of room and there is some again. Its jobs that add are
    /// refused when they run again.
    fn make_room(&self) -> bool {
        if !self.met_full_disk.take() || !self.reserve.is_kept() {
            return false;
        }
        self.state.set_spent();
        // Pages that are in the file by now may be overwritten in the journal, unless somebody reads them.
        let _ = self.conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        self.reserve.give_up().unwrap_or_else(|why| {
            tracing::warn!(error = %why, "nothing of the reserve could be given up");
            false
        })
    }
}

/// Runs tasks for as long as a batch lasts and commits: the outcome of each that has run, and the events of those that
/// succeeded in their order. An error is every task's: then nothing at all was changed.
///
/// Savepoints cost a fifth of a batch's time, and only a job that refuses after it wrote needs
/// one. So a batch runs without, and again with them where such a job is in it.
fn commit<'l>(
    line: &'l Line,
    statements: &Statements<'l>,
    tasks: &[Queued<Task>],
    events: &mut Vec<Event>,
) -> Result<Vec<Result<()>>> {
    if let Some(outcomes) = attempt(line, statements, tasks, events, false)? {
        return Ok(outcomes);
    }
    events.clear();
    let outcomes = attempt(line, statements, tasks, events, true)?;
    outcomes.ok_or_else(|| Error::internal("a savepoint did not undo its job"))
}

/// The same once; `None`, and nothing was changed, if it takes savepoints.
fn attempt<'l>(
    line: &'l Line,
    statements: &Statements<'l>,
    tasks: &[Queued<Task>],
    events: &mut Vec<Event>,
    savepoints: bool,
) -> Result<Option<Vec<Result<()>>>> {
    let conn = &line.conn;
    statements.execute("BEGIN IMMEDIATE").map_err(fault)?;
    let run = |reserved| Ok((run_all(line, statements, tasks, events, savepoints)?, reserved));
    let outcomes = line.reserve_stamps().and_then(run).and_then(|(outcomes, reserved)| {
        if outcomes.is_some() {
            statements.execute("COMMIT").map_err(|why| {
                if is_damage(&why) {
                    line.state.set_damaged();
                }
                line.met_full_disk.set(is_disk_full(&why));
                commit_fault(why)
            })?;
            line.state.stamps.committed(reserved);
        }
        Ok(outcomes)
    });
    if !conn.is_autocommit() {
        execute(conn, "ROLLBACK")?;
    }
    outcomes
}

fn run_all<'l>(
    line: &'l Line,
    statements: &Statements<'l>,
    tasks: &[Queued<Task>],
    events: &mut Vec<Event>,
    savepoints: bool,
) -> Result<Option<Vec<Result<()>>>> {
    let (mut outcomes, begun) = (Vec::with_capacity(tasks.len()), Instant::now());
    for task in tasks {
        let outcome = match &task.job {
            Task::Job(job) => run(line, statements, job, events, savepoints)?,
            Task::Probe => Some(touch(&line.conn)),
            Task::Overwrite(pages) => Some(overwrite(&line.conn, pages).map_err(fault)),
            Task::EmptyCache => Some(line.conn.execute_batch("PRAGMA shrink_memory").map_err(fault)),
        };
        if line.met_full_disk.get() && line.reserve.is_kept() {
            return Err(outcome.and_then(Result::err).unwrap_or_else(Error::unavailable));
        }
        let Some(outcome) = outcome else { return Ok(None) };
        // Some errors, such as a full disk, make SQLite undo the whole transaction by itself.
        if line.conn.is_autocommit() {
            return Err(outcome.err().unwrap_or_else(Error::unavailable));
        }
        outcomes.push(outcome);
        if begun.elapsed() >= BATCH_TIME {
            break;
        }
    }
    Ok(Some(outcomes))
}

/// Runs one job. Its own refusal is the inner result, the outer error the whole batch's; `None`
/// if it cannot be undone alone.
fn run<'l>(
    line: &'l Line,
    statements: &Statements<'l>,
    job: &WriteJob,
    events: &mut Vec<Event>,
    savepoints: bool,
) -> Result<Option<Result<()>>> {
    let conn = &line.conn;
    let mut tx =
        Transaction::new(conn, savepoints, line.state.name_case, line.state.stamps.next()).with(statements);
    let mut own = Vec::new();
    let outcome = catch_unwind(AssertUnwindSafe(|| job(&mut tx, &mut own)))
        .unwrap_or_else(|with| Err(panicked(&*with)));
    if tx.has_erased() {
        // Before the commit as well as after it, lest a crash in between leave it to nobody.
        line.state.erased.store(true, Ordering::Release);
        line.erases.set(true);
    }
    if tx.met_full_disk() {
        line.met_full_disk.set(true);
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
