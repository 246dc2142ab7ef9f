//! Groups, their members, marks and logs.

use std::collections::HashMap;
use std::collections::hash_map;

use chinwag_core::group::{Group, Mark, Member, Summary, View};
use chinwag_core::limits::{UNREAD, UNREAD_NEAR};
use chinwag_core::log::{LogEntry, LogRow};
use chinwag_core::permission::Role;
use chinwag_core::store::encoding::Stored;
use chinwag_core::store::{Edge, GroupPosition, Groups, Messages, Page, Shown, Task, Tasks};
use chinwag_core::{Date, Error, GroupId, Name, Result, Seq, TaskId, UserId, stored_number};
use rusqlite::{Row, params};

use crate::column::{name, stored};
use crate::fault::fault;
use crate::log;
use crate::message::{gone, uuid};
use crate::transaction::{Transaction, limit};

/// The columns that [`group`] reads, of `g`.
macro_rules! group_columns {
    () => {
        "g.id, g.name, g.pair_low IS NOT NULL, g.last_seq"
    };
}

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

/// The columns that [`mark`] reads, of a membership `m` and its group `g`; `?2` is the highest count. The newest
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

impl Groups for Transaction<'_> {
    fn group(&self, id: GroupId) -> Result<Option<Group>> {
        const SQL: &str = concat!("SELECT ", group_columns!(), " FROM groups g WHERE g.id = ?1");
        self.one(SQL, [id.0.into_bytes()], |row| group(row, 0))
    }

    fn group_of_pair(&self, a: UserId, b: UserId) -> Result<Option<GroupId>> {
        self.one(
            "SELECT id FROM groups WHERE pair_low = ?1 AND pair_high = ?2",
            [a.min(b).0, a.max(b).0],
            |row| group_id(row, 0),
        )
    }

    fn groups_page(&self, after: Option<GroupId>, most: usize) -> Result<Vec<Group>> {
        const SQL: &str =
            concat!("SELECT ", group_columns!(), " FROM groups g WHERE g.id > ?1 ORDER BY g.id LIMIT ?2");
        self.all(SQL, params![key_after(after), limit(most)], |row| group(row, 0))
    }

    fn groups_of(&self, user: UserId, after: Option<GroupId>, most: usize) -> Result<Vec<Group>> {
        const SQL: &str = concat!(
            "SELECT ",
            group_columns!(),
            " FROM memberships m CROSS JOIN groups g ON g.id = m.group_id
            WHERE m.user_id = ?1 AND m.group_id > ?2 ORDER BY m.group_id LIMIT ?3"
        );
        self.all(SQL, params![user.0, key_after(after), limit(most)], |row| group(row, 0))
    }

    fn groups_count(&self, user: UserId) -> Result<usize> {
        self.count(
            "SELECT count(*) FROM memberships m CROSS JOIN groups g ON g.id = m.group_id
            WHERE m.user_id = ?1 AND m.pending = 0",
            [user.0],
        )
    }

    fn heads(&self, groups: &[GroupId]) -> Result<Vec<(GroupId, Seq)>> {
        let head = |id: &GroupId| {
            let key = [id.0.into_bytes()];
            self.one("SELECT last_seq FROM groups WHERE id = ?1", key, |row| Ok((*id, Seq(row.get(0)?))))
        };
        groups.iter().filter_map(|id| head(id).transpose()).collect()
    }

    fn memberships(&self, users: &[UserId]) -> Result<Vec<(UserId, GroupId, bool)>> {
        let mut found = Vec::new();
        for user in users {
            let sql = "SELECT m.group_id, m.pending FROM memberships m CROSS JOIN groups g
                ON g.id = m.group_id WHERE m.user_id = ?1";
            found.append(&mut self.all(sql, [user.0], |row| Ok((*user, group_id(row, 0)?, row.get(1)?)))?);
        }
        Ok(found)
    }

    fn group_insert(&mut self, id: GroupId, name: &str, pair: Option<(UserId, UserId)>) -> Result<()> {
        const ERASED: &str = concat!(
            "SELECT 1 FROM tasks WHERE kind = ",
            stored_number!(TaskKind::EraseGroup),
            " AND group_id = ?1"
        );
        if self.one(ERASED, [id.0.into_bytes()], |_| Ok(()))?.is_some() {
            return Err(Error::Conflict("a group with this id is still being erased"));
        }
        let (low, high) = pair.map(|(a, b)| (a.min(b).0, a.max(b).0)).unzip();
        let inserted = self.try_change(
            "INSERT INTO groups (id, name, pair_low, pair_high) VALUES (?1, ?2, ?3, ?4)",
            params![id.0.into_bytes(), name, low, high],
        )?;
        inserted.map(drop).map_err(refused)
    }

    fn group_rename(&mut self, id: GroupId, name: &str) -> Result<()> {
        self.change("UPDATE groups SET name = ?2 WHERE id = ?1", params![id.0.into_bytes(), name]).map(drop)
    }

    fn group_delete(&mut self, id: GroupId, task: TaskId) -> Result<()> {
        if self.change("DELETE FROM groups WHERE id = ?1", [id.0.into_bytes()])? > 0 {
            self.task_insert(task, &Task::EraseGroup(id))?;
        }
        Ok(())
    }

    fn group_erase(&mut self, id: GroupId, most: usize) -> Result<usize> {
        self.erasing();
        let mut erased = 0;
        for sql in [
            "DELETE FROM messages WHERE group_id = ?1 AND seq <= (SELECT max(seq) FROM
                (SELECT seq FROM messages WHERE group_id = ?1 ORDER BY seq LIMIT ?2))",
            "DELETE FROM memberships WHERE group_id = ?1 AND user_id <= (SELECT max(user_id) FROM
                (SELECT user_id FROM memberships WHERE group_id = ?1 ORDER BY user_id LIMIT ?2))",
            "DELETE FROM former_members WHERE (user_id, group_id) IN (SELECT user_id, group_id FROM former_members
                WHERE group_id = ?1 LIMIT ?2)",
            "DELETE FROM log_entries WHERE group_id = ?1 AND seq <= (SELECT max(seq) FROM
                (SELECT seq FROM log_entries WHERE group_id = ?1 ORDER BY seq LIMIT ?2))",
        ] {
            if erased < most {
                erased += self.change(sql, params![id.0.into_bytes(), limit(most - erased)])?;
            }
        }
        Ok(erased)
    }

    fn seq_take(&mut self, group: GroupId, count: usize) -> Result<Seq> {
        let count = numbers(count)?;
        let last: Option<i64> = self.change_one(
            "UPDATE groups SET last_seq = last_seq + ?2 WHERE id = ?1 RETURNING last_seq",
            params![group.0.into_bytes(), count],
            |row| row.get(0),
        )?;
        last.map(|last| Seq(last - count + 1)).ok_or(Error::NotFound("group"))
    }

    fn seq_take_for_messages(&mut self, group: GroupId, count: usize, newest: Date) -> Result<Seq> {
        let count = numbers(count)?;
        let last: Option<i64> = self.change_one(
            "UPDATE groups SET last_seq = last_seq + ?2, newest_seq = last_seq + ?2, newest_date = ?3
            WHERE id = ?1 RETURNING last_seq",
            params![group.0.into_bytes(), count, newest.micros()],
            |row| row.get(0),
        )?;
        last.map(|last| Seq(last - count + 1)).ok_or(Error::NotFound("group"))
    }

    fn log_insert(&mut self, group: GroupId, seq: Seq, entry: &LogEntry) -> Result<()> {
        const SQL: &str = "INSERT INTO log_entries (group_id, seq, kind, message_seq, user_id, detail)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        entry.with_stored(|entry| {
            let (message, user) = (entry.message.map(|seq| seq.0), entry.user.map(|user| user.0));
            let row = params![group.0.into_bytes(), seq.0, entry.kind, message, user, entry.detail];
            self.change(SQL, row).map(drop)
        })
    }

    fn log(&self, group: GroupId, after: Seq, limit: usize) -> Result<Vec<LogRow>> {
        log::read(self, group, after, limit)
    }

    fn last_change(&self, group: GroupId, after: Seq, upto: Seq) -> Result<Option<Seq>> {
        self.one(
            concat!(
                "SELECT seq FROM log_entries WHERE group_id = ?1 AND seq > ?2 AND seq <= ?3 AND kind IN (",
                stored_number!(LogKind::GroupChanged),
                ", ",
                stored_number!(LogKind::MemberRenamed),
                ") ORDER BY seq DESC LIMIT 1"
            ),
            params![group.0.into_bytes(), after.0, upto.0],
            |row| row.get(0).map(Seq),
        )
    }

    fn members(&self, group: GroupId) -> Result<Vec<Member>> {
        self.all(
            "SELECT m.user_id, u.name, m.role, m.since, m.pending
            FROM groups g CROSS JOIN memberships m ON m.group_id = g.id CROSS JOIN users u ON u.id = m.user_id
            WHERE g.id = ?1 ORDER BY m.since, m.user_id",
            [group.0.into_bytes()],
            |row| member(row, 0),
        )
    }

    fn member(&self, group: GroupId, user: UserId) -> Result<Option<Member>> {
        self.one(
            "SELECT m.user_id, u.name, m.role, m.since, m.pending
            FROM groups g CROSS JOIN memberships m ON m.group_id = g.id CROSS JOIN users u ON u.id = m.user_id
            WHERE g.id = ?1 AND m.user_id = ?2",
            params![group.0.into_bytes(), user.0],
            |row| member(row, 0),
        )
    }

    fn members_count(&self, group: GroupId, most: usize) -> Result<usize> {
        self.count(
            "SELECT count(*) FROM (SELECT 1 FROM groups g CROSS JOIN memberships m ON m.group_id = g.id
            CROSS JOIN users u ON u.id = m.user_id WHERE g.id = ?1 LIMIT ?2)",
            params![group.0.into_bytes(), limit(most)],
        )
    }

    fn owner(&self, group: GroupId) -> Result<Option<Member>> {
        self.one(
            "SELECT m.user_id, u.name, m.role, m.since, m.pending
            FROM groups g CROSS JOIN memberships m ON m.group_id = g.id CROSS JOIN users u ON u.id = m.user_id
            WHERE g.id = ?1 AND m.role = ?2 LIMIT 1",
            params![group.0.into_bytes(), Role::Owner.number()],
            |row| member(row, 0),
        )
    }

    fn member_set(&mut self, group: GroupId, user: UserId, role: Role, now: Date) -> Result<()> {
        self.change(
            "INSERT INTO memberships
                (group_id, user_id, role, since, last_read_seq, last_read_date, joined_seq)
            SELECT g.id, ?2, ?3, ?4, f.last_read_seq, f.last_read_date, g.last_seq FROM groups g
            LEFT JOIN former_members f ON f.user_id = ?2 AND f.group_id = g.id WHERE g.id = ?1
            ON CONFLICT (group_id, user_id) DO UPDATE SET role = excluded.role",
            params![group.0.into_bytes(), user.0, role.number(), now.micros()],
        )
        .map(drop)
    }

    fn member_remove(&mut self, group: GroupId, user: UserId) -> Result<()> {
        const KEEP: &str = "INSERT INTO former_members (user_id, group_id, last_read_seq, last_read_date)
            SELECT user_id, group_id, last_read_seq, last_read_date FROM memberships
            WHERE group_id = ?1 AND user_id = ?2
            ON CONFLICT (user_id, group_id) DO UPDATE
            SET last_read_seq = excluded.last_read_seq, last_read_date = excluded.last_read_date";
        let key = params![group.0.into_bytes(), user.0];
        if self.change(KEEP, key)? > 0 {
            self.change("DELETE FROM memberships WHERE group_id = ?1 AND user_id = ?2", key)?;
        }
        Ok(())
    }

    fn mark(&self, group: GroupId, user: UserId) -> Result<Mark> {
        const SQL: &str = concat!(
            "SELECT ",
            mark_columns!(),
            " FROM memberships m CROSS JOIN groups g ON g.id = m.group_id
            WHERE m.group_id = ?1 AND m.user_id = ?4"
        );
        let params = params![group.0.into_bytes(), UNREAD, UNREAD_NEAR, user.0];
        Ok(self.one(SQL, params, |row| mark(row, 0))?.unwrap_or_default())
    }

    fn mark_set(&mut self, group: GroupId, user: UserId, seq: Seq, date: Date) -> Result<()> {
        self.change(
            "UPDATE memberships SET last_read_seq = ?3, last_read_date = ?4 WHERE group_id = ?1 AND user_id = ?2",
            params![group.0.into_bytes(), user.0, seq.0, date.micros()],
        )
        .map(drop)
    }

    fn group_positions(&self, user: UserId) -> Result<Vec<GroupPosition>> {
        self.all(
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

    fn summaries(&self, user: UserId, groups: &[GroupId], shown: Shown) -> Result<Vec<Summary>> {
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
            let found = self.one(SQL, params, |row| Ok((group(row, 0)?, mark(row, 4)?, row.get(7)?)))?;
            let Some((group, mark, pending)) = found else {
                continue;
            };
            let (members, members_count) = self.members_shown(*id, shown.members, &mut names)?;
            let messages = match shown.messages {
                0 => Vec::new(),
                limit => self.messages(*id, &Page { edge: Edge::Newest, limit })?,
            };
            summaries.push(Summary { view: View { group, members, members_count, messages }, mark, pending });
        }
        Ok(summaries)
    }
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

/// A count of numbers of a log, as a store takes it.
fn numbers(count: usize) -> Result<i64> {
    let count = i64::try_from(count).ok().filter(|count| *count > 0);
    count.ok_or_else(|| Error::internal("a log gives one number at least"))
}

/// A group's id from a column.
pub(crate) fn group_id(row: &Row<'_>, column: usize) -> rusqlite::Result<GroupId> {
    uuid(row, column).map(GroupId)
}

/// The key before the next ids; the empty key comes before them all.
fn key_after(after: Option<GroupId>) -> Vec<u8> {
    after.map(|id| id.0.into_bytes().to_vec()).unwrap_or_default()
}

fn group(row: &Row<'_>, first: usize) -> rusqlite::Result<Group> {
    Ok(Group {
        id: group_id(row, first)?,
        name: row.get(first + 1)?,
        private: row.get(first + 2)?,
        head: Seq(row.get(first + 3)?),
    })
}

fn member(row: &Row<'_>, first: usize) -> rusqlite::Result<Member> {
    Ok(Member {
        user: UserId(row.get(first)?),
        name: name(row, first + 1)?,
        role: stored(row, first + 2)?,
        since: Date::from_micros(row.get(first + 3)?),
        pending: row.get(first + 4)?,
    })
}

fn mark(row: &Row<'_>, first: usize) -> rusqlite::Result<Mark> {
    let seq: Option<i64> = row.get(first)?;
    let date: Option<i64> = row.get(first + 1)?;
    Ok(Mark { last_read: seq.map(Seq).zip(date.map(Date::from_micros)), unread: row.get(first + 2)? })
}

fn refused(why: rusqlite::Error) -> Error {
    match &why {
        rusqlite::Error::SqliteFailure(_, Some(text)) if text.contains("groups.pair_low") => {
            Error::Conflict("these two have a private conversation already")
        }
        rusqlite::Error::SqliteFailure(_, Some(text)) if text.contains("groups.id") => {
            Error::Conflict("another group has this id")
        }
        _ => fault(why),
    }
}
