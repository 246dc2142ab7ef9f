//! Finds the messages to erase because they are too old.

use super::MessageToErase;
use crate::{Date, GroupId, Result};

/// Retention, in a transaction.
///
/// **Order.** Groups are scanned in order of id, messages from the oldest. **Bound.** A page examines at most
/// `limit` groups, and reads at most one message of each. If neither the server nor a group has a retention,
/// that group costs nothing.
pub trait Retention {
    /// Whether any group has a retention of its own.
    fn retention_is_set(&self) -> Result<bool>;

    /// The groups of the tasks that scans have started, without those that are done.
    fn retention_waiting(&self) -> Result<Vec<GroupId>>;

    /// Examines the next groups after `after`, at most `limit`. Due are groups with a message older than
    /// `oldest`, or older than the group's own retention, counted back from `now`. Without `oldest`, only
    /// groups with their own retention are examined.
    fn retention_page(
        &self,
        after: Option<GroupId>,
        oldest: Option<Date>,
        now: Date,
        limit: usize,
    ) -> Result<RetentionPage>;

    /// At most `limit` messages of a group older than `date`, oldest first.
    fn messages_before(&self, group: GroupId, date: Date, limit: usize) -> Result<Vec<MessageToErase>>;
}

/// The result of examining some groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionPage {
    /// The groups with messages to erase.
    pub due: Vec<GroupId>,
    /// The last group that was examined. None if there are no more.
    pub last: Option<GroupId>,
}
