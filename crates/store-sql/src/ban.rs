//! Bans of users from groups.

use chinwag_core::{GroupId, Name, Result, UserId};

use crate::sql::params;
use crate::transfer::{erase, table};
use crate::{Keys, Sql, Text, limit};

table! {
    BANS: "bans" by (group_id: Id, user_id: Number)
}

/// Erases the first rows of a group.
pub(crate) const ERASE_BANS: Text = erase!("bans", "user_id");

crate::implement! {
    ($) impl_bans: Bans by ban
    read {
        banned(group: GroupId) -> Vec<Name>;
        bans_count(group: GroupId) -> usize;
        banned_among(group: GroupId, users: &[UserId]) -> Vec<UserId>;
    }
    write {
        ban_set(group: GroupId, users: &[UserId], banned: bool) -> ();
        bans_delete(user: UserId, limit: usize) -> usize;
    }
}

/// A query of the bans of a group, except those of deleted users.
macro_rules! bans {
    ($columns:literal, $rest:literal) => {
        Text::two(
            concat!(
                "SELECT ",
                $columns,
                " FROM bans b CROSS JOIN users u ON u.id = b.user_id WHERE b.group_id = $1",
                $rest
            ),
            concat!(
                "SELECT ",
                $columns,
                " FROM bans b CROSS JOIN LATERAL (SELECT name FROM users WHERE id = b.user_id OFFSET 0) u
                WHERE b.group_id = $1",
                $rest
            ),
        )
    };
}

fn keys(users: &[UserId]) -> Keys<'static> {
    Keys::Ints(users.iter().map(|user| user.0).collect())
}

pub fn banned(sql: &impl Sql, group: GroupId) -> Result<Vec<Name>> {
    const NAMES: Text = bans!("u.name", " ORDER BY u.name");
    sql.all(NAMES, params![group], |row| row.get(0))
}

pub fn bans_count(sql: &impl Sql, group: GroupId) -> Result<usize> {
    const COUNT: Text = bans!("count(*)", "");
    sql.count(COUNT, params![group])
}

pub fn banned_among(sql: &impl Sql, group: GroupId, users: &[UserId]) -> Result<Vec<UserId>> {
    const FIND: Text = Text::two(
        "SELECT user_id FROM bans WHERE user_id = $1 AND group_id = $2",
        "SELECT user_id FROM bans WHERE user_id = ANY($1) AND group_id = $2",
    );
    sql.each(FIND, &keys(users), params![group], |row| row.get(0))
}

pub fn ban_set(sql: &mut impl Sql, group: GroupId, users: &[UserId], banned: bool) -> Result<()> {
    const INSERT: Text = Text::two(
        "INSERT INTO bans (user_id, group_id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        "INSERT INTO bans (user_id, group_id) SELECT user_id, $2 FROM unnest($1::bigint[]) u (user_id)
        ON CONFLICT DO NOTHING",
    );
    const DELETE: Text = Text::two(
        "DELETE FROM bans WHERE user_id = $1 AND group_id = $2",
        "DELETE FROM bans WHERE user_id = ANY($1) AND group_id = $2",
    );
    if users.is_empty() {
        return Ok(());
    }
    sql.change_each(if banned { INSERT } else { DELETE }, &keys(users), params![group])
}

pub fn bans_delete(sql: &mut impl Sql, user: UserId, most: usize) -> Result<usize> {
    const DELETE: Text = Text::same(
        "DELETE FROM bans WHERE (user_id, group_id) IN (SELECT user_id, group_id FROM bans
            WHERE user_id = $1 LIMIT $2)",
    );
    sql.change(DELETE, params![user, limit(most)])
}
