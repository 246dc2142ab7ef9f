//! What members may do, who has yet to accept, and what users allow others.

use std::collections::HashMap;

use chinwag_core::group::Membership;
use chinwag_core::relation::Pair;
use chinwag_core::store::encoding::Stored as _;
use chinwag_core::store::{Memberships, Newcomer};
use chinwag_core::user::Settings;
use chinwag_core::{Error, GroupId, Result, Seq, UserId, stored_number};
use tokio_postgres::Row;

use crate::column::Stored;
use crate::group::group_id;
use crate::relation::maybe_kind;
use crate::transaction::{Transaction, limit};

/// Whether the first user has blocked the second.
macro_rules! block_stands {
    ($from:literal, $to:literal) => {
        concat!(
            "coalesce((SELECT kind = ",
            chinwag_core::stored_number!(Relation::Block),
            " FROM relations WHERE from_id = ",
            $from,
            " AND to_id = ",
            $to,
            "), false)"
        )
    };
}

pub(crate) use block_stands;

impl Memberships for Transaction<'_, '_> {
    fn membership(&self, group: GroupId, user: UserId) -> Result<Option<Membership>> {
        self.one(
            concat!(
                "SELECT m.role, m.pending, CASE WHEN g.pair_low IS NULL THEN false ELSE ",
                block_stands!("g.pair_low", "g.pair_high"),
                " OR ",
                block_stands!("g.pair_high", "g.pair_low"),
                " END
                FROM memberships m CROSS JOIN LATERAL (SELECT pair_low, pair_high FROM groups
                    WHERE id = m.group_id OFFSET 0) g
                WHERE m.group_id = $1 AND m.user_id = $2"
            ),
            &[&group.0, &user.0],
            |row| {
                let Stored(role) = row.try_get(0)?;
                Ok(Membership { role, pending: row.try_get(1)?, blocked: row.try_get(2)? })
            },
        )
    }

    fn pending_set(&mut self, group: GroupId, user: UserId, pending: bool) -> Result<()> {
        self.change(
            "UPDATE memberships SET pending = $3 WHERE group_id = $1 AND user_id = $2",
            &[&group.0, &user.0, &pending],
        )
        .map(drop)
    }

    fn pending_beyond(&self, user: UserId, keep: usize) -> Result<Vec<GroupId>> {
        let mut groups = self.all(
            "SELECT m.group_id FROM memberships m
            CROSS JOIN LATERAL (SELECT 1 FROM groups WHERE id = m.group_id OFFSET 0) g
            WHERE m.user_id = $1 AND m.pending ORDER BY m.since DESC, m.group_id DESC OFFSET $2",
            &[&user.0, &limit(keep)],
            |row| group_id(row, 0),
        )?;
        groups.reverse();
        Ok(groups)
    }

    fn declined_set(&mut self, group: GroupId, user: UserId, declined: bool) -> Result<()> {
        self.change(
            "UPDATE former_members SET declined = $3 WHERE group_id = $1 AND user_id = $2",
            &[&group.0, &user.0, &declined],
        )
        .map(drop)
    }

    fn newcomers(&self, group: GroupId, actor: UserId, users: &[UserId]) -> Result<Vec<Newcomer>> {
        const SQL: &str = "SELECT u.id, u.added_by, g.count, f.declined, mine.kind, theirs.kind FROM users u
            CROSS JOIN LATERAL (SELECT count(*) FROM memberships WHERE user_id = u.id AND NOT pending) g
            LEFT JOIN LATERAL (SELECT declined FROM former_members
                WHERE group_id = $1 AND user_id = u.id OFFSET 0) f ON true
            LEFT JOIN LATERAL (SELECT kind FROM relations
                WHERE from_id = $2 AND to_id = u.id OFFSET 0) mine ON true
            LEFT JOIN LATERAL (SELECT kind FROM relations
                WHERE from_id = u.id AND to_id = $2 OFFSET 0) theirs ON true
            WHERE u.id = ANY($3)";
        let ids: Vec<_> = users.iter().map(|user| user.0).collect();
        let found: HashMap<_, _> = self
            .all(SQL, &[&group.0, &actor.0, &ids], |row| newcomer(row).map(|found| (found.user, found)))?
            .into_iter()
            .collect();
        Ok(users.iter().filter_map(|user| found.get(user).copied()).collect())
    }

    fn log_hold(&mut self, group: GroupId) -> Result<Seq> {
        self.claim(group)?;
        let last = self.change_one(
            "SELECT last_seq FROM groups WHERE id = $1 FOR NO KEY UPDATE",
            &[&group.0],
            |row| row.try_get(0).map(Seq),
        )?;
        last.ok_or(Error::NotFound("group"))
    }

    fn settings(&self, user: UserId) -> Result<Settings> {
        let settings = self.one(
            "SELECT added_by, write_first, hide_last_seen, hide_reads FROM users WHERE id = $1",
            &[&user.0],
            |row| {
                let (Stored(added_by), Stored(write_first)) = (row.try_get(0)?, row.try_get(1)?);
                Ok(Settings {
                    added_by,
                    write_first,
                    hide_last_seen: row.try_get(2)?,
                    hide_reads: row.try_get(3)?,
                })
            },
        )?;
        Ok(settings.unwrap_or_default())
    }

    fn settings_set(&mut self, user: UserId, settings: &Settings) -> Result<()> {
        self.change(
            "UPDATE users SET added_by = $2, write_first = $3, hide_last_seen = $4, hide_reads = $5 WHERE id = $1",
            &[
                &user.0,
                &settings.added_by.number(),
                &settings.write_first.number(),
                &settings.hide_last_seen,
                &settings.hide_reads,
            ],
        )
        .map(drop)
    }

    fn unaware(&self, group: GroupId, user: UserId, reads: bool) -> Result<Vec<UserId>> {
        const BLOCKS: &str = concat!(
            "SELECT m.user_id FROM (
                SELECT to_id AS id FROM relations WHERE from_id = $2 AND kind = ",
            stored_number!(Relation::Block),
            " UNION SELECT from_id FROM relations WHERE to_id = $2 AND kind = ",
            stored_number!(Relation::Block),
            ") b CROSS JOIN LATERAL (SELECT user_id FROM memberships
                WHERE group_id = $1 AND user_id = b.id OFFSET 0) m ORDER BY 1"
        );
        const HIDING: &str = "SELECT m.user_id FROM memberships m
            CROSS JOIN LATERAL (SELECT hide_reads FROM users WHERE id = m.user_id OFFSET 0) u
            WHERE m.group_id = $1 AND m.user_id <> $2 AND u.hide_reads ORDER BY 1";
        let read = |row: &Row| row.try_get(0).map(UserId);
        let mut unaware = self.all(BLOCKS, &[&group.0, &user.0], read)?;
        if reads {
            unaware.extend(self.all(HIDING, &[&group.0, &user.0], read)?);
            unaware.sort_unstable();
            unaware.dedup();
        }
        Ok(unaware)
    }
}

fn newcomer(row: &Row) -> Result<Newcomer, tokio_postgres::Error> {
    let (Stored(added_by), groups): (_, i64) = (row.try_get(1)?, row.try_get(2)?);
    Ok(Newcomer {
        user: UserId(row.try_get(0)?),
        groups: usize::try_from(groups).unwrap_or(usize::MAX),
        pair: Pair { mine: maybe_kind(row, 4)?, theirs: maybe_kind(row, 5)? },
        added_by,
        declined: row.try_get::<_, Option<bool>>(3)?.unwrap_or(false),
    })
}
