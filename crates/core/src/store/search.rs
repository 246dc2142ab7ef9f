//! Messages in order of date, in which a search reads them, and the index of their words.
//!
//! **Order.** The newest date first; of messages of one group and date, the highest number. **Bound.** Messages are found by
//! an index, whatever the length of the log, and only those that stand count.

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

/// A place in the messages of all groups, which ascends with the date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SearchPlace {
    pub date: Date,
    pub group: GroupId,
    pub seq: Seq,
}

impl SearchPlace {
    /// The place before which all messages of a date are, and all earlier ones.
    pub fn after_date(date: Date) -> Self {
        Self { date, group: GroupId(uuid::Uuid::max()), seq: Seq(i64::MAX) }
    }

    /// The place after which all messages of a date are, and all later ones.
    pub fn before_date(date: Date) -> Self {
        Self { date, group: GroupId(uuid::Uuid::nil()), seq: Seq(i64::MIN) }
    }

    /// The place before which all messages are.
    pub fn end() -> Self {
        Self::after_date(Date::from_micros(i64::MAX))
    }
}

/// Messages in order of date, in a transaction.
pub trait Candidates {
    /// Up to `limit` messages of each of these groups, in any order of the groups: those before a date, and those of this date with
    /// a lower number. Fewer of a group only at its end. Bounded by the caller.
    fn candidates(&self, groups: &[GroupId], before: (Date, Seq), limit: usize) -> Result<Vec<Candidate>>;

    /// Those of these messages that stand, in any order. Bounded by the caller.
    fn candidates_at(&self, places: &[SearchPlace]) -> Result<Vec<Candidate>>;
}

/// The part of a group's log that the index has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexedGroup {
    pub group: GroupId,
    /// The number by which the index knows the group, if it has a part of it.
    pub ordinal: Option<i64>,
    /// The last number of its log.
    pub head: Seq,
    /// The index has the messages up to this number, and none after it.
    pub position: Seq,
}

/// A message that the index does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnindexedText {
    pub seq: Seq,
    pub date: Date,
    pub body: String,
}

/// Messages of a group that enter the index together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexPart {
    pub group: GroupId,
    /// The next messages of the group that stand, in the order of their numbers.
    pub texts: Vec<UnindexedText>,
    /// The number up to which the index then has the group's messages.
    pub position: Seq,
}

/// Places of messages that the index finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexedPlaces {
    /// Newest first, without a gap.
    pub places: Vec<SearchPlace>,
    /// The place before which all others are. `None` if there are no others.
    pub rest: Option<SearchPlace>,
}

/// The index of the [terms](crate::search::terms) of messages, in a transaction.
///
/// **Atomicity.** An edit and an erasure change the terms of an indexed message with its body, in every
/// transaction: the store does that by itself. New messages are not indexed until a follower adds them.
/// **Order.** The index has the messages of a group up to one number. **Loss.** The index has nothing that the messages
/// do not have, and can be built anew. **Bound.** A search in the index looks at a number of hits, and ends early with the place of
/// the rest.
///
/// **Erasure.** A message that leaves the index is not found from then on. Its words may stay in the store's files until the index is cleaned: by
/// [`index_merge`](SearchIndex::index_merge) until there is nothing left to do, then
/// [`Store::index_renew`](super::Store::index_renew).
pub trait SearchIndex {
    /// The indexed parts of those of these groups that exist, in any order.
    fn indexed_groups(&self, groups: &[GroupId]) -> Result<Vec<IndexedGroup>>;

    /// The same of all groups of a user.
    fn indexed_groups_of(&self, user: UserId) -> Result<Vec<IndexedGroup>>;

    /// The same of the first `limit` groups after one, by id.
    fn indexed_groups_page(&self, after: Option<GroupId>, limit: usize) -> Result<Vec<IndexedGroup>>;

    /// The places of the messages of these groups that stand and are not indexed, in any order. Bounded by
    /// the caller.
    fn unindexed_places(&self, groups: &[GroupId]) -> Result<Vec<SearchPlace>>;

    /// The first `limit` messages of a group that stand and are not indexed, in the order of their numbers.
    fn unindexed_texts(&self, group: GroupId, limit: usize) -> Result<Vec<UnindexedText>>;

    /// The newest places before one of indexed messages of these groups that have every term: at most `limit`, or fewer with the place of
    /// the rest, where many messages of other groups have the terms. The rest is always before `before`. Messages of an
    /// author who is no more may be among them.
    fn indexed_places(
        &self,
        terms: &[RequiredTerm],
        groups: &[IndexedGroup],
        before: SearchPlace,
        limit: usize,
    ) -> Result<IndexedPlaces>;

    /// Adds the next texts of groups, each of which is named once.
    fn index_add(&mut self, parts: &[IndexPart]) -> Result<()>;

    /// Notes that many messages of a group are about to leave the index: their words may stay in the store's files for a while.
    fn index_defer(&mut self, group: GroupId) -> Result<()>;

    /// Writes what this transaction has changed, which is otherwise a part of the commit, so that its time can be measured.
    fn index_flush(&mut self) -> Result<()>;

    /// A number that grows with each removal whose words stay in the store's files.
    fn index_removals(&self) -> Result<i64>;

    /// Whether the index is in so many parts that searches are slower for it: merging it makes one of them.
    fn index_is_scattered(&self) -> Result<bool>;

    /// Writes some pages of the index anew, without the words that no message has any longer. Returns whether there was nothing
    /// left to do.
    fn index_merge(&mut self, pages: usize) -> Result<bool>;

    /// Forgets everything.
    fn index_clear(&mut self) -> Result<()>;
}
