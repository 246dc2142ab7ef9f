//! Stamps: points in the order of commits. They determine what has changed since a client was last connected.

use std::time::Duration;

use uuid::Uuid;

use crate::group_settings::GroupSettings;
use crate::{Date, GroupId, Result, Seq, UserId};

/// A point in the order of commits of one store. Everything with a lower stamp is committed and visible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommitPoint {
    /// The id of the order. Stamps of different orders cannot be compared.
    pub order: Uuid,
    /// The lowest stamp that a later commit may have.
    pub next: i64,
}

/// The changes in one of a user's groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedGroup {
    pub group: GroupId,
    /// Whether the group was deleted.
    pub is_deleted: bool,
    /// Whether the user has not accepted the group yet.
    pub pending: bool,
    /// Whether the group or its log changed, or the user joined or accepted.
    pub is_changed: bool,
    /// The user's read mark, if it changed.
    pub read: Option<(Seq, Date)>,
    /// The user's own settings, if they changed.
    pub settings: Option<GroupSettings>,
}

/// A group of which a user is no longer a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DepartedGroup {
    pub group: GroupId,
    pub is_deleted: bool,
}

/// Stamps, in a transaction.
///
/// **Atomicity.** A change and its stamp commit together. **Order.** Every change that is not visible at a
/// [`CommitPoint`] gets a stamp of at least its `next`, on whichever node it commits. A reader that requests
/// the changes since a point therefore misses nothing, but may receive a change twice. Messages have no stamp
/// of their own: they change the row of their group. **Loss.** Departures are kept for a limited time; see
/// [`stamps_removed`](Self::stamps_removed). **Bound.** The number of the user's groups, or `limit` rows.
pub trait Stamps {
    /// The point of this transaction's snapshot.
    fn commit_point(&self) -> Result<CommitPoint>;

    /// The lowest stamp from which all departures are still stored.
    fn stamps_removed(&self) -> Result<i64>;

    /// All groups of a user that changed since a stamp, in order of id. Since 0: all groups, with all marks
    /// and settings that are set.
    fn groups_changed(&self, user: UserId, since: i64) -> Result<Vec<ChangedGroup>>;

    /// Up to `limit` groups after `after` that a user has left since a stamp, or that were deleted while it
    /// was a member, in order of id. Groups that it has joined again are not included. For a group that is
    /// being erased, departures may still be missing; [`groups_changed`](Self::groups_changed) then includes
    /// it.
    fn departures(
        &self,
        user: UserId,
        since: i64,
        after: Option<GroupId>,
        limit: usize,
    ) -> Result<Vec<DepartedGroup>>;

    /// The user itself, its contacts and the other users of its private groups, if their profiles changed
    /// since a stamp, in ascending order. Since 0: those that have or had a profile.
    fn profiles_changed(&self, user: UserId, since: i64) -> Result<Vec<UserId>>;

    /// Removes up to `limit` departures that are older than `age`. Returns their number.
    fn departures_trim(&mut self, now: Date, age: Duration, limit: usize) -> Result<usize>;
}
