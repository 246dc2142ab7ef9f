//! The port to the store: the one truth, and the only place where anything is decided.
//!
//! **Atomicity.** A write job sees one state, and all of its changes commit or none does; the
//! same for each job of a batch that commits together: one that refuses undoes itself alone.
//! **Isolation.** Write jobs that touch the same group or user behave as if one ran after the
//! other. A read job sees one snapshot. **Durability.** `write` answers `Ok` only after
//! a commit that survives the loss of power. **Order.** After the commit and before the answer,
//! the store hands the job's events to the bus, those of one group in the order of their numbers
//! as far as this node commits them: another node's commits between them are told there. Jobs that
//! wait at the same time may run in any order, or side by side.
//! **Loss.** An `Err` other than [`Error::Unknown`] means that nothing was changed.
//! **Bound.** Jobs wait in a bounded queue; when it stays full, [`Error::Unavailable`].
//! **Deadline.** No caller waits for ever: a job that has not begun by a deadline never runs, and is
//! [`Error::Unavailable`]; a write that has begun and may yet commit is [`Error::Unknown`].
//!
//! Jobs are synchronous: they run on a thread of the store's, which waits for the disk or the
//! network in place. They may run more than once (a store may retry), so they change nothing
//! but through the transaction.

mod audit;
mod ban;
mod bot;
pub(crate) mod detail;
pub mod encoding;
mod export;
mod feed;
mod file;
mod follower;
mod group;
mod import;
mod invite;
mod key;
mod membership;
mod mention;
mod message;
mod oidc;
mod open_group;
mod pin;
mod push;
mod reaction;
mod relation;
mod report;
mod retention;
mod room;
mod search;
mod send;
mod session;
mod stamp;
mod task;
mod thread;
mod token;
mod user;
mod webhook;

use std::future::ready;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub use audit::Audit;
pub use ban::Bans;
pub use bot::Bots;
pub use export::{Exports, ReactionPlace, WrittenReaction};
pub use feed::Feed;
pub use file::{FileRow, FileState, Files};
pub use follower::{Follower, FollowerState, Followers, Lease, POSITION_BYTES, Sign};
pub use group::{GroupPosition, Groups, Shown, Unread};
pub use import::{ImportKind, Imported, Imports};
pub use invite::Invites;
pub use key::ScopedKeys;
pub use membership::{ListedMember, MemberPlace, Memberships, Newcomer};
pub use mention::Mentions;
pub use message::{Edge, Located, Messages, NewMessage, Page, Prior, PriorThread, UNCOVERED, Written};
pub use oidc::ProviderIdentities;
pub use open_group::{OPEN_KEY_CHARS, OpenGroupRow, OpenGroups, OpenPlace, open_key};
pub use pin::Pins;
pub use push::Pushes;
pub use reaction::{NewReaction, ReactionOf, Reactions};
pub use relation::Relations;
pub use report::Reports;
pub use retention::{Retention, RetentionPage};
pub use room::Room;
pub use search::{
    Candidate, Candidates, IndexPart, IndexedGroup, IndexedPlaces, SearchIndex, SearchPlace, UnindexedText,
};
pub use send::{Sends, send_as_jobs};
pub use session::Sessions;
pub use stamp::{ChangedGroup, CommitPoint, DepartedGroup, Stamps};
pub use task::{StoredTask, Task, Tasks};
pub use thread::{OutsidePart, Threads};
pub use token::Tokens;
pub use user::Users;
pub use webhook::Webhooks;

use crate::event::Event;
use crate::name::NameCase;
use crate::{Error, HistoryId, Result};

/// The shortest time between two cleanings of the index of the search, each of which may write all of it.
const INDEX_REST: Duration = Duration::from_secs(10);

/// One transaction: `&self` reads, `&mut self` writes.
pub trait Tx:
    Users
    + Tokens
    + Sessions
    + Exports
    + ScopedKeys
    + ProviderIdentities
    + Relations
    + Groups
    + Memberships
    + Messages
    + Mentions
    + Reactions
    + Pins
    + Threads
    + Candidates
    + SearchIndex
    + Bans
    + Bots
    + OpenGroups
    + Retention
    + Reports
    + Audit
    + Invites
    + Imports
    + Tasks
    + Followers
    + Files
    + Feed
    + Webhooks
    + Stamps
    + Pushes
{
}
impl<
    T: Users
        + Tokens
        + Sessions
        + Exports
        + ScopedKeys
        + ProviderIdentities
        + Relations
        + Groups
        + Memberships
        + Messages
        + Mentions
        + Reactions
        + Pins
        + Threads
        + Candidates
        + SearchIndex
        + Bans
        + Bots
        + OpenGroups
        + Retention
        + Reports
        + Audit
        + Invites
        + Imports
        + Tasks
        + Followers
        + Files
        + Feed
        + Webhooks
        + Stamps
        + Pushes,
> Tx for T
{
}

/// A job that writes, and tells what happened. May run more than once.
pub type WriteJob = Box<dyn Fn(&mut dyn Tx, &mut Vec<Event>) -> Result<()> + Send>;
/// A job that reads one snapshot.
pub type ReadJob = Box<dyn Fn(&dyn Tx) -> Result<()> + Send>;
/// The outcome of a job, as a future.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;
/// The end of a job.
pub type Done<'a> = Answer<'a, ()>;

/// A store. See the module's documentation for what it promises.
pub trait Store: Sends + Send + Sync + 'static {
    /// Runs a job in a transaction and commits. Dropping the future does not undo the job.
    fn submit_write(&self, job: WriteJob) -> Done<'_>;
    /// The same for jobs that come together: those that find a place get it at once.
    fn submit_writes(&self, jobs: Vec<WriteJob>) -> Vec<Done<'_>> {
        jobs.into_iter().map(|job| self.submit_write(job)).collect()
    }
    /// Runs a job on one snapshot.
    fn submit_read(&self, job: ReadJob) -> Done<'_>;
    /// The id of this store's history: no two states of one history contradict each other. Read when the store is
    /// opened.
    fn history(&self) -> HistoryId;
    /// The comparison of names in this store. Read when the store is opened.
    fn name_case(&self) -> NameCase;
    /// Brings what was erased since the last call out of the store's files, as far as nobody reads an earlier
    /// state; what is left is brought out by a later call. Works in steps, beside writes. Costs nothing where
    /// nothing was erased.
    fn cleanse(&self) -> Done<'_> {
        Box::pin(ready(Ok(())))
    }
    /// Builds the index of the search anew from its rows, where that takes the last words of erased messages out of it. Takes as
    /// long as the index is large, beside everything else; nobody waits for it. Dropping the future does not end it.
    fn index_renew(&self) -> Done<'_> {
        Box::pin(ready(Ok(())))
    }
    /// The time from a cleaning of the index that took so long to the next one.
    fn index_rest(&self, _took: Duration) -> Duration {
        INDEX_REST
    }
    /// The state of the room for new content, shared with the store.
    fn room(&self) -> Room {
        Room::default()
    }
    /// Restores the reserve that the store keeps for deletions on a full disk, as far as there is room for it.
    /// Costs next to nothing while the reserve is whole.
    fn reserve(&self) -> Done<'_> {
        Box::pin(ready(Ok(())))
    }
    /// Whether the store can commit now, within about a second.
    fn ready(&self) -> Done<'_>;
}

impl dyn Store {
    /// Runs `job` in a transaction, commits, and answers with what it returned.
    pub async fn write<T: Send + 'static>(
        &self,
        job: impl Fn(&mut dyn Tx, &mut Vec<Event>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (slot, filled) = slot();
        let job = Box::new(move |tx: &mut dyn Tx, events: &mut Vec<Event>| {
            fill(&slot, job(tx, events)?);
            Ok(())
        });
        outcome(self.submit_write(job), filled).await
    }

    /// Runs `job` on one snapshot and answers with what it returned.
    pub async fn read<T: Send + 'static>(
        &self,
        job: impl Fn(&dyn Tx) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (slot, filled) = slot();
        let job = Box::new(move |tx: &dyn Tx| {
            fill(&slot, job(tx)?);
            Ok(())
        });
        outcome(self.submit_read(job), filled).await
    }
}

type Slot<T> = Arc<Mutex<Option<T>>>;

/// The value in a job's slot, once the job is done.
async fn outcome<T>(done: Done<'_>, filled: Slot<T>) -> Result<T> {
    done.await?;
    take(&filled)
}

fn slot<T>() -> (Slot<T>, Slot<T>) {
    let slot = Arc::new(Mutex::new(None));
    (slot.clone(), slot)
}

fn fill<T>(slot: &Slot<T>, value: T) {
    *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
}

fn take<T>(slot: &Slot<T>) -> Result<T> {
    let value = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
    value.ok_or_else(|| Error::internal("the store answered a job that it did not run"))
}
