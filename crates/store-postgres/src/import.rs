//! Records of imports.

use std::collections::HashMap;

use chinwag_core::store::encoding::Stored;
use chinwag_core::store::{ImportKind, Imported, Imports};
use chinwag_core::{GroupId, Result, UserId};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::transaction::Transaction;

impl Imports for Transaction<'_, '_> {
    fn imported(&self, kind: ImportKind, ids: &[Uuid]) -> Result<Vec<Option<Imported>>> {
        const SQL: &str =
            "SELECT source_id, user_id, group_id FROM imports WHERE kind = $1 AND source_id = ANY($2)";
        let found =
            self.all(SQL, &[&kind.number(), &ids], |row| Ok((row.try_get(0)?, imported(kind, row)?)))?;
        let found: HashMap<Uuid, Imported> = found.into_iter().collect();
        Ok(ids.iter().map(|id| found.get(id).copied()).collect())
    }

    fn is_imported(&self, user: UserId) -> Result<bool> {
        const SQL: &str = "SELECT 1 FROM imports WHERE user_id = $1";
        Ok(self.one(SQL, &[&user.0], |_| Ok(()))?.is_some())
    }

    fn imported_add(&mut self, taken: &[(Uuid, Imported)]) -> Result<()> {
        const SQL: &str = "INSERT INTO imports (kind, source_id, user_id, group_id)
            SELECT * FROM unnest($1::smallint[], $2::uuid[], $3::bigint[], $4::uuid[])";
        let kinds: Vec<_> = taken.iter().map(|(_, what)| what.kind().number()).collect();
        let ids: Vec<_> = taken.iter().map(|(id, _)| *id).collect();
        let (users, groups): (Vec<_>, Vec<_>) = taken
            .iter()
            .map(|(_, what)| match what {
                Imported::User(user) => (Some(user.0), None),
                Imported::Group(group) => (None, Some(group.0)),
                Imported::Relation | Imported::Membership => (None, None),
            })
            .unzip();
        self.change(SQL, &[&kinds, &ids, &users, &groups]).map(drop)
    }
}

fn imported(kind: ImportKind, row: &Row) -> Result<Imported, tokio_postgres::Error> {
    Ok(match kind {
        ImportKind::User => Imported::User(UserId(row.try_get(1)?)),
        ImportKind::Group => Imported::Group(GroupId(row.try_get(2)?)),
        ImportKind::Relation => Imported::Relation,
        ImportKind::Membership => Imported::Membership,
    })
}
