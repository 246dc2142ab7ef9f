//! One transaction on one connection, as the nouns' files use it.

use std::cell::Cell;

use chinwag_core::name::NameCase;
use chinwag_core::{Error, Result};
use rusqlite::{Connection, OptionalExtension, Params, Row};

use crate::fault::{fault, is_damage, is_disk_full};
use crate::statements::{LentStatement, Statements};

/// The changes of a transaction to the index of words that FTS5 has not written yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum UnwrittenTerms {
    #[default]
    None,
    Some,
    /// Removed terms are marked, and not overwritten.
    Deferred,
}

/// The transaction that one job runs in. A write job shares it with others: where savepoints are
/// asked for, one made before the job's first change lets it be undone alone.
pub(crate) struct Transaction<'t, 'c> {
    conn: &'c Connection,
    /// Those of the writer.
    statements: Option<&'t Statements<'c>>,
    savepoints: bool,
    pub(crate) name_case: NameCase,
    pub(crate) next_stamp: i64,
    changed: bool,
    erased: bool,
    pub(crate) unwritten: UnwrittenTerms,
    /// Rows of the index with terms that are to be removed, while removals are deferred.
    pub(crate) removed_terms: Vec<(i64, String)>,
    damaged: Cell<bool>,
    disk_full: Cell<bool>,
}

impl<'t, 'c> Transaction<'t, 'c> {
    /// The transaction that `conn` has begun, in which everything with a stamp below `next_stamp` is visible.
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

    /// The same with statements of the connection that are kept for later transactions.
    pub(crate) fn with(self, statements: &'t Statements<'c>) -> Self {
        Self { statements: Some(statements), ..self }
    }

    /// Notes that a body was erased or replaced, of which the journal has the earlier page.
    pub(crate) fn erasing(&mut self) {
        self.erased = true;
    }

    /// Whether that was noted.
    pub(crate) fn has_erased(&self) -> bool {
        self.erased
    }

    /// Whether the file was found damaged.
    pub(crate) fn is_damaged(&self) -> bool {
        self.damaged.get()
    }

    /// Whether the disk was found full.
    pub(crate) fn met_full_disk(&self) -> bool {
        self.disk_full.get()
    }

    fn fault(&self, why: rusqlite::Error) -> Error {
        self.look_at(&why);
        fault(why)
    }

    fn look_at(&self, why: &rusqlite::Error) {
        if is_damage(why) {
            self.damaged.set(true);
        }
        if is_disk_full(why) {
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

    /// Undoes the job's changes, and no other's. `false` if that cannot be done for want of a
    /// savepoint.
    pub(crate) fn undo(self) -> Result<bool> {
        if self.changed && self.savepoints {
            execute(self.conn, "ROLLBACK TO job")?;
            execute(self.conn, "RELEASE job")?;
        }
        Ok(self.savepoints || !self.changed)
    }

    /// The first row, if there is one.
    pub(crate) fn one<T>(
        &self,
        sql: &'static str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>> {
        let row = || self.prepare(sql)?.query_row(params, read).optional();
        row().map_err(|why| self.fault(why))
    }

    /// Every row.
    pub(crate) fn all<T>(
        &self,
        sql: &'static str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let rows = || self.prepare(sql)?.query_map(params, read)?.collect::<rusqlite::Result<_>>();
        rows().map_err(|why| self.fault(why))
    }

    /// A statement that runs many times: it is looked up by its text once.
    pub(crate) fn repeated(&self, sql: &'static str) -> Result<Repeated<'_, 't, 'c>> {
        let statement = self.prepare(sql).map_err(|why| self.fault(why))?;
        Ok(Repeated { tx: self, statement })
    }

    /// Changes rows; answers how many.
    pub(crate) fn change(&mut self, sql: &'static str, params: impl Params) -> Result<usize> {
        self.try_change(sql, params)?.map_err(|why| self.fault(why))
    }

    /// The same, with SQLite's own error for a change that was refused.
    pub(crate) fn try_change(
        &mut self,
        sql: &'static str,
        params: impl Params,
    ) -> Result<rusqlite::Result<usize>> {
        self.mark()?;
        let outcome = self.prepare(sql).and_then(|mut statement| statement.execute(params));
        Ok(outcome.inspect_err(|why| self.look_at(why)))
    }

    /// Changes one row and answers with what it `RETURNING`s, if there was such a row.
    pub(crate) fn change_one<T>(
        &mut self,
        sql: &'static str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>> {
        self.mark()?;
        self.one(sql, params, read)
    }

    /// The number of rows that this connection has changed.
    pub(crate) fn total_changes(&self) -> u64 {
        self.conn.total_changes()
    }

    /// Writes the changes that FTS5 holds back: it does so for each savepoint.
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
pub(crate) struct Repeated<'a, 't, 'c> {
    tx: &'a Transaction<'t, 'c>,
    statement: LentStatement<'t, 'c>,
}

impl Repeated<'_, '_, '_> {
    /// The first row, if there is one.
    pub(crate) fn one<T>(
        &mut self,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>> {
        self.statement.query_row(params, read).optional().map_err(|why| self.tx.fault(why))
    }

    /// Every row.
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

/// A limit as SQLite takes it.
pub(crate) fn limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
