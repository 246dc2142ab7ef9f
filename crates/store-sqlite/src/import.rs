//! Records of imports.

use chinwag_core::store::encoding::Stored;
use chinwag_core::store::{ImportKind, Imported, Imports};
use chinwag_core::{GroupId, Result, UserId};
use rusqlite::{Row, params};
use uuid::Uuid;

use crate::transaction::Transaction;

impl Imports for Transaction<'_> {
    fn imported(&self, kind: ImportKind, ids: &[Uuid]) -> Result<Vec<Option<Imported>>> {
        const SQL: &str = "SELECT user_id, group_id FROM imports WHERE kind = ?1 AND source_id = ?2";
        let find =
            |id: &Uuid| self.one(SQL, params![kind.number(), id.into_bytes()], |row| imported(kind, row));
        ids.iter().map(find).collect()
    }

    fn is_imported(&self, user: UserId) -> Result<bool> {
        const SQL: &str = "SELECT 1 FROM imports WHERE user_id = ?1";
        Ok(self.one(SQL, [user.0], |_| Ok(()))?.is_some())
    }

    fn imported_add(&mut self, taken: &[(Uuid, Imported)]) -> Result<()> {
        const SQL: &str = "INSERT INTO imports (kind, source_id, user_id, group_id) VALUES (?1, ?2, ?3, ?4)";
        for (id, what) in taken {
            let (user, group) = match what {
                Imported::User(user) => (Some(user.0), None),
                Imported::Group(group) => (None, Some(group.0.into_bytes())),
                Imported::Relation | Imported::Membership => (None, None),
            };
            self.change(SQL, params![what.kind().number(), id.into_bytes(), user, group])?;
        }
        Ok(())
    }
}

fn imported(kind: ImportKind, row: &Row<'_>) -> rusqlite::Result<Imported> {
    Ok(match kind {
        ImportKind::User => Imported::User(UserId(row.get(0)?)),
        ImportKind::Group => Imported::Group(GroupId(Uuid::from_bytes(row.get(1)?))),
        ImportKind::Relation => Imported::Relation,
        ImportKind::Membership => Imported::Membership,
    })
}
