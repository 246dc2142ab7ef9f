//! Messages in order of date, in which a search reads them.
//!
//! **Order.** The newest date first; of messages of one group and date, the highest number. **Bound.** Messages are found by
//! an index, whatever the length of the log, and only those that stand count.

use crate::message::MessageDetail;
use crate::{Date, GroupId, MessageId, Result, Seq, UserId};

/// A message as a search reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    pub place: SearchPlace,
    pub id: MessageId,
    pub author: UserId,
    pub body: String,
    pub detail: MessageDetail,
}

/// A place in the messages of all groups, which ascends with the date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SearchPlace {
    pub date: Date,
    pub group: GroupId,
    pub seq: Seq,
}

/// Messages in order of date, in a transaction.
pub trait Candidates {
    /// Up to `limit` messages of each of these groups, in any order of the groups: those before a date, and those of this date with
    /// a lower number. Fewer of a group only at its end. Bounded by the caller.
    fn candidates(&self, groups: &[GroupId], before: (Date, Seq), limit: usize) -> Result<Vec<Candidate>>;
}
