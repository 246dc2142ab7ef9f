//! Codes with which anyone can join a group.

use chinwag_core::invite::{Invite, InviteCode};
use chinwag_core::{Date, GroupId, Result};

use crate::sql::params;
use crate::transfer::table;
use crate::{Columns, Sql, Text};

table! {
    INVITES: "invites" by (code: Text)
    group_id: Id, maker_id: Number, created: Number, expires: Number, uses: Number,
}

/// Erases the first rows of a group.
pub(crate) const ERASE_INVITES: Text =
    Text::same("DELETE FROM invites WHERE code IN (SELECT code FROM invites WHERE group_id = $1 LIMIT $2)");

crate::implement! {
    ($) impl_invites: Invites by invite
    read {
        invite(code: &InviteCode, now: Date) -> Option<Invite>;
        invites(group: GroupId, now: Date) -> Vec<Invite>;
    }
    write {
        invite_insert(invite: &Invite) -> ();
        invite_use(code: &InviteCode) -> ();
        invite_delete(code: &InviteCode) -> ();
        invites_purge(now: Date) -> usize;
    }
}

/// A query of valid invites that meet a condition.
macro_rules! standing {
    ($condition:literal) => {
        Text::same(concat!(
            "SELECT i.code, i.group_id, i.maker_id, i.created, i.expires, i.uses FROM invites i WHERE ",
            $condition,
            " AND i.expires > $2 AND (SELECT 1 FROM groups WHERE id = i.group_id) = 1
            AND (i.maker_id IS NULL OR (SELECT 1 FROM users WHERE id = i.maker_id) = 1)
            ORDER BY i.created DESC, i.code"
        ))
    };
}

pub fn invite_insert(sql: &mut impl Sql, invite: &Invite) -> Result<()> {
    const INSERT: Text = Text::same(
        "INSERT INTO invites (code, group_id, maker_id, created, expires, uses) VALUES ($1, $2, $3, $4, $5, $6)",
    );
    let Invite { code, group, maker, created, expires, uses } = invite;
    let row = params![code.expose(), *group, *maker, *created, *expires, uses.map(i64::from)];
    sql.change(INSERT, row).map(drop)
}

pub fn invite(sql: &impl Sql, code: &InviteCode, now: Date) -> Result<Option<Invite>> {
    const FIND: Text = standing!("i.code = $1");
    sql.one(FIND, params![code.expose(), now], read)
}

pub fn invites(sql: &impl Sql, group: GroupId, now: Date) -> Result<Vec<Invite>> {
    const LIST: Text = standing!("i.group_id = $1");
    sql.all(LIST, params![group, now], read)
}

pub fn invite_use(sql: &mut impl Sql, code: &InviteCode) -> Result<()> {
    const LAST: Text = Text::same("DELETE FROM invites WHERE code = $1 AND uses = 1");
    const USE: Text = Text::same("UPDATE invites SET uses = uses - 1 WHERE code = $1 AND uses > 1");
    if sql.change(LAST, params![code.expose()])? == 0 {
        sql.change(USE, params![code.expose()])?;
    }
    Ok(())
}

pub fn invite_delete(sql: &mut impl Sql, code: &InviteCode) -> Result<()> {
    const DELETE: Text = Text::same("DELETE FROM invites WHERE code = $1");
    sql.change(DELETE, params![code.expose()]).map(drop)
}

pub fn invites_purge(sql: &mut impl Sql, now: Date) -> Result<usize> {
    const PURGE: Text = Text::two(
        "DELETE FROM invites WHERE code IN (SELECT code FROM invites WHERE expires < $1 LIMIT 1000)",
        "DELETE FROM invites WHERE code = ANY(ARRAY(SELECT code FROM invites WHERE expires < $1 LIMIT 1000))",
    );
    sql.change(PURGE, params![now])
}

fn read(row: &dyn Columns) -> Result<Invite> {
    Ok(Invite {
        code: InviteCode::stored(&row.get::<String>(0)?),
        group: row.get(1)?,
        maker: row.maybe(2)?,
        created: row.get(3)?,
        expires: row.get(4)?,
        uses: row.maybe::<i64>(5)?.and_then(|uses| u32::try_from(uses).ok()),
    })
}
