//! Messages in order of date, as a search reads them, and the index of their terms.
//!
//! **Order.** Newest date first. Among messages of the same group and date, highest number first. **Bound.**
//! Messages are found by an index, whatever the length of the log. Deleted messages are not found.

use crate::message::MessageDetail;
use crate::search::RequiredTerm;
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

/// A position in the messages of all groups, ascending by date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SearchPlace {
    pub date: Date,
    pub group: GroupId,
    pub seq: Seq,
}

impl SearchPlace {
    /// The position after all messages up to and including a date.
    pub fn after_date(date: Date) -> Self {
        Self { date, group: GroupId(uuid::Uuid::max()), seq: Seq(i64::MAX) }
    }

    /// The position before all messages from a date on.
    pub(crate) fn before_date(date: Date) -> Self {
        Self { date, group: GroupId(uuid::Uuid::nil()), seq: Seq(i64::MIN) }
    }

    /// The position after all messages.
    pub fn end() -> Self {
        Self::after_date(Date::from_micros(i64::MAX))
    }
}

/// Messages in order of date, in a transaction.
pub trait Candidates {
    /// Up to `limit` messages of each of these groups, in any order of the groups: messages before a date, or
    /// with this date and a lower number. A group has fewer only if there are no more. The caller must bound
    /// the number of groups.
    fn candidates(&self, groups: &[GroupId], before: (Date, Seq), limit: usize) -> Result<Vec<Candidate>>;

    /// Those of these messages that exist, in any order. The caller must bound their number.
    fn candidates_at(&self, places: &[SearchPlace]) -> Result<Vec<Candidate>>;
}

/// How much of a group's log is indexed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexedGroup {
    pub group: GroupId,
    /// The number that identifies the group in the index. None if nothing of the group is indexed.
    pub ordinal: Option<i64>,
    /// The head of the group's log.
    pub head: Seq,
    /// Messages up to this number are indexed, and none after it.
    pub position: Seq,
}

/// A message that is not indexed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnindexedText {
    pub seq: Seq,
    pub date: Date,
    pub body: String,
}

/// Messages of a group to add to the index together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexPart {
    pub group: GroupId,
    /// The next messages of the group that exist, in order of number.
    pub texts: Vec<UnindexedText>,
    /// The number up to which the group is indexed after that.
    pub position: Seq,
}

/// The positions of messages that the index finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexedPlaces {
    /// Newest first, without gaps.
    pub places: Vec<SearchPlace>,
    /// The position before which all further hits are. `None` if there are no more.
    pub rest: Option<SearchPlace>,
}

/// The index of the [terms](crate::search::terms) of messages, in a transaction.
///
/// **Atomicity.** When an indexed message is edited or erased, the store itself changes its terms in the same
/// transaction. New messages are not indexed until a follower adds them. **Order.** For each group, the index
/// contains the messages up to one number. **Loss.** The index contains nothing that cannot be derived from
/// the messages, so it can be rebuilt. **Bound.** A lookup examines a bounded number of hits. If there are
/// more, it ends early and returns the position to continue from.
///
/// **Erasure.** A message that is removed from the index is no longer found. Its terms may remain in the
/// store's files until a cleanup: call [`index_merge`](SearchIndex::index_merge) until it has nothing left to
/// do, then [`Store::index_renew`](super::Store::index_renew).
pub trait SearchIndex {
    /// The state of those of these groups that exist, in any order.
    fn indexed_groups(&self, groups: &[GroupId]) -> Result<Vec<IndexedGroup>>;

    /// The state of all groups of a user.
    fn indexed_groups_of(&self, user: UserId) -> Result<Vec<IndexedGroup>>;

    /// The state of the first `limit` groups after `after`, in order of id.
    fn indexed_groups_page(&self, after: Option<GroupId>, limit: usize) -> Result<Vec<IndexedGroup>>;

    /// The positions of the messages of these groups that exist and are not indexed, in any order. The caller
    /// must bound their number.
    fn unindexed_places(&self, groups: &[GroupId]) -> Result<Vec<SearchPlace>>;

    /// The first `limit` messages of a group that exist and are not indexed, in order of number.
    fn unindexed_texts(&self, group: GroupId, limit: usize) -> Result<Vec<UnindexedText>>;

    /// The newest positions before `before` of indexed messages of these groups that contain every term, at
    /// most `limit`. If many messages of other groups contain the terms, there may be fewer, with `rest` as
    /// the position to continue from, which is always before `before`. Messages of deleted authors may be
    /// included.
    fn indexed_places(
        &self,
        terms: &[RequiredTerm],
        groups: &[IndexedGroup],
        before: SearchPlace,
        limit: usize,
    ) -> Result<IndexedPlaces>;

    /// Adds the next texts of groups to the index. Each group may occur only once.
    fn index_add(&mut self, parts: &[IndexPart]) -> Result<()>;

    /// Announces that many messages of a group will be removed from the index. Their terms may then remain in
    /// the store's files for a while.
    fn index_defer(&mut self, group: GroupId) -> Result<()>;

    /// Writes this transaction's changes to the index now instead of at the commit, so that their duration
    /// can be measured.
    fn index_flush(&mut self) -> Result<()>;

    /// A number that grows with each removal whose terms remain in the store's files.
    fn index_removals(&self) -> Result<i64>;

    /// Whether the index consists of so many segments that searches become slow. A merge combines them.
    fn index_is_scattered(&self) -> Result<bool>;

    /// Rewrites some pages of the index without the terms that no message contains any more. Returns whether
    /// nothing is left to do.
    fn index_merge(&mut self, pages: usize) -> Result<bool>;

    /// Discards the whole index.
    fn index_clear(&mut self) -> Result<()>;
}
