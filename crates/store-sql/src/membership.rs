//! The permissions of members, consent to memberships, and users' own settings of groups.

use std::collections::HashMap;

use chinwag_core::confusable::confusable_key;
use chinwag_core::group::Membership;
use chinwag_core::group_settings::GroupSettings;
use chinwag_core::permission::Role;
use chinwag_core::relation::Pair;
use chinwag_core::store::encoding::Stored;
use chinwag_core::store::{ListedMember, MemberPlace, Newcomer};
use chinwag_core::user::Settings;
use chinwag_core::{Date, Error, GroupId, Name, Result, Seq, UserId, stored_number};

use crate::sql::params;
use crate::stamp::stamped;
use crate::transfer::{erase, table};
use crate::{Columns, Keys, Sql, Text, limit};

table! {
    MEMBERSHIPS: "memberships" by (group_id: Id, user_id: Number)
    role: Short, since: Number, last_read_seq: Number, last_read_date: Number, joined_seq: Number,
    pending: Flag, notify: Short, muted_until: Number, hidden_seq: Number, pinned: Flag, marked_unread: Flag,
    deleted_date: Number,
}
table! {
    FORMER_MEMBERS: "former_members" by (group_id: Id, user_id: Number)
    last_read_seq: Number, last_read_date: Number, declined: Flag,
}

/// Erase the first rows of a group.
pub(crate) const ERASE_MEMBERSHIPS: Text = erase!("memberships", "user_id");
pub(crate) const ERASE_FORMER_MEMBERS: Text = Text::two(
    "DELETE FROM former_members WHERE (user_id, group_id) IN (SELECT user_id, group_id FROM former_members
        WHERE group_id = $1 LIMIT $2)",
    erase!(@ "former_members", "user_id"),
);

/// Members that are compared at a time.
const COMPARED: usize = 1000;

crate::implement! {
    ($) impl_memberships: Memberships by membership
    read {
        membership(group: GroupId, user: UserId) -> Option<Membership>;
        members_alike(group: GroupId, role: Role, after: Option<MemberPlace>, key: &str, limit: usize)
            -> Vec<ListedMember>;
        members_listed(group: GroupId, role: Role, after: Option<MemberPlace>, prefix: Option<&str>, limit: usize)
            -> Vec<ListedMember>;
        slow_since(group: GroupId, user: UserId) -> Option<Date>;
        pending_beyond(user: UserId, keep: usize) -> Vec<GroupId>;
        group_settings(group: GroupId, user: UserId) -> GroupSettings;
        newcomers(group: GroupId, actor: UserId, users: &[UserId]) -> Vec<Newcomer>;
        settings(user: UserId) -> Settings;
        hidden_from(group: GroupId, user: UserId, reads: bool) -> Vec<UserId>;
    }
    write {
        slow_note(group: GroupId, user: UserId, date: Date) -> ();
        pending_set(group: GroupId, user: UserId, pending: bool) -> ();
        group_settings_set(group: GroupId, user: UserId, settings: &GroupSettings) -> ();
        declined_set(group: GroupId, user: UserId, declined: bool) -> ();
        log_hold(group: GroupId) -> Seq;
        settings_set(user: UserId, settings: &Settings) -> ();
    }
}

/// An expression: whether the first user has blocked the second.
#[macro_export]
macro_rules! block_stands {
    ($from:literal, $to:literal) => {
        concat!(
            "coalesce((SELECT kind = ",
            $crate::stored_number!(Relation::Block),
            " FROM relations WHERE from_id = ",
            $from,
            " AND to_id = ",
            $to,
            "), false)"
        )
    };
}

pub fn membership(sql: &impl Sql, group: GroupId, user: UserId) -> Result<Option<Membership>> {
    macro_rules! membership {
        ($group:literal) => {
            concat!(
                "SELECT m.role, m.pending, CASE WHEN g.pair_low IS NULL THEN false ELSE ",
                crate::block_stands!("g.pair_low", "g.pair_high"),
                " OR ",
                crate::block_stands!("g.pair_high", "g.pair_low"),
                " END, g.slow FROM memberships m CROSS JOIN ",
                $group,
                " WHERE m.group_id = $1 AND m.user_id = $2"
            )
        };
    }
    const MEMBERSHIP: Text = Text::two(
        membership!("groups g ON g.id = m.group_id"),
        membership!(
            "LATERAL (SELECT pair_low, pair_high, slow FROM groups WHERE id = m.group_id OFFSET 0) g"
        ),
    );
    sql.one(MEMBERSHIP, params![group, user], |row| {
        let slow = u32::try_from(row.get::<i64>(3)?).unwrap_or(0);
        Ok(Membership { role: row.stored(0)?, pending: row.get(1)?, blocked: row.get(2)?, slow })
    })
}

pub fn members_listed(
    sql: &impl Sql,
    group: GroupId,
    role: Role,
    after: Option<MemberPlace>,
    prefix: Option<&str>,
    most: usize,
) -> Result<Vec<ListedMember>> {
    macro_rules! listed {
        ($users:literal, $rest:literal) => {
            concat!(
                "SELECT m.user_id, u.name, m.since, m.last_read_seq, m.pending FROM memberships m CROSS JOIN ",
                $users,
                " WHERE m.group_id = $1 AND m.role = $2 AND (m.since, m.user_id) > ($3, $4)",
                $rest
            )
        };
        ($rest:literal) => {
            Text::two(
                listed!("users u ON u.id = m.user_id", $rest),
                listed!(
                    "LATERAL (SELECT name, name_key, shown_key FROM users WHERE id = m.user_id OFFSET 0) u",
                    $rest
                ),
            )
        };
    }
    const ALL: Text = listed!(" ORDER BY m.since, m.user_id LIMIT $5");
    const MATCHING: Text = listed!(
        " AND (u.name_key >= $5 AND u.name_key < $6 OR u.shown_key >= $5 AND u.shown_key < $6)
        ORDER BY m.since, m.user_id LIMIT $7"
    );
    let (since, user) = after.map_or((i64::MIN, i64::MIN), |after| (after.since.micros(), after.user.0));
    let read = |row: &dyn Columns| {
        let place = MemberPlace { role, since: row.get(2)?, user: row.get(0)? };
        Ok(ListedMember { name: row.get(1)?, place, read: row.maybe(3)?, pending: row.get(4)? })
    };
    let Some(prefix) = prefix else {
        return sql.all(ALL, params![group, role.number(), since, user, limit(most)], read);
    };
    let end = format!("{prefix}\u{10ffff}");
    sql.all(MATCHING, params![group, role.number(), since, user, prefix, end.as_str(), limit(most)], read)
}

pub fn members_alike(
    sql: &impl Sql,
    group: GroupId,
    role: Role,
    mut after: Option<MemberPlace>,
    key: &str,
    most: usize,
) -> Result<Vec<ListedMember>> {
    macro_rules! compared {
        ($users:literal) => {
            concat!(
                "SELECT m.user_id, u.name, m.since, m.last_read_seq, m.pending, u.display_name
                FROM memberships m CROSS JOIN ",
                $users,
                " WHERE m.group_id = $1 AND m.role = $2 AND (m.since, m.user_id) > ($3, $4)
                ORDER BY m.since, m.user_id LIMIT $5"
            )
        };
    }
    const SOME: Text = Text::two(
        compared!("users u ON u.id = m.user_id"),
        compared!("LATERAL (SELECT name, display_name FROM users WHERE id = m.user_id OFFSET 0) u"),
    );
    let mut found = Vec::new();
    loop {
        let (since, user) = after.map_or((i64::MIN, i64::MIN), |after| (after.since.micros(), after.user.0));
        let members = sql.all(SOME, params![group, role.number(), since, user, limit(COMPARED)], |row| {
            let place = MemberPlace { role, since: row.get(2)?, user: row.get(0)? };
            let name: Name = row.get(1)?;
            let shown: Option<String> = row.maybe(5)?;
            let is_alike = confusable_key(name.as_str()) == key
                || shown.is_some_and(|shown| confusable_key(&shown) == key);
            Ok((ListedMember { name, place, read: row.maybe(3)?, pending: row.get(4)? }, is_alike))
        })?;
        let is_last = members.len() < COMPARED;
        after = members.last().map(|(member, _)| member.place);
        found.extend(members.into_iter().filter(|(_, is_alike)| *is_alike).map(|(member, _)| member));
        if is_last || found.len() >= most {
            found.truncate(most);
            return Ok(found);
        }
    }
}

pub fn slow_since(sql: &impl Sql, group: GroupId, user: UserId) -> Result<Option<Date>> {
    const NEWEST: Text = Text::same(
        "SELECT date FROM messages WHERE group_id = $1 AND author_id = $2 AND body IS NOT NULL
        ORDER BY seq DESC LIMIT 1",
    );
    const DELETED: Text =
        Text::same("SELECT deleted_date FROM memberships WHERE group_id = $1 AND user_id = $2");
    let newest: Option<Date> = sql.one(NEWEST, params![group, user], |row| row.get(0))?;
    let deleted: Option<Date> = sql.one(DELETED, params![group, user], |row| row.maybe(0))?.flatten();
    Ok(newest.max(deleted))
}

pub fn slow_note(sql: &mut impl Sql, group: GroupId, user: UserId, date: Date) -> Result<()> {
    const NOTE: Text = Text::same(
        "UPDATE memberships SET deleted_date = $1 WHERE group_id = $2 AND user_id = $3
            AND (deleted_date IS NULL OR deleted_date < $1)",
    );
    sql.change(NOTE, params![date, group, user]).map(drop)
}

pub fn pending_set(sql: &mut impl Sql, group: GroupId, user: UserId, pending: bool) -> Result<()> {
    const SET: Text = stamped!(
        "UPDATE memberships SET pending = $1, joined_stamp = ",
        " WHERE group_id = $2 AND user_id = $3"
    );
    sql.change(SET, params![pending, group, user]).map(drop)
}

pub fn pending_beyond(sql: &impl Sql, user: UserId, keep: usize) -> Result<Vec<GroupId>> {
    macro_rules! pending {
        ($group:literal, $owner:literal, $alias:literal, $all:literal) => {
            concat!(
                "SELECT group_id FROM (SELECT m.group_id, m.since,
                    row_number() OVER (PARTITION BY o.user_id ORDER BY m.since DESC, m.group_id DESC) AS place
                    FROM memberships m CROSS JOIN ",
                $group,
                " LEFT JOIN ",
                $owner,
                stored_number!(Role::Owner),
                $alias,
                " WHERE m.user_id = $1 AND m.pending
                    ORDER BY place, m.since DESC, m.group_id DESC",
                $all,
                " OFFSET $2) part ORDER BY since, group_id"
            )
        };
    }
    const PENDING: Text = Text::two(
        pending!(
            "groups g ON g.id = m.group_id",
            "memberships o ON o.group_id = m.group_id AND o.role = ",
            "",
            " LIMIT -1"
        ),
        pending!(
            "LATERAL (SELECT 1 FROM groups WHERE id = m.group_id OFFSET 0) g",
            "LATERAL (SELECT user_id FROM memberships WHERE group_id = m.group_id AND role = ",
            " OFFSET 0) o ON true",
            ""
        ),
    );
    sql.all(PENDING, params![user, limit(keep)], |row| row.get(0))
}

/// The columns of a user's settings of a group, for a membership `m`. Rows of erased messages count, so that
/// a group that has become visible is not hidden again when its newest message is deleted.
#[macro_export]
macro_rules! group_settings_columns {
    () => {
        "m.notify, m.muted_until, m.hidden_seq IS NOT NULL AND NOT EXISTS (SELECT 1 FROM messages h
                WHERE h.group_id = m.group_id AND h.seq > m.hidden_seq), m.pinned, m.marked_unread"
    };
}

pub fn group_settings(sql: &impl Sql, group: GroupId, user: UserId) -> Result<GroupSettings> {
    macro_rules! settings {
        ($group:literal) => {
            concat!(
                "SELECT ",
                group_settings_columns!(),
                " FROM memberships m CROSS JOIN ",
                $group,
                " WHERE m.group_id = $1 AND m.user_id = $2"
            )
        };
    }
    const SETTINGS: Text = Text::two(
        settings!("groups g ON g.id = m.group_id"),
        settings!("LATERAL (SELECT 1 FROM groups WHERE id = m.group_id OFFSET 0) g"),
    );
    let found = sql.one(SETTINGS, params![group, user], |row| read_settings(row, 0))?;
    Ok(found.unwrap_or_default())
}

/// Reads a user's settings of a group from `group_settings_columns!`, starting at the column `first`.
pub fn read_settings(row: &dyn Columns, first: usize) -> Result<GroupSettings> {
    Ok(GroupSettings {
        notify: row.stored(first)?,
        muted_until: row.maybe(first + 1)?,
        hidden: row.get(first + 2)?,
        pinned: row.get(first + 3)?,
        marked_unread: row.get(first + 4)?,
    })
}

pub fn group_settings_set(
    sql: &mut impl Sql,
    group: GroupId,
    user: UserId,
    settings: &GroupSettings,
) -> Result<()> {
    const SET: Text = stamped!(
        "UPDATE memberships SET notify = $1, muted_until = $2, pinned = $3, marked_unread = $4, hidden_seq = CASE
            WHEN $5 THEN (SELECT last_seq FROM groups WHERE id = $6) END, settings_stamp = ",
        " WHERE group_id = $6 AND user_id = $7"
    );
    let GroupSettings { notify, muted_until, hidden, pinned, marked_unread } = *settings;
    sql.change(SET, params![notify.number(), muted_until, pinned, marked_unread, hidden, group, user])
        .map(drop)
}

pub fn declined_set(sql: &mut impl Sql, group: GroupId, user: UserId, declined: bool) -> Result<()> {
    const SET: Text =
        Text::same("UPDATE former_members SET declined = $1 WHERE group_id = $2 AND user_id = $3");
    sql.change(SET, params![declined, group, user]).map(drop)
}

pub fn newcomers(sql: &impl Sql, group: GroupId, actor: UserId, users: &[UserId]) -> Result<Vec<Newcomer>> {
    const NEWCOMERS: Text = Text::two(
        "SELECT $1, u.added_by, (SELECT count(*) FROM memberships m CROSS JOIN groups g ON g.id = m.group_id
                WHERE m.user_id = $1 AND NOT m.pending AND g.pair_low IS NULL),
            (SELECT declined FROM former_members WHERE user_id = $1 AND group_id = $2),
            (SELECT kind FROM relations WHERE from_id = $3 AND to_id = $1),
            (SELECT kind FROM relations WHERE from_id = $1 AND to_id = $3),
            EXISTS (SELECT 1 FROM bans WHERE group_id = $2 AND user_id = $1)
        FROM users u WHERE u.id = $1",
        "SELECT u.id, u.added_by, g.count, f.declined, mine.kind, theirs.kind, b.user_id IS NOT NULL FROM users u
        CROSS JOIN LATERAL (SELECT count(*) FROM memberships m CROSS JOIN LATERAL (SELECT 1 FROM groups
            WHERE id = m.group_id AND pair_low IS NULL OFFSET 0) g WHERE m.user_id = u.id AND NOT m.pending) g
        LEFT JOIN LATERAL (SELECT declined FROM former_members
            WHERE group_id = $2 AND user_id = u.id OFFSET 0) f ON true
        LEFT JOIN LATERAL (SELECT kind FROM relations
            WHERE from_id = $3 AND to_id = u.id OFFSET 0) mine ON true
        LEFT JOIN LATERAL (SELECT kind FROM relations
            WHERE from_id = u.id AND to_id = $3 OFFSET 0) theirs ON true
        LEFT JOIN LATERAL (SELECT user_id FROM bans
            WHERE group_id = $2 AND user_id = u.id OFFSET 0) b ON true
        WHERE u.id = ANY($1)",
    );
    let keys = Keys::Ints(users.iter().map(|user| user.0).collect());
    let found = sql.each(NEWCOMERS, &keys, params![group, actor], newcomer)?;
    let found: HashMap<_, _> = found.into_iter().map(|found| (found.user, found)).collect();
    Ok(users.iter().filter_map(|user| found.get(user).copied()).collect())
}

fn newcomer(row: &dyn Columns) -> Result<Newcomer> {
    Ok(Newcomer {
        user: row.get(0)?,
        added_by: row.stored(1)?,
        groups: usize::try_from(row.get::<i64>(2)?).unwrap_or(usize::MAX),
        declined: row.maybe(3)?.unwrap_or(false),
        pair: Pair { mine: row.maybe_stored(4)?, theirs: row.maybe_stored(5)? },
        banned: row.get(6)?,
    })
}

pub fn log_hold(sql: &mut impl Sql, group: GroupId) -> Result<Seq> {
    const HOLD: Text = Text::two(
        "SELECT last_seq FROM groups WHERE id = $1",
        "SELECT last_seq FROM groups WHERE id = $1 FOR NO KEY UPDATE",
    );
    sql.claim_log(group)?;
    sql.change_one(HOLD, params![group], |row| row.get(0))?.ok_or(Error::NotFound("group"))
}

pub fn settings(sql: &impl Sql, user: UserId) -> Result<Settings> {
    const SETTINGS: Text =
        Text::same("SELECT added_by, write_first, hide_last_seen, hide_reads FROM users WHERE id = $1");
    let settings = sql.one(SETTINGS, params![user], |row| {
        Ok(Settings {
            added_by: row.stored(0)?,
            write_first: row.stored(1)?,
            hide_last_seen: row.get(2)?,
            hide_reads: row.get(3)?,
        })
    })?;
    Ok(settings.unwrap_or_default())
}

pub fn settings_set(sql: &mut impl Sql, user: UserId, settings: &Settings) -> Result<()> {
    const SET: Text = Text::same(
        "UPDATE users SET added_by = $1, write_first = $2, hide_last_seen = $3, hide_reads = $4 WHERE id = $5",
    );
    let (added_by, write_first) = (settings.added_by.number(), settings.write_first.number());
    let row = params![added_by, write_first, settings.hide_last_seen, settings.hide_reads, user];
    sql.change(SET, row).map(drop)
}

pub fn hidden_from(sql: &impl Sql, group: GroupId, user: UserId, reads: bool) -> Result<Vec<UserId>> {
    const BLOCKS: Text = Text::two(
        concat!(
            "SELECT m.user_id FROM relations r CROSS JOIN memberships m
            ON m.group_id = $1 AND m.user_id = r.to_id WHERE r.from_id = $2 AND r.kind = ",
            stored_number!(Relation::Block),
            " UNION SELECT m.user_id FROM relations r CROSS JOIN memberships m
            ON m.group_id = $1 AND m.user_id = r.from_id WHERE r.to_id = $2 AND r.kind = ",
            stored_number!(Relation::Block),
            " ORDER BY 1"
        ),
        concat!(
            "SELECT m.user_id FROM (
                SELECT to_id AS id FROM relations WHERE from_id = $2 AND kind = ",
            stored_number!(Relation::Block),
            " UNION SELECT from_id FROM relations WHERE to_id = $2 AND kind = ",
            stored_number!(Relation::Block),
            ") b CROSS JOIN LATERAL (SELECT user_id FROM memberships
                WHERE group_id = $1 AND user_id = b.id OFFSET 0) m ORDER BY 1"
        ),
    );
    const HIDING: Text = Text::two(
        "SELECT m.user_id FROM memberships m CROSS JOIN users u ON u.id = m.user_id
        WHERE m.group_id = $1 AND m.user_id <> $2 AND u.hide_reads ORDER BY 1",
        "SELECT m.user_id FROM memberships m
        CROSS JOIN LATERAL (SELECT hide_reads FROM users WHERE id = m.user_id OFFSET 0) u
        WHERE m.group_id = $1 AND m.user_id <> $2 AND u.hide_reads ORDER BY 1",
    );
    let mut hidden_from = sql.all(BLOCKS, params![group, user], |row| row.get(0))?;
    if reads {
        hidden_from.extend(sql.all(HIDING, params![group, user], |row| row.get::<UserId>(0))?);
        hidden_from.sort_unstable();
        hidden_from.dedup();
    }
    Ok(hidden_from)
}
