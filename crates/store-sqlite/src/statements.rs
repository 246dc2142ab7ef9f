//! Statements that the writer reuses.
//!
//! A connection's cache finds a statement by its whole text, which it hashes and copies on each use. That
//! costs about as much as running a small statement. This cache finds a statement by the address of its text
//! in the program.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

use rusqlite::{CachedStatement, Connection, Statement};

/// The most statements to keep. Further ones use the connection's cache.
const MAX_STATEMENTS: usize = 256;

/// The cached statements of one connection, in the order of their first use. Those for messages are among the
/// first.
pub(crate) struct Statements<'c> {
    conn: &'c Connection,
    kept: RefCell<Vec<CachedEntry<'c>>>,
}

struct CachedEntry<'c> {
    /// The address and length of the statement's text.
    place: (usize, usize),
    /// None while it is borrowed.
    statement: Option<Statement<'c>>,
}

impl<'c> Statements<'c> {
    pub(crate) fn of(conn: &'c Connection) -> Self {
        Self { conn, kept: RefCell::default() }
    }

    /// Borrows a statement, which returns to the cache when dropped.
    pub(crate) fn take(&self, sql: &'static str) -> rusqlite::Result<LentStatement<'_, 'c>> {
        let place = (sql.as_ptr().addr(), sql.len());
        let mut kept = self.kept.borrow_mut();
        let at = kept.iter().position(|kept| kept.place == place).unwrap_or(kept.len());
        let statement = match kept.get_mut(at) {
            Some(kept) => kept.statement.take(),
            None if at < MAX_STATEMENTS => {
                let statement = self.conn.prepare(sql)?;
                kept.push(CachedEntry { place, statement: None });
                Some(statement)
            }
            None => None,
        };
        Ok(match statement {
            Some(statement) => LentStatement::Kept { statement: Some(statement), at, home: self },
            None => LentStatement::Cached(self.conn.prepare_cached(sql)?),
        })
    }

    /// Runs a statement without parameters, such as `COMMIT`.
    pub(crate) fn execute(&self, sql: &'static str) -> rusqlite::Result<()> {
        self.take(sql)?.execute([]).map(drop)
    }
}

/// A statement borrowed from the connection's cache, or from [`Statements`].
pub(crate) enum LentStatement<'s, 'c> {
    Cached(CachedStatement<'c>),
    Kept {
        /// None only during the drop.
        statement: Option<Statement<'c>>,
        at: usize,
        home: &'s Statements<'c>,
    },
}

const ON_LOAN: &str = "a statement comes back when its loan is dropped";

impl<'c> Deref for LentStatement<'_, 'c> {
    type Target = Statement<'c>;

    fn deref(&self) -> &Statement<'c> {
        match self {
            Self::Cached(statement) => statement,
            Self::Kept { statement, .. } => statement.as_ref().expect(ON_LOAN),
        }
    }
}

impl<'c> DerefMut for LentStatement<'_, 'c> {
    fn deref_mut(&mut self) -> &mut Statement<'c> {
        match self {
            Self::Cached(statement) => statement,
            Self::Kept { statement, .. } => statement.as_mut().expect(ON_LOAN),
        }
    }
}

impl Drop for LentStatement<'_, '_> {
    fn drop(&mut self) {
        if let Self::Kept { statement, at, home } = self
            && let Some(mut lent) = statement.take()
        {
            // Drop the bound values, which may be texts of messages.
            lent.clear_bindings();
            home.kept.borrow_mut()[*at].statement = Some(lent);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statement_is_prepared_once_and_lent_twice_at_a_time() {
        const ONE: &str = "SELECT ?1 + 1";
        let conn = Connection::open_in_memory().expect("a connection");
        let statements = Statements::of(&conn);
        let ask = |number: i64| {
            let mut outer = statements.take(ONE).expect("a statement");
            let mut inner = statements.take(ONE).expect("a second one");
            let inner: i64 = inner.query_row([number], |row| row.get(0)).expect("a row");
            outer.query_row([inner], |row| row.get::<_, i64>(0)).expect("a row")
        };
        assert_eq!([ask(1), ask(5)], [3, 7]);
        assert_eq!(statements.kept.borrow().len(), 1);
        let unbound: Option<i64> =
            statements.take(ONE).expect("a statement").query_row([], |row| row.get(0)).ok();
        assert_eq!(unbound, None, "a value of the last use is still bound");
    }
}
