//! Pages of a user's circle, group by group: SQLite reads each group from an index.

use std::collections::BTreeSet;

use chinwag_core::relation::Relation;
use chinwag_core::store::Users;
use chinwag_core::store::encoding::Stored;
use chinwag_core::user::User;
use chinwag_core::{Result, UserId};
use rusqlite::{Row, params};

use crate::group::group_id;
use crate::transaction::{Transaction, limit};

chinwag_store_sql::impl_relations! {
    Transaction<'_, '_>,
    fn circle_page(&self, user: UserId, after: Option<UserId>, limit: usize) -> Result<Vec<User>> {
        circle_page(self, user, after, limit)
    }
}

fn circle_page(
    tx: &Transaction<'_, '_>,
    user: UserId,
    after: Option<UserId>,
    most: usize,
) -> Result<Vec<User>> {
    const CONTACTS: &str = "SELECT to_id FROM relations
        WHERE from_id = ?1 AND kind = ?2 AND to_id > ?3 ORDER BY to_id LIMIT ?4";
    const GROUPS: &str = "SELECT m.group_id FROM memberships m CROSS JOIN groups g ON g.id = m.group_id
        WHERE m.user_id = ?1";
    const MEMBERS: &str = "SELECT m.user_id FROM memberships m CROSS JOIN users u ON u.id = m.user_id
        WHERE m.group_id = ?1 AND m.user_id > ?2 AND m.user_id < ?3 ORDER BY m.user_id LIMIT ?4";
    let after = after.map_or(i64::MIN, |id| id.0);
    let page = params![user.0, Relation::Contact.number(), after, limit(most)];
    let contacts = tx.all(CONTACTS, page, number)?;
    let mut found: BTreeSet<_> = contacts.into_iter().chain([user]).filter(|id| id.0 > after).collect();
    for group in tx.all(GROUPS, [user.0], |row| group_id(row, 0))? {
        // Users beyond a full page are not read.
        let before = if found.len() < most { i64::MAX } else { found.last().map_or(after, |id| id.0) };
        let page = params![group.0.into_bytes(), after, before, limit(most)];
        found.extend(tx.all(MEMBERS, page, number)?);
        while found.len() > most {
            found.pop_last();
        }
    }
    let users: Result<Vec<_>> = found.into_iter().take(most).map(|id| tx.user(id)).collect();
    Ok(users?.into_iter().flatten().collect())
}

fn number(row: &Row<'_>) -> rusqlite::Result<UserId> {
    row.get(0).map(UserId)
}
