//! Pages of a user's circle, with one statement.

use chinwag_core::relation::Relation;
use chinwag_core::store::encoding::Stored;
use chinwag_core::user::User;
use chinwag_core::{Result, UserId};

use crate::column::name;
use crate::transaction::{Transaction, limit};

chinwag_store_sql::impl_relations! {
    Transaction<'_, '_>,
    fn circle_page(&self, user: UserId, after: Option<UserId>, limit: usize) -> Result<Vec<User>> {
        circle_page(self, user, after, limit)
    }
}

fn circle_page(
    tx: &Transaction<'_, '_>,
    me: UserId,
    after: Option<UserId>,
    most: usize,
) -> Result<Vec<User>> {
    tx.all(
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
        &[&me.0, &after.map_or(i64::MIN, |id| id.0), &limit(most), &Relation::Contact.number()],
        |row| Ok(User { id: UserId(row.try_get(0)?), name: name(row, 1)?, special: row.try_get(2)? }),
    )
}
