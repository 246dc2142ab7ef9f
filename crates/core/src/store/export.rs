//! The messages, reactions and files of one user, as a store reads them for an export.

use crate::message::Message;
use crate::reaction::Emoji;
use crate::{Date, FileId, GroupId, MessageId, Result, Seq, UserId};

use super::FileRow;

/// The parts of an export, in a transaction. **Atomicity.** Each call reads one part of the transaction's state. **Order.** By
/// id, or by number. **Loss.** None. **Bound.** Each call answers at most `limit` rows; the groups are those that the
/// user is or was in.
pub trait Exports {
    /// The groups that a user is or was in, those after `after`, also groups that are no more.
    fn groups_written(&self, user: UserId, after: Option<GroupId>, limit: usize) -> Result<Vec<GroupId>>;

    /// The messages of an author in a group that stand, those after the number `after`.
    fn messages_written(
        &self,
        group: GroupId,
        author: UserId,
        after: Seq,
        limit: usize,
    ) -> Result<Vec<Message>>;

    /// The reactions of a user in a group, those after a place, also to messages whose erasure has begun.
    fn reactions_written(
        &self,
        group: GroupId,
        user: UserId,
        after: ReactionPlace,
        limit: usize,
    ) -> Result<Vec<WrittenReaction>>;

    /// The files of a user that were not dropped, those after `after`.
    fn files_written(&self, owner: UserId, after: Option<FileId>, limit: usize) -> Result<Vec<FileRow>>;
}

/// A place among the reactions of a user in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReactionPlace {
    /// The number of the message.
    pub message: Seq,
    /// The number of the reaction.
    pub seq: Seq,
}

/// A reaction of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenReaction {
    pub place: ReactionPlace,
    /// The message.
    pub message: MessageId,
    pub emoji: Emoji,
    pub date: Date,
}
