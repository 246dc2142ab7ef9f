//! The audit log.

use chinwag_core::audit::{AuditAction, AuditEntry, AuditFilter};
use chinwag_core::{AuditId, Date, Result};
use uuid::Uuid;

use crate::sql::params;
use crate::transfer::table;
use crate::{Columns, Sql, Text, limit};

table! {
    AUDIT: "audit" by (id: Id)
    date: Number, actor: Text, action: Text, target: Text, address: Text, detail: Text,
}

crate::implement! {
    ($) impl_audit: Audit by audit
    read {
        audit_page(filter: &AuditFilter, before: Option<AuditId>, limit: usize) -> Vec<AuditEntry>;
    }
    write {
        audit_insert(entry: &AuditEntry) -> ();
        audit_purge(before: Date, limit: usize) -> usize;
    }
}

pub fn audit_insert(sql: &mut impl Sql, entry: &AuditEntry) -> Result<()> {
    const INSERT: Text = Text::same(
        "INSERT INTO audit (id, date, actor, action, target, address, detail) VALUES ($1, $2, $3, $4, $5, $6, $7)",
    );
    let AuditEntry { id, date, actor, action, target, address, detail } = entry;
    let [actor, target, address, detail] = [actor, target, address, detail].map(Option::as_deref);
    sql.change(INSERT, params![id.0, *date, actor, &**action, target, address, detail]).map(drop)
}

/// A query of entries, newest first.
macro_rules! page {
    ($condition:literal, $limit:literal) => {
        Text::same(concat!(
            "SELECT id, date, actor, action, target, address, detail FROM audit WHERE ",
            $condition,
            " ORDER BY id DESC LIMIT ",
            $limit
        ))
    };
}

pub fn audit_page(
    sql: &impl Sql,
    filter: &AuditFilter,
    before: Option<AuditId>,
    most: usize,
) -> Result<Vec<AuditEntry>> {
    const ALL: Text = page!("id < $1", "$2");
    const TARGET: Text = page!("target = $1 AND id < $2", "$3");
    const ADDRESS: Text = page!("address = $1 AND id < $2", "$3");
    const ACTOR: Text = page!("actor = $1 AND id < $2", "$3");
    const ACTION: Text = page!("action = $1 AND id < $2", "$3");
    // No entry has the greatest possible id.
    let before = before.map_or(Uuid::max(), |id| id.0);
    let AuditFilter { actor, action, target, address, .. } = filter;
    // The most selective filter comes first.
    let by = [
        (target.as_deref(), TARGET),
        (address.as_deref(), ADDRESS),
        (actor.as_deref(), ACTOR),
        (action.map(AuditAction::as_str), ACTION),
    ];
    match by.into_iter().find_map(|(value, text)| Some((value?, text))) {
        Some((value, text)) => sql.all(text, params![value, before, limit(most)], read),
        None => sql.all(ALL, params![before, limit(most)], read),
    }
}

pub fn audit_purge(sql: &mut impl Sql, before: Date, most: usize) -> Result<usize> {
    const PURGE: Text = Text::two(
        "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE date < $1 ORDER BY date LIMIT $2)",
        "DELETE FROM audit WHERE id = ANY(ARRAY(SELECT id FROM audit WHERE date < $1 ORDER BY date LIMIT $2))",
    );
    sql.change(PURGE, params![before, limit(most)])
}

fn read(row: &dyn Columns) -> Result<AuditEntry> {
    Ok(AuditEntry {
        id: row.get(0).map(AuditId)?,
        date: row.get(1)?,
        actor: row.maybe(2)?,
        action: row.get(3)?,
        target: row.maybe(4)?,
        address: row.maybe(5)?,
        detail: row.maybe(6)?,
    })
}
