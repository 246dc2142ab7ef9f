//! Marks and summaries, with query plans specific to PostgreSQL.

use std::collections::HashMap;

use chinwag_core::group::{Group, Mark, Member, Summary, View};
use chinwag_core::group_settings::GroupSettings;
use chinwag_core::limits::{UNREAD, UNREAD_NEAR};
use chinwag_core::mention::MENTIONS_NEAR;
use chinwag_core::store::{GroupPosition, Groups, Shown, Unread};
use chinwag_core::{Date, GroupId, Result, Seq, UserId, stored_number};
use chinwag_store_sql::group::{read as read_group, read_mark, seq_take_for_messages};
use chinwag_store_sql::membership::read_settings;
use chinwag_store_sql::message::{complete, read as read_message};
use chinwag_store_sql::pin::drop_gone_pins;
use chinwag_store_sql::{
    Columns, Keys, Param, Sql, Text, block_stands, gone, group_columns, group_settings_columns,
    message_columns, message_joins,
};
use tokio_postgres::Row;

use crate::column::{Stored, name};
use crate::link::Params;
use crate::sql::RowColumns;
use crate::transaction::{Transaction, limit};

type Read<T> = Result<T, tokio_postgres::Error>;

/// The number after which messages count as unread, for a membership `m`.
macro_rules! floor {
    () => {
        "greatest(coalesce(m.last_read_seq, 0), m.joined_seq)"
    };
}

/// The next id of an author with messages that are not erased, in the group of `m`.
macro_rules! next_author {
    ($after:literal) => {
        concat!(
            "SELECT x.author_id FROM messages x WHERE x.group_id = m.group_id
            AND x.author_id > ",
            $after,
            " AND x.body IS NOT NULL ORDER BY x.author_id LIMIT 1"
        )
    };
}

/// The columns that [`read_mark`] reads, for a membership `m` and its group `g`; `$2` is the highest count.
/// Usually the newest `$3` numbers suffice. If they do not, because the user has sent all of them or they
/// were erased, each author's messages after the mark are counted with the index by author.
macro_rules! mark_columns {
    () => {
        concat!(
            "m.last_read_seq, m.last_read_date, (SELECT CASE
                WHEN near.unread >= $2 OR ",
            floor!(),
            " >= g.last_seq - $3 THEN near.unread
                ELSE (WITH RECURSIVE authors (id) AS (
                        SELECT (",
            next_author!("-1"),
            ")
                        UNION ALL SELECT (",
            next_author!("a.id"),
            ") FROM authors a WHERE a.id IS NOT NULL
                    )
                    SELECT count(*) FROM (SELECT 1 FROM authors a
                        CROSS JOIN LATERAL (SELECT 1 FROM messages x WHERE x.group_id = m.group_id
                            AND x.author_id = a.id AND x.seq > ",
            floor!(),
            " AND x.body IS NOT NULL LIMIT $2) y
                        WHERE a.id <> m.user_id AND NOT ",
            gone!(postgres "a.id"),
            " LIMIT $2) far)
                END
                FROM (SELECT count(*) AS unread FROM (SELECT 1 FROM messages x
                    WHERE x.group_id = m.group_id AND x.seq > greatest(",
            floor!(),
            ", g.last_seq - $3)
                    AND x.author_id <> m.user_id AND x.body IS NOT NULL AND NOT ",
            gone!(postgres "x.author_id"),
            "
                    ORDER BY x.seq DESC LIMIT $2) newest) near), ",
            mentioned_column!()
        )
    };
}

/// The newest mentions of a user, in the group of `m` after its mark.
macro_rules! newest_mentions {
    ($user:literal) => {
        concat!(
            "(SELECT x.author_id FROM mentions x WHERE x.user_id = ",
            $user,
            " AND x.group_id = m.group_id AND x.seq > ",
            floor!(),
            " ORDER BY x.seq DESC LIMIT $4)"
        )
    };
}

/// The number of mentions after the mark, at most `$2`, among the newest `$4` of the user and of everyone.
macro_rules! mentioned_column {
    () => {
        concat!(
            "(CASE WHEN ",
            floor!(),
            " >= g.last_seq THEN 0 ELSE (SELECT count(*) FROM (SELECT 1 FROM (",
            newest_mentions!("m.user_id"),
            " UNION ALL ",
            newest_mentions!("0"),
            ") x WHERE x.author_id <> m.user_id AND NOT ",
            gone!(postgres "x.author_id"),
            " AND NOT ",
            block_stands!("m.user_id", "x.author_id"),
            " LIMIT $2) own) END)"
        )
    };
}

chinwag_store_sql::impl_groups! {
    Transaction<'_, '_>,
    fn seq_take_for_messages(&mut self, group: GroupId, count: usize, newest: Date) -> Result<Seq> {
        seq_take_for_messages(self, group, count, newest)
    }

    fn mark(&self, group: GroupId, user: UserId) -> Result<Mark> {
        mark(self, group, user)
    }

    fn unread(&self, user: UserId, groups: &[GroupId], now: Date) -> Result<Unread> {
        unread(self, user, groups, now)
    }

    fn group_positions(&self, user: UserId) -> Result<Vec<GroupPosition>> {
        group_positions(self, user)
    }

    fn summaries(&self, user: UserId, groups: &[GroupId], shown: Shown) -> Result<Vec<Summary>> {
        summaries(self, user, groups, shown)
    }
}

fn mark(tx: &Transaction<'_, '_>, group: GroupId, user: UserId) -> Result<Mark> {
    const SQL: &str = concat!(
        "SELECT ",
        mark_columns!(),
        " FROM memberships m JOIN groups g ON g.id = m.group_id WHERE m.group_id = $1 AND m.user_id = $5"
    );
    let params: Params<'_> =
        &[&group.0, &i64::from(UNREAD), &i64::from(UNREAD_NEAR), &i64::from(MENTIONS_NEAR), &user.0];
    let found = tx.one(SQL, params, |row| Ok(read_mark(&RowColumns(row), 0)))?;
    Ok(found.transpose()?.unwrap_or_default())
}

fn unread(tx: &Transaction<'_, '_>, user: UserId, groups: &[GroupId], now: Date) -> Result<Unread> {
    const SQL: &str = concat!(
        "SELECT ",
        mark_columns!(),
        " FROM memberships m JOIN groups g ON g.id = m.group_id
        WHERE m.user_id = $1 AND m.group_id = ANY($5) AND NOT m.pending AND m.notify <> ",
        stored_number!(Notify::None),
        " AND coalesce(m.muted_until <= $6, true)"
    );
    let ids: Vec<_> = groups.iter().map(|id| id.0).collect();
    let near = (i64::from(UNREAD_NEAR), i64::from(MENTIONS_NEAR));
    let params: Params<'_> = &[&user.0, &i64::from(UNREAD), &near.0, &near.1, &ids, &now.micros()];
    let mut sum = Unread::default();
    for mark in tx.all(SQL, params, |row| Ok(read_mark(&RowColumns(row), 0)))? {
        sum += mark?.into();
    }
    Ok(sum)
}

fn group_positions(tx: &Transaction<'_, '_>, user: UserId) -> Result<Vec<GroupPosition>> {
    tx.all(
        "SELECT m.group_id, g.last_seq, coalesce(g.newest_date, m.since), m.pending, m.pinned
        FROM memberships m JOIN groups g ON g.id = m.group_id
        WHERE m.user_id = $1 ORDER BY m.group_id",
        &[&user.0],
        |row| {
            Ok(GroupPosition {
                group: group_id(row, 0)?,
                head: Seq(row.try_get(1)?),
                active: Date::from_micros(row.try_get(2)?),
                pending: row.try_get(3)?,
                pinned: row.try_get(4)?,
            })
        },
    )
}

fn summaries(
    tx: &Transaction<'_, '_>,
    user: UserId,
    groups: &[GroupId],
    shown: Shown,
) -> Result<Vec<Summary>> {
    const GROUPS: &str = concat!(
        "SELECT ",
        group_columns!(),
        ", ",
        mark_columns!(),
        ", (SELECT count(*) FROM (SELECT 1 FROM memberships c WHERE c.group_id = m.group_id LIMIT $6) c),
            m.pending, ",
        group_settings_columns!(),
        " FROM memberships m JOIN groups g ON g.id = m.group_id
        WHERE m.user_id = $1 AND m.group_id = ANY($5)"
    );
    const MEMBERS: &str =
        "SELECT m.group_id, m.user_id, u.name, m.role, m.since, m.pending, m.last_read_seq, u.hide_reads
        FROM memberships m JOIN users u ON u.id = m.user_id
        WHERE m.group_id = ANY($1) ORDER BY m.since, m.user_id";
    const MESSAGES: Text = Text::postgres(concat!(
        "SELECT ",
        message_columns!(postgres),
        " FROM unnest($1::uuid[]) own (group_id) JOIN groups g ON g.id = own.group_id
        JOIN LATERAL (SELECT * FROM messages x
            WHERE x.group_id = g.id AND x.seq > g.erased_seq AND x.body IS NOT NULL AND NOT ",
        gone!(postgres "x.author_id"),
        " ORDER BY x.seq DESC LIMIT $2) m ON true",
        message_joins!(postgres),
        "ORDER BY m.group_id, m.seq DESC"
    ));
    let ids: Vec<_> = groups.iter().map(|id| id.0).collect();
    // If all members are read, no count is needed.
    let counted = if shown.members == usize::MAX { 0 } else { limit(shown.members + 1) };
    let near = (i64::from(UNREAD_NEAR), i64::from(MENTIONS_NEAR));
    let params: Params<'_> = &[&user.0, &i64::from(UNREAD), &near.0, &near.1, &ids, &counted];
    let mut found: HashMap<GroupId, Summary> = HashMap::new();
    let mut listed = Vec::new();
    for row in tx.all(GROUPS, params, |row| Ok(read_summary(&RowColumns(row))))? {
        let (group, mark, count, pending, settings) = row?;
        let id = group.id;
        let (members, messages, people, reads) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut view =
            View { group, members, members_count: 0, messages, people, reads, mentioned: Vec::new() };
        if usize::try_from(count).is_ok_and(|count| count > shown.members) {
            (view.members, view.members_count) = tx.members_up_to(id, shown.members)?;
        } else {
            listed.push(id.0);
        }
        found.insert(id, Summary { view, mark, settings, pending });
    }
    for (id, member) in tx.all(MEMBERS, &[&listed], |row| Ok((group_id(row, 0)?, read_member(row, 1)?)))? {
        if let Some(Summary { view, .. }) = found.get_mut(&id) {
            view.members.push(member);
            view.members_count += 1;
        }
    }
    if shown.messages > 0 {
        let ids = Keys::Ids(found.keys().map(|id| id.0).collect());
        let mut messages = tx.each(MESSAGES, &ids, &[Param::Int(limit(shown.messages))], read_message)?;
        complete(tx, &mut messages)?;
        for message in messages {
            if let Some(Summary { view, .. }) = found.get_mut(&message.group) {
                view.messages.push(message);
            }
        }
    }
    drop_gone_pins(tx, found.values_mut().map(|summary| &mut summary.view.group))?;
    Ok(groups.iter().filter_map(|id| found.remove(id)).collect())
}

/// A group's id from a column.
fn group_id(row: &Row, column: usize) -> Read<GroupId> {
    row.try_get(column).map(GroupId)
}

fn read_member(row: &Row, first: usize) -> Read<Member> {
    let Stored(role) = row.try_get(first + 2)?;
    Ok(Member {
        user: UserId(row.try_get(first)?),
        name: name(row, first + 1)?,
        role,
        since: Date::from_micros(row.try_get(first + 3)?),
        pending: row.try_get(first + 4)?,
        read: row.try_get::<_, Option<i64>>(first + 5)?.map(Seq),
        hides_reads: row.try_get(first + 6)?,
    })
}

/// The columns of a summary.
fn read_summary(row: &dyn Columns) -> Result<(Group, Mark, i64, bool, GroupSettings)> {
    Ok((read_group(row)?, read_mark(row, 11)?, row.get(15)?, row.get(16)?, read_settings(row, 17)?))
}
