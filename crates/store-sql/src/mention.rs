//! Mentions: in the details of messages, plus a row for each user for whom the mention counts.

use chinwag_core::mention::Mentions as MessageMentions;
use chinwag_core::message::MessageDetail;
use chinwag_core::{GroupId, Result, Seq, UserId};

use crate::message::change_detail;
use crate::sql::params;
use crate::transfer::table;
use crate::{Keys, Sql, Text, limit};

table! {
    MENTIONS: "mentions" by (group_id: Id, seq: Number, user_id: Number)
    author_id: Number,
}

/// Erases the first rows of a group.
pub(crate) const ERASE_MENTIONS: Text = Text::same(
    "DELETE FROM mentions WHERE (group_id, seq, user_id) IN (SELECT group_id, seq, user_id
        FROM mentions WHERE group_id = $1 LIMIT $2)",
);

crate::implement! {
    ($) impl_mentions: Mentions by mention
    read {
        members_among(group: GroupId, users: &[UserId]) -> Vec<UserId>;
    }
    write {
        mentions_set(group: GroupId, message: Seq, author: UserId, mentions: &MessageMentions) -> ();
        mentions_erase(group: GroupId, messages: &[Seq]) -> ();
        mentions_delete(user: UserId, limit: usize) -> usize;
    }
}

fn keys(users: &[UserId]) -> Keys<'static> {
    Keys::Ints(users.iter().map(|user| user.0).collect())
}

pub fn members_among(sql: &impl Sql, group: GroupId, users: &[UserId]) -> Result<Vec<UserId>> {
    const FIND: Text = Text::two(
        "SELECT user_id FROM memberships WHERE user_id = $1 AND group_id = $2",
        "SELECT user_id FROM memberships WHERE user_id = ANY($1) AND group_id = $2",
    );
    sql.each(FIND, &keys(users), params![group], |row| row.get(0))
}

pub fn mentions_set(
    sql: &mut impl Sql,
    group: GroupId,
    message: Seq,
    author: UserId,
    mentions: &MessageMentions,
) -> Result<()> {
    const INSERT: Text = Text::two(
        "INSERT INTO mentions (user_id, group_id, seq, author_id) VALUES ($1, $2, $3, $4)",
        "INSERT INTO mentions (user_id, group_id, seq, author_id)
        SELECT user_id, $2, $3, $4 FROM unnest($1::bigint[]) u (user_id)",
    );
    let mut stands = false;
    change_detail(sql, group, message, None, |column| {
        stands = true;
        let detail = MessageDetail { mentions: mentions.clone(), ..MessageDetail::read(column).0 };
        detail.replace_in(column)
    })?;
    mentions_erase(sql, group, &[message])?;
    let counted = mentions.counted(author);
    if counted.is_empty() || !stands {
        return Ok(());
    }
    sql.change_each(INSERT, &keys(&counted), params![group, message, author])
}

pub fn mentions_erase(sql: &mut impl Sql, group: GroupId, messages: &[Seq]) -> Result<()> {
    const DELETE: Text = Text::two(
        "DELETE FROM mentions WHERE seq = $1 AND group_id = $2",
        "DELETE FROM mentions WHERE seq = ANY($1) AND group_id = $2",
    );
    const ANY: Text =
        Text::same("SELECT 1 FROM mentions WHERE group_id = $1 AND seq >= $2 AND seq <= $3 LIMIT 1");
    // Usually none of the messages has mentions. One statement checks that.
    let (Some(&first), Some(&last)) = (messages.iter().min(), messages.iter().max()) else { return Ok(()) };
    if sql.one(ANY, params![group, first, last], |_| Ok(()))?.is_none() {
        return Ok(());
    }
    let seqs = Keys::Ints(messages.iter().map(|seq| seq.0).collect());
    sql.change_each(DELETE, &seqs, params![group])
}

pub fn mentions_delete(sql: &mut impl Sql, user: UserId, most: usize) -> Result<usize> {
    const DELETE: Text = Text::same(
        "DELETE FROM mentions WHERE (group_id, seq, user_id) IN (SELECT group_id, seq, user_id FROM mentions
            WHERE user_id = $1 LIMIT $2)",
    );
    sql.change(DELETE, params![user, limit(most)])
}
