//! Messages that are to be erased because they are too old.

use super::Written;
use crate::{Date, GroupId, Result};

/// Retention, in a transaction.
///
/// **Order.** Groups are looked through by their ids, and messages are found from the oldest on. **Bound.** A page looks
/// at so many groups, and reads at most one message of each. Groups that keep their messages for good cost nothing
/// where the server does, too.
pub trait Retention {
    /// Whether a group says how long it keeps its messages.
    fn retention_is_set(&self) -> Result<bool>;

    /// Whether an erasure that a round has begun is not complete.
    fn retention_waits(&self) -> Result<bool>;

    /// The next groups after `after`, at most `limit`: those that have a message from before `oldest`, or from before the
    /// days that they keep, counted back from `now`. Without `oldest` only groups with a number of days are looked at.
    fn retention_page(
        &self,
        after: Option<GroupId>,
        oldest: Option<Date>,
        now: Date,
        limit: usize,
    ) -> Result<RetentionPage>;

    /// The oldest messages of a group from before a date, at most `limit`.
    fn messages_before(&self, group: GroupId, date: Date, limit: usize) -> Result<Vec<Written>>;
}

/// Some groups of a round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionPage {
    /// Those that have messages to erase.
    pub due: Vec<GroupId>,
    /// The last group that was looked at; none if no more follow.
    pub last: Option<GroupId>,
}
