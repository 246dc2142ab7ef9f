//! The messages, reactions and files of one user, for an export.

use chinwag_core::message::Message;
use chinwag_core::reaction::Emoji;
use chinwag_core::store::{FileRow, ReactionPlace, WrittenReaction};
use chinwag_core::{FileId, GroupId, Result, Seq, UserId};
use uuid::Uuid;

use crate::sql::params;
use crate::{Sql, Text, file, limit, message};

crate::implement! {
    ($) impl_exports: Exports by export
    read {
        groups_written(user: UserId, after: Option<GroupId>, limit: usize) -> Vec<GroupId>;
        messages_written(group: GroupId, author: UserId, after: Seq, limit: usize) -> Vec<Message>;
        reactions_written(group: GroupId, user: UserId, after: ReactionPlace, limit: usize) -> Vec<WrittenReaction>;
        files_written(owner: UserId, after: Option<FileId>, limit: usize) -> Vec<FileRow>;
    }
    write {}
}

pub fn groups_written(
    sql: &impl Sql,
    user: UserId,
    after: Option<GroupId>,
    most: usize,
) -> Result<Vec<GroupId>> {
    const GROUPS: Text = Text::same(
        "SELECT group_id FROM memberships WHERE user_id = $1 AND group_id > $2
        UNION SELECT group_id FROM former_members WHERE user_id = $1 AND group_id > $2
        ORDER BY group_id LIMIT $3",
    );
    let after = after.map_or(Uuid::nil(), |group| group.0);
    sql.all(GROUPS, params![user, after, limit(most)], |row| row.get(0))
}

pub fn messages_written(
    sql: &impl Sql,
    group: GroupId,
    author: UserId,
    after: Seq,
    most: usize,
) -> Result<Vec<Message>> {
    message::of_author(sql, group, author, after, most)
}

pub fn reactions_written(
    sql: &impl Sql,
    group: GroupId,
    user: UserId,
    after: ReactionPlace,
    most: usize,
) -> Result<Vec<WrittenReaction>> {
    // Limit before the join, so that the plan starts with the user's reactions.
    const FIND: Text = Text::same(
        "SELECT part.message_seq, part.seq, m.id, part.emoji, part.date FROM (SELECT message_seq, seq, emoji, date
            FROM reactions WHERE user_id = $1 AND group_id = $2 AND (message_seq, seq) > ($3, $4)
            ORDER BY message_seq, seq LIMIT $5) part
        CROSS JOIN messages m WHERE m.group_id = $2 AND m.seq = part.message_seq
        ORDER BY part.message_seq, part.seq",
    );
    sql.all(FIND, params![user, group, after.message, after.seq, limit(most)], |row| {
        Ok(WrittenReaction {
            place: ReactionPlace { message: row.get(0)?, seq: row.get(1)? },
            message: row.get(2)?,
            emoji: Emoji::stored(row.text(3)?.unwrap_or_default()),
            date: row.get(4)?,
        })
    })
}

pub fn files_written(
    sql: &impl Sql,
    owner: UserId,
    after: Option<FileId>,
    most: usize,
) -> Result<Vec<FileRow>> {
    file::of_owner(sql, owner, after, most)
}
