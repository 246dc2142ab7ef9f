//! Relations: one row for each direction.

use chinwag_core::relation::{self, Pair, Relation};
use chinwag_core::store::Relations;
use chinwag_core::store::encoding::Stored as _;
use chinwag_core::user::User;
use chinwag_core::{Date, Name, Result, UserId, stored_number};
use tokio_postgres::Row;

use crate::column::Stored;
use crate::transaction::{Transaction, limit};
use crate::user::{name, user};

const INVITATION: i16 = stored_number!(Relation::Invitation);
const CONTACT: i16 = stored_number!(Relation::Contact);
const BLOCK: i16 = stored_number!(Relation::Block);

type Read<T> = Result<T, tokio_postgres::Error>;

impl Relations for Transaction<'_, '_> {
    fn pair(&self, author: UserId, target: UserId) -> Result<Pair> {
        Ok(Pair { mine: self.relation(author, target)?, theirs: self.relation(target, author)? })
    }

    fn pair_set(&mut self, author: UserId, target: UserId, pair: Pair, now: Date) -> Result<()> {
        self.relation_set(author, target, pair.mine, now)?;
        self.relation_set(target, author, pair.theirs, now)
    }

    fn relations(&self, user: UserId) -> Result<relation::Relations> {
        let mine = self.all(
            "SELECT r.kind, u.name FROM relations r JOIN users u ON u.id = r.to_id
            WHERE r.from_id = $1 ORDER BY u.name",
            &[&user.0],
            kind_and_name,
        )?;
        let theirs = self.all(
            "SELECT r.kind, u.name FROM relations r JOIN users u ON u.id = r.from_id
            WHERE r.to_id = $1 ORDER BY u.name",
            &[&user.0],
            kind_and_name,
        )?;
        let mut all = relation::Relations::default();
        for (relation, name) in mine {
            match relation {
                Relation::Invitation => all.invitations.push(name),
                Relation::Contact => all.contacts.push(name),
                Relation::Block => all.blockeds.push(name),
            }
        }
        for (relation, name) in theirs {
            match relation {
                Relation::Invitation => all.invited_by.push(name),
                Relation::Contact => {} // stands in both directions
                Relation::Block => all.blocked_by.push(name),
            }
        }
        Ok(all)
    }

    fn relations_count(&self, user: UserId) -> Result<usize> {
        self.count("SELECT count(*) FROM relations WHERE from_id = $1", &[&user.0])
    }

    fn contacts(&self, user: UserId) -> Result<Vec<(UserId, Name)>> {
        self.all(
            "SELECT u.id, u.name FROM relations r JOIN users u ON u.id = r.to_id
            WHERE r.from_id = $1 AND r.kind = $2 ORDER BY r.to_id",
            &[&user.0, &CONTACT],
            |row| Ok((number(row)?, name(row, 1)?)),
        )
    }

    fn acquaintances(&self, user: UserId) -> Result<Vec<UserId>> {
        self.all(
            "SELECT to_id FROM relations WHERE from_id = $1
            UNION SELECT from_id FROM relations WHERE to_id = $1
            UNION SELECT other.user_id
                FROM memberships own JOIN memberships other ON other.group_id = own.group_id
                WHERE own.user_id = $1 AND other.user_id <> $1 AND NOT other.pending
            ORDER BY 1",
            &[&user.0],
            number,
        )
    }

    fn acquainted(&self, user: UserId, others: &[UserId]) -> Result<Vec<UserId>> {
        let others: Vec<_> = others.iter().map(|other| other.0).collect();
        self.all(
            "SELECT o.id FROM unnest($2::bigint[]) o (id)
            WHERE EXISTS (SELECT FROM relations r WHERE r.from_id = $1 AND r.to_id = o.id)
                OR EXISTS (SELECT FROM relations r WHERE r.from_id = o.id AND r.to_id = $1)
                OR EXISTS (SELECT FROM memberships other
                    JOIN memberships own ON own.group_id = other.group_id AND own.user_id = $1
                    JOIN groups g ON g.id = other.group_id
                    WHERE other.user_id = o.id)",
            &[&user.0, &others],
            number,
        )
    }

    fn circle_page(&self, me: UserId, after: Option<UserId>, most: usize) -> Result<Vec<User>> {
        self.all(
            "SELECT u.id, u.name, u.special FROM users u
            WHERE u.id > $2 AND u.id IN (
                SELECT $1
                UNION SELECT r.to_id FROM relations r WHERE r.from_id = $1 AND r.kind = $4 AND r.to_id > $2
                UNION SELECT page.user_id FROM memberships own
                    JOIN groups g ON g.id = own.group_id
                    CROSS JOIN LATERAL (
                        SELECT m.user_id FROM memberships m JOIN users v ON v.id = m.user_id
                        WHERE m.group_id = own.group_id AND m.user_id > $2 ORDER BY m.user_id LIMIT $3
                    ) page
                    WHERE own.user_id = $1)
            ORDER BY u.id LIMIT $3",
            &[&me.0, &after.map_or(i64::MIN, |id| id.0), &limit(most), &CONTACT],
            user,
        )
    }

    fn blocks(&self, user: UserId) -> Result<Vec<UserId>> {
        self.all(
            "SELECT to_id FROM relations WHERE from_id = $1 AND kind = $2
            UNION SELECT from_id FROM relations WHERE to_id = $1 AND kind = $2 ORDER BY 1",
            &[&user.0, &BLOCK],
            number,
        )
    }

    fn estranged(&self, user: UserId) -> Result<Vec<UserId>> {
        self.all(
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
            &[&user.0, &BLOCK],
            number,
        )
    }

    fn invitations_trim(&mut self, user: UserId, keep: usize) -> Result<Vec<(UserId, Name)>> {
        let dropped = self.all(
            "SELECT u.id, u.name FROM (SELECT from_id FROM relations
                WHERE to_id = $1 AND kind = $2 ORDER BY since DESC, from_id DESC OFFSET $3) r
            JOIN users u ON u.id = r.from_id",
            &[&user.0, &INVITATION, &limit(keep)],
            |row| Ok((number(row)?, name(row, 1)?)),
        )?;
        let from: Vec<_> = dropped.iter().map(|(from, _)| from.0).collect();
        if !from.is_empty() {
            self.change("DELETE FROM relations WHERE from_id = ANY($1) AND to_id = $2", &[&from, &user.0])?;
        }
        Ok(dropped)
    }
}

impl Transaction<'_, '_> {
    fn relation(&self, from: UserId, to: UserId) -> Result<Option<Relation>> {
        self.one("SELECT kind FROM relations WHERE from_id = $1 AND to_id = $2", &[&from.0, &to.0], kind)
    }

    fn relation_set(
        &mut self,
        from: UserId,
        to: UserId,
        relation: Option<Relation>,
        now: Date,
    ) -> Result<()> {
        const DELETE: &str = "DELETE FROM relations WHERE from_id = $1 AND to_id = $2";
        const SET: &str = "INSERT INTO relations AS r (from_id, to_id, kind, since) VALUES ($1, $2, $3, $4)
            ON CONFLICT (from_id, to_id) DO UPDATE SET kind = excluded.kind, since = excluded.since
            WHERE r.kind <> excluded.kind";
        let Some(relation) = relation else { return self.change(DELETE, &[&from.0, &to.0]).map(drop) };
        self.change(SET, &[&from.0, &to.0, &relation.number(), &now.micros()]).map(drop)
    }
}

fn kind(row: &Row) -> Read<Relation> {
    row.try_get(0).map(|Stored(relation)| relation)
}

/// A relation from a column, if there is one.
pub(crate) fn maybe_kind(row: &Row, column: usize) -> Read<Option<Relation>> {
    Ok(row.try_get::<_, Option<_>>(column)?.map(|Stored(relation)| relation))
}

fn kind_and_name(row: &Row) -> Read<(Relation, Name)> {
    Ok((kind(row)?, name(row, 1)?))
}

fn number(row: &Row) -> Read<UserId> {
    row.try_get(0).map(UserId)
}
