//! Marks and summaries, whose plans are those of this database.

use std::collections::HashMap;
use std::collections::hash_map;

use chinwag_core::group::{Group, Mark, Member, Summary, View};
use chinwag_core::limits::{UNREAD, UNREAD_NEAR};
use chinwag_core::store::{Edge, GroupPosition, Groups, Messages, Page, Shown};
use chinwag_core::{Date, GroupId, Name, Result, Seq, UserId};
use chinwag_store_sql::group_columns;
use rusqlite::{Row, params};

use crate::column::{name, stored};
use crate::log;
use crate::message::{gone, uuid};
use crate::transaction::{Transaction, limit};

/// The number after which messages count as unread, of a membership `m`.
macro_rules! floor {
    () => {
        "max(coalesce(m.last_read_seq, 0), m.joined_seq)"
    };
}

/// The next number of an author of whom something stands in the group of `m`.
macro_rules! next_author {
    ($after:literal) => {
        concat!(
            "SELECT x.author_id FROM messages x INDEXED BY messages_by_author WHERE x.group_id = m.group_id
            AND x.author_id > ",
            $after,
            " AND x.body IS NOT NULL ORDER BY x.author_id LIMIT 1"
        )
    };
}

/// The columns that [`read_mark`] reads, of a membership `m` and its group `g`; `?2` is the highest count. The newest
/// `?3` numbers mostly have the answer. Where they do not, as one has written all of them, or they were
/// erased, each author's messages after the mark are counted by their index.
macro_rules! mark_columns {
    () => {
        concat!(
            "m.last_read_seq, m.last_read_date, (SELECT CASE
                WHEN near.unread >= ?2 OR ",
            floor!(),
            " >= g.last_seq - ?3 THEN near.unread
                ELSE (WITH RECURSIVE authors (id) AS (
                        SELECT (",
            next_author!("-1"),
            ")
                        UNION ALL SELECT (",
            next_author!("a.id"),
            ") FROM authors a WHERE a.id IS NOT NULL
                    )
                    SELECT count(*) FROM (SELECT 1 FROM authors a
                        CROSS JOIN messages x INDEXED BY messages_by_author
                            ON x.group_id = m.group_id AND x.author_id = a.id AND x.seq > ",
            floor!(),
            "
                        WHERE a.id <> m.user_id AND x.body IS NOT NULL AND NOT ",
            gone!("a.id"),
            " LIMIT ?2))
                END
                FROM (SELECT count(*) AS unread FROM (SELECT 1 FROM messages x
                    WHERE x.group_id = m.group_id AND x.seq > max(",
            floor!(),
            ", g.last_seq - ?3)
                    AND x.author_id <> m.user_id AND x.body IS NOT NULL AND NOT ",
            gone!("x.author_id"),
            "
                    LIMIT ?2)) near)"
        )
    };
}

chinwag_store_sql::impl_groups! {
    Transaction<'_>,
    fn log(&self, group: GroupId, after: Seq, limit: usize) -> Result<Vec<LogRow>> {
        log::read(self, group, after, limit)
    }

    fn mark(&self, group: GroupId, user: UserId) -> Result<Mark> {
        mark(self, group, user)
    }

    fn group_positions(&self, user: UserId) -> Result<Vec<GroupPosition>> {
        group_positions(self, user)
    }

    fn summaries(&self, user: UserId, groups: &[GroupId], shown: Shown) -> Result<Vec<Summary>> {
        summaries(self, user, groups, shown)
    }
}

fn mark(tx: &Transaction<'_>, group: GroupId, user: UserId) -> Result<Mark> {
    const SQL: &str = concat!(
        "SELECT ",
        mark_columns!(),
        " FROM memberships m CROSS JOIN groups g ON g.id = m.group_id
        WHERE m.group_id = ?1 AND m.user_id = ?4"
    );
    let params = params![group.0.into_bytes(), UNREAD, UNREAD_NEAR, user.0];
    Ok(tx.one(SQL, params, |row| read_mark(row, 0))?.unwrap_or_default())
}

fn group_positions(tx: &Transaction<'_>, user: UserId) -> Result<Vec<GroupPosition>> {
    tx.all(
        "SELECT m.group_id, g.last_seq, coalesce(g.newest_date, m.since), m.pending
        FROM memberships m CROSS JOIN groups g ON g.id = m.group_id
        WHERE m.user_id = ?1 ORDER BY m.group_id",
        [user.0],
        |row| {
            Ok(GroupPosition {
                group: group_id(row, 0)?,
                head: Seq(row.get(1)?),
                active: Date::from_micros(row.get(2)?),
                pending: row.get(3)?,
            })
        },
    )
}

fn summaries(tx: &Transaction<'_>, user: UserId, groups: &[GroupId], shown: Shown) -> Result<Vec<Summary>> {
    const SQL: &str = concat!(
        "SELECT ",
        group_columns!(),
        ", ",
        mark_columns!(),
        ", m.pending FROM memberships m CROSS JOIN groups g ON g.id = m.group_id
        WHERE m.group_id = ?1 AND m.user_id = ?4"
    );
    let mut summaries = Vec::with_capacity(groups.len());
    let mut names = HashMap::new();
    for id in groups {
        let params = params![id.0.into_bytes(), UNREAD, UNREAD_NEAR, user.0];
        let found = tx.one(SQL, params, |row| Ok((read_group(row, 0)?, read_mark(row, 4)?, row.get(7)?)))?;
        let Some((group, mark, pending)) = found else {
            continue;
        };
        let (members, members_count) = tx.members_shown(*id, shown.members, &mut names)?;
        let messages = match shown.messages {
            0 => Vec::new(),
            limit => tx.messages(*id, &Page { edge: Edge::Newest, limit })?,
        };
        summaries.push(Summary { view: View { group, members, members_count, messages }, mark, pending });
    }
    Ok(summaries)
}

impl Transaction<'_> {
    /// The answer of [`Groups::members_up_to`], with one statement for a small group. A name that occurs in many
    /// groups is read once.
    fn members_shown(
        &self,
        group: GroupId,
        most: usize,
        names: &mut HashMap<UserId, Option<Name>>,
    ) -> Result<(Vec<Member>, usize)> {
        let rows = self.all(
            "SELECT user_id, role, since, pending FROM memberships WHERE group_id = ?1 LIMIT ?2",
            params![group.0.into_bytes(), limit(most.saturating_add(1))],
            |row| Ok((UserId(row.get(0)?), stored(row, 1)?, Date::from_micros(row.get(2)?), row.get(3)?)),
        )?;
        if rows.len() > most {
            return self.members_up_to(group, most);
        }
        let mut members = Vec::with_capacity(rows.len());
        for (user, role, since, pending) in rows {
            let name = match names.entry(user) {
                hash_map::Entry::Occupied(known) => known.into_mut(),
                hash_map::Entry::Vacant(unknown) => {
                    let sql = "SELECT name FROM users WHERE id = ?1";
                    unknown.insert(self.one(sql, [user.0], |row| name(row, 0))?)
                }
            };
            if let Some(name) = name.clone() {
                members.push(Member { user, name, role, since, pending });
            }
        }
        members.sort_unstable_by_key(|member| (member.since, member.user));
        let count = members.len();
        Ok((members, count))
    }
}

/// A group's id from a column.
pub(crate) fn group_id(row: &Row<'_>, column: usize) -> rusqlite::Result<GroupId> {
    uuid(row, column).map(GroupId)
}

fn read_group(row: &Row<'_>, first: usize) -> rusqlite::Result<Group> {
    Ok(Group {
        id: group_id(row, first)?,
        name: row.get(first + 1)?,
        private: row.get(first + 2)?,
        head: Seq(row.get(first + 3)?),
    })
}

fn read_mark(row: &Row<'_>, first: usize) -> rusqlite::Result<Mark> {
    let seq: Option<i64> = row.get(first)?;
    let date: Option<i64> = row.get(first + 1)?;
    Ok(Mark { last_read: seq.map(Seq).zip(date.map(Date::from_micros)), unread: row.get(first + 2)? })
}
