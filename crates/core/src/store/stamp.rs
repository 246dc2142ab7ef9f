//! Stamps: points in the order of commits, which say what has changed since a client was here.

use std::time::Duration;

use uuid::Uuid;

use crate::group_settings::GroupSettings;
use crate::{Date, GroupId, Result, Seq, UserId};

/// A point in the order of commits of one store: everything with a lower stamp is committed and visible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommitPoint {
    /// The id of the order. No other store goes on with it.
    pub order: Uuid,
    /// The lowest stamp of what may be committed later.
    pub next: i64,
}

/// The changes of one of a user's groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedGroup {
    pub group: GroupId,
    /// Whether the group was deleted.
    pub is_deleted: bool,
    /// Whether the user has yet to accept.
    pub pending: bool,
    /// Whether the group or its log changed, or the user has joined or accepted.
    pub is_changed: bool,
    /// The user's read mark, if it changed.
    pub read: Option<(Seq, Date)>,
    /// The user's own settings, if they changed.
    pub settings: Option<GroupSettings>,
}

/// A group that a user is no longer in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DepartedGroup {
    pub group: GroupId,
    pub is_deleted: bool,
}

/// Stamps, in a transaction.
///
/// **Atomicity.** A change and its stamp commit together. **Order.** What is not visible at a [`CommitPoint`] gets a stamp of
/// at least its `next`, on whatever node it is committed, so that a reader which asks for what has changed since the point
/// misses nothing; it may receive something again. A message needs no stamp of its own: it changes the row of its group.
/// **Loss.** Departures are kept for a time; see [`stamps_removed`](Self::stamps_removed). **Bound.** The groups of a user, or as many
/// rows as are asked for.
pub trait Stamps {
    /// The point of this transaction's snapshot.
    fn commit_point(&self) -> Result<CommitPoint>;

    /// The first stamp from which all departures are kept.
    fn stamps_removed(&self) -> Result<i64>;

    /// Every group of a user of which something changed since a stamp, in order of id. Since 0: all groups, and all marks and
    /// settings that are set.
    fn groups_changed(&self, user: UserId, since: i64) -> Result<Vec<ChangedGroup>>;

    /// Up to `limit` groups that a user has left since a stamp, or that were deleted with it in them, and that it is not in
    /// again, in order of id, those after `after`. Of a group that is being erased the departures may be missing yet:
    /// [`groups_changed`](Self::groups_changed) has it.
    fn departures(
        &self,
        user: UserId,
        since: i64,
        after: Option<GroupId>,
        limit: usize,
    ) -> Result<Vec<DepartedGroup>>;

    /// The user itself, its contacts and the other users of its private groups, as far as their profiles changed since a stamp,
    /// in ascending order. Since 0: those that have a profile, or had.
    fn profiles_changed(&self, user: UserId, since: i64) -> Result<Vec<UserId>>;

    /// Removes up to `limit` departures that are older than `age`, and answers how many.
    fn departures_trim(&mut self, now: Date, age: Duration, limit: usize) -> Result<usize>;
}
