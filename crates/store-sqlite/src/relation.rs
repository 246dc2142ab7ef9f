//! Relations: one row for each direction.

use std::collections::BTreeSet;

use chinwag_core::relation::{self, Pair, Relation};
use chinwag_core::store::encoding::Stored;
use chinwag_core::store::{Relations, Users};
use chinwag_core::user::User;
use chinwag_core::{Date, Name, Result, UserId, stored_number};
use rusqlite::{Row, params};

use crate::column::stored;
use crate::group::group_id;
use crate::transaction::{Transaction, limit};
use crate::user::name;

const INVITATION: i64 = stored_number!(Relation::Invitation);
const CONTACT: i64 = stored_number!(Relation::Contact);
const BLOCK: i64 = stored_number!(Relation::Block);

impl Relations for Transaction<'_> {
    fn pair(&self, author: UserId, target: UserId) -> Result<Pair> {
        Ok(Pair { mine: self.relation(author, target)?, theirs: self.relation(target, author)? })
    }

    fn pair_set(&mut self, author: UserId, target: UserId, pair: Pair, now: Date) -> Result<()> {
        self.relation_set(author, target, pair.mine, now)?;
        self.relation_set(target, author, pair.theirs, now)
    }

    fn relations(&self, user: UserId) -> Result<relation::Relations> {
        let mine = self.all(
            "SELECT r.kind, u.name FROM relations r CROSS JOIN users u ON u.id = r.to_id
            WHERE r.from_id = ?1 ORDER BY u.name",
            [user.0],
            kind_and_name,
        )?;
        let theirs = self.all(
            "SELECT r.kind, u.name FROM relations r CROSS JOIN users u ON u.id = r.from_id
            WHERE r.to_id = ?1 ORDER BY u.name",
            [user.0],
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
        self.count("SELECT count(*) FROM relations WHERE from_id = ?1", [user.0])
    }

    fn contacts(&self, user: UserId) -> Result<Vec<(UserId, Name)>> {
        self.all(
            "SELECT u.id, u.name FROM relations r CROSS JOIN users u ON u.id = r.to_id
            WHERE r.from_id = ?1 AND r.kind = ?2 ORDER BY r.to_id",
            [user.0, CONTACT],
            |row| Ok((number(row)?, name(row, 1)?)),
        )
    }

    fn acquaintances(&self, user: UserId) -> Result<Vec<UserId>> {
        self.all(
            "SELECT to_id FROM relations WHERE from_id = ?1
            UNION SELECT from_id FROM relations WHERE to_id = ?1
            UNION SELECT other.user_id
                FROM memberships own CROSS JOIN memberships other ON other.group_id = own.group_id
                WHERE own.user_id = ?1 AND other.user_id <> ?1 AND other.pending = 0
            ORDER BY 1",
            [user.0],
            number,
        )
    }

    fn acquainted(&self, user: UserId, others: &[UserId]) -> Result<Vec<UserId>> {
        const SQL: &str = "SELECT 1 FROM relations WHERE from_id = ?1 AND to_id = ?2
            UNION ALL SELECT 1 FROM relations WHERE from_id = ?2 AND to_id = ?1
            UNION ALL SELECT 1 FROM memberships own
                CROSS JOIN memberships other ON other.group_id = own.group_id AND other.user_id = ?2
                CROSS JOIN groups g ON g.id = own.group_id
                WHERE own.user_id = ?1
            LIMIT 1";
        let mut found = Vec::new();
        for other in others {
            if self.one(SQL, [user.0, other.0], |_| Ok(()))?.is_some() {
                found.push(*other);
            }
        }
        Ok(found)
    }

    fn circle_page(&self, user: UserId, after: Option<UserId>, most: usize) -> Result<Vec<User>> {
        const CONTACTS: &str = "SELECT to_id FROM relations WHERE from_id = ?1 AND kind = ?2 AND to_id > ?3 ORDER BY to_id LIMIT ?4";
        const GROUPS: &str = "SELECT m.group_id FROM memberships m CROSS JOIN groups g ON g.id = m.group_id
            WHERE m.user_id = ?1";
        const MEMBERS: &str = "SELECT m.user_id FROM memberships m CROSS JOIN users u ON u.id = m.user_id
            WHERE m.group_id = ?1 AND m.user_id > ?2 AND m.user_id < ?3 ORDER BY m.user_id LIMIT ?4";
        let after = after.map_or(i64::MIN, |id| id.0);
        let contacts = self.all(CONTACTS, [user.0, CONTACT, after, limit(most)], number)?;
        let mut found: BTreeSet<_> = contacts.into_iter().chain([user]).filter(|id| id.0 > after).collect();
        for group in self.all(GROUPS, [user.0], |row| group_id(row, 0))? {
            // Whoever comes after a full page is not read.
            let before = if found.len() < most { i64::MAX } else { found.last().map_or(after, |id| id.0) };
            let page = params![group.0.into_bytes(), after, before, limit(most)];
            found.extend(self.all(MEMBERS, page, number)?);
            while found.len() > most {
                found.pop_last();
            }
        }
        let users: Result<Vec<_>> = found.into_iter().take(most).map(|id| self.user(id)).collect();
        Ok(users?.into_iter().flatten().collect())
    }

    fn blocks(&self, user: UserId) -> Result<Vec<UserId>> {
        self.all(
            "SELECT to_id FROM relations WHERE from_id = ?1 AND kind = ?2
            UNION SELECT from_id FROM relations WHERE to_id = ?1 AND kind = ?2 ORDER BY 1",
            [user.0, BLOCK],
            number,
        )
    }

    fn estranged(&self, user: UserId) -> Result<Vec<UserId>> {
        self.all(
            "SELECT r.to_id FROM relations r WHERE r.from_id = ?1 AND r.kind = ?2
            AND NOT EXISTS (SELECT 1 FROM relations b
                WHERE b.from_id = r.to_id AND b.to_id = ?1 AND b.kind = ?2)
            AND NOT EXISTS (SELECT 1 FROM memberships theirs
                CROSS JOIN groups g ON g.id = theirs.group_id AND g.pair_low IS NULL
                CROSS JOIN memberships own ON own.group_id = theirs.group_id AND own.user_id = ?1
                WHERE theirs.user_id = r.to_id AND theirs.pending = 0)
            ORDER BY 1",
            [user.0, BLOCK],
            number,
        )
    }

    fn invitations_trim(&mut self, user: UserId, keep: usize) -> Result<Vec<(UserId, Name)>> {
        let dropped = self.all(
            "SELECT u.id, u.name FROM relations r CROSS JOIN users u ON u.id = r.from_id
            WHERE r.to_id = ?1 AND r.kind = ?2 ORDER BY r.since DESC, r.from_id DESC LIMIT -1 OFFSET ?3",
            params![user.0, INVITATION, limit(keep)],
            |row| Ok((number(row)?, name(row, 1)?)),
        )?;
        for (from, _) in &dropped {
            self.change("DELETE FROM relations WHERE from_id = ?1 AND to_id = ?2", [from.0, user.0])?;
        }
        Ok(dropped)
    }
}

impl Transaction<'_> {
    fn relation(&self, from: UserId, to: UserId) -> Result<Option<Relation>> {
        self.one("SELECT kind FROM relations WHERE from_id = ?1 AND to_id = ?2", [from.0, to.0], |row| {
            stored(row, 0)
        })
    }

    fn relation_set(
        &mut self,
        from: UserId,
        to: UserId,
        relation: Option<Relation>,
        now: Date,
    ) -> Result<()> {
        const DELETE: &str = "DELETE FROM relations WHERE from_id = ?1 AND to_id = ?2";
        const SET: &str = "INSERT INTO relations (from_id, to_id, kind, since) VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT (from_id, to_id) DO UPDATE SET kind = excluded.kind, since = excluded.since
            WHERE kind <> excluded.kind";
        let Some(relation) = relation else { return self.change(DELETE, [from.0, to.0]).map(drop) };
        self.change(SET, params![from.0, to.0, relation.number(), now.micros()]).map(drop)
    }
}

fn kind_and_name(row: &Row<'_>) -> rusqlite::Result<(Relation, Name)> {
    Ok((stored(row, 0)?, name(row, 1)?))
}

fn number(row: &Row<'_>) -> rusqlite::Result<UserId> {
    row.get(0).map(UserId)
}
