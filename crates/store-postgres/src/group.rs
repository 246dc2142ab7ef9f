//! Groups, their members, marks and logs.

use std::collections::HashMap;

use chinwag_core::group::{Group, Mark, Member, Summary, View};
use chinwag_core::limits::{UNREAD, UNREAD_NEAR};
use chinwag_core::log::{LogEntry, LogRow};
use chinwag_core::permission::Role;
use chinwag_core::store::encoding::Stored as _;
use chinwag_core::store::{GroupPosition, Groups, Shown, Task, Tasks};
use chinwag_core::{Date, Error, GroupId, Result, Seq, TaskId, UserId, stored_number};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::column::{Stored, name};
use crate::fault::Failure;
use crate::link::Params;
use crate::log;
use crate::message::{gone, message, message_columns, message_joins, uuid};
use crate::transaction::{Transaction, limit};

type Read<T> = Result<T, tokio_postgres::Error>;

/// The columns that [`group`] reads, of `g`.
macro_rules! group_columns {
    () => {
        "g.id, g.name, g.pair_low IS NOT NULL, g.last_seq"
    };
}

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

/// The columns that [`mark`] reads, of a membership `m` and its group `g`; `$2` is the highest count. The newest
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

impl Groups for Transaction<'_, '_> {
    fn group(&self, id: GroupId) -> Result<Option<Group>> {
        const SQL: &str = concat!("SELECT ", group_columns!(), " FROM groups g WHERE g.id = $1");
        self.one(SQL, &[&id.0], |row| group(row, 0))
    }

    fn group_of_pair(&self, a: UserId, b: UserId) -> Result<Option<GroupId>> {
        self.one(
            "SELECT id FROM groups WHERE pair_low = $1 AND pair_high = $2",
            &[&a.min(b).0, &a.max(b).0],
            |row| group_id(row, 0),
        )
    }

    fn groups_page(&self, after: Option<GroupId>, most: usize) -> Result<Vec<Group>> {
        const SQL: &str =
            concat!("SELECT ", group_columns!(), " FROM groups g WHERE g.id >= $1 ORDER BY g.id LIMIT $2");
        let Some(from) = key_after(after) else { return Ok(Vec::new()) };
        self.all(SQL, &[&from, &limit(most)], |row| group(row, 0))
    }

    fn groups_of(&self, user: UserId, after: Option<GroupId>, most: usize) -> Result<Vec<Group>> {
        const SQL: &str = concat!(
            "SELECT ",
            group_columns!(),
            " FROM memberships m CROSS JOIN LATERAL (SELECT * FROM groups WHERE id = m.group_id OFFSET 0) g
            WHERE m.user_id = $1 AND m.group_id >= $2 ORDER BY m.group_id LIMIT $3"
        );
        let Some(from) = key_after(after) else { return Ok(Vec::new()) };
        self.all(SQL, &[&user.0, &from, &limit(most)], |row| group(row, 0))
    }

    fn groups_count(&self, user: UserId) -> Result<usize> {
        self.count(
            "SELECT count(*) FROM memberships m JOIN groups g ON g.id = m.group_id
            WHERE m.user_id = $1 AND NOT m.pending",
            &[&user.0],
        )
    }

    fn heads(&self, groups: &[GroupId]) -> Result<Vec<(GroupId, Seq)>> {
        let ids: Vec<_> = groups.iter().map(|id| id.0).collect();
        self.all("SELECT id, last_seq FROM groups WHERE id = ANY($1)", &[&ids], |row| {
            Ok((group_id(row, 0)?, Seq(row.try_get(1)?)))
        })
    }

    fn memberships(&self, users: &[UserId]) -> Result<Vec<(UserId, GroupId, bool)>> {
        const SQL: &str = "SELECT m.user_id, m.group_id, m.pending FROM memberships m
            JOIN groups g ON g.id = m.group_id WHERE m.user_id = ANY($1)";
        let ids: Vec<_> = users.iter().map(|id| id.0).collect();
        self.all(SQL, &[&ids], |row| Ok((UserId(row.try_get(0)?), group_id(row, 1)?, row.try_get(2)?)))
    }

    fn group_insert(&mut self, id: GroupId, name: &str, pair: Option<(UserId, UserId)>) -> Result<()> {
        const ERASED: &str = concat!(
            "SELECT 1 FROM tasks WHERE kind = ",
            stored_number!(TaskKind::EraseGroup),
            " AND group_id = $1"
        );
        if self.one(ERASED, &[&id.0], |_| Ok(()))?.is_some() {
            return Err(Error::Conflict("a group with this id is still being erased"));
        }
        let (low, high) = pair.map(|(a, b)| (a.min(b).0, a.max(b).0)).unzip();
        let inserted = self.try_change(
            "INSERT INTO groups (id, name, pair_low, pair_high) VALUES ($1, $2, $3, $4)",
            &[&id.0, &name, &low, &high],
        );
        inserted.map(drop).map_err(|why| refused(&why))
    }

    fn group_rename(&mut self, id: GroupId, name: &str) -> Result<()> {
        self.change("UPDATE groups SET name = $2 WHERE id = $1", &[&id.0, &name]).map(drop)
    }

    fn group_delete(&mut self, id: GroupId, task: TaskId) -> Result<()> {
        if self.change("DELETE FROM groups WHERE id = $1", &[&id.0])? > 0 {
            self.task_insert(task, &Task::EraseGroup(id))?;
        }
        Ok(())
    }

    fn group_erase(&mut self, id: GroupId, most: usize) -> Result<usize> {
        let mut erased = 0;
        for sql in [
            "DELETE FROM messages WHERE group_id = $1 AND seq <= (SELECT max(seq) FROM
                (SELECT seq FROM messages WHERE group_id = $1 ORDER BY seq LIMIT $2) first)",
            "DELETE FROM memberships WHERE group_id = $1 AND user_id <= (SELECT max(user_id) FROM
                (SELECT user_id FROM memberships WHERE group_id = $1 ORDER BY user_id LIMIT $2) first)",
            "DELETE FROM former_members WHERE group_id = $1 AND user_id <= (SELECT max(user_id) FROM
                (SELECT user_id FROM former_members WHERE group_id = $1 ORDER BY user_id LIMIT $2) first)",
            "DELETE FROM log_entries WHERE group_id = $1 AND seq <= (SELECT max(seq) FROM
                (SELECT seq FROM log_entries WHERE group_id = $1 ORDER BY seq LIMIT $2) first)",
        ] {
            if erased < most {
                erased += self.change(sql, &[&id.0, &limit(most - erased)])?;
            }
        }
        Ok(erased)
    }

    fn seq_take(&mut self, group: GroupId, count: usize) -> Result<Seq> {
        let count = numbers(count)?;
        self.claim(group)?;
        let last: Option<i64> = self.change_one(
            "UPDATE groups SET last_seq = last_seq + $2 WHERE id = $1 RETURNING last_seq",
            &[&group.0, &count],
            |row| row.try_get(0),
        )?;
        last.map(|last| Seq(last - count + 1)).ok_or(Error::NotFound("group"))
    }

    fn seq_take_for_messages(&mut self, group: GroupId, count: usize, newest: Date) -> Result<Seq> {
        let count = numbers(count)?;
        self.claim(group)?;
        let last: Option<i64> = self.change_one(
            "UPDATE groups SET last_seq = last_seq + $2, newest_seq = last_seq + $2, newest_date = $3
            WHERE id = $1 RETURNING last_seq",
            &[&group.0, &count, &newest.micros()],
            |row| row.try_get(0),
        )?;
        last.map(|last| Seq(last - count + 1)).ok_or(Error::NotFound("group"))
    }

    fn log_insert(&mut self, group: GroupId, seq: Seq, entry: &LogEntry) -> Result<()> {
        const SQL: &str = "INSERT INTO log_entries (group_id, seq, kind, message_seq, user_id, detail)
            VALUES ($1, $2, $3, $4, $5, $6)";
        entry.with_stored(|entry| {
            let (message, user) = (entry.message.map(|seq| seq.0), entry.user.map(|user| user.0));
            let kind = i16::try_from(entry.kind).map_err(Error::internal)?;
            self.change(SQL, &[&group.0, &seq.0, &kind, &message, &user, &entry.detail]).map(drop)
        })
    }

    fn log(&self, group: GroupId, after: Seq, limit: usize) -> Result<Vec<LogRow>> {
        log::read(self, group, after, limit)
    }

    fn last_change(&self, group: GroupId, after: Seq, upto: Seq) -> Result<Option<Seq>> {
        self.one(
            concat!(
                "SELECT seq FROM log_entries WHERE group_id = $1 AND seq > $2 AND seq <= $3 AND kind IN (",
                stored_number!(LogKind::GroupChanged),
                ", ",
                stored_number!(LogKind::MemberRenamed),
                ") ORDER BY seq DESC LIMIT 1"
            ),
            &[&group.0, &after.0, &upto.0],
            |row| row.try_get(0).map(Seq),
        )
    }

    fn members(&self, group: GroupId) -> Result<Vec<Member>> {
        self.all(
            "SELECT m.user_id, u.name, m.role, m.since, m.pending
            FROM groups g JOIN memberships m ON m.group_id = g.id JOIN users u ON u.id = m.user_id
            WHERE g.id = $1 ORDER BY m.since, m.user_id",
            &[&group.0],
            |row| member(row, 0),
        )
    }

    fn member(&self, group: GroupId, user: UserId) -> Result<Option<Member>> {
        self.one(
            "SELECT m.user_id, u.name, m.role, m.since, m.pending
            FROM groups g JOIN memberships m ON m.group_id = g.id JOIN users u ON u.id = m.user_id
            WHERE g.id = $1 AND m.user_id = $2",
            &[&group.0, &user.0],
            |row| member(row, 0),
        )
    }

    fn members_count(&self, group: GroupId, most: usize) -> Result<usize> {
        self.count(
            "SELECT count(*) FROM (SELECT 1 FROM groups g JOIN memberships m ON m.group_id = g.id
            JOIN users u ON u.id = m.user_id WHERE g.id = $1 LIMIT $2) m",
            &[&group.0, &limit(most)],
        )
    }

    fn owner(&self, group: GroupId) -> Result<Option<Member>> {
        self.one(
            "SELECT m.user_id, u.name, m.role, m.since, m.pending
            FROM groups g JOIN memberships m ON m.group_id = g.id JOIN users u ON u.id = m.user_id
            WHERE g.id = $1 AND m.role = $2 LIMIT 1",
            &[&group.0, &Role::Owner.number()],
            |row| member(row, 0),
        )
    }

    fn member_set(&mut self, group: GroupId, user: UserId, role: Role, now: Date) -> Result<()> {
        self.change(
            "INSERT INTO memberships
                (group_id, user_id, role, since, last_read_seq, last_read_date, joined_seq)
            SELECT g.id, $2, $3, $4, f.last_read_seq, f.last_read_date, g.last_seq FROM groups g
            LEFT JOIN former_members f ON f.group_id = g.id AND f.user_id = $2 WHERE g.id = $1
            ON CONFLICT (group_id, user_id) DO UPDATE SET role = excluded.role",
            &[&group.0, &user.0, &role.number(), &now.micros()],
        )
        .map(drop)
    }

    fn member_remove(&mut self, group: GroupId, user: UserId) -> Result<()> {
        const KEEP: &str = "INSERT INTO former_members (group_id, user_id, last_read_seq, last_read_date)
            SELECT group_id, user_id, last_read_seq, last_read_date FROM memberships
            WHERE group_id = $1 AND user_id = $2
            ON CONFLICT (group_id, user_id) DO UPDATE
            SET last_read_seq = excluded.last_read_seq, last_read_date = excluded.last_read_date";
        let key: Params<'_> = &[&group.0, &user.0];
        if self.change(KEEP, key)? > 0 {
            self.change("DELETE FROM memberships WHERE group_id = $1 AND user_id = $2", key)?;
        }
        Ok(())
    }

    fn mark(&self, group: GroupId, user: UserId) -> Result<Mark> {
        const SQL: &str = concat!(
            "SELECT ",
            mark_columns!(),
            " FROM memberships m JOIN groups g ON g.id = m.group_id WHERE m.group_id = $1 AND m.user_id = $4"
        );
        let params: Params<'_> = &[&group.0, &i64::from(UNREAD), &i64::from(UNREAD_NEAR), &user.0];
        let found = self.one(SQL, params, |row| mark(row, 0))?;
        Ok(found.unwrap_or_default())
    }

    fn unread(&self, user: UserId, groups: &[GroupId]) -> Result<u64> {
        const SQL: &str = concat!(
            "SELECT coalesce(sum(each.unread), 0)::bigint FROM (SELECT ",
            mark_columns!(),
            " FROM memberships m JOIN groups g ON g.id = m.group_id
            WHERE m.user_id = $1 AND m.group_id = ANY($4)) each (seq, date, unread)"
        );
        let ids: Vec<_> = groups.iter().map(|id| id.0).collect();
        let params: Params<'_> = &[&user.0, &i64::from(UNREAD), &i64::from(UNREAD_NEAR), &ids];
        let sum: Option<i64> = self.one(SQL, params, |row| row.try_get(0))?;
        Ok(sum.and_then(|sum| u64::try_from(sum).ok()).unwrap_or(0))
    }

    fn mark_set(&mut self, group: GroupId, user: UserId, seq: Seq, date: Date) -> Result<()> {
        self.change(
            "UPDATE memberships SET last_read_seq = $3, last_read_date = $4 WHERE group_id = $1 AND user_id = $2",
            &[&group.0, &user.0, &seq.0, &date.micros()],
        )
        .map(drop)
    }

    fn group_positions(&self, user: UserId) -> Result<Vec<GroupPosition>> {
        self.all(
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

    fn summaries(&self, user: UserId, groups: &[GroupId], shown: Shown) -> Result<Vec<Summary>> {
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
        let rows = self.all(GROUPS, params, |row| {
            Ok((group(row, 0)?, mark(row, 4)?, row.try_get::<_, i64>(7)?, row.try_get(8)?))
        })?;
        for (group, mark, count, pending) in rows {
            let id = group.id;
            let mut view = View { group, members: Vec::new(), members_count: 0, messages: Vec::new() };
            if usize::try_from(count).is_ok_and(|count| count > shown.members) {
                (view.members, view.members_count) = self.members_up_to(id, shown.members)?;
            } else {
                listed.push(id.0);
            }
            found.insert(id, Summary { view, mark, pending });
        }
        for (id, member) in self.all(MEMBERS, &[&listed], |row| Ok((group_id(row, 0)?, member(row, 1)?)))? {
            if let Some(Summary { view, .. }) = found.get_mut(&id) {
                view.members.push(member);
                view.members_count += 1;
            }
        }
        if shown.messages > 0 {
            let ids: Vec<_> = found.keys().map(|id| id.0).collect();
            for message in self.all(MESSAGES, &[&ids, &limit(shown.messages)], message)? {
                if let Some(Summary { view, .. }) = found.get_mut(&message.group) {
                    view.messages.push(message);
                }
            }
        }
        Ok(groups.iter().filter_map(|id| found.remove(id)).collect())
    }
}

/// A count of numbers of a log, as a store takes it.
fn numbers(count: usize) -> Result<i64> {
    let count = i64::try_from(count).ok().filter(|count| *count > 0);
    count.ok_or_else(|| Error::internal("a log gives one number at least"))
}

/// A group's id from a column.
pub(crate) fn group_id(row: &Row, column: usize) -> Read<GroupId> {
    uuid(row, column).map(GroupId)
}

/// The id that comes after this one, or the first; none after the last.
fn key_after(after: Option<GroupId>) -> Option<Uuid> {
    after.map_or(Some(Uuid::nil()), |id| id.0.as_u128().checked_add(1).map(Uuid::from_u128))
}

fn group(row: &Row, first: usize) -> Read<Group> {
    Ok(Group {
        id: group_id(row, first)?,
        name: row.try_get::<_, &str>(first + 1)?.into(),
        private: row.try_get(first + 2)?,
        head: Seq(row.try_get(first + 3)?),
    })
}

fn member(row: &Row, first: usize) -> Read<Member> {
    let Stored(role) = row.try_get(first + 2)?;
    Ok(Member {
        user: UserId(row.try_get(first)?),
        name: name(row, first + 1)?,
        role,
        since: Date::from_micros(row.try_get(first + 3)?),
        pending: row.try_get(first + 4)?,
    })
}

fn mark(row: &Row, first: usize) -> Read<Mark> {
    let seq: Option<i64> = row.try_get(first)?;
    let date: Option<i64> = row.try_get(first + 1)?;
    let unread: i64 = row.try_get(first + 2)?;
    Ok(Mark {
        last_read: seq.map(Seq).zip(date.map(Date::from_micros)),
        unread: u32::try_from(unread).unwrap_or(UNREAD),
    })
}

fn refused(why: &Failure) -> Error {
    match why.constraint() {
        Some("groups_by_pair") => Error::Conflict("these two have a private conversation already"),
        Some("groups_pkey") => Error::Conflict("another group has this id"),
        _ => why.error(),
    }
}
