//! The stamps of commits. The writer has one stamp per batch, which is available to its statements as
//! `stamp()`.
//!
//! A commit writes its stamp only into the rows that it changes. To never assign a stamp twice after a
//! restart, a process reserves many stamps at a time in the row of `stamps`, and starts after those that were
//! reserved before.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;

/// Stamps that are reserved at a time.
const RESERVED_STAMPS: i64 = 1 << 20;

/// The stamps of this process.
#[derive(Debug)]
pub(crate) struct StampSource {
    /// The stamp of the next commit. Every lower stamp is visible.
    next: AtomicI64,
    /// The last reserved stamp.
    reserved: AtomicI64,
}

impl StampSource {
    /// Continues after the stamps of earlier processes, and registers `stamp()` on the writer's connection.
    pub(crate) fn begin(writer: &Connection) -> rusqlite::Result<Arc<Self>> {
        let reserved: i64 = writer.query_row("SELECT reserved FROM stamps", [], |row| row.get(0))?;
        let source = Arc::new(Self { next: AtomicI64::new(reserved + 1), reserved: AtomicI64::new(0) });
        let of_writer = source.clone();
        writer
            .create_scalar_function("stamp", 0, FunctionFlags::SQLITE_UTF8, move |_| Ok(of_writer.next()))?;
        Ok(source)
    }

    /// The stamp of the next commit.
    pub(crate) fn next(&self) -> i64 {
        self.next.load(Ordering::Acquire)
    }

    /// Reserves stamps in the current transaction, if none are left. Returns the last of them, which the
    /// caller passes to [`committed`](Self::committed) after the commit.
    pub(crate) fn reserve(&self, conn: &Connection) -> rusqlite::Result<Option<i64>> {
        if self.next() <= self.reserved.load(Ordering::Acquire) {
            return Ok(None);
        }
        let mut reserve = conn
            .prepare_cached("UPDATE stamps SET reserved = reserved + ?1 WHERE one = 1 RETURNING reserved")?;
        let last: i64 = reserve.query_row([RESERVED_STAMPS], |row| row.get(0))?;
        // Another process may have reserved some in the meantime.
        self.next.fetch_max(last - RESERVED_STAMPS + 1, Ordering::AcqRel);
        Ok(Some(last))
    }

    /// Must be called when the transaction with the next stamp is committed.
    pub(crate) fn committed(&self, reserved: Option<i64>) {
        if let Some(last) = reserved {
            self.reserved.store(last, Ordering::Release);
        }
        self.next.fetch_add(1, Ordering::AcqRel);
    }
}
