//! Records of imports, inserted row by row.

use chinwag_core::Result;
use chinwag_core::store::Imported;
use chinwag_core::store::encoding::Stored;
use rusqlite::params;
use uuid::Uuid;

use crate::transaction::Transaction;

chinwag_store_sql::impl_imports! {
    Transaction<'_, '_>,
    fn imported_add(&mut self, taken: &[(Uuid, Imported)]) -> Result<()> {
        imported_add(self, taken)
    }
}

fn imported_add(tx: &mut Transaction<'_, '_>, taken: &[(Uuid, Imported)]) -> Result<()> {
    const SQL: &str = "INSERT INTO imports (kind, source_id, user_id, group_id) VALUES (?1, ?2, ?3, ?4)";
    for (id, what) in taken {
        let (user, group) = match what {
            Imported::User(user) => (Some(user.0), None),
            Imported::Group(group) => (None, Some(group.0.into_bytes())),
            Imported::Relation | Imported::Membership | Imported::Reaction => (None, None),
        };
        tx.change(SQL, params![what.kind().number(), id.into_bytes(), user, group])?;
    }
    Ok(())
}
