//! The store on PostgreSQL (15 or later), shared by any number of nodes.
//!
//! The crate contains the schema's versions, the queues with their threads, and the SQL of each noun in a
//! file of the same name. It contains no rules: `chinwag_core::app` decides what may be written, inside the
//! transactions that this crate runs.
//!
//! Each thread has a connection of its own, which it drives itself. **Reads** each run on one snapshot.
//! **Writes** each run in a serializable transaction, which is retried after a conflict. **Messages** take a
//! faster path: one statement decides and inserts all queued messages (up to [`Options::batch`]) in one round
//! trip, and several batches are in flight at once.
//!
//! All queues are bounded by [`Options::queue`]. A job that gets no slot within [`Options::patience`], or
//! then waits that long for a thread, fails with `Unavailable`. Every wait for the server has a timeout.

mod address;
mod claim;
mod column;
pub mod django;
mod fault;
mod group;
mod import;
mod lanes;
mod link;
mod message;
mod open;
mod outwait;
#[cfg(test)]
mod plan;
mod queue;
mod readers;
mod relation;
mod schema;
mod search;
mod send;
mod sql;
mod tls;
mod transaction;
pub mod transfer;
mod writers;

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use chinwag_core::bus::Bus;
use chinwag_core::name::NameCase;
use chinwag_core::send::{Sending, Sent};
use chinwag_core::store::{Answer, Done, ReadJob, Sends, Store, WriteJob};
use chinwag_core::{Error, HistoryId};

pub use claim::Claim;
pub use open::{OpenError, Options};

use crate::address::Target;
use crate::lanes::Lanes;
use crate::readers::Readers;
use crate::send::Senders;
use crate::writers::{WriteRequest, Writers};

/// Timeout of the query in [`Store::ready`].
const READY_TIMEOUT: Duration = Duration::from_secs(1);

/// The shortest time between two rebuilds of the search index, each of which reads and writes all of it.
const MIN_REBUILD_INTERVAL: Duration = Duration::from_secs(3600);
/// Rebuilds take at most 1 / `INDEX_SHARE` of the time.
const INDEX_SHARE: u32 = 100;

/// A store in one PostgreSQL database. Dropping it completes the queued jobs and joins its threads, and
/// blocks until that is done.
pub struct PostgresStore {
    readers: Readers,
    writers: Writers,
    senders: Senders,
    target: Arc<Target>,
    history: HistoryId,
    name_case: NameCase,
}

impl PostgresStore {
    /// Connects to the database at `url` (`postgres://user:password@host:port/database`, optionally with
    /// `sslmode` and `sslrootcert`) and migrates its schema, while other nodes that do the same wait. An
    /// error names the remedy; nothing was changed then.
    pub async fn open(url: &str, options: Options, bus: Arc<dyn Bus>) -> Result<Self, OpenError> {
        let url = url.to_owned();
        let opened = tokio::task::spawn_blocking(move || Self::start(&url, &options, &bus)).await;
        opened.map_err(|why| OpenError::Thread(why.to_string()))?
    }

    /// Checks the database at `url` without changing anything. Returns its state as the end of a sentence, or
    /// why it could not be opened.
    pub async fn check(url: &str, options: &Options) -> Result<&'static str, OpenError> {
        let (url, options) = (url.to_owned(), options.clone());
        let preview = tokio::task::spawn_blocking(move || open::preview(&url, &options)).await;
        preview.map_err(|why| OpenError::Thread(why.to_string()))?
    }

    /// The history id of the store at `url`. With `renew`, gives it a new one first; no node may serve the
    /// store then.
    pub async fn history(url: &str, options: &Options, renew: bool) -> Result<HistoryId, OpenError> {
        let (url, options) = (url.to_owned(), options.clone());
        let found = tokio::task::spawn_blocking(move || open::history(&url, &options, renew)).await;
        found.map_err(|why| OpenError::Thread(why.to_string()))?
    }

    fn start(url: &str, options: &Options, bus: &Arc<dyn Bus>) -> Result<Self, OpenError> {
        let (target, history) = open::prepare(url, options)?;
        let target = Arc::new(target);
        let lanes = Arc::new(Lanes::new(options.queue, options.patience));
        let start = || {
            Ok(Self {
                readers: Readers::start(&target, options)?,
                writers: Writers::start(&target, options, &lanes, bus)?,
                senders: Senders::start(&target, options, &lanes, bus)?,
                target: target.clone(),
                history,
                name_case: target.name_case,
            })
        };
        start().map_err(|why: std::io::Error| OpenError::Thread(why.to_string()))
    }
}

impl Sends for PostgresStore {
    fn submit_sends(&self, sendings: Vec<Sending>) -> Vec<Answer<'_, Sent>> {
        sendings.into_iter().map(|sending| self.senders.lanes.submit(sending)).collect()
    }
}

impl Store for PostgresStore {
    fn submit_write(&self, job: WriteJob) -> Done<'_> {
        self.writers.queue.submit(WriteRequest::Job(job))
    }

    fn submit_read(&self, job: ReadJob) -> Done<'_> {
        self.readers.queue.submit(job)
    }

    fn history(&self) -> HistoryId {
        self.history
    }

    fn name_case(&self) -> NameCase {
        self.name_case
    }

    /// On a separate thread with its own link.
    fn index_renew(&self) -> Done<'_> {
        let (target, (done, outcome)) = (self.target.clone(), tokio::sync::oneshot::channel());
        let thread = thread::Builder::new().name("store-index".into());
        let thread = thread.spawn(move || {
            // The caller may have dropped the future.
            let _ = done.send(search::renew(&target));
        });
        Box::pin(async move {
            thread.map_err(Error::internal)?;
            outcome.await.map_err(Error::internal)?
        })
    }

    fn index_rest(&self, took: Duration) -> Duration {
        MIN_REBUILD_INTERVAL.max(took * INDEX_SHARE)
    }

    /// Asks the server whether it accepts writes.
    fn ready(&self) -> Done<'_> {
        let done = self.writers.queue.submit(WriteRequest::Probe);
        Box::pin(async move {
            tokio::time::timeout(READY_TIMEOUT, done).await.unwrap_or_else(|_| Err(Error::unavailable()))
        })
    }
}
