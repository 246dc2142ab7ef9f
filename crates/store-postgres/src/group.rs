//! Marks and summaries, whose plans are those of this database.

use std::collections::HashMap;

use chinwag_core::group::{Group, Mark, Member, Summary, View};
use chinwag_core::limits::{UNREAD, UNREAD_NEAR};
use chinwag_core::store::{GroupPosition, Groups, Shown};
use chinwag_core::{Date, GroupId, Result, Seq, UserId};
use chinwag_store_sql::group_columns;
use tokio_postgres::Row;

use crate::column::{Stored, name};
use crate::link::Params;
use crate::log;
use crate::message::{gone, message, message_columns, message_joins, uuid};
use crate::transaction::{Transaction, limit};

type Read<T> = Result<T, tokio_postgres::Error>;

/// The number after which messages count as unread, of a membership `m`.
macro_rules! floor {
    () => {
        "greatest(coalesce(m.last_read_seq, 0), m.joined_seq)"
    };
}

/// The next number of an author of whom something stands in the group of `m`.
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

/// The columns that [`read_mark`] reads, of a membership `m` and its group `g`; `$2` is the highest count. The newest
/// `$3` numbers mostly have the answer. Where they do not, as one has written all of them, or they were
/// erased, each author's messages after the mark are counted by their index.
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
            gone!("a.id"),
            " LIMIT $2) far)
                END
                FROM (SELECT count(*) AS unread FROM (SELECT 1 FROM messages x
                    WHERE x.group_id = m.group_id AND x.seq > greatest(",
            floor!(),
            ", g.last_seq - $3)
                    AND x.author_id <> m.user_id AND x.body IS NOT NULL AND NOT ",
            gone!("x.author_id"),
            "
                    ORDER BY x.seq DESC LIMIT $2) newest) near)"
        )
    };
}

chinwag_store_sql::impl_groups! {
    Transaction<'_, '_>,
    fn log(&self, group: GroupId, after: Seq, limit: usize) -> Result<Vec<LogRow>> {
        log::read(self, group, after, limit)
    }

    fn mark(&self, group: GroupId, user: UserId) -> Result<Mark> {
        mark(self, group, user)
    }

    fn unread(&self, user: UserId, groups: &[GroupId]) -> Result<u64> {
        unread(self, user, groups)
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
        " FROM memberships m JOIN groups g ON g.id = m.group_id WHERE m.group_id = $1 AND m.user_id = $4"
    );
    let params: Params<'_> = &[&group.0, &i64::from(UNREAD), &i64::from(UNREAD_NEAR), &user.0];
    let found = tx.one(SQL, params, |row| read_mark(row, 0))?;
    Ok(found.unwrap_or_default())
}

fn unread(tx: &Transaction<'_, '_>, user: UserId, groups: &[GroupId]) -> Result<u64> {
    const SQL: &str = concat!(
        "SELECT coalesce(sum(each.unread), 0)::bigint FROM (SELECT ",
        mark_columns!(),
        " FROM memberships m JOIN groups g ON g.id = m.group_id
        WHERE m.user_id = $1 AND m.group_id = ANY($4)) each (seq, date, unread)"
    );
    let ids: Vec<_> = groups.iter().map(|id| id.0).collect();
    let params: Params<'_> = &[&user.0, &i64::from(UNREAD), &i64::from(UNREAD_NEAR), &ids];
    let sum: Option<i64> = tx.one(SQL, params, |row| row.try_get(0))?;
    Ok(sum.and_then(|sum| u64::try_from(sum).ok()).unwrap_or(0))
}

fn group_positions(tx: &Transaction<'_, '_>, user: UserId) -> Result<Vec<GroupPosition>> {
    tx.all(
        "SELECT m.group_id, g.last_seq, coalesce(g.newest_date, m.since), m.pending
        FROM memberships m JOIN groups g ON g.id = m.group_id
        WHERE m.user_id = $1 ORDER BY m.group_id",
        &[&user.0],
        |row| {
            Ok(GroupPosition {
                group: group_id(row, 0)?,
                head: Seq(row.try_get(1)?),
                active: Date::from_micros(row.try_get(2)?),
                pending: row.try_get(3)?,
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
        ", (SELECT count(*) FROM (SELECT 1 FROM memberships c WHERE c.group_id = m.group_id LIMIT $5) c),
            m.pending
        FROM memberships m JOIN groups g ON g.id = m.group_id
        WHERE m.user_id = $1 AND m.group_id = ANY($4)"
    );
    const MEMBERS: &str = "SELECT m.group_id, m.user_id, u.name, m.role, m.since, m.pending
        FROM memberships m JOIN users u ON u.id = m.user_id
        WHERE m.group_id = ANY($1) ORDER BY m.since, m.user_id";
    const MESSAGES: &str = concat!(
        "SELECT ",
        message_columns!(),
        " FROM unnest($1::uuid[]) own (group_id) JOIN LATERAL (SELECT * FROM messages x
            WHERE x.group_id = own.group_id AND x.body IS NOT NULL AND NOT ",
        gone!("x.author_id"),
        " ORDER BY x.seq DESC LIMIT $2) m ON true",
        message_joins!(),
        "ORDER BY m.group_id, m.seq DESC"
    );
    let ids: Vec<_> = groups.iter().map(|id| id.0).collect();
    // Nothing is counted where all members are read.
    let counted = if shown.members == usize::MAX { 0 } else { limit(shown.members + 1) };
    let params: Params<'_> = &[&user.0, &i64::from(UNREAD), &i64::from(UNREAD_NEAR), &ids, &counted];
    let mut found: HashMap<GroupId, Summary> = HashMap::new();
    let mut listed = Vec::new();
    let rows = tx.all(GROUPS, params, |row| {
        Ok((read_group(row, 0)?, read_mark(row, 4)?, row.try_get::<_, i64>(7)?, row.try_get(8)?))
    })?;
    for (group, mark, count, pending) in rows {
        let id = group.id;
        let mut view = View { group, members: Vec::new(), members_count: 0, messages: Vec::new() };
        if usize::try_from(count).is_ok_and(|count| count > shown.members) {
            (view.members, view.members_count) = tx.members_up_to(id, shown.members)?;
        } else {
            listed.push(id.0);
        }
        found.insert(id, Summary { view, mark, pending });
    }
    for (id, member) in tx.all(MEMBERS, &[&listed], |row| Ok((group_id(row, 0)?, read_member(row, 1)?)))? {
        if let Some(Summary { view, .. }) = found.get_mut(&id) {
            view.members.push(member);
            view.members_count += 1;
        }
    }
    if shown.messages > 0 {
        let ids: Vec<_> = found.keys().map(|id| id.0).collect();
        for message in tx.all(MESSAGES, &[&ids, &limit(shown.messages)], message)? {
            if let Some(Summary { view, .. }) = found.get_mut(&message.group) {
                view.messages.push(message);
            }
        }
    }
    Ok(groups.iter().filter_map(|id| found.remove(id)).collect())
}

/// A group's id from a column.
pub(crate) fn group_id(row: &Row, column: usize) -> Read<GroupId> {
    uuid(row, column).map(GroupId)
}

fn read_group(row: &Row, first: usize) -> Read<Group> {
    Ok(Group {
        id: group_id(row, first)?,
        name: row.try_get::<_, &str>(first + 1)?.into(),
        private: row.try_get(first + 2)?,
        head: Seq(row.try_get(first + 3)?),
    })
}

fn read_member(row: &Row, first: usize) -> Read<Member> {
    let Stored(role) = row.try_get(first + 2)?;
    Ok(Member {
        user: UserId(row.try_get(first)?),
        name: name(row, first + 1)?,
        role,
        since: Date::from_micros(row.try_get(first + 3)?),
        pending: row.try_get(first + 4)?,
    })
}

fn read_mark(row: &Row, first: usize) -> Read<Mark> {
    let seq: Option<i64> = row.try_get(first)?;
    let date: Option<i64> = row.try_get(first + 1)?;
    let unread: i64 = row.try_get(first + 2)?;
    Ok(Mark {
        last_read: seq.map(Seq).zip(date.map(Date::from_micros)),
        unread: u32::try_from(unread).unwrap_or(UNREAD),
    })
}
