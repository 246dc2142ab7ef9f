//! Records of imports. Each store has its own way to insert records: PostgreSQL inserts many with one
//! statement.

use std::collections::HashMap;

use chinwag_core::store::encoding::Stored;
use chinwag_core::store::{ImportKind, Imported};
use chinwag_core::{Result, UserId};
use uuid::Uuid;

use crate::sql::params;
use crate::transfer::table;
use crate::{Columns, Keys, Sql, Text};

table! {
    IMPORTS: "imports" by (kind: Short, source_id: Id)
    user_id: Number, group_id: Id,
}

crate::implement! {
    ($) impl_imports: Imports by import
    read {
        imported(kind: ImportKind, ids: &[Uuid]) -> Vec<Option<Imported>>;
        is_imported(user: UserId) -> bool;
    }
    write {}
}

pub fn imported(sql: &impl Sql, kind: ImportKind, ids: &[Uuid]) -> Result<Vec<Option<Imported>>> {
    const FIND: Text = Text::two(
        "SELECT source_id, user_id, group_id FROM imports WHERE source_id = $1 AND kind = $2",
        "SELECT source_id, user_id, group_id FROM imports WHERE source_id = ANY($1) AND kind = $2",
    );
    let read = |row: &dyn Columns| Ok((row.get(0)?, read(kind, row)?));
    let found = sql.each(FIND, &Keys::Ids(ids.to_vec()), params![kind.number()], read)?;
    let found: HashMap<Uuid, Imported> = found.into_iter().collect();
    Ok(ids.iter().map(|id| found.get(id).copied()).collect())
}

pub fn is_imported(sql: &impl Sql, user: UserId) -> Result<bool> {
    const FIND: Text = Text::same("SELECT 1 FROM imports WHERE user_id = $1");
    Ok(sql.one(FIND, params![user], |_| Ok(()))?.is_some())
}

fn read(kind: ImportKind, row: &dyn Columns) -> Result<Imported> {
    Ok(match kind {
        ImportKind::User => Imported::User(row.get(1)?),
        ImportKind::Group => Imported::Group(row.get(2)?),
        ImportKind::Relation => Imported::Relation,
        ImportKind::Membership => Imported::Membership,
        ImportKind::Reaction => Imported::Reaction,
    })
}
