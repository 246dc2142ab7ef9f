//! The store on PostgreSQL (15 or later), shared by any number of nodes.
//!
//! Here live the schema's versions, the queues with their threads, and the SQL of every noun
//! under the noun's name. No rule lives here: what may be written is decided in
//! `chinwag_core::app`, inside the transactions that this crate runs.
//!
//! Each thread has a connection of its own, and drives it itself. **Reads** run each on one
//! snapshot. **Writes** run each in one serializable transaction, again where another stood in
//! the way. **Messages** go another way: whatever has queued (up to [`Options::batch`]) is decided
//! and kept by one statement, in one round trip, and several batches are under way at once.
//!
//! All queues are bounded by [`Options::queue`]; whoever finds no place within
//! [`Options::patience`], or still waits for a thread after it, is answered `Unavailable`. Every
//! wait for the server is bounded too.

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

/// The longest wait of [`Store::ready`] for its answer.
const READY_WITHIN: Duration = Duration::from_secs(1);

/// The shortest time between two renewals of the index of the search, which read and write all of it.
const INDEX_REST: Duration = Duration::from_secs(3600);
/// They take at most a part of the time, of which this is the divisor.
const INDEX_SHARE: u32 = 100;

/// A store in one PostgreSQL database. Dropping it finishes what has queued and ends its threads;
/// that blocks the dropping thread for as long as it takes.
pub struct PostgresStore {
    readers: Readers,
    writers: Writers,
    senders: Senders,
    target: Arc<Target>,
    history: HistoryId,
    name_case: NameCase,
}

impl PostgresStore {
    /// Connects to the database at `url` (`postgres://user:password@host:port/database`, with
    /// `sslmode` and `sslrootcert` if need be) and brings its schema up to date, while all others
    /// who do the same wait. The error says what to do; then nothing was changed.
    pub async fn open(url: &str, options: Options, bus: Arc<dyn Bus>) -> Result<Self, OpenError> {
        let url = url.to_owned();
        let opened = tokio::task::spawn_blocking(move || Self::start(&url, &options, &bus)).await;
        opened.map_err(|why| OpenError::Thread(why.to_string()))?
    }

    /// Looks at the database at `url` without changing anything: what kind it is, as a sentence ends,
    /// or why it could not be opened.
    pub async fn check(url: &str, options: &Options) -> Result<&'static str, OpenError> {
        let (url, options) = (url.to_owned(), options.clone());
        let looked = tokio::task::spawn_blocking(move || open::look(&url, &options)).await;
        looked.map_err(|why| OpenError::Thread(why.to_string()))?
    }

    /// The id of the history of the store at `url`, which gets another one first if `renew`: then no node may serve it
    /// meanwhile.
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

    /// On a thread and a link of its own.
    fn index_renew(&self) -> Done<'_> {
        let (target, (done, outcome)) = (self.target.clone(), tokio::sync::oneshot::channel());
        let thread = thread::Builder::new().name("store-index".into());
        let thread = thread.spawn(move || {
            // The caller may have gone.
            let _ = done.send(search::renew(&target));
        });
        Box::pin(async move {
            thread.map_err(Error::internal)?;
            outcome.await.map_err(Error::internal)?
        })
    }

    fn index_rest(&self, took: Duration) -> Duration {
        INDEX_REST.max(took * INDEX_SHARE)
    }

    /// Asks the server whether it takes writes.
    fn ready(&self) -> Done<'_> {
        let done = self.writers.queue.submit(WriteRequest::Probe);
        Box::pin(async move {
            tokio::time::timeout(READY_WITHIN, done).await.unwrap_or_else(|_| Err(Error::unavailable()))
        })
    }
}
