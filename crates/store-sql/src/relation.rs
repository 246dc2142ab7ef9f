//! Relations: one row for each direction.

use chinwag_core::relation::{self, Pair, Relation};
use chinwag_core::store::encoding::Stored;
use chinwag_core::{Date, Name, Result, UserId};

use crate::sql::params;
use crate::transfer::table;
use crate::{Columns, Keys, Sql, Text, limit};

table! {
    RELATIONS: "relations" by (from_id: Number, to_id: Number)
    kind: Short, since: Number,
}

crate::implement! {
    ($) impl_relations: Relations by relation
    read {
        pair(author: UserId, target: UserId) -> Pair;
        relations(user: UserId) -> relation::Relations;
        relations_count(user: UserId) -> usize;
        contacts(user: UserId) -> Vec<(UserId, Name)>;
        acquaintances(user: UserId) -> Vec<UserId>;
        acquainted(user: UserId, others: &[UserId]) -> Vec<UserId>;
        companions(user: UserId, others: &[UserId]) -> Vec<UserId>;
        blocks(user: UserId) -> Vec<UserId>;
        blockers(user: UserId) -> Vec<UserId>;
        blocked_strangers(user: UserId) -> Vec<UserId>;
    }
    write {
        pair_set(author: UserId, target: UserId, pair: Pair, now: Date) -> ();
        invitations_trim(user: UserId, keep: usize) -> Vec<(UserId, Name)>;
    }
}

pub fn pair(sql: &impl Sql, author: UserId, target: UserId) -> Result<Pair> {
    Ok(Pair { mine: find(sql, author, target)?, theirs: find(sql, target, author)? })
}

pub fn pair_set(sql: &mut impl Sql, author: UserId, target: UserId, pair: Pair, now: Date) -> Result<()> {
    set(sql, author, target, pair.mine, now)?;
    set(sql, target, author, pair.theirs, now)
}

pub fn relations(sql: &impl Sql, user: UserId) -> Result<relation::Relations> {
    const FROM: Text = Text::same(
        "SELECT r.kind, u.name FROM relations r JOIN users u ON u.id = r.to_id
        WHERE r.from_id = $1 ORDER BY u.name",
    );
    const TO: Text = Text::same(
        "SELECT r.kind, u.name FROM relations r JOIN users u ON u.id = r.from_id
        WHERE r.to_id = $1 ORDER BY u.name",
    );
    let kind_and_name = |row: &dyn Columns| Ok((row.stored(0)?, row.get(1)?));
    let mut all = relation::Relations::default();
    for (relation, name) in sql.all(FROM, params![user], kind_and_name)? {
        match relation {
            Relation::Invitation => all.invitations.push(name),
            Relation::Contact => all.contacts.push(name),
            Relation::Block => all.blockeds.push(name),
        }
    }
    for (relation, name) in sql.all(TO, params![user], kind_and_name)? {
        match relation {
            Relation::Invitation => all.invited_by.push(name),
            Relation::Contact => {} // exists in both directions
            Relation::Block => all.blocked_by.push(name),
        }
    }
    Ok(all)
}

pub fn relations_count(sql: &impl Sql, user: UserId) -> Result<usize> {
    const COUNT: Text = Text::same("SELECT count(*) FROM relations WHERE from_id = $1");
    sql.count(COUNT, params![user])
}

pub fn contacts(sql: &impl Sql, user: UserId) -> Result<Vec<(UserId, Name)>> {
    const CONTACTS: Text = Text::same(
        "SELECT u.id, u.name FROM relations r JOIN users u ON u.id = r.to_id
        WHERE r.from_id = $1 AND r.kind = $2 ORDER BY r.to_id",
    );
    sql.all(CONTACTS, params![user, Relation::Contact.number()], |row| Ok((row.get(0)?, row.get(1)?)))
}

pub fn acquaintances(sql: &impl Sql, user: UserId) -> Result<Vec<UserId>> {
    const ACQUAINTANCES: Text = Text::same(
        "SELECT to_id FROM relations WHERE from_id = $1
        UNION SELECT from_id FROM relations WHERE to_id = $1
        UNION SELECT other.user_id
            FROM memberships own JOIN groups g ON g.id = own.group_id
            JOIN memberships other ON other.group_id = own.group_id
            WHERE own.user_id = $1 AND other.user_id <> $1 AND NOT other.pending
        ORDER BY 1",
    );
    sql.all(ACQUAINTANCES, params![user], |row| row.get(0))
}

pub fn acquainted(sql: &impl Sql, user: UserId, others: &[UserId]) -> Result<Vec<UserId>> {
    const ACQUAINTED: Text = Text::two(
        "SELECT $1 WHERE EXISTS (SELECT 1 FROM relations WHERE from_id = $2 AND to_id = $1)
            OR EXISTS (SELECT 1 FROM relations WHERE from_id = $1 AND to_id = $2)
            OR EXISTS (SELECT 1 FROM memberships own
                CROSS JOIN memberships other ON other.group_id = own.group_id AND other.user_id = $1
                CROSS JOIN groups g ON g.id = own.group_id
                WHERE own.user_id = $2)",
        "SELECT o.id FROM unnest($1::bigint[]) o (id)
        WHERE EXISTS (SELECT FROM relations r WHERE r.from_id = $2 AND r.to_id = o.id)
            OR EXISTS (SELECT FROM relations r WHERE r.from_id = o.id AND r.to_id = $2)
            OR EXISTS (SELECT FROM memberships other
                JOIN memberships own ON own.group_id = other.group_id AND own.user_id = $2
                JOIN groups g ON g.id = other.group_id
                WHERE other.user_id = o.id)",
    );
    let keys = Keys::Ints(others.iter().map(|other| other.0).collect());
    sql.each(ACQUAINTED, &keys, params![user], |row| row.get(0))
}

pub fn companions(sql: &impl Sql, user: UserId, others: &[UserId]) -> Result<Vec<UserId>> {
    const COMPANIONS: Text = Text::two(
        "SELECT $1 WHERE EXISTS (SELECT 1 FROM memberships other
            CROSS JOIN memberships own ON own.group_id = other.group_id AND own.user_id = $2 AND NOT own.pending
            CROSS JOIN groups g ON g.id = other.group_id
            WHERE other.user_id = $1 AND NOT other.pending)",
        "SELECT o.id FROM unnest($1::bigint[]) o (id) WHERE EXISTS (SELECT FROM memberships other
            JOIN memberships own ON own.group_id = other.group_id AND own.user_id = $2 AND NOT own.pending
            JOIN groups g ON g.id = other.group_id
            WHERE other.user_id = o.id AND NOT other.pending)",
    );
    let keys = Keys::Ints(others.iter().map(|other| other.0).collect());
    sql.each(COMPANIONS, &keys, params![user], |row| row.get(0))
}

pub fn blocked_strangers(sql: &impl Sql, user: UserId) -> Result<Vec<UserId>> {
    const ESTRANGED: Text = Text::two(
        "SELECT r.to_id FROM relations r WHERE r.from_id = $1 AND r.kind = $2
        AND NOT EXISTS (SELECT 1 FROM relations b
            WHERE b.from_id = r.to_id AND b.to_id = $1 AND b.kind = $2)
        AND NOT EXISTS (SELECT 1 FROM memberships theirs
            CROSS JOIN groups g ON g.id = theirs.group_id AND g.pair_low IS NULL
            CROSS JOIN memberships own ON own.group_id = theirs.group_id AND own.user_id = $1
            WHERE theirs.user_id = r.to_id AND theirs.pending = 0)
        ORDER BY 1",
        "SELECT r.to_id FROM relations r
        CROSS JOIN LATERAL (SELECT EXISTS (SELECT 1 FROM relations
            WHERE from_id = r.to_id AND to_id = $1 AND kind = $2) AS blocks OFFSET 0) mutual
        CROSS JOIN LATERAL (SELECT EXISTS (SELECT 1 FROM memberships theirs
            CROSS JOIN LATERAL (SELECT 1 FROM groups
                WHERE id = theirs.group_id AND pair_low IS NULL OFFSET 0) g
            CROSS JOIN LATERAL (SELECT 1 FROM memberships
                WHERE group_id = theirs.group_id AND user_id = $1 OFFSET 0) own
            WHERE theirs.user_id = r.to_id AND NOT theirs.pending) AS shares OFFSET 0) shared
        WHERE r.from_id = $1 AND r.kind = $2 AND NOT mutual.blocks AND NOT shared.shares ORDER BY 1",
    );
    sql.all(ESTRANGED, params![user, Relation::Block.number()], |row| row.get(0))
}

pub fn blocks(sql: &impl Sql, user: UserId) -> Result<Vec<UserId>> {
    const BLOCKS: Text = Text::same(
        "SELECT to_id FROM relations WHERE from_id = $1 AND kind = $2
        UNION SELECT from_id FROM relations WHERE to_id = $1 AND kind = $2 ORDER BY 1",
    );
    sql.all(BLOCKS, params![user, Relation::Block.number()], |row| row.get(0))
}

pub fn blockers(sql: &impl Sql, user: UserId) -> Result<Vec<UserId>> {
    const BLOCKERS: Text =
        Text::same("SELECT from_id FROM relations WHERE to_id = $1 AND kind = $2 ORDER BY from_id");
    sql.all(BLOCKERS, params![user, Relation::Block.number()], |row| row.get(0))
}

pub fn invitations_trim(sql: &mut impl Sql, user: UserId, keep: usize) -> Result<Vec<(UserId, Name)>> {
    const OLD: Text = Text::two(
        "SELECT u.id, u.name FROM relations r CROSS JOIN users u ON u.id = r.from_id
        WHERE r.to_id = $1 AND r.kind = $2 ORDER BY r.since DESC, r.from_id DESC LIMIT -1 OFFSET $3",
        "SELECT u.id, u.name FROM (SELECT from_id FROM relations
            WHERE to_id = $1 AND kind = $2 ORDER BY since DESC, from_id DESC OFFSET $3) r
        JOIN users u ON u.id = r.from_id",
    );
    const DELETE: Text = Text::two(
        "DELETE FROM relations WHERE from_id = $1 AND to_id = $2",
        "DELETE FROM relations WHERE from_id = ANY($1) AND to_id = $2",
    );
    let read = |row: &dyn Columns| Ok((row.get(0)?, row.get(1)?));
    let dropped: Vec<(UserId, Name)> =
        sql.all(OLD, params![user, Relation::Invitation.number(), limit(keep)], read)?;
    if !dropped.is_empty() {
        let from = Keys::Ints(dropped.iter().map(|(from, _)| from.0).collect());
        sql.change_each(DELETE, &from, params![user])?;
    }
    Ok(dropped)
}

fn find(sql: &impl Sql, from: UserId, to: UserId) -> Result<Option<Relation>> {
    const FIND: Text = Text::same("SELECT kind FROM relations WHERE from_id = $1 AND to_id = $2");
    sql.one(FIND, params![from, to], |row| row.stored(0))
}

fn set(sql: &mut impl Sql, from: UserId, to: UserId, relation: Option<Relation>, now: Date) -> Result<()> {
    const DELETE: Text = Text::same("DELETE FROM relations WHERE from_id = $1 AND to_id = $2");
    const SET: Text = Text::same(
        "INSERT INTO relations AS r (from_id, to_id, kind, since) VALUES ($1, $2, $3, $4)
        ON CONFLICT (from_id, to_id) DO UPDATE SET kind = excluded.kind, since = excluded.since
        WHERE r.kind <> excluded.kind",
    );
    sql.outwait_messages();
    match relation {
        None => sql.change(DELETE, params![from, to]).map(drop),
        Some(relation) => sql.change(SET, params![from, to, relation.number(), now]).map(drop),
    }
}
