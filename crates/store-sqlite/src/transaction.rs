//! A transaction on one connection, as the files of the nouns use it.

use std::cell::Cell;

use chinwag_core::name::NameCase;
use chinwag_core::{Error, Result};
use rusqlite::{Connection, OptionalExtension, Params, Row};

use crate::fault::{fault, is_damage, is_disk_full};
use crate::statements::{LentStatement, Statements};

/// The state of the transaction's changes to the full-text index that FTS5 has not written yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum UnwrittenTerms {
    #[default]
    None,
    Some,
    /// Removed terms are marked instead of overwritten.
    Deferred,
}

/// The transaction of one job. A write job shares it with others of its batch. With `savepoints`, a savepoint
/// before the job's first change allows the job alone to be rolled back.
pub(crate) struct Transaction<'t, 'c> {
    conn: &'c Connection,
    /// The writer's statement cache, if any.
    statements: Option<&'t Statements<'c>>,
    savepoints: bool,
    pub(crate) name_case: NameCase,
    pub(crate) next_stamp: i64,
    changed: bool,
    erased: bool,
    pub(crate) unwritten: UnwrittenTerms,
    /// Index rows whose terms are still to be removed, while removals are deferred.
    pub(crate) removed_terms: Vec<(i64, String)>,
    damaged: Cell<bool>,
    disk_full: Cell<bool>,
}

impl<'t, 'c> Transaction<'t, 'c> {
    /// Wraps the transaction that `conn` has begun. Everything with a stamp below `next_stamp` is visible in
    /// it.
    pub(crate) fn new(conn: &'c Connection, savepoints: bool, name_case: NameCase, next_stamp: i64) -> Self {
        Self {
            conn,
            statements: None,
            savepoints,
            name_case,
            next_stamp,
            changed: false,
            erased: false,
            unwritten: UnwrittenTerms::None,
            removed_terms: Vec::new(),
            damaged: Cell::new(false),
            disk_full: Cell::new(false),
        }
    }

    /// Uses cached statements of the connection.
    pub(crate) fn with(self, statements: &'t Statements<'c>) -> Self {
        Self { statements: Some(statements), ..self }
    }

    /// Records that a body was erased or replaced, whose earlier page is still in the journal.
    pub(crate) fn erasing(&mut self) {
        self.erased = true;
    }

    /// Whether an erasure was recorded.
    pub(crate) fn has_erased(&self) -> bool {
        self.erased
    }

    /// Whether a statement found the file damaged.
    pub(crate) fn is_damaged(&self) -> bool {
        self.damaged.get()
    }

    /// Whether a statement found the disk full.
    pub(crate) fn met_full_disk(&self) -> bool {
        self.disk_full.get()
    }

    fn fault(&self, why: rusqlite::Error) -> Error {
        self.note_fault(&why);
        fault(why)
    }

    fn note_fault(&self, why: &rusqlite::Error) {
        if is_damage(why) {
            self.damaged.set(true);
        }
        if is_disk_full(self.conn, why) {
            self.disk_full.set(true);
        }
    }

    /// Keeps the job's changes for the commit.
    pub(crate) fn keep(mut self) -> Result<()> {
        if self.unwritten == UnwrittenTerms::Deferred {
            self.flush_terms()?;
        }
        if self.changed && self.savepoints { execute(self.conn, "RELEASE job") } else { Ok(()) }
    }

    /// Rolls back the job's changes, and no other's. Returns `false` if that is impossible for lack of a
    /// savepoint.
    pub(crate) fn undo(self) -> Result<bool> {
        if self.changed && self.savepoints {
            execute(self.conn, "ROLLBACK TO job")?;
            execute(self.conn, "RELEASE job")?;
        }
        Ok(self.savepoints || !self.changed)
    }

    /// The first row, if any.
    pub(crate) fn one<T>(
        &self,
        sql: &'static str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>> {
        let row = || self.prepare(sql)?.query_row(params, read).optional();
        row().map_err(|why| self.fault(why))
    }

    /// All rows.
    pub(crate) fn all<T>(
        &self,
        sql: &'static str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let rows = || self.prepare(sql)?.query_map(params, read)?.collect::<rusqlite::Result<_>>();
        rows().map_err(|why| self.fault(why))
    }

    /// A statement that runs repeatedly. Its text is looked up once.
    pub(crate) fn repeated(&self, sql: &'static str) -> Result<RepeatedStatement<'_, 't, 'c>> {
        let statement = self.prepare(sql).map_err(|why| self.fault(why))?;
        Ok(RepeatedStatement { tx: self, statement })
    }

    /// Changes rows, and returns their number.
    pub(crate) fn change(&mut self, sql: &'static str, params: impl Params) -> Result<usize> {
        self.try_change(sql, params)?.map_err(|why| self.fault(why))
    }

    /// Like [`change`](Self::change), but returns SQLite's own error for a refused change.
    pub(crate) fn try_change(
        &mut self,
        sql: &'static str,
        params: impl Params,
    ) -> Result<rusqlite::Result<usize>> {
        self.mark()?;
        let outcome = self.prepare(sql).and_then(|mut statement| statement.execute(params));
        Ok(outcome.inspect_err(|why| self.note_fault(why)))
    }

    /// Changes a row and returns the values of its `RETURNING` clause, if there was such a row.
    pub(crate) fn change_one<T>(
        &mut self,
        sql: &'static str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>> {
        self.mark()?;
        self.one(sql, params, read)
    }

    /// The number of rows that this connection has changed so far.
    pub(crate) fn total_changes(&self) -> u64 {
        self.conn.total_changes()
    }

    /// Makes FTS5 write its pending changes, which it does for each savepoint.
    pub(crate) fn write_terms(&mut self) -> Result<()> {
        if std::mem::take(&mut self.unwritten) == UnwrittenTerms::None {
            return Ok(());
        }
        execute(self.conn, "SAVEPOINT terms")?;
        execute(self.conn, "RELEASE terms")
    }

    fn prepare(&self, sql: &'static str) -> rusqlite::Result<LentStatement<'t, 'c>> {
        #[cfg(test)]
        crate::plan::check(self.conn, sql);
        match self.statements {
            Some(statements) => statements.take(sql),
            None => self.conn.prepare_cached(sql).map(LentStatement::Cached),
        }
    }

    fn mark(&mut self) -> Result<()> {
        if self.savepoints && !self.changed {
            execute(self.conn, "SAVEPOINT job")?;
        }
        self.changed = true;
        Ok(())
    }
}

/// See [`Transaction::repeated`].
pub(crate) struct RepeatedStatement<'a, 't, 'c> {
    tx: &'a Transaction<'t, 'c>,
    statement: LentStatement<'t, 'c>,
}

impl RepeatedStatement<'_, '_, '_> {
    /// The first row, if any.
    pub(crate) fn one<T>(
        &mut self,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>> {
        self.statement.query_row(params, read).optional().map_err(|why| self.tx.fault(why))
    }

    /// All rows.
    pub(crate) fn all<T>(
        &mut self,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let rows = self.statement.query_map(params, read).and_then(Iterator::collect);
        rows.map_err(|why| self.tx.fault(why))
    }
}

/// Runs a statement without parameters, such as `COMMIT`.
pub(crate) fn execute(conn: &Connection, sql: &str) -> Result<()> {
    conn.prepare_cached(sql).and_then(|mut statement| statement.execute([])).map(drop).map_err(fault)
}

/// Converts a limit for SQLite.
pub(crate) fn limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
