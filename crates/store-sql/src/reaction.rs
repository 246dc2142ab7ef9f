//! Reactions: one row each, plus tallies in the details of messages.

use chinwag_core::message::{MessageDetail, replace_tallies};
use chinwag_core::reaction::{Emoji, Reaction, SHOWN_REACTORS, Tally};
use chinwag_core::store::{NewReaction, ReactionOf};
use chinwag_core::{GroupId, Result, Seq, UserId};

use crate::message::change_detail;
use crate::sql::params;
use crate::transfer::table;
use crate::{Columns, Keys, Sql, Text, limit};

table! {
    REACTIONS: "reactions" by (group_id: Id, message_seq: Number, seq: Number)
    user_id: Number, emoji: Text, date: Number,
}

/// Erases the first rows of a group.
pub(crate) const ERASE_REACTIONS: Text = Text::same(
    "DELETE FROM reactions WHERE (group_id, message_seq, seq) IN (SELECT group_id, message_seq, seq
        FROM reactions WHERE group_id = $1 LIMIT $2)",
);

crate::implement! {
    ($) impl_reactions: Reactions by reaction
    read {
        has_reacted(group: GroupId, message: Seq, user: UserId, emoji: &Emoji) -> bool;
        reactions(group: GroupId, message: Seq, emoji: Option<&Emoji>, after: Seq, limit: usize) -> Vec<Reaction>;
        reactions_by(group: GroupId, user: UserId, limit: usize) -> Vec<ReactionOf>;
    }
    write {
        reaction_insert(reaction: &NewReaction) -> ();
        reaction_delete(group: GroupId, message: Seq, user: UserId, emoji: &Emoji, seq: Seq) -> ();
        reactions_erase(group: GroupId, messages: &[Seq], limit: usize) -> usize;
    }
}

fn emoji(row: &dyn Columns, column: usize) -> Result<Emoji> {
    Ok(Emoji::stored(row.text(column)?.unwrap_or_default()))
}

pub fn has_reacted(
    sql: &impl Sql,
    group: GroupId,
    message: Seq,
    user: UserId,
    emoji: &Emoji,
) -> Result<bool> {
    const FIND: Text = Text::same(
        "SELECT 1 FROM reactions WHERE group_id = $1 AND message_seq = $2 AND emoji = $3 AND user_id = $4",
    );
    Ok(sql.one(FIND, params![group, message, emoji.as_str(), user], |_| Ok(()))?.is_some())
}

/// A page of reactions whose rows meet the condition.
macro_rules! page {
    ($condition:literal, $limit:literal) => {
        concat!(
            "SELECT r.seq, u.name, r.emoji, r.date FROM reactions r JOIN users u ON u.id = r.user_id
            WHERE r.group_id = $1 AND r.message_seq = $2 AND r.seq > $3",
            $condition,
            " ORDER BY r.seq LIMIT ",
            $limit
        )
    };
}

pub fn reactions(
    sql: &impl Sql,
    group: GroupId,
    message: Seq,
    one: Option<&Emoji>,
    after: Seq,
    most: usize,
) -> Result<Vec<Reaction>> {
    const ALL: Text = Text::same(page!("", "$4"));
    const ONE: Text = Text::same(page!(" AND r.emoji = $4", "$5"));
    let read = |row: &dyn Columns| {
        Ok(Reaction { seq: row.get(0)?, name: row.get(1)?, emoji: emoji(row, 2)?, date: row.get(3)? })
    };
    match one {
        Some(one) => sql.all(ONE, params![group, message, after, one.as_str(), limit(most)], read),
        None => sql.all(ALL, params![group, message, after, limit(most)], read),
    }
}

pub fn reactions_by(sql: &impl Sql, group: GroupId, user: UserId, most: usize) -> Result<Vec<ReactionOf>> {
    // Limit before the join, so that the plan starts with the user's reactions.
    const FIND: Text = Text::same(
        "SELECT part.message_seq, m.id, part.emoji FROM (SELECT message_seq, seq, emoji FROM reactions
            WHERE user_id = $1 AND group_id = $2 ORDER BY message_seq, seq LIMIT $3) part
        CROSS JOIN messages m WHERE m.group_id = $2 AND m.seq = part.message_seq
        ORDER BY part.message_seq, part.seq",
    );
    let read =
        |row: &dyn Columns| Ok(ReactionOf { message: row.get(0)?, id: row.get(1)?, emoji: emoji(row, 2)? });
    sql.all(FIND, params![user, group, limit(most)], read)
}

pub fn reaction_insert(sql: &mut impl Sql, reaction: &NewReaction) -> Result<()> {
    const INSERT: Text = Text::same(
        "INSERT INTO reactions (group_id, message_seq, seq, user_id, emoji, date) VALUES ($1, $2, $3, $4, $5, $6)",
    );
    let NewReaction { group, message, seq, user, emoji, date } = reaction;
    sql.change(INSERT, params![*group, *message, *seq, *user, emoji.as_str(), *date])?;
    retally(sql, *group, *message, *seq, |tallies| {
        let at = tallies.iter().position(|tally| tally.emoji == *emoji).unwrap_or_else(|| {
            tallies.push(Tally::new(emoji.clone(), 0, Vec::new()));
            tallies.len() - 1
        });
        let tally = &mut tallies[at];
        tally.count += 1;
        if tally.has_room() {
            tally.users.push(*user);
        }
    })
}

pub fn reaction_delete(
    sql: &mut impl Sql,
    group: GroupId,
    message: Seq,
    user: UserId,
    emoji: &Emoji,
    seq: Seq,
) -> Result<()> {
    const DELETE: Text = Text::same(
        "DELETE FROM reactions WHERE group_id = $1 AND message_seq = $2 AND emoji = $3 AND user_id = $4",
    );
    const FIRST: Text = Text::same(
        "SELECT user_id FROM reactions WHERE group_id = $1 AND message_seq = $2 AND emoji = $3
        ORDER BY seq LIMIT $4",
    );
    if sql.change(DELETE, params![group, message, emoji.as_str(), user])? == 0 {
        return Ok(());
    }
    let params = params![group, message, emoji.as_str(), limit(SHOWN_REACTORS)];
    let users = sql.all(FIRST, params, |row| row.get(0))?;
    retally(sql, group, message, seq, |tallies| {
        if let Some(tally) = tallies.iter_mut().find(|tally| tally.emoji == *emoji) {
            (tally.count, tally.users) = (tally.count.saturating_sub(1), users);
        }
        tallies.retain(|tally| !tally.users.is_empty());
    })
}

/// Changes the tallies of a message that is not erased, and records the number of the change.
fn retally(
    sql: &mut impl Sql,
    group: GroupId,
    message: Seq,
    by: Seq,
    change: impl FnOnce(&mut Vec<Tally>),
) -> Result<()> {
    change_detail(sql, group, message, Some(by), |column| {
        let (_, mut tallies) = MessageDetail::read(column);
        change(&mut tallies);
        replace_tallies(column, &tallies)
    })
}

pub fn reactions_erase(sql: &mut impl Sql, group: GroupId, messages: &[Seq], most: usize) -> Result<usize> {
    const REACTED: Text = Text::two(
        "SELECT message_seq FROM reactions WHERE message_seq = $1 AND group_id = $2 LIMIT 1",
        "SELECT m.seq FROM unnest($1::bigint[]) m (seq) WHERE EXISTS
            (SELECT 1 FROM reactions r WHERE r.group_id = $2 AND r.message_seq = m.seq)",
    );
    const DELETE: Text = Text::same(
        "DELETE FROM reactions WHERE group_id = $1 AND message_seq = $2 AND seq <= (SELECT max(seq) FROM (
            SELECT seq FROM reactions WHERE group_id = $1 AND message_seq = $2 ORDER BY seq LIMIT $3) part)",
    );
    const ANY: Text = Text::same(
        "SELECT 1 FROM reactions WHERE group_id = $1 AND message_seq >= $2 AND message_seq <= $3 LIMIT 1",
    );
    // Usually none of the messages has a reaction. One statement checks that.
    let (Some(&first), Some(&last)) = (messages.iter().min(), messages.iter().max()) else { return Ok(0) };
    if sql.one(ANY, params![group, first, last], |_| Ok(()))?.is_none() {
        return Ok(0);
    }
    let keys = Keys::Ints(messages.iter().map(|seq| seq.0).collect());
    let reacted: Vec<Seq> = sql.each(REACTED, &keys, params![group], |row| row.get(0))?;
    let mut erased = 0;
    for message in reacted {
        if erased < most {
            erased += sql.change(DELETE, params![group, message, limit(most - erased)])?;
        }
    }
    Ok(erased)
}
