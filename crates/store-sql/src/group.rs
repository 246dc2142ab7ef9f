//! Groups, their numbers and their members.

use chinwag_core::entry::{Change, GroupEntry};
use chinwag_core::group::{Group, Mark, Member};
use chinwag_core::group_details::GroupDetails;
use chinwag_core::limits::UNREAD;
use chinwag_core::log::{LogEntry, StoredEntry};
use chinwag_core::permission::Role;
use chinwag_core::pin::listed;
use chinwag_core::store::encoding::Stored;
use chinwag_core::store::{Edge, Task, open_key};
use chinwag_core::{Date, Error, GroupId, Result, Seq, TaskId, UserId, stored_number};
use uuid::Uuid;

pub use crate::log::log;
use crate::membership::ERASE_MEMBERSHIPS;
use crate::pin::drop_gone_pins;
use crate::search::index_forget;
use crate::sql::params;
use crate::stamp::{DEPART, DEPART_DELETED, stamped};
use crate::task::task_insert;
use crate::transfer::table;
use crate::{Columns, Conflict, ERASE_GROUP, Keys, Sql, Text, limit};

table! {
    GROUPS: "groups" by (id: Id)
    last_seq: Number, newest_seq: Number, newest_date: Number, name: Text, pair_low: Number, pair_high: Number,
    pins: Bytes, description: Text, avatar: Text, data: Text, open: Flag, slow: Number, keep: Number, open_key: Text,
    erased_seq: Number,
}

crate::implement! {
    ($) impl_groups: Groups by group
    read {
        group(id: GroupId) -> Option<Group>;
        group_of_pair(a: UserId, b: UserId) -> Option<GroupId>;
        groups_page(after: Option<GroupId>, limit: usize) -> Vec<Group>;
        groups_of(user: UserId, after: Option<GroupId>, limit: usize) -> Vec<Group>;
        groups_count(user: UserId) -> usize;
        heads(groups: &[GroupId]) -> Vec<(GroupId, Seq)>;
        memberships(users: &[UserId]) -> Vec<(UserId, GroupId, bool)>;
        entries(group: GroupId, edge: Edge, upto: Option<Seq>, limit: usize) -> Vec<(Seq, GroupEntry)>;
        last_change(group: GroupId, after: Seq, upto: Seq) -> Option<Seq>;
        members(group: GroupId) -> Vec<Member>;
        member(group: GroupId, user: UserId) -> Option<Member>;
        members_count(group: GroupId, most: usize) -> usize;
        owner(group: GroupId) -> Option<Member>;
        log(group: GroupId, after: Seq, most: usize) -> Vec<LogRow>;
    }
    write {
        group_insert(id: GroupId, name: &str, pair: Option<(UserId, UserId)>) -> ();
        group_rename(id: GroupId, name: &str) -> ();
        group_details_set(id: GroupId, details: &GroupDetails) -> ();
        group_delete(id: GroupId, task: TaskId) -> ();
        group_erase(id: GroupId, limit: usize) -> usize;
        seq_take(group: GroupId, count: usize) -> Seq;
        entry_insert(group: GroupId, seq: Seq, log: &LogEntry, entry: &GroupEntry) -> ();
        log_insert(group: GroupId, seq: Seq, entry: &LogEntry) -> ();
        member_set(group: GroupId, user: UserId, role: Role, now: Date) -> ();
        member_remove(group: GroupId, user: UserId) -> ();
        mark_set(group: GroupId, user: UserId, seq: Seq, date: Date) -> ();
    }
}

const CONFLICTS: &[Conflict] = &[
    Conflict {
        sqlite: "groups.pair_low",
        postgres: "groups_by_pair",
        error: "these two have a private conversation already",
    },
    Conflict { sqlite: "groups.id", postgres: "groups_pkey", error: "another group has this id" },
];

/// The columns of a [`Group`], for a group `g`.
#[macro_export]
macro_rules! group_columns {
    () => {
        "g.id, g.name, g.pair_low IS NOT NULL, g.last_seq, g.pins, g.description, g.avatar, g.data, g.open, g.slow,
        g.keep"
    };
}

/// Reads a group from `group_columns!`, which must be the first columns of the row.
pub fn read(row: &dyn Columns) -> Result<Group> {
    let details = GroupDetails {
        description: row.maybe(5)?,
        avatar: row.maybe(6)?,
        data: row.maybe(7)?,
        is_open: row.get(8)?,
        slow: u32::try_from(row.get::<i64>(9)?).unwrap_or(0),
        keep: row.maybe::<i64>(10)?.and_then(|days| u32::try_from(days).ok()),
    };
    Ok(Group {
        id: row.get(0)?,
        name: row.get(1)?,
        private: row.get(2)?,
        head: row.get(3)?,
        pins: row.bytes(4)?.map(listed).unwrap_or_default(),
        details,
    })
}

/// Reads a mark from four columns: the number and the date of the last message read, the unread messages, and
/// the mentions.
pub fn read_mark(row: &dyn Columns, first: usize) -> Result<Mark> {
    let count = |column| -> Result<u32> { Ok(u32::try_from(row.get::<i64>(column)?).unwrap_or(UNREAD)) };
    let last_read = row.maybe(first)?.zip(row.maybe(first + 1)?);
    Ok(Mark { last_read, unread: count(first + 2)?, mentioned: count(first + 3)? })
}

pub fn group(sql: &impl Sql, id: GroupId) -> Result<Option<Group>> {
    const FIND: Text = Text::same(concat!("SELECT ", group_columns!(), " FROM groups g WHERE g.id = $1"));
    let mut found = sql.one(FIND, params![id], read)?;
    drop_gone_pins(sql, &mut found)?;
    Ok(found)
}

pub fn group_of_pair(sql: &impl Sql, a: UserId, b: UserId) -> Result<Option<GroupId>> {
    const FIND: Text = Text::same("SELECT id FROM groups WHERE pair_low = $1 AND pair_high = $2");
    sql.one(FIND, params![a.min(b), a.max(b)], |row| row.get(0))
}

/// The smallest id greater than this one, or the smallest of all. `None` after the greatest.
pub(crate) fn id_after(after: Option<GroupId>) -> Option<Uuid> {
    after.map_or(Some(Uuid::nil()), |id| id.0.as_u128().checked_add(1).map(Uuid::from_u128))
}

pub fn groups_page(sql: &impl Sql, after: Option<GroupId>, most: usize) -> Result<Vec<Group>> {
    const PAGE: Text = Text::same(concat!(
        "SELECT ",
        group_columns!(),
        " FROM groups g WHERE g.id >= $1 ORDER BY g.id LIMIT $2"
    ));
    let Some(from) = id_after(after) else { return Ok(Vec::new()) };
    sql.all(PAGE, params![from, limit(most)], read)
}

pub fn groups_of(sql: &impl Sql, user: UserId, after: Option<GroupId>, most: usize) -> Result<Vec<Group>> {
    macro_rules! page {
        ($groups:literal) => {
            concat!(
                "SELECT ",
                group_columns!(),
                " FROM memberships m CROSS JOIN ",
                $groups,
                " WHERE m.user_id = $1 AND m.group_id >= $2 ORDER BY m.group_id LIMIT $3"
            )
        };
    }
    const PAGE: Text = Text::two(
        page!("groups g ON g.id = m.group_id"),
        page!("LATERAL (SELECT * FROM groups WHERE id = m.group_id OFFSET 0) g"),
    );
    let Some(from) = id_after(after) else { return Ok(Vec::new()) };
    sql.all(PAGE, params![user, from, limit(most)], read)
}

/// A statement in which SQLite keeps the order of the joins.
macro_rules! joined {
    ($before:literal, $($join:literal),+; $rest:literal) => {
        Text::two(
            concat!($before, $(" CROSS JOIN ", $join,)+ $rest),
            concat!($before, $(" JOIN ", $join,)+ $rest),
        )
    };
}

pub fn groups_count(sql: &impl Sql, user: UserId) -> Result<usize> {
    const COUNT: Text = joined!(
        "SELECT count(*) FROM memberships m", "groups g ON g.id = m.group_id";
        " WHERE m.user_id = $1 AND NOT m.pending AND g.pair_low IS NULL"
    );
    sql.count(COUNT, params![user])
}

pub fn heads(sql: &impl Sql, groups: &[GroupId]) -> Result<Vec<(GroupId, Seq)>> {
    const HEADS: Text = Text::two(
        "SELECT id, last_seq FROM groups WHERE id = $1",
        "SELECT id, last_seq FROM groups WHERE id = ANY($1)",
    );
    let keys = Keys::Ids(groups.iter().map(|id| id.0).collect());
    sql.each(HEADS, &keys, params![], |row| Ok((row.get(0)?, row.get(1)?)))
}

pub fn memberships(sql: &impl Sql, users: &[UserId]) -> Result<Vec<(UserId, GroupId, bool)>> {
    const FIND: Text = Text::two(
        "SELECT m.user_id, m.group_id, m.pending FROM memberships m CROSS JOIN groups g ON g.id = m.group_id
        WHERE m.user_id = $1",
        "SELECT m.user_id, m.group_id, m.pending FROM memberships m JOIN groups g ON g.id = m.group_id
        WHERE m.user_id = ANY($1)",
    );
    let keys = Keys::Ints(users.iter().map(|user| user.0).collect());
    sql.each(FIND, &keys, params![], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
}

pub fn group_insert(
    sql: &mut impl Sql,
    id: GroupId,
    name: &str,
    pair: Option<(UserId, UserId)>,
) -> Result<()> {
    const ERASED: Text = Text::same(concat!(
        "SELECT 1 FROM tasks WHERE kind = ",
        stored_number!(TaskKind::EraseGroup),
        " AND group_id = $1"
    ));
    const INSERT: Text = Text::two(
        "INSERT INTO groups (id, name, pair_low, pair_high, stamp) VALUES ($1, $2, $3, $4, stamp())",
        "INSERT INTO groups (id, name, pair_low, pair_high) VALUES ($1, $2, $3, $4)",
    );
    if sql.one(ERASED, params![id], |_| Ok(()))?.is_some() {
        return Err(Error::Conflict("a group with this id is still being erased"));
    }
    let (low, high) = pair.map(|(a, b)| (a.min(b), a.max(b))).unzip();
    sql.insert(INSERT, params![id, name, low, high], CONFLICTS)
}

pub fn group_rename(sql: &mut impl Sql, id: GroupId, name: &str) -> Result<()> {
    const RENAME: Text =
        Text::same("UPDATE groups SET name = $1, open_key = CASE WHEN open THEN $2 END WHERE id = $3");
    sql.change(RENAME, params![name, open_key(name).as_str(), id]).map(drop)
}

pub fn group_details_set(sql: &mut impl Sql, id: GroupId, details: &GroupDetails) -> Result<()> {
    const SET: Text = Text::same(
        "UPDATE groups SET description = $1, avatar = $2, data = $3, open = $4, slow = $5, keep = $6,
        open_key = $7 WHERE id = $8",
    );
    const NAME: Text = Text::same("SELECT name FROM groups WHERE id = $1");
    let GroupDetails { description, avatar, data, is_open, slow, keep } = details;
    let name = |row: &dyn Columns| row.get::<String>(0);
    let key = if *is_open { sql.one(NAME, params![id], name)?.map(|name| open_key(&name)) } else { None };
    let texts = [description, avatar, data].map(Option::as_deref);
    let [description, avatar, data] = texts;
    let (slow, keep) = (i64::from(*slow), keep.map(i64::from));
    let row = params![description, avatar, data, *is_open, slow, keep, key.as_deref(), id];
    sql.note_erasure();
    sql.change(SET, row).map(drop)
}

pub fn group_delete(sql: &mut impl Sql, id: GroupId, task: TaskId) -> Result<()> {
    const DELETE: Text = Text::same("DELETE FROM groups WHERE id = $1");
    if sql.change(DELETE, params![id])? > 0 {
        task_insert(sql, task, &Task::EraseGroup(id))?;
    }
    Ok(())
}

pub fn group_erase(sql: &mut impl Sql, id: GroupId, most: usize) -> Result<usize> {
    sql.note_erasure();
    sql.index_erase(id, most)?;
    let mut erased = 0;
    for text in ERASE_GROUP {
        if erased < most {
            let rows = params![id, limit(most - erased)];
            if text.sqlite == ERASE_MEMBERSHIPS.sqlite {
                sql.change(DEPART_DELETED, rows)?;
            }
            erased += sql.change(text, rows)?;
        }
    }
    if erased < most {
        index_forget(sql, id)?;
    }
    Ok(erased)
}

/// Converts a count of log numbers for a store. It must be positive.
pub fn numbers(count: usize) -> Result<i64> {
    let count = i64::try_from(count).ok().filter(|count| *count > 0);
    count.ok_or_else(|| Error::internal("a log gives one number at least"))
}

pub fn seq_take(sql: &mut impl Sql, group: GroupId, count: usize) -> Result<Seq> {
    const TAKE: Text = Text::two(
        "UPDATE groups SET last_seq = last_seq + $1, stamp = stamp() WHERE id = $2 RETURNING last_seq",
        "UPDATE groups SET last_seq = last_seq + $1 WHERE id = $2 RETURNING last_seq",
    );
    let count = numbers(count)?;
    sql.claim_log(group)?;
    let last: Option<i64> = sql.change_one(TAKE, params![count, group], |row| row.get(0))?;
    last.map(|last| Seq(last - count + 1)).ok_or(Error::NotFound("group"))
}

/// For PostgreSQL only.
pub fn seq_take_for_messages(sql: &mut impl Sql, group: GroupId, count: usize, newest: Date) -> Result<Seq> {
    const TAKE: Text = Text::postgres(
        "UPDATE groups SET last_seq = last_seq + $1, newest_seq = last_seq + $1, newest_date = $2
        WHERE id = $3 RETURNING last_seq",
    );
    let count = numbers(count)?;
    sql.claim_log(group)?;
    let last: Option<i64> = sql.change_one(TAKE, params![count, newest, group], |row| row.get(0))?;
    last.map(|last| Seq(last - count + 1)).ok_or(Error::NotFound("group"))
}

pub fn log_insert(sql: &mut impl Sql, group: GroupId, seq: Seq, entry: &LogEntry) -> Result<()> {
    entry.with_stored(|stored| insert_stored(sql, group, seq, &stored))
}

pub fn entry_insert(
    sql: &mut impl Sql,
    group: GroupId,
    seq: Seq,
    log: &LogEntry,
    entry: &GroupEntry,
) -> Result<()> {
    log.with_stored(|stored| {
        let mut detail = stored.detail.unwrap_or_default().to_vec();
        entry.put(&mut detail);
        insert_stored(sql, group, seq, &StoredEntry { detail: Some(&detail), ..stored })
    })
}

fn insert_stored(sql: &mut impl Sql, group: GroupId, seq: Seq, entry: &StoredEntry<'_>) -> Result<()> {
    const INSERT: Text = Text::same(
        "INSERT INTO log_entries (group_id, seq, kind, message_seq, user_id, detail)
        VALUES ($1, $2, $3, $4, $5, $6)",
    );
    let row = params![group, seq, entry.kind, entry.message, entry.user, entry.detail];
    sql.change(INSERT, row).map(drop)
}

pub fn entries(
    sql: &impl Sql,
    group: GroupId,
    edge: Edge,
    upto: Option<Seq>,
    most: usize,
) -> Result<Vec<(Seq, GroupEntry)>> {
    macro_rules! entries {
        // Without this index, the oldest page would read all reactions and edits of the group.
        ($range:literal) => {
            Text::two(
                entries!(@ "log_entries c INDEXED BY log_entries_shown" $range),
                entries!(@ "log_entries c" $range),
            )
        };
        (@ $from:literal $range:literal) => {
            concat!(
                "SELECT c.seq, c.kind, c.message_seq, c.user_id, c.detail FROM ",
                $from,
                " WHERE c.group_id = $1 AND c.kind IN (",
                stored_number!(LogKind::GroupChanged),
                ", ",
                stored_number!(LogKind::MemberRenamed),
                ", ",
                stored_number!(LogKind::MessagePinned),
                ") AND c.detail IS NOT NULL AND (c.user_id IS NULL OR EXISTS (SELECT 1 FROM users u
                    WHERE u.id = c.user_id)) AND ",
                $range,
                " LIMIT $4"
            )
        };
    }
    const BACK: Text = entries!("c.seq <= $2 AND c.seq >= $3 ORDER BY c.seq DESC");
    const ON: Text = entries!("c.seq >= $2 AND c.seq <= $3 ORDER BY c.seq");
    let (text, from, end) = match edge {
        Edge::Newest => (BACK, Some(i64::MAX), 0),
        Edge::BeforeSeq(Seq(seq)) => (BACK, seq.checked_sub(1), 0),
        Edge::AfterSeq(Seq(seq)) => (ON, seq.checked_add(1), i64::MAX),
        Edge::BeforeDate(_) | Edge::AfterDate(_) => (ON, None, 0),
    };
    let Some(from) = from else { return Ok(Vec::new()) };
    let range = params![group, from, upto.unwrap_or(Seq(end)), limit(most)];
    let found = sql.all(text, range, read_entry)?;
    Ok(found.into_iter().flatten().collect())
}

fn read_entry(row: &dyn Columns) -> Result<Option<(Seq, GroupEntry)>> {
    let detail = row.bytes(4)?;
    let stored = StoredEntry { kind: row.get(1)?, message: row.maybe(2)?, user: row.maybe(3)?, detail };
    let Some(mut entry) = detail.and_then(GroupEntry::read) else { return Ok(None) };
    match LogEntry::from_stored(&stored) {
        LogEntry::MemberRenamed { name, new_name, .. } => {
            entry.changes.push(Change::UserRenamed { name, new_name });
        }
        LogEntry::MessagePinned { id, on, .. } => entry.changes.push(Change::Pinned { id, on }),
        _ => {}
    }
    Ok(Some((row.get(0)?, entry)))
}

pub fn last_change(sql: &impl Sql, group: GroupId, after: Seq, upto: Seq) -> Result<Option<Seq>> {
    const LAST: Text = Text::same(concat!(
        "SELECT seq FROM log_entries WHERE group_id = $1 AND seq > $2 AND seq <= $3 AND kind IN (",
        stored_number!(LogKind::GroupChanged),
        ", ",
        stored_number!(LogKind::MemberRenamed),
        ") ORDER BY seq DESC LIMIT 1"
    ));
    sql.one(LAST, params![group, after, upto], |row| row.get(0))
}

/// A query of members with the columns for [`read_member`].
macro_rules! of_members {
    ($rest:literal) => {
        joined!(
            "SELECT m.user_id, u.name, m.role, m.since, m.pending, m.last_read_seq, u.hide_reads FROM groups g",
            "memberships m ON m.group_id = g.id", "users u ON u.id = m.user_id";
            $rest
        )
    };
}

fn read_member(row: &dyn Columns) -> Result<Member> {
    Ok(Member {
        user: row.get(0)?,
        name: row.get(1)?,
        role: row.stored(2)?,
        since: row.get(3)?,
        pending: row.get(4)?,
        read: row.maybe(5)?,
        hides_reads: row.get(6)?,
    })
}

pub fn members(sql: &impl Sql, group: GroupId) -> Result<Vec<Member>> {
    const ALL: Text = of_members!(" WHERE g.id = $1 ORDER BY m.since, m.user_id");
    sql.all(ALL, params![group], read_member)
}

pub fn member(sql: &impl Sql, group: GroupId, user: UserId) -> Result<Option<Member>> {
    const FIND: Text = of_members!(" WHERE g.id = $1 AND m.user_id = $2");
    sql.one(FIND, params![group, user], read_member)
}

pub fn members_count(sql: &impl Sql, group: GroupId, most: usize) -> Result<usize> {
    const COUNT: Text = joined!(
        "SELECT count(*) FROM (SELECT 1 FROM groups g",
        "memberships m ON m.group_id = g.id", "users u ON u.id = m.user_id";
        " WHERE g.id = $1 LIMIT $2) part"
    );
    sql.count(COUNT, params![group, limit(most)])
}

pub fn owner(sql: &impl Sql, group: GroupId) -> Result<Option<Member>> {
    const OWNER: Text = of_members!(" WHERE g.id = $1 AND m.role = $2 LIMIT 1");
    sql.one(OWNER, params![group, Role::Owner.number()], read_member)
}

pub fn member_set(sql: &mut impl Sql, group: GroupId, user: UserId, role: Role, now: Date) -> Result<()> {
    const SET: Text = stamped!(
        "INSERT INTO memberships (group_id, user_id, role, since, last_read_seq, last_read_date, joined_seq,
            joined_stamp)
        SELECT g.id, $1, $2, $3, f.last_read_seq, f.last_read_date, g.last_seq, ",
        " FROM groups g
        LEFT JOIN former_members f ON f.group_id = g.id AND f.user_id = $1 WHERE g.id = $4
        ON CONFLICT (group_id, user_id) DO UPDATE SET role = excluded.role"
    );
    sql.change(SET, params![user, role.number(), now, group]).map(drop)
}

pub fn member_remove(sql: &mut impl Sql, group: GroupId, user: UserId) -> Result<()> {
    const KEEP: Text = Text::same(
        "INSERT INTO former_members (group_id, user_id, last_read_seq, last_read_date)
        SELECT group_id, user_id, last_read_seq, last_read_date FROM memberships
        WHERE group_id = $1 AND user_id = $2
        ON CONFLICT (group_id, user_id) DO UPDATE
        SET last_read_seq = excluded.last_read_seq, last_read_date = excluded.last_read_date",
    );
    const REMOVE: Text = Text::same("DELETE FROM memberships WHERE group_id = $1 AND user_id = $2");
    const INVITES: Text = Text::same("DELETE FROM invites WHERE group_id = $1 AND maker_id = $2");
    let key = params![group, user];
    if sql.change(KEEP, key)? > 0 {
        sql.change(DEPART, key)?;
        sql.change(REMOVE, key)?;
        sql.change(INVITES, key)?;
    }
    Ok(())
}

pub fn mark_set(sql: &mut impl Sql, group: GroupId, user: UserId, seq: Seq, date: Date) -> Result<()> {
    const SET: Text = stamped!(
        "UPDATE memberships SET last_read_seq = $1, last_read_date = $2, marked_unread = false, read_stamp = ",
        " WHERE group_id = $3 AND user_id = $4"
    );
    sql.change(SET, params![seq, date, group, user]).map(drop)
}
