//! Mentions in the store. The row of a message lists its mentions, so that a page of messages can be read
//! without joining other rows. In addition, there is one indexed row for each user whose mention counts, or a
//! single row if everyone is mentioned. A message without mentions stores nothing.
//!
//! **Atomicity.** The mentions in a message and the indexed rows change together. **Loss.** Mentions of a
//! deleted user are not read. Mentions in an erased message, or by a deleted author, do not count. **Bound.**
//! At most [`MENTIONS`](crate::mention::MENTIONS) per message. A count reads the newest
//! [`MENTIONS_NEAR`](crate::mention::MENTIONS_NEAR) of a user in a group and as many of everyone.

use crate::mention::Mentions as MessageMentions;
use crate::{GroupId, Result, Seq, UserId};

/// Mentions, in a transaction.
pub trait Mentions {
    /// The users among `users` who are members of a group, in any order. The caller must bound their number.
    fn members_among(&self, group: GroupId, users: &[UserId]) -> Result<Vec<UserId>>;

    /// Replaces the mentions of a message.
    fn mentions_set(
        &mut self,
        group: GroupId,
        message: Seq,
        author: UserId,
        mentions: &MessageMentions,
    ) -> Result<()>;

    /// Removes the indexed rows of erased messages. The caller must bound their number.
    fn mentions_erase(&mut self, group: GroupId, messages: &[Seq]) -> Result<()>;

    /// Removes at most `limit` indexed rows of a deleted user. Returns their number.
    fn mentions_delete(&mut self, user: UserId, limit: usize) -> Result<usize>;
}
