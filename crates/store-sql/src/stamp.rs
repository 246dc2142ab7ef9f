//! Stamps: on SQLite numbers that the writer assigns, on PostgreSQL transaction ids.

use std::time::Duration;

use chinwag_core::relation::Relation;
use chinwag_core::store::encoding::Stored;
use chinwag_core::store::{ChangedGroup, CommitPoint, DepartedGroup};
use chinwag_core::{Date, GroupId, Result, UserId};

use crate::group::id_after;
use crate::membership::read_settings;
use crate::sql::params;
use crate::{Columns, Sql, Text, group_settings_columns, limit};

/// The interval between two rows of `stamp_dates`.
const DATES_EVERY: i64 = 24 * 3600 * 1_000_000;

crate::implement! {
    ($) impl_stamps: Stamps by stamp
    read {
        commit_point() -> CommitPoint;
        stamps_removed() -> i64;
        groups_changed(user: UserId, since: i64) -> Vec<ChangedGroup>;
        departures(user: UserId, since: i64, after: Option<GroupId>, limit: usize) -> Vec<DepartedGroup>;
        profiles_changed(user: UserId, since: i64) -> Vec<UserId>;
    }
    write {
        departures_trim(now: Date, age: Duration, limit: usize) -> usize;
    }
}

/// An expression: the stamp of this transaction.
macro_rules! stamp {
    (sqlite) => {
        "stamp()"
    };
    (postgres) => {
        "pg_current_xact_id()::text::bigint"
    };
}

/// A statement with the transaction's stamp between two texts.
macro_rules! stamped {
    ($before:expr, $after:expr) => {
        $crate::Text::two(
            concat!($before, $crate::stamp::stamp!(sqlite), $after),
            concat!($before, $crate::stamp::stamp!(postgres), $after),
        )
    };
}

pub(crate) use {stamp, stamped};

/// Records that a member left a group. Must run before its row is deleted.
pub(crate) const DEPART: Text = stamped!(
    "INSERT INTO departures (user_id, group_id, stamp, deleted) SELECT user_id, group_id, ",
    ", false FROM memberships WHERE group_id = $1 AND user_id = $2
    ON CONFLICT (user_id, group_id) DO UPDATE SET stamp = excluded.stamp, deleted = excluded.deleted"
);

/// Records the departure of the first `$2` members of a deleted group, as they are erased.
pub(crate) const DEPART_DELETED: Text = stamped!(
    "INSERT INTO departures (user_id, group_id, stamp, deleted) SELECT user_id, group_id, ",
    ", true FROM (SELECT user_id, group_id FROM memberships WHERE group_id = $1 ORDER BY user_id LIMIT $2) part
    WHERE true
    ON CONFLICT (user_id, group_id) DO UPDATE SET stamp = excluded.stamp, deleted = excluded.deleted"
);

pub fn commit_point(sql: &impl Sql) -> Result<CommitPoint> {
    // Every transaction with a lower id has ended, and this snapshot includes its changes.
    const FIND: Text = Text::two(
        "SELECT id, 0 FROM stamps WHERE one = 1",
        "SELECT id, pg_snapshot_xmin(pg_current_snapshot())::text::bigint FROM stamps WHERE one = 1",
    );
    let found = sql.one(FIND, params![], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let (order, next) = found.ok_or_else(|| chinwag_core::Error::internal("there is no row of stamps"))?;
    Ok(CommitPoint { order, next: sql.next_stamp().unwrap_or(next) })
}

pub fn stamps_removed(sql: &impl Sql) -> Result<i64> {
    const FIND: Text = Text::same("SELECT removed FROM stamps WHERE one = 1");
    Ok(sql.one(FIND, params![], |row| row.get(0))?.unwrap_or(0))
}

pub fn groups_changed(sql: &impl Sql, user: UserId, since: i64) -> Result<Vec<ChangedGroup>> {
    macro_rules! columns {
        ($group:expr) => {
            concat!(
                "SELECT m.group_id, g.id IS NULL, m.pending, ",
                $group,
                ", coalesce(m.joined_stamp, 0) >= $1, coalesce(m.read_stamp, 0) >= $1,
                    coalesce(m.settings_stamp, 0) >= $1, m.last_read_seq, m.last_read_date, ",
                group_settings_columns!()
            )
        };
    }
    macro_rules! sqlite {
        ($group:literal) => {
            concat!(
                // Each membership is likely on a page of its own, so two indexes find the memberships that
                // may have changed.
                "WITH part (id) AS (
                    SELECT m.group_id FROM memberships m INDEXED BY memberships_by_user
                        LEFT JOIN groups g ON g.id = m.group_id
                    WHERE (g.id IS NULL OR ",
                $group,
                ") AND m.user_id = $2 UNION
                    SELECT m.group_id FROM memberships m INDEXED BY memberships_by_change WHERE m.user_id = $2
                    AND max(coalesce(m.joined_stamp, 0), coalesce(m.read_stamp, 0), coalesce(m.settings_stamp, 0)) >= $1
                ) ",
                columns!($group),
                " FROM part CROSS JOIN memberships m ON m.group_id = part.id LEFT JOIN groups g ON g.id = m.group_id
                WHERE m.user_id = $2 ORDER BY m.group_id"
            )
        };
    }
    macro_rules! postgres {
        ($group:literal) => {
            concat!(
                columns!($group),
                " FROM memberships m LEFT JOIN groups g ON g.id = m.group_id
                WHERE m.user_id = $2 AND (g.id IS NULL OR ",
                $group,
                " OR coalesce(m.joined_stamp, 0) >= $1 OR coalesce(m.read_stamp, 0) >= $1
                    OR coalesce(m.settings_stamp, 0) >= $1)
                ORDER BY m.group_id"
            )
        };
    }
    // Transaction ids are stored in 32 bits and compared by their distance from the next id. The distance is
    // greatest for a row that is older than all of them, and for 0. It is negative from 2^31 on, so every group
    // counts as changed since a stamp that is almost as far away.
    const CHANGED: Text = Text::two(
        sqlite!("coalesce(g.stamp, 0) >= $1"),
        postgres!(
            "(coalesce(age(g.xmin) <= age(($1::bigint % 4294967296)::text::xid), false)
                OR $1 < pg_snapshot_xmax(pg_current_snapshot())::text::bigint - 2000000000)"
        ),
    );
    sql.all(CHANGED, params![since, user], |row| changed_group(row, since))
}

fn changed_group(row: &dyn Columns, since: i64) -> Result<ChangedGroup> {
    let has_joined: bool = row.get(4)?;
    let read = row.maybe(7)?.zip(row.maybe(8)?);
    let settings = read_settings(row, 9)?;
    let is_set = since > 0 || settings != chinwag_core::group_settings::GroupSettings::default();
    // A user who has joined again keeps its former read mark, but gets the settings of a new member.
    let read = read.filter(|_| has_joined || row.get(5).unwrap_or(true));
    let has_changed = is_set && (has_joined || row.get(6)?);
    Ok(ChangedGroup {
        group: row.get(0)?,
        is_deleted: row.get(1)?,
        pending: row.get(2)?,
        is_changed: has_joined || row.get(3)?,
        read,
        settings: has_changed.then_some(settings),
    })
}

pub fn departures(
    sql: &impl Sql,
    user: UserId,
    since: i64,
    after: Option<GroupId>,
    most: usize,
) -> Result<Vec<DepartedGroup>> {
    const PAGE: Text = Text::same(
        "SELECT d.group_id, d.deleted FROM departures d
        WHERE d.user_id = $1 AND d.group_id >= $2 AND d.stamp >= $3 AND NOT EXISTS (
            SELECT 1 FROM memberships m WHERE m.group_id = d.group_id AND m.user_id = d.user_id)
        ORDER BY d.group_id LIMIT $4",
    );
    let Some(from) = id_after(after) else { return Ok(Vec::new()) };
    sql.all(PAGE, params![user, from, since, limit(most)], |row| {
        Ok(DepartedGroup { group: row.get(0)?, is_deleted: row.get(1)? })
    })
}

pub fn profiles_changed(sql: &impl Sql, user: UserId, since: i64) -> Result<Vec<UserId>> {
    // If there is a profile from before the first stamp, it counts as changed.
    macro_rules! changed {
        ($user:literal) => {
            concat!(
                "coalesce(",
                $user,
                ".profile_stamp, CASE WHEN ",
                $user,
                ".shown_key IS NULL THEN -1 ELSE 0 END) >= $2"
            )
        };
    }
    macro_rules! pairs {
        ($own:literal, $other:expr) => {
            concat!(
                " UNION SELECT u.id FROM groups g CROSS JOIN ",
                $other,
                " WHERE g.pair_low IS NOT NULL AND g.",
                $own,
                " = $1 AND ",
                changed!("u"),
                " AND EXISTS (SELECT 1 FROM memberships m WHERE m.group_id = g.id AND m.user_id = $1)"
            )
        };
    }
    macro_rules! profiles {
        ($contacts:expr, $high:expr, $low:expr) => {
            concat!(
                "SELECT u.id FROM users u WHERE u.id = $1 AND ",
                changed!("u"),
                " UNION SELECT u.id FROM relations r CROSS JOIN ",
                $contacts,
                " WHERE r.from_id = $1 AND r.kind = $3 AND ",
                changed!("u"),
                pairs!("pair_low", $high),
                pairs!("pair_high", $low),
                " ORDER BY 1"
            )
        };
    }
    macro_rules! one_user {
        ($id:literal) => {
            concat!(
                "LATERAL (SELECT id, profile_stamp, shown_key FROM users WHERE id = ",
                $id,
                " OFFSET 0) u"
            )
        };
    }
    const PROFILES: Text = Text::two(
        profiles!(
            "users u ON u.id = r.to_id",
            "users u ON u.id = g.pair_high",
            "users u ON u.id = g.pair_low"
        ),
        profiles!(one_user!("r.to_id"), one_user!("g.pair_high"), one_user!("g.pair_low")),
    );
    sql.all(PROFILES, params![user, since, Relation::Contact.number()], |row| row.get(0))
}

pub fn departures_trim(sql: &mut impl Sql, now: Date, age: Duration, most: usize) -> Result<usize> {
    // A date in the future comes from a clock that was ahead.
    const NEWEST: Text = Text::same("SELECT date FROM stamp_dates WHERE date > $1 AND date <= $2 LIMIT 1");
    const NOTE: Text =
        Text::same("INSERT INTO stamp_dates (date, stamp) VALUES ($1, $2) ON CONFLICT (date) DO NOTHING");
    const OLD: Text =
        Text::same("SELECT date, stamp FROM stamp_dates WHERE date <= $1 ORDER BY date DESC LIMIT 1");
    const RAISE: Text = Text::same("UPDATE stamps SET removed = $1 WHERE one = 1 AND removed < $1");
    const FORGET: Text = Text::same("DELETE FROM stamp_dates WHERE date < $1");
    const REMOVE: Text = Text::two(
        "DELETE FROM departures WHERE (user_id, group_id) IN (SELECT user_id, group_id FROM departures
            WHERE stamp < $1 ORDER BY stamp LIMIT $2)",
        "DELETE FROM departures d USING (SELECT user_id, group_id FROM departures
            WHERE stamp < $1 ORDER BY stamp LIMIT $2) old
        WHERE d.user_id = old.user_id AND d.group_id = old.group_id",
    );
    if sql.one(NEWEST, params![now.micros() - DATES_EVERY, now], |_| Ok(()))?.is_none() {
        let next = commit_point(sql)?.next;
        sql.change(NOTE, params![now, next])?;
    }
    let age = i64::try_from(age.as_micros()).unwrap_or(i64::MAX);
    let old = sql.one(OLD, params![now.micros().saturating_sub(age)], |row| {
        Ok((row.get::<i64>(0)?, row.get::<i64>(1)?))
    })?;
    let Some((date, stamp)) = old else { return Ok(0) };
    sql.change(RAISE, params![stamp])?;
    sql.change(FORGET, params![date])?;
    sql.change(REMOVE, params![stamp, limit(most)])
}
