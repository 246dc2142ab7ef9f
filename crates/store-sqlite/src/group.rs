//! Marks and summaries, with query plans specific to SQLite.

use std::collections::HashMap;
use std::collections::hash_map;

use chinwag_core::group::{Group, Mark, Member, Summary, View};
use chinwag_core::group_settings::GroupSettings;
use chinwag_core::limits::{UNREAD, UNREAD_NEAR};
use chinwag_core::mention::MENTIONS_NEAR;
use chinwag_core::store::{Edge, GroupPosition, Groups, Messages, Page, Shown, Unread};
use chinwag_core::{Date, Error, GroupId, Name, Result, Seq, UserId, stored_number};
use chinwag_store_sql::group::{numbers, read as read_group, read_mark};
use chinwag_store_sql::membership::read_settings;
use chinwag_store_sql::pin::drop_gone_pins;
use chinwag_store_sql::{Columns, block_stands, gone, group_columns, group_settings_columns};
use rusqlite::{Row, params};
use uuid::Uuid;

use crate::column::{name, stored};
use crate::message_dates::index_dates;
use crate::sql::RowColumns;
use crate::transaction::{RepeatedStatement, Transaction, limit};

/// The number after which messages count as unread, for a membership `m`.
macro_rules! floor {
    () => {
        "max(coalesce(m.last_read_seq, 0), m.joined_seq)"
    };
}

/// The next id of an author with messages that are not erased, in the group of `m`.
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

/// The columns that [`read_mark`] reads, for a membership `m` and its group `g`; `?2` is the highest count.
/// Usually the newest `?3` numbers suffice. If they do not, because the user has sent all of them or they
/// were erased, each author's messages after the mark are counted with the index by author.
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
            gone!(sqlite "a.id"),
            " LIMIT ?2))
                END
                FROM (SELECT count(*) AS unread FROM (SELECT 1 FROM messages x
                    WHERE x.group_id = m.group_id AND x.seq > max(",
            floor!(),
            ", g.last_seq - ?3)
                    AND x.author_id <> m.user_id AND x.body IS NOT NULL AND NOT ",
            gone!(sqlite "x.author_id"),
            "
                    LIMIT ?2)) near), ",
            mentioned_column!()
        )
    };
}

/// The newest mentions of a user, in the group of `m` after its mark.
macro_rules! newest_mentions {
    ($user:literal) => {
        concat!(
            "SELECT * FROM (SELECT x.author_id FROM mentions x WHERE x.user_id = ",
            $user,
            " AND x.group_id = m.group_id AND x.seq > ",
            floor!(),
            " ORDER BY x.seq DESC LIMIT ?4)"
        )
    };
}

/// The number of mentions after the mark, at most `?2`, among the newest `?4` of the user and of everyone.
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
            gone!(sqlite "x.author_id"),
            " AND NOT ",
            block_stands!("m.user_id", "x.author_id"),
            " LIMIT ?2)) END)"
        )
    };
}

chinwag_store_sql::impl_groups! {
    Transaction<'_, '_>,
    fn seq_take_for_messages(&mut self, group: GroupId, count: usize, newest: Date) -> Result<Seq> {
        // Two statements are faster than one with RETURNING, for which SQLite creates a temporary table.
        let id = group.0.into_bytes();
        let numbered = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let found = self.one("SELECT last_seq, dated_seq FROM groups WHERE id = ?1", [id], numbered)?;
        let (last, dated): (i64, i64) = found.ok_or(Error::NotFound("group"))?;
        let dated = index_dates(self, group, dated, last)?;
        self.change(
            "UPDATE groups SET last_seq = ?1, newest_seq = ?1, newest_date = ?2, dated_seq = ?3, stamp = stamp() WHERE id = ?4",
            params![last + numbers(count)?, newest.micros(), dated, id],
        )?;
        Ok(Seq(last + 1))
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

/// The query for the marks of memberships in a group.
macro_rules! mark_of {
    ($condition:expr) => {
        concat!(
            "SELECT ",
            mark_columns!(),
            " FROM memberships m CROSS JOIN groups g ON g.id = m.group_id
            WHERE m.group_id = ?1 AND m.user_id = ?5",
            $condition
        )
    };
}

fn mark(tx: &Transaction<'_, '_>, group: GroupId, user: UserId) -> Result<Mark> {
    let params = params![group.0.into_bytes(), UNREAD, UNREAD_NEAR, MENTIONS_NEAR, user.0];
    let found = tx.one(mark_of!(""), params, |row| Ok(read_mark(&RowColumns(row), 0)))?;
    Ok(found.transpose()?.unwrap_or_default())
}

fn unread(tx: &Transaction<'_, '_>, user: UserId, groups: &[GroupId], now: Date) -> Result<Unread> {
    const LOUD: &str = mark_of!(concat!(
        " AND NOT m.pending AND m.notify <> ",
        stored_number!(Notify::None),
        " AND coalesce(m.muted_until <= ?6, true)"
    ));
    let (mut mark, mut sum) = (tx.repeated(LOUD)?, Unread::default());
    for group in groups {
        let params = params![group.0.into_bytes(), UNREAD, UNREAD_NEAR, MENTIONS_NEAR, user.0, now.micros()];
        let found = mark.one(params, |row| Ok(read_mark(&RowColumns(row), 0)))?;
        sum += found.transpose()?.unwrap_or_default().into();
    }
    Ok(sum)
}

fn group_positions(tx: &Transaction<'_, '_>, user: UserId) -> Result<Vec<GroupPosition>> {
    tx.all(
        "SELECT m.group_id, g.last_seq, coalesce(g.newest_date, m.since), m.pending, m.pinned
        FROM memberships m CROSS JOIN groups g ON g.id = m.group_id
        WHERE m.user_id = ?1 ORDER BY m.group_id",
        [user.0],
        |row| {
            Ok(GroupPosition {
                group: group_id(row, 0)?,
                head: Seq(row.get(1)?),
                active: Date::from_micros(row.get(2)?),
                pending: row.get(3)?,
                pinned: row.get(4)?,
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
    const SQL: &str = concat!(
        "SELECT ",
        group_columns!(),
        ", ",
        mark_columns!(),
        ", m.pending, ",
        group_settings_columns!(),
        " FROM memberships m CROSS JOIN groups g ON g.id = m.group_id
        WHERE m.group_id = ?1 AND m.user_id = ?5"
    );
    let mut found = tx.repeated(SQL)?;
    let mut members = MembersShown::new(tx, shown.members)?;
    let mut summaries = Vec::with_capacity(groups.len());
    for id in groups {
        let params = params![id.0.into_bytes(), UNREAD, UNREAD_NEAR, MENTIONS_NEAR, user.0];
        let row = found.one(params, |row| Ok(read_summary(&RowColumns(row))))?;
        let Some((group, mark, pending, settings)) = row.transpose()? else { continue };
        let (members, members_count) = members.of(*id)?;
        let messages = match shown.messages {
            0 => Vec::new(),
            limit => tx.messages(*id, &Page { edge: Edge::Newest, limit })?,
        };
        let (people, reads) = (Vec::new(), Vec::new());
        let view = View { group, members, members_count, messages, people, reads, mentioned: Vec::new() };
        summaries.push(Summary { view, mark, settings, pending });
    }
    drop_gone_pins(tx, summaries.iter_mut().map(|summary| &mut summary.view.group))?;
    Ok(summaries)
}

/// The answer of [`Groups::members_up_to`] for many groups, with one statement per small group. The name of a
/// user in several groups is read once.
struct MembersShown<'a, 't, 'c> {
    tx: &'a Transaction<'t, 'c>,
    most: usize,
    members: RepeatedStatement<'a, 't, 'c>,
    user: RepeatedStatement<'a, 't, 'c>,
    /// The name of each user, and whether it hides its read marks.
    users: HashMap<UserId, Option<(Name, bool)>>,
}

impl<'a, 't, 'c> MembersShown<'a, 't, 'c> {
    fn new(tx: &'a Transaction<'t, 'c>, most: usize) -> Result<Self> {
        let members = "SELECT user_id, role, since, pending, last_read_seq FROM memberships
            WHERE group_id = ?1 LIMIT ?2";
        let user = "SELECT name, hide_reads FROM users WHERE id = ?1";
        Ok(Self { tx, most, members: tx.repeated(members)?, user: tx.repeated(user)?, users: HashMap::new() })
    }

    fn of(&mut self, group: GroupId) -> Result<(Vec<Member>, usize)> {
        let rows =
            self.members.all(params![group.0.into_bytes(), limit(self.most.saturating_add(1))], |row| {
                let read: Option<i64> = row.get(4)?;
                let since = Date::from_micros(row.get(2)?);
                Ok((UserId(row.get(0)?), stored(row, 1)?, since, row.get(3)?, read.map(Seq)))
            })?;
        if rows.len() > self.most {
            return self.tx.members_up_to(group, self.most);
        }
        let mut members = Vec::with_capacity(rows.len());
        for (user, role, since, pending, read) in rows {
            let known = match self.users.entry(user) {
                hash_map::Entry::Occupied(known) => known.into_mut(),
                hash_map::Entry::Vacant(unknown) => {
                    unknown.insert(self.user.one([user.0], |row| Ok((name(row, 0)?, row.get(1)?)))?)
                }
            };
            if let Some((name, hides_reads)) = known.clone() {
                members.push(Member { user, name, role, since, pending, read, hides_reads });
            }
        }
        members.sort_unstable_by_key(|member| (member.since, member.user));
        let count = members.len();
        Ok((members, count))
    }
}

/// A group's id from a column.
pub(crate) fn group_id(row: &Row<'_>, column: usize) -> rusqlite::Result<GroupId> {
    row.get(column).map(|id| GroupId(Uuid::from_bytes(id)))
}

/// The columns of a summary.
fn read_summary(row: &dyn Columns) -> Result<(Group, Mark, bool, GroupSettings)> {
    Ok((read_group(row)?, read_mark(row, 11)?, row.get(15)?, read_settings(row, 16)?))
}
