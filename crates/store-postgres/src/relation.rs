//! Relations: one row for each direction.

use chinwag_core::relation::{self, Pair, Relation};
use chinwag_core::store::Relations;
use chinwag_core::{Name, Result, UserId};
use tokio_postgres::Row;

use crate::transaction::Transaction;
use crate::user::name;

const INVITATION: i16 = 0;
const CONTACT: i16 = 1;
const BLOCK: i16 = 2;

type Read<T> = Result<T, tokio_postgres::Error>;

impl Relations for Transaction<'_, '_> {
    fn pair(&self, author: UserId, target: UserId) -> Result<Pair> {
        Ok(Pair { mine: self.relation(author, target)?, theirs: self.relation(target, author)? })
    }

    fn pair_set(&mut self, author: UserId, target: UserId, pair: Pair) -> Result<()> {
        self.relation_set(author, target, pair.mine)?;
        self.relation_set(target, author, pair.theirs)
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
        self.count(
            "SELECT count(*) FROM (SELECT to_id FROM relations WHERE from_id = $1
            UNION SELECT from_id FROM relations WHERE to_id = $1) related",
            &[&user.0],
        )
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
                WHERE own.user_id = $1 AND other.user_id <> $1
            ORDER BY 1",
            &[&user.0],
            number,
        )
    }

    fn blockers_among(&self, user: UserId, others: &[UserId]) -> Result<Vec<UserId>> {
        let others: Vec<_> = others.iter().map(|other| other.0).collect();
        self.all(
            "SELECT from_id FROM relations WHERE to_id = $1 AND from_id = ANY($2) AND kind = $3",
            &[&user.0, &others, &BLOCK],
            number,
        )
    }
}

impl Transaction<'_, '_> {
    fn relation(&self, from: UserId, to: UserId) -> Result<Option<Relation>> {
        self.one("SELECT kind FROM relations WHERE from_id = $1 AND to_id = $2", &[&from.0, &to.0], kind)
    }

    fn relation_set(&mut self, from: UserId, to: UserId, relation: Option<Relation>) -> Result<()> {
        const DELETE: &str = "DELETE FROM relations WHERE from_id = $1 AND to_id = $2";
        const SET: &str = "INSERT INTO relations (from_id, to_id, kind) VALUES ($1, $2, $3)
            ON CONFLICT (from_id, to_id) DO UPDATE SET kind = excluded.kind";
        let kind = match relation {
            None => return self.change(DELETE, &[&from.0, &to.0]).map(drop),
            Some(Relation::Invitation) => INVITATION,
            Some(Relation::Contact) => CONTACT,
            Some(Relation::Block) => BLOCK,
        };
        self.change(SET, &[&from.0, &to.0, &kind]).map(drop)
    }
}

fn kind(row: &Row) -> Read<Relation> {
    // The schema lets no other kind in.
    Ok(match row.try_get(0)? {
        INVITATION => Relation::Invitation,
        CONTACT => Relation::Contact,
        _ => Relation::Block,
    })
}

fn kind_and_name(row: &Row) -> Read<(Relation, Name)> {
    Ok((kind(row)?, name(row, 1)?))
}

fn number(row: &Row) -> Read<UserId> {
    row.try_get(0).map(UserId)
}
