//! Mentions, as a store keeps them: in the row of a message, so that a page of messages is read without others, and a row
//! for each user for whom one counts, so that they are counted by an index. One that is of everyone is one row.
//! A message without mentions has nothing of this.
//!
//! **Atomicity.** A message's mentions and the rows of its users change together. **Loss.** Mentions of a user who is
//! no more are not read. Those of an erased message, or by an author who is no more, do not count.
//! **Bound.** A message has at most [`MENTIONS`](crate::mention::MENTIONS), and a count looks at the newest
//! [`MENTIONS_NEAR`](crate::mention::MENTIONS_NEAR) of a user in a group and as many of everyone.

use crate::mention::Mentions as MessageMentions;
use crate::{GroupId, Result, Seq, UserId};

/// Mentions, in a transaction.
pub trait Mentions {
    /// Those of these users who are in a group, in any order. Bounded by the caller.
    fn members_among(&self, group: GroupId, users: &[UserId]) -> Result<Vec<UserId>>;

    /// Gives a message that stands these mentions instead of its own.
    fn mentions_set(
        &mut self,
        group: GroupId,
        message: Seq,
        author: UserId,
        mentions: &MessageMentions,
    ) -> Result<()>;

    /// Removes what counts the mentions of messages that were erased. Bounded by the caller.
    fn mentions_erase(&mut self, group: GroupId, messages: &[Seq]) -> Result<()>;

    /// Removes what counts the mentions of a user who is no more, at most `limit` rows; answers how many.
    fn mentions_delete(&mut self, user: UserId, limit: usize) -> Result<usize>;
}
