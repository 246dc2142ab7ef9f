//! Followers: components that work in the background at their own speed, such as the removal of expired
//! tokens. The store keeps a follower's position, and a lease, so that one node at a time does its work.

use crate::{HolderId, Result};

/// The bytes of a position, at most.
pub const POSITION_BYTES: usize = 64;

/// A component that works in the background.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follower {
    /// Deletes expired tokens and invites, and names whose reservation has ended. Its position is the date up to which
    /// it has.
    ExpiredTokens,
    /// Removes the bytes of dropped files. It has no position: the files are its queue.
    DroppedFiles,
    /// Removes objects of the storage that belong to no file. Its position is the date of its last round.
    StrayFiles,
    /// Gives events of the feed their positions, and removes old ones. It has no position: the feed's bounds are it.
    EventFeed,
    /// Sends the events of the feed to webhooks. It has no position: each webhook has its own.
    Webhooks,
    /// Adds messages to the index of the search. Its position is that of its round through the groups.
    SearchIndex,
    /// Notifies users of messages. Its position is a [`PushPosition`](crate::push::PushPosition).
    Notifications,
    /// Looks for groups with messages that are too old, whose erasure is a task. Its position is the date of its last
    /// round.
    Retention,
}

/// The right to do a follower's work. It ends when another node takes the next term.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// The follower.
    pub follower: Follower,
    /// The number of this lease. A later one is greater.
    pub term: i64,
}

/// A sign of life of a follower's holder: it differs after each term and each step. A lease ends by its sign
/// and not by a date, since the clocks of two nodes differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sign {
    /// The number of the last lease.
    pub term: i64,
    /// The number of steps in it.
    pub step: i64,
}

/// The state of a follower.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FollowerState {
    /// The node that has the lease, which may have ended meanwhile.
    pub holder: Option<HolderId>,
    /// The last sign of life.
    pub sign: Sign,
    /// The position, in the follower's own form; empty before the first.
    pub position: Vec<u8>,
}

/// Followers, in a transaction.
///
/// **Atomicity.** A step's changes and its position commit together, or not at all: a step of a lease that has
/// ended changes nothing, however long its node was paused. **Order.** Terms of a follower ascend, and each has one
/// holder; the steps of a term are numbered. **Loss.** After a crash a follower goes on from the position of its
/// last committed step: what it does outside of the store is done at least once. **Bound.** A follower is one row,
/// and a position has at most [`POSITION_BYTES`] bytes.
pub trait Followers {
    /// A follower's state; the default for one that has never worked.
    fn follower(&self, follower: Follower) -> Result<FollowerState>;

    /// Takes the next term of a follower for `holder`, if nothing has happened since `seen`, and ends the one
    /// before. It is for the caller to decide that the holder of `seen` is gone.
    fn lease_take(&mut self, follower: Follower, holder: HolderId, seen: Sign) -> Result<Option<Lease>>;

    /// Counts a step, and keeps the position if there is a new one. `false` if the lease has ended: the
    /// transaction must fail.
    fn lease_step(&mut self, lease: &Lease, position: Option<&[u8]>) -> Result<bool>;

    /// Ends a lease, so that another node need not wait. `false` if it had ended.
    fn lease_release(&mut self, lease: &Lease) -> Result<bool>;
}
