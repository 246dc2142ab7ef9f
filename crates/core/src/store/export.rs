//! The messages, reactions and files of one user, as an export reads them.

use crate::message::Message;
use crate::reaction::Emoji;
use crate::{Date, FileId, GroupId, MessageId, Result, Seq, UserId};

use super::FileRow;

/// The parts of an export, in a transaction.
///
/// **Atomicity.** Each call reads from the transaction's snapshot. **Order.** By id or by number. **Loss.**
/// None. **Bound.** Each call returns at most `limit` rows. The groups are those of which the user is or was
/// a member.
pub trait Exports {
    /// The groups after `after` of which a user is or was a member, including deleted groups.
    fn groups_written(&self, user: UserId, after: Option<GroupId>, limit: usize) -> Result<Vec<GroupId>>;

    /// The messages of an author in a group after the number `after`, except for deleted ones.
    fn messages_written(
        &self,
        group: GroupId,
        author: UserId,
        after: Seq,
        limit: usize,
    ) -> Result<Vec<Message>>;

    /// The reactions of a user in a group after a position, including those to messages that are being
    /// erased.
    fn reactions_written(
        &self,
        group: GroupId,
        user: UserId,
        after: ReactionPlace,
        limit: usize,
    ) -> Result<Vec<WrittenReaction>>;

    /// The files of a user after `after`, except for dropped ones.
    fn files_written(&self, owner: UserId, after: Option<FileId>, limit: usize) -> Result<Vec<FileRow>>;
}

/// A position among the reactions of a user in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReactionPlace {
    /// The number of the message.
    pub message: Seq,
    /// The number of the reaction.
    pub seq: Seq,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenReaction {
    pub place: ReactionPlace,
    pub message: MessageId,
    pub emoji: Emoji,
    pub date: Date,
}
