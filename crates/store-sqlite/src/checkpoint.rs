//! Checkpoints: moving the journal (the write-ahead log) into the database file on a separate thread, so that
//! no commit waits for it.
//!
//! SQLite would do this within a commit, for thousands of pages and with a flush to the disk. Instead, a
//! thread with a connection of its own moves most pages. Then the writer moves the few that were committed in
//! the meantime, and its next commit restarts the journal.

use std::cell::Cell;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use rusqlite::{Connection, OpenFlags};

/// The most pages that the writer moves itself: about a millisecond and one flush.
const MAX_WRITER_PAGES: i64 = 256;
/// The thread is moving pages.
const RUNNING: i64 = -1;

/// The writer's handle to the checkpoint thread.
pub(crate) struct Checkpointer {
    requests: Option<SyncSender<()>>,
    /// The journal's pages that are in the file, or [`RUNNING`].
    moved: Arc<AtomicI64>,
    /// The growth of the journal, in pages, from which the thread is asked to run.
    pages: i64,
    /// The length of the journal, in pages, at the last checkpoint.
    from: Cell<i64>,
    is_asked: Cell<bool>,
    failures: FailureLog,
    thread: Option<JoinHandle<()>>,
}

/// Logs the first of consecutive failures, and the first success after them. A failed attempt is repeated at the
/// second commit after it.
#[derive(Default)]
struct FailureLog(Cell<bool>);

impl FailureLog {
    /// Logs the outcome if it differs from the last one. Returns whether it does.
    fn note<T>(&self, outcome: &rusqlite::Result<T>) -> bool {
        let is_news = self.0.replace(outcome.is_err()) != outcome.is_err();
        match outcome {
            Err(error) if is_news => {
                tracing::warn!(%error, "the journal was not moved into the database: it will be tried again");
            }
            Ok(_) if is_news => tracing::info!("the journal is moved into the database again"),
            _ => {}
        }
        is_news
    }
}

impl Checkpointer {
    /// Starts the thread for the store in this file. It is asked to run whenever the journal has grown by
    /// `pages`.
    pub(crate) fn start(store: &Path, pages: i64, durable: bool) -> io::Result<Self> {
        let (requests, asked) = sync_channel(1);
        let moved = Arc::new(AtomicI64::new(0));
        let (store, count) = (store.to_owned(), moved.clone());
        let thread = thread::Builder::new()
            .name("store-journal".into())
            .spawn(move || serve(&store, durable, &asked, &count))?;
        Ok(Self {
            requests: Some(requests),
            moved,
            pages,
            from: Cell::new(0),
            is_asked: Cell::new(false),
            failures: FailureLog::default(),
            thread: Some(thread),
        })
    }

    /// Must be called after each commit, with the length of the journal in pages.
    pub(crate) fn follow(&self, writer: &Connection, journal: i64) {
        if journal < self.from.get() {
            // The journal was restarted.
            self.from.set(0);
        }
        if self.is_asked.get() {
            let moved = self.moved.load(Ordering::Acquire);
            if moved == RUNNING {
                return;
            }
            self.is_asked.set(false);
            if journal - moved <= MAX_WRITER_PAGES {
                self.finish(writer, journal);
            }
        } else if journal - self.from.get() >= self.pages {
            self.ask();
        }
    }

    /// Moves the remaining pages. The next commit restarts the journal, unless a reader still uses an earlier
    /// state.
    fn finish(&self, writer: &Connection, journal: i64) {
        self.from.set(journal);
        self.failures.note(&move_pages(writer));
    }

    fn ask(&self) {
        self.moved.store(RUNNING, Ordering::Release);
        let asked = self.requests.as_ref().is_some_and(|requests| requests.try_send(()).is_ok());
        self.is_asked.set(asked);
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.requests = None;
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that moves the journal had panicked");
        }
    }
}

fn serve(store: &Path, durable: bool, asked: &Receiver<()>, moved: &AtomicI64) {
    let (mut conn, failures) = (None, FailureLog::default());
    while asked.recv().is_ok() {
        let outcome = open(&mut conn, store, durable).and_then(move_pages);
        failures.note(&outcome);
        moved.store(outcome.unwrap_or(0).max(0), Ordering::Release);
    }
}

fn open<'c>(
    conn: &'c mut Option<Connection>,
    store: &Path,
    durable: bool,
) -> rusqlite::Result<&'c Connection> {
    if conn.is_none() {
        let path = PathBuf::from(store);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let opened = Connection::open_with_flags(path, flags)?;
        opened.pragma_update(None, "synchronous", if durable { "FULL" } else { "OFF" })?;
        *conn = Some(opened);
    }
    Ok(conn.as_ref().expect("it was opened"))
}

/// Moves pages of the journal into the file, except those that a reader of an earlier state still needs.
/// Returns the number of the journal's pages that are in the file.
fn move_pages(conn: &Connection) -> rusqlite::Result<i64> {
    conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get(2))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::open::{self, Options};
    use crate::written::{JournalReader, WrittenPages};

    const TIMEOUT: Duration = Duration::from_secs(30);

    struct Store {
        conn: Connection,
        path: PathBuf,
        journal: JournalReader,
        checkpointer: Checkpointer,
    }

    impl Store {
        fn new(folder: &Path, pages: i64) -> Self {
            let path = folder.join("a.db");
            let options = Options { durable: false, ..Options::default() };
            let conn = open::writer(&path, &options).expect("a file");
            // The schema alone makes the journal longer than the bounds of these tests.
            assert!(open::empty_journal(&path).expect("a journal"), "nobody reads");
            let checkpointer = Checkpointer::start(&path, pages, false).expect("a thread");
            Self { conn, journal: JournalReader::new(&path), path, checkpointer }
        }

        /// Commits one page. Returns the length of the journal.
        fn commit(&mut self) -> i64 {
            self.conn.execute("UPDATE history SET id = randomblob(16)", []).expect("a commit");
            self.journal.read(&mut WrittenPages::All);
            let frames = self.journal.frames();
            self.checkpointer.follow(&self.conn, frames);
            frames
        }

        fn until_moved(&self) -> i64 {
            let by = Instant::now() + TIMEOUT;
            loop {
                let moved = self.checkpointer.moved.load(Ordering::Acquire);
                if moved != RUNNING {
                    return moved;
                }
                assert!(Instant::now() < by, "the thread is still at work");
                thread::yield_now();
            }
        }
    }

    #[test]
    fn repeated_failure_is_logged_once() {
        let log = FailureLog::default();
        let failed = || Err::<(), _>(rusqlite::Error::InvalidQuery);
        let logged = [failed(), failed(), Ok(()), Ok(()), failed()].map(|outcome| log.note(&outcome));
        assert_eq!(logged, [true, false, true, false, true]);
    }

    #[test]
    fn journal_is_moved_beside_the_writer_and_begun_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut store = Store::new(folder.path(), 50);
        for _ in 0..3 {
            while !store.checkpointer.is_asked.get() {
                assert!(store.commit() < 200);
            }
            assert!(store.until_moved() >= 50);
            // The writer itself moves the page of this commit.
            store.commit();
            assert_eq!(store.commit(), 1, "it was begun anew");
        }
    }

    #[test]
    fn reader_of_an_earlier_state_delays_the_end_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut store = Store::new(folder.path(), 50);
        store.commit();
        let reader = open::reader(&store.path, &Options::default()).expect("a reader");
        reader.execute_batch("BEGIN; SELECT * FROM history").expect("a snapshot");
        for _ in 0..3 {
            while !store.checkpointer.is_asked.get() {
                store.commit();
            }
            store.until_moved();
            store.commit();
        }
        assert!(store.commit() > 50, "it was not begun anew");
        reader.execute_batch("COMMIT").expect("its end");
        while !store.checkpointer.is_asked.get() {
            store.commit();
        }
        store.until_moved();
        store.commit();
        assert_eq!(store.commit(), 1, "it was begun anew");
    }
}
