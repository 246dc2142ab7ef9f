//! The port to the store: the single source of truth, and the only place where decisions are made.
//!
//! **Atomicity.** A write job sees one state, and either all of its changes commit or none does. This holds
//! for each job in a batch that commits together: a job that refuses undoes only its own changes.
//! **Isolation.** Write jobs that touch the same group or user are serializable. A read job sees one
//! snapshot. **Durability.** `write` returns `Ok` only after a commit that survives a power failure.
//! **Order.** After the commit and before the answer, the store publishes the job's events to the bus. The
//! events of one group are published in the order of their numbers, as far as this node commits them; commits
//! of another node in between are published on that node. Jobs that wait at the same time may run in any
//! order, or concurrently. **Loss.** An `Err` other than [`Error::Unknown`] means that nothing has changed.
//! **Bound.** Jobs wait in a bounded queue. If it stays full, they fail with [`Error::Unavailable`].
//! **Deadline.** No caller waits forever. A job that has not begun by its deadline never runs and fails with
//! [`Error::Unavailable`]; a write that has begun and may still commit fails with [`Error::Unknown`].
//!
//! Jobs are synchronous: they run on a thread of the store and block on the disk or the network. A store may
//! retry a job, so a job may run more than once and must have no side effects outside the transaction.

mod audit;
mod ban;
mod bot;
pub(crate) mod detail;
mod disk_space;
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
pub use disk_space::DiskSpace;
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
pub use message::{
    Edge, Located, MAX_PASSED, MessageToErase, Messages, NewMessage, Page, PriorMessage, PriorThread,
    UNCOVERED,
};
pub use oidc::ProviderIdentities;
pub use open_group::{OPEN_KEY_CHARS, OpenGroupRow, OpenGroups, OpenPlace, open_key};
pub use pin::Pins;
pub use push::Pushes;
pub use reaction::{NewReaction, ReactionOf, Reactions};
pub use relation::Relations;
pub use report::Reports;
pub use retention::{Retention, RetentionPage};
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

/// The shortest pause between two cleanups of the search index. Each cleanup may rewrite the whole index.
const INDEX_REST: Duration = Duration::from_secs(10);

/// Defines [`Tx`] by the ports that a transaction implements.
macro_rules! transaction {
    ($($port:ident),+ $(,)?) => {
        /// One transaction: `&self` reads, `&mut self` writes.
        pub trait Tx: $($port +)+ {}

        impl<T: $($port +)+> Tx for T {}
    };
}

transaction! {
    Audit, Bans, Bots, Candidates, Exports, Feed, Files, Followers, Groups, Imports, Invites,
    Memberships, Mentions, Messages, OpenGroups, Pins, ProviderIdentities, Pushes, Reactions, Relations,
    Reports, Retention, ScopedKeys, SearchIndex, Sessions, Stamps, Tasks, Threads, Tokens, Users,
    Webhooks,
}

/// A job that writes and collects events. May run more than once.
pub type WriteJob = Box<dyn Fn(&mut dyn Tx, &mut Vec<Event>) -> Result<()> + Send>;
/// A job that reads from one snapshot. May run more than once.
pub type ReadJob = Box<dyn Fn(&dyn Tx) -> Result<()> + Send>;
/// The result of a call, as a future.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;
/// The completion of a call without a value.
pub type Done<'a> = Answer<'a, ()>;

/// A store. The module's documentation states its guarantees.
pub trait Store: Sends + Send + Sync + 'static {
    /// Runs a job in a transaction and commits. Dropping the future does not undo the job.
    fn submit_write(&self, job: WriteJob) -> Done<'_>;
    /// Like [`submit_write`](Self::submit_write), for several jobs at once. Jobs for which the queue has room
    /// are queued immediately.
    fn submit_writes(&self, jobs: Vec<WriteJob>) -> Vec<Done<'_>> {
        jobs.into_iter().map(|job| self.submit_write(job)).collect()
    }
    /// Runs a job on one snapshot.
    fn submit_read(&self, job: ReadJob) -> Done<'_>;
    /// The id of this store's history. No two states of one history contradict each other. Read when the
    /// store is opened.
    fn history(&self) -> HistoryId;
    /// How user names are compared in this store. Read when the store is opened.
    fn name_case(&self) -> NameCase;
    /// Removes content that was erased since the last call from the store's files, unless a reader still uses
    /// an earlier state; a later call removes the remainder. Works in steps, concurrently with writes. Free
    /// if nothing was erased.
    fn cleanse(&self) -> Done<'_> {
        Box::pin(ready(Ok(())))
    }
    /// Rebuilds the search index from its rows, if the store needs that to remove the last terms of erased
    /// messages. Takes time in proportion to the size of the index, but blocks nothing. Dropping the future
    /// does not cancel it.
    fn index_renew(&self) -> Done<'_> {
        Box::pin(ready(Ok(())))
    }
    /// The pause after a cleanup of the index, given how long the cleanup took.
    fn index_rest(&self, _took: Duration) -> Duration {
        INDEX_REST
    }
    /// The state of the disk space for new content, shared with the store.
    fn disk_space(&self) -> DiskSpace {
        DiskSpace::default()
    }
    /// Restores the reserve of disk space that lets deletions work on a full disk, as far as there is space
    /// for it. Almost free while the reserve is complete.
    fn reserve(&self) -> Done<'_> {
        Box::pin(ready(Ok(())))
    }
    /// Whether the store can commit now, within about a second.
    fn ready(&self) -> Done<'_>;
}

/// Implements the methods of [`Store`] that submit no job, for a decorator of the store in a field of this name. Without
/// them, a method's default would hide that of the decorated store.
#[macro_export]
macro_rules! forward_store {
    ($store:tt) => {
        fn history(&self) -> $crate::HistoryId {
            self.$store.history()
        }

        fn name_case(&self) -> $crate::name::NameCase {
            self.$store.name_case()
        }

        fn cleanse(&self) -> $crate::store::Done<'_> {
            self.$store.cleanse()
        }

        fn index_renew(&self) -> $crate::store::Done<'_> {
            self.$store.index_renew()
        }

        fn index_rest(&self, took: ::std::time::Duration) -> ::std::time::Duration {
            self.$store.index_rest(took)
        }

        fn disk_space(&self) -> $crate::store::DiskSpace {
            self.$store.disk_space()
        }

        fn reserve(&self) -> $crate::store::Done<'_> {
            self.$store.reserve()
        }

        fn ready(&self) -> $crate::store::Done<'_> {
            self.$store.ready()
        }
    };
}

impl dyn Store {
    /// Runs `job` in a transaction, commits, and returns the job's value.
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

    /// Runs `job` on one snapshot and returns the job's value.
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

/// Waits for the job, then returns the value in its slot.
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

#[cfg(test)]
mod tests {
    #[test]
    fn decorators_forward_every_method_that_submits_no_job() {
        let source = include_str!("store.rs");
        let (_, port) = source.split_once("pub trait Store").expect("the port");
        let (port, _) = port.split_once("\n}\n").expect("its end");
        for method in port.lines().filter_map(|line| line.strip_prefix("    fn ")?.split('(').next()) {
            let forward = format!("self.$store.{method}(");
            assert!(method.starts_with("submit_") || source.contains(&forward), "{method} is not forwarded");
        }
    }
}
