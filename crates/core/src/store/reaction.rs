//! Reactions, as a store keeps them: a row each, and in the row of a message a tally for each of its emoji, so
//! that a page of messages is read without them. A message without reactions has no tally.
//!
//! **Atomicity.** A reaction and the tally of its emoji change together, and the message notes the number of the
//! change. **Order.** A message has its tallies in order of the first reaction of each; one keeps its place until its
//! last reaction is gone. Reactions are in order of their numbers. **Loss.** Reactions of a user who is no more are not
//! read, nor counted among the users whom a tally names. Those of an erased message are not read.
//! **Bound.** A tally names [`SHOWN_REACTORS`](crate::reaction::SHOWN_REACTORS) users, and no read of messages reads
//! more of a reaction than its tally.

use crate::reaction::{Emoji, Reaction};
use crate::{Date, GroupId, MessageId, Result, Seq, UserId};

/// Reactions, in a transaction.
pub trait Reactions {
    /// Whether a user has this reaction to a message.
    fn has_reacted(&self, group: GroupId, message: Seq, user: UserId, emoji: &Emoji) -> Result<bool>;

    /// Up to `limit` reactions to a message, those after the number `after`, of one emoji or of all.
    fn reactions(
        &self,
        group: GroupId,
        message: Seq,
        emoji: Option<&Emoji>,
        after: Seq,
        limit: usize,
    ) -> Result<Vec<Reaction>>;

    /// Up to `limit` reactions of a user in a group, also of one who is no more, in order of the messages.
    fn reactions_by(&self, group: GroupId, user: UserId, limit: usize) -> Result<Vec<ReactionOf>>;

    /// Keeps a reaction under the number that was taken for it. The user must not have it yet.
    fn reaction_insert(&mut self, reaction: &NewReaction) -> Result<()>;

    /// Removes a reaction, if the user has it. `seq` is the number of the change.
    fn reaction_delete(
        &mut self,
        group: GroupId,
        message: Seq,
        user: UserId,
        emoji: &Emoji,
        seq: Seq,
    ) -> Result<()>;

    /// Removes at most `limit` reactions to messages that were erased; answers how many. Nothing is left if these are
    /// fewer.
    fn reactions_erase(&mut self, group: GroupId, messages: &[Seq], limit: usize) -> Result<usize>;
}

/// A reaction of a known user in a known group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReactionOf {
    /// The message's number.
    pub message: Seq,
    /// The message's id.
    pub id: MessageId,
    pub emoji: Emoji,
}

/// A reaction to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewReaction {
    /// The group of the message.
    pub group: GroupId,
    /// The message's number.
    pub message: Seq,
    /// The number taken for the reaction.
    pub seq: Seq,
    pub user: UserId,
    pub emoji: Emoji,
    pub date: Date,
}
