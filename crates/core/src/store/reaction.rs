//! Reactions in the store: one row per reaction and, in the row of the message, one tally per emoji, so that
//! a page of messages can be read without the rows of reactions. A message without reactions has no tally.
//!
//! **Atomicity.** A reaction and its tally change together, and the message records the number of the change.
//! **Order.** The tallies of a message are ordered by their first reaction; a tally keeps its position until
//! its last reaction is removed. Reactions are in order of their numbers. **Loss.** Reactions of a deleted
//! user are not read, and not counted among the users whom a tally names. Reactions to an erased message are
//! not read. **Bound.** A tally names at most [`SHOWN_REACTORS`](crate::reaction::SHOWN_REACTORS) users, and
//! reading messages reads only tallies.

use crate::reaction::{Emoji, Reaction};
use crate::{Date, GroupId, MessageId, Result, Seq, UserId};

/// Reactions, in a transaction.
pub trait Reactions {
    /// Whether a user has this reaction to a message.
    fn has_reacted(&self, group: GroupId, message: Seq, user: UserId, emoji: &Emoji) -> Result<bool>;

    /// Up to `limit` reactions to a message after the number `after`, with one emoji or with any.
    fn reactions(
        &self,
        group: GroupId,
        message: Seq,
        emoji: Option<&Emoji>,
        after: Seq,
        limit: usize,
    ) -> Result<Vec<Reaction>>;

    /// Up to `limit` reactions of a user in a group, in order of the messages. Also works for a deleted user.
    fn reactions_by(&self, group: GroupId, user: UserId, limit: usize) -> Result<Vec<ReactionOf>>;

    /// Stores a reaction under a number taken for it. The user must not have this reaction yet.
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

    /// Removes at most `limit` reactions to erased messages. Returns their number; if it is lower than
    /// `limit`, none are left.
    fn reactions_erase(&mut self, group: GroupId, messages: &[Seq], limit: usize) -> Result<usize>;
}

/// A reaction, where the user and the group are known from the context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReactionOf {
    pub message: Seq,
    pub id: MessageId,
    pub emoji: Emoji,
}

/// A reaction to store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewReaction {
    pub group: GroupId,
    pub message: Seq,
    /// The number taken for the reaction.
    pub seq: Seq,
    pub user: UserId,
    pub emoji: Emoji,
    pub date: Date,
}
