//! Records of imports, inserted in bulk.

use chinwag_core::Result;
use chinwag_core::store::Imported;
use chinwag_core::store::encoding::Stored;
use uuid::Uuid;

use crate::transaction::Transaction;

chinwag_store_sql::impl_imports! {
    Transaction<'_, '_>,
    fn imported_add(&mut self, taken: &[(Uuid, Imported)]) -> Result<()> {
        imported_add(self, taken)
    }
}

fn imported_add(tx: &mut Transaction<'_, '_>, taken: &[(Uuid, Imported)]) -> Result<()> {
    const SQL: &str = "INSERT INTO imports (kind, source_id, user_id, group_id)
        SELECT * FROM unnest($1::smallint[], $2::uuid[], $3::bigint[], $4::uuid[])";
    let kinds: Vec<_> = taken.iter().map(|(_, what)| what.kind().number()).collect();
    let ids: Vec<_> = taken.iter().map(|(id, _)| *id).collect();
    let (users, groups): (Vec<_>, Vec<_>) = taken
        .iter()
        .map(|(_, what)| match what {
            Imported::User(user) => (Some(user.0), None),
            Imported::Group(group) => (None, Some(group.0)),
            Imported::Relation | Imported::Membership | Imported::Reaction => (None, None),
        })
        .unzip();
    tx.change(SQL, &[&kinds, &ids, &users, &groups]).map(drop)
}
