//! What members may do, who has yet to accept, and what users allow others.

use chinwag_core::group::Membership;
use chinwag_core::store::encoding::Stored;
use chinwag_core::store::{Memberships, Newcomer, Relations};
use chinwag_core::user::Settings;
use chinwag_core::{Error, GroupId, Result, Seq, UserId, stored_number};
use rusqlite::params;

use crate::column::stored;
use crate::group::group_id;
use crate::transaction::{Transaction, limit};

/// Whether the first user has blocked the second.
macro_rules! block_stands {
    ($from:literal, $to:literal) => {
        concat!(
            "coalesce((SELECT kind = ",
            stored_number!(Relation::Block),
            " FROM relations WHERE from_id = ",
            $from,
            " AND to_id = ",
            $to,
            "), false)"
        )
    };
}

impl Memberships for Transaction<'_> {
    fn membership(&self, group: GroupId, user: UserId) -> Result<Option<Membership>> {
        self.one(
            concat!(
                "SELECT m.role, m.pending, CASE WHEN g.pair_low IS NULL THEN 0 ELSE ",
                block_stands!("g.pair_low", "g.pair_high"),
                " OR ",
                block_stands!("g.pair_high", "g.pair_low"),
                " END
                FROM memberships m CROSS JOIN groups g ON g.id = m.group_id
                WHERE m.group_id = ?1 AND m.user_id = ?2"
            ),
            params![group.0.into_bytes(), user.0],
            |row| Ok(Membership { role: stored(row, 0)?, pending: row.get(1)?, blocked: row.get(2)? }),
        )
    }

    fn pending_set(&mut self, group: GroupId, user: UserId, pending: bool) -> Result<()> {
        self.change(
            "UPDATE memberships SET pending = ?3 WHERE group_id = ?1 AND user_id = ?2",
            params![group.0.into_bytes(), user.0, pending],
        )
        .map(drop)
    }

    fn pending_beyond(&self, user: UserId, keep: usize) -> Result<Vec<GroupId>> {
        let mut groups = self.all(
            "SELECT m.group_id FROM memberships m CROSS JOIN groups g ON g.id = m.group_id
            WHERE m.user_id = ?1 AND m.pending = 1
            ORDER BY m.since DESC, m.group_id DESC LIMIT -1 OFFSET ?2",
            params![user.0, limit(keep)],
            |row| group_id(row, 0),
        )?;
        groups.reverse();
        Ok(groups)
    }

    fn declined_set(&mut self, group: GroupId, user: UserId, declined: bool) -> Result<()> {
        self.change(
            "UPDATE former_members SET declined = ?3 WHERE group_id = ?1 AND user_id = ?2",
            params![group.0.into_bytes(), user.0, declined],
        )
        .map(drop)
    }

    fn newcomers(&self, group: GroupId, actor: UserId, users: &[UserId]) -> Result<Vec<Newcomer>> {
        const SQL: &str =
            "SELECT (SELECT count(*) FROM memberships WHERE user_id = ?1 AND pending = 0), added_by,
            coalesce((SELECT declined FROM former_members WHERE user_id = ?1 AND group_id = ?2), 0)
            FROM users WHERE id = ?1";
        let mut newcomers = Vec::with_capacity(users.len());
        for user in users {
            let pair = self.pair(actor, *user)?;
            newcomers.extend(self.one(SQL, params![user.0, group.0.into_bytes()], |row| {
                let (added_by, declined) = (stored(row, 1)?, row.get(2)?);
                let groups = usize::try_from(row.get::<_, i64>(0)?).unwrap_or(usize::MAX);
                Ok(Newcomer { user: *user, groups, pair, added_by, declined })
            })?);
        }
        Ok(newcomers)
    }

    fn log_hold(&mut self, group: GroupId) -> Result<Seq> {
        // There is one writer.
        let last = self.one("SELECT last_seq FROM groups WHERE id = ?1", [group.0.into_bytes()], |row| {
            row.get(0).map(Seq)
        })?;
        last.ok_or(Error::NotFound("group"))
    }

    fn settings(&self, user: UserId) -> Result<Settings> {
        let settings = self.one(
            "SELECT added_by, write_first, hide_last_seen, hide_reads FROM users WHERE id = ?1",
            [user.0],
            |row| {
                Ok(Settings {
                    added_by: stored(row, 0)?,
                    write_first: stored(row, 1)?,
                    hide_last_seen: row.get(2)?,
                    hide_reads: row.get(3)?,
                })
            },
        )?;
        Ok(settings.unwrap_or_default())
    }

    fn settings_set(&mut self, user: UserId, settings: &Settings) -> Result<()> {
        self.change(
            "UPDATE users SET added_by = ?2, write_first = ?3, hide_last_seen = ?4, hide_reads = ?5 WHERE id = ?1",
            params![
                user.0,
                settings.added_by.number(),
                settings.write_first.number(),
                settings.hide_last_seen,
                settings.hide_reads,
            ],
        )
        .map(drop)
    }

    fn unaware(&self, group: GroupId, user: UserId, reads: bool) -> Result<Vec<UserId>> {
        const BLOCKS: &str = concat!(
            "SELECT m.user_id FROM relations r CROSS JOIN memberships m
            ON m.group_id = ?1 AND m.user_id = r.to_id WHERE r.from_id = ?2 AND r.kind = ",
            stored_number!(Relation::Block),
            " UNION SELECT m.user_id FROM relations r CROSS JOIN memberships m
            ON m.group_id = ?1 AND m.user_id = r.from_id WHERE r.to_id = ?2 AND r.kind = ",
            stored_number!(Relation::Block),
            " ORDER BY 1"
        );
        const HIDING: &str = "SELECT m.user_id FROM memberships m CROSS JOIN users u ON u.id = m.user_id
            WHERE m.group_id = ?1 AND m.user_id <> ?2 AND u.hide_reads = 1 ORDER BY 1";
        let params = params![group.0.into_bytes(), user.0];
        let mut unaware = self.all(BLOCKS, params, |row| row.get(0).map(UserId))?;
        if reads {
            unaware.extend(self.all(HIDING, params, |row| row.get(0).map(UserId))?);
            unaware.sort_unstable();
            unaware.dedup();
        }
        Ok(unaware)
    }
}
