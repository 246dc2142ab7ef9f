//! The store on SQLite: one file, one writer, many readers.
//!
//! The crate contains the schema's versions, the two queues with their threads, and the SQL of each noun in a
//! file of the same name. It contains no rules: `chinwag_core::app` decides what may be written, inside the
//! transactions that this crate runs.
//!
//! **Writes.** One thread owns the only connection that writes. It takes all jobs that were queued since its
//! last commit (up to [`Options::batch`]), runs each in isolation, commits them together, passes their events
//! to the bus and then answers. There is no timer: a lone job commits immediately. **Reads.** Each read runs
//! on one snapshot: on the caller's thread if no other read runs there, otherwise on one of a few threads.
//!
//! Both queues are bounded by [`Options::queue`]. A job that gets no slot within [`Options::patience`] fails
//! with `Unavailable`. A job in the queue is awaited for up to [`Options::deadline`]; if it has not started
//! by then, it never runs. Several processes may share one file: a write waits up to [`Options::busy`] for
//! that of another process.

pub mod backup;
mod checkpoint;
mod column;
mod fault;
mod group;
pub mod history;
mod import;
mod index_check;
mod message;
mod message_dates;
mod open;
#[cfg(test)]
mod plan;
mod queue;
mod readers;
mod relation;
mod remains;
mod reserve;
mod schema;
mod search;
mod sql;
mod stamps;
mod statements;
mod transaction;
pub mod transfer;
mod writer;
mod written;

use std::future::ready;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chinwag_core::bus::Bus;
use chinwag_core::name::NameCase;
use chinwag_core::send::{Sending, Sent};
use chinwag_core::store::{Answer, DiskSpace, Done, ReadJob, Sends, Store, WriteJob, send_as_jobs};
use chinwag_core::{Error, HistoryId};
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

pub use index_check::index_matches;
pub use message_dates::dates_match;
pub use open::{OpenError, Options};
pub use schema::names_fit;

use crate::fault::FileState;
use crate::readers::Readers;
use crate::remains::{PAGES_PER_COMMIT, Scan};
use crate::reserve::Reserve;
use crate::stamps::StampSource;
use crate::writer::{Task, Writer};
use crate::written::WrittenPages;

/// Timeout of the commit in [`Store::ready`].
const READY_TIMEOUT: Duration = Duration::from_secs(1);
/// The pause after each step of a scan of the file's pages, about three times as long as the step.
const SCAN_PAUSE: Duration = Duration::from_millis(10);
/// A commit that overwrites more pages than this (1 MiB) is followed by a release of the writer's page cache.
const MAX_CACHED_PAGES: usize = 256;

/// A store in one SQLite file. Dropping it completes the queued jobs, moves the journal into the file and
/// joins its threads, and blocks until that is done.
pub struct SqliteStore {
    readers: Readers,
    /// Dropped after the readers, since the last connection to close moves the journal into the file.
    writer: Writer,
    history: HistoryId,
    reserve: Arc<Reserve>,
    path: PathBuf,
    /// The folder of a temporary store. Dropped last, when the file is closed.
    _folder: Option<TempDir>,
}

impl SqliteStore {
    /// Opens the store in the file at `path`, creates the file if there is none, and migrates its schema. The
    /// folder must exist. Blocks.
    #[allow(clippy::needless_pass_by_value, reason = "as a caller writes it: `Options::default()`")]
    pub fn open(path: &Path, options: Options, bus: Arc<dyn Bus>) -> Result<Self, OpenError> {
        let reserve = Arc::new(Reserve::new(path, options.reserve));
        let Connections { writer, here, readers } = loop {
            match Connections::open(path, &options) {
                // The journal and its index need some room.
                Err(OpenError::Full { .. }) if reserve.give_up().unwrap_or(false) => {}
                opened => break opened?,
            }
        };
        let history = schema::history(&here).map_err(|why| OpenError::sqlite(path, &why))?;
        let name_case = schema::name_case(&here).map_err(|why| OpenError::sqlite(path, &why))?;
        let stamps = StampSource::begin(&writer).map_err(|why| OpenError::sqlite(path, &why))?;
        let state = Arc::new(FileState::new(name_case, stamps));
        // Starting with a full disk also allows deletions.
        if !reserve.fill().map_err(|why| OpenError::Create { path: path.into(), why })? {
            state.set_spent();
        }
        Ok(Self {
            history,
            reserve: reserve.clone(),
            path: path.into(),
            writer: Writer::start(writer, path, &options, (state.clone(), reserve), bus)
                .map_err(|why| OpenError::thread(path, &why))?,
            readers: Readers::start(here, readers, &options, state)
                .map_err(|why| OpenError::thread(path, &why))?,
            _folder: None,
        })
    }

    /// Opens an empty temporary store, for tests and trials. It is a file in the system's temporary folder,
    /// because an in-memory SQLite has neither a write-ahead log nor snapshots and would behave differently.
    /// It never waits for the disk.
    pub fn memory(bus: Arc<dyn Bus>) -> Result<Self, OpenError> {
        let folder =
            tempfile::tempdir().map_err(|why| OpenError::Create { path: std::env::temp_dir(), why })?;
        let options = Options { durable: false, readers: 2, ..Options::default() };
        let store = Self::open(&folder.path().join("chinwag.db"), options, bus)?;
        Ok(Self { _folder: Some(folder), ..store })
    }
}

struct Connections {
    writer: Connection,
    /// For reads on the caller's thread.
    here: Connection,
    readers: Vec<Connection>,
}

impl Connections {
    fn open(path: &Path, options: &Options) -> Result<Self, OpenError> {
        let writer = open::writer(path, options)?;
        let here = open::reader(path, options)?;
        let readers =
            (0..options.readers.max(1)).map(|_| open::reader(path, options)).collect::<Result<_, _>>()?;
        Ok(Self { writer, here, readers })
    }
}

impl SqliteStore {
    /// Overwrites the copies of rows that these pages contain outside their current rows.
    async fn overwrite_remains(&self, pages: Arc<WrittenPages>) -> chinwag_core::Result<()> {
        let path = self.path.clone();
        let Some(mut scan) = blocking(move || Scan::open(&path, pages)).await? else { return Ok(()) };
        let mut overwritten = 0;
        loop {
            let (next, found) = blocking(move || {
                let found = scan.step()?;
                Ok((scan, found))
            })
            .await?;
            let Some(found) = found else { return Ok(()) };
            scan = next;
            for pages in found.chunks(PAGES_PER_COMMIT) {
                self.writer.queue.submit(Task::Overwrite(pages.to_vec())).await?;
                overwritten += pages.len();
                if overwritten > MAX_CACHED_PAGES {
                    self.writer.queue.submit(Task::EmptyCache).await?;
                }
            }
            sleep(SCAN_PAUSE).await;
        }
    }
}

/// Records on drop what is not yet cleansed, so that the next call continues with it.
struct CleanseRetry {
    state: Arc<FileState>,
    is_erased: bool,
    pages: Option<Arc<WrittenPages>>,
}

impl CleanseRetry {
    fn pages_done(&mut self) {
        self.pages = None;
    }

    fn journal_done(&mut self) {
        self.is_erased = false;
    }
}

impl Drop for CleanseRetry {
    fn drop(&mut self) {
        if let Some(pages) = self.pages.take() {
            // A scan that continues after its future was dropped still shares the pages. Then all pages are
            // scanned next time.
            let pages = Arc::try_unwrap(pages).unwrap_or_default();
            self.state.written().merge(pages);
        }
        if self.is_erased {
            self.state.erased.store(true, Ordering::Release);
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> rusqlite::Result<T> + Send + 'static,
) -> chinwag_core::Result<T> {
    spawn_blocking(work).await.map_err(Error::internal)?.map_err(fault::fault)
}

impl Sends for SqliteStore {
    fn submit_sends(&self, sendings: Vec<Sending>) -> Vec<Answer<'_, Sent>> {
        send_as_jobs(self, sendings)
    }
}

impl Store for SqliteStore {
    fn submit_write(&self, job: WriteJob) -> Done<'_> {
        self.writer.queue.submit(Task::Job(job))
    }

    fn submit_writes(&self, jobs: Vec<WriteJob>) -> Vec<Done<'_>> {
        self.writer.queue.submit_all(jobs.into_iter().map(Task::Job))
    }

    fn submit_read(&self, job: ReadJob) -> Done<'_> {
        self.readers.submit(job)
    }

    fn history(&self) -> HistoryId {
        self.history
    }

    fn name_case(&self) -> NameCase {
        self.writer.state.name_case
    }

    fn cleanse(&self) -> Done<'_> {
        if !self.writer.state.erased.swap(false, Ordering::AcqRel) {
            return Box::pin(ready(Ok(())));
        }
        let state = self.writer.state.clone();
        let pages = Arc::new(state.written().take());
        // Restores the record even if the future is dropped early.
        let mut again = CleanseRetry { state, is_erased: true, pages: Some(pages.clone()) };
        Box::pin(async move {
            self.overwrite_remains(pages).await?;
            again.pages_done();
            let path = self.path.clone();
            // On a separate connection, so that no write waits for it.
            if blocking(move || open::empty_journal(&path)).await? {
                again.journal_done();
            }
            Ok(())
        })
    }

    fn disk_space(&self) -> DiskSpace {
        self.writer.state.disk_space.clone()
    }

    fn reserve(&self) -> Done<'_> {
        if self.reserve.is_whole() {
            return Box::pin(ready(Ok(())));
        }
        Box::pin(async move {
            let reserve = self.reserve.clone();
            let filled = spawn_blocking(move || reserve.fill()).await.map_err(Error::internal)?;
            if filled.map_err(Error::internal)? && self.writer.state.disk_space.set_spent(false) {
                tracing::info!("the disk has room again");
            }
            Ok(())
        })
    }

    /// Commits to the disk, which shows whether the store works. Fails immediately after damage was found or
    /// while the disk is full.
    fn ready(&self) -> Done<'_> {
        if self.writer.state.damaged.load(Ordering::Acquire) || self.writer.state.disk_space.is_spent() {
            return Box::pin(ready(Err(Error::unavailable())));
        }
        let done = self.writer.queue.submit(Task::Probe);
        Box::pin(async move {
            tokio::time::timeout(READY_TIMEOUT, done).await.unwrap_or_else(|_| Err(Error::unavailable()))
        })
    }
}
