//! Followers: components that work in the background at their own speed, for example to remove expired
//! tokens. For each follower, the store keeps a position, and a lease that lets only one node at a time do
//! its work.

use crate::{HolderId, Result};

/// The longest position, in bytes.
pub const POSITION_BYTES: usize = 64;

/// A component that works in the background.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follower {
    /// Deletes expired tokens, invites, name reservations and other expired rows. The position is the date of
    /// the latest pass.
    ExpiredTokens,
    /// Removes the objects of dropped files. Has no position: the rows of the files are the queue.
    DroppedFiles,
    /// Removes objects that belong to no file. The position is the date of the latest scan.
    StrayFiles,
    /// Assigns positions to events of the feed, and removes old events. Has no position of its own: the
    /// feed's bounds serve as one.
    EventFeed,
    /// Sends the events of the feed to webhooks. Has no position of its own: each webhook has one.
    Webhooks,
    /// Adds messages to the search index. The position is the progress of the current pass over all groups.
    SearchIndex,
    /// Notifies users of messages. Its position is a [`PushPosition`](crate::push::PushPosition).
    Notifications,
    /// Looks for groups with messages that are too old; a task erases the messages. The position is the date
    /// of the latest scan.
    Retention,
}

/// The right to do a follower's work. It ends when another node takes the next term.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    pub follower: Follower,
    /// The term. A later lease has a greater one.
    pub term: i64,
}

/// A sign of life of the holder of a lease. It changes with each term and each step. Leases rely on it
/// instead of an expiry date, because the clocks of two nodes differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sign {
    /// The current term.
    pub term: i64,
    /// The number of steps in this term.
    pub step: i64,
}

/// The state of a follower.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FollowerState {
    /// The node that took the lease last. The lease may have ended.
    pub holder: Option<HolderId>,
    pub sign: Sign,
    /// The position, encoded by the follower. Empty at first.
    pub position: Vec<u8>,
}

/// Followers, in a transaction.
///
/// **Atomicity.** A step's changes and its new position commit together or not at all. A step of an ended
/// lease changes nothing, however long its node was paused. **Order.** The terms of a follower ascend, and
/// each has one holder. The steps of a term are numbered. **Loss.** After a crash, a follower continues from
/// the position of its last committed step, so its effects outside the store happen at least once. **Bound.**
/// A follower is one row, with a position of at most [`POSITION_BYTES`] bytes.
pub trait Followers {
    /// A follower's state. The default if it has never run.
    fn follower(&self, follower: Follower) -> Result<FollowerState>;

    /// Takes the next term of a follower for `holder` and ends the current one, unless there was a sign of
    /// life since `seen`. The caller decides whether the current holder is dead.
    fn lease_take(&mut self, follower: Follower, holder: HolderId, seen: Sign) -> Result<Option<Lease>>;

    /// Counts a step, and stores a new position if there is one. `false` if the lease has ended; the
    /// transaction must then fail.
    fn lease_step(&mut self, lease: &Lease, position: Option<&[u8]>) -> Result<bool>;

    /// Ends a lease, so that the next node need not wait for a timeout. `false` if it had already ended.
    fn lease_release(&mut self, lease: &Lease) -> Result<bool>;
}
