//! The tables as data, and copying a whole store into another row by row, without changes: every id, number,
//! date, password and token. No other program may use the stores during a transfer.
//!
//! An incomplete target is marked, so it cannot be opened as a store. An interrupted transfer can be run
//! again and continues after the last row that arrived. At the end all rows of both stores are compared, so
//! that a change of the source in between is noticed.

use std::error::Error;
use std::fmt::Write;

use sha2::{Digest, Sha256};

use crate::{TABLES, stored_number};

/// Rows per page.
const PAGE: usize = 1000;

/// Why a transfer failed, in one sentence for the operator.
pub type Fault = Box<dyn Error + Send + Sync>;

/// A table that both stores have.
#[derive(Debug, PartialEq, Eq)]
pub struct Table {
    pub name: &'static str,
    /// The columns. Those of the primary key come first, in the key's order.
    pub columns: &'static [(&'static str, ColumnType)],
    /// The number of columns of the primary key.
    pub key: usize,
}

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// An integer.
    Number,
    /// A small integer, such as a role's number.
    Short,
    /// 0 or 1.
    Flag,
    Text,
    Bytes,
    /// A UUID as its 16 bytes.
    Id,
}

/// One value of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    Null,
    /// An integer of any width.
    Number(i64),
    Text(String),
    /// Bytes, or the bytes of a UUID.
    Bytes(Vec<u8>),
}

/// A row: one value for each of the table's columns.
pub type Row = Vec<Value>;

/// Declares a table: its name, the columns of its primary key, and the other columns.
macro_rules! table {
    ($constant:ident: $name:literal by ($($key:ident: $key_type:ident),+) $($column:ident: $type:ident,)*) => {
        pub(crate) const $constant: $crate::transfer::Table = $crate::transfer::Table {
            name: $name,
            columns: &[
                $((stringify!($key), $crate::transfer::ColumnType::$key_type),)+
                $((stringify!($column), $crate::transfer::ColumnType::$type),)*
            ],
            key: [$(stringify!($key)),+].len(),
        };
    };
}

/// Erases the first rows of a group, in the order of a column.
macro_rules! erase {
    ($table:literal, $column:literal) => {
        $crate::Text::same($crate::transfer::erase!(@ $table, $column))
    };
    (@ $table:literal, $column:literal) => {
        concat!(
            "DELETE FROM ", $table, " WHERE group_id = $1 AND ", $column, " <= (SELECT max(", $column,
            ") FROM (SELECT ", $column, " FROM ", $table, " WHERE group_id = $1 ORDER BY ", $column,
            " LIMIT $2) part)"
        )
    };
}

pub(crate) use {erase, table};

/// Lets the target build a search index of its own, since indexes are not transferred. The source's index may be
/// complete, and its count of removals is not that of the target.
pub const FORGET_INDEX: &str =
    concat!("UPDATE followers SET position = NULL WHERE follower = ", stored_number!(Follower::SearchIndex));

table! {
    HISTORY: "history" by (one: Short)
    id: Id, exact_case: Flag,
}

/// A store that is read. All reads use one snapshot.
pub trait Source {
    /// The number of rows of a table.
    fn count(&mut self, table: &Table) -> Result<u64, Fault>;

    /// Up to `limit` rows after the key `after`, in ascending order of the key. An empty `after` starts at
    /// the beginning.
    fn page(&mut self, table: &Table, after: &[Value], limit: usize) -> Result<Vec<Row>, Fault>;

    /// The highest user id that was ever assigned, so that no id is assigned again.
    fn last_user(&mut self) -> Result<i64, Fault>;
}

/// A store that is created. Its reads return what was written so far.
pub trait Target: Source {
    /// The key of a table's last row. Empty if the table is empty.
    fn last(&mut self, table: &Table) -> Result<Vec<Value>, Fault>;

    /// Writes rows, all or none.
    fn write(&mut self, table: &Table, rows: &[Row]) -> Result<(), Fault>;

    /// Deletes every row.
    fn clear(&mut self) -> Result<(), Fault>;

    /// Removes the mark: from now on the target is a store. Flushes it to the disk.
    fn finish(&mut self, last_user: i64) -> Result<(), Fault>;
}

/// The progress of a transfer.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    pub table: &'static str,
    /// Whether its rows are being compared instead of copied.
    pub comparing: bool,
    /// Rows that are done, of all tables.
    pub done: u64,
    /// Rows to process, of all tables.
    pub all: u64,
}

/// A table that was transferred, and is the same in both stores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried {
    pub table: &'static str,
    pub rows: u64,
    /// The SHA-256 of all rows, in key order.
    pub digest: String,
}

/// Transfers all of `source` to `target`, and returns a summary of each table.
pub fn carry(
    source: &mut dyn Source,
    target: &mut dyn Target,
    progress: &mut dyn FnMut(Progress),
) -> Result<Vec<Carried>, Fault> {
    let mut carrier = Carrier { source, target, progress, done: 0, all: 0 };
    let resumed = carrier.copy()?;
    let carried = match carrier.compare() {
        // The rows of an earlier attempt may come from another state of the source.
        Err(Difference::Rows(_)) if resumed => {
            carrier.target.clear()?;
            carrier.copy()?;
            carrier.compare()
        }
        outcome => outcome,
    };
    let carried = carried.map_err(|why| match why {
        Difference::Rows(table) => Fault::from(format!(
            "the {table} that arrived are not those that were sent: make sure that nothing else writes to either database, and run this again"
        )),
        Difference::Fault(why) => why,
    })?;
    let last_user = carrier.source.last_user()?;
    carrier.target.finish(last_user)?;
    Ok(carried)
}

struct Carrier<'a> {
    source: &'a mut dyn Source,
    target: &'a mut dyn Target,
    progress: &'a mut dyn FnMut(Progress),
    done: u64,
    all: u64,
}

/// Why two stores are not the same.
enum Difference {
    Rows(&'static str),
    Fault(Fault),
}

impl From<Fault> for Difference {
    fn from(why: Fault) -> Self {
        Self::Fault(why)
    }
}

impl Carrier<'_> {
    /// Transfers the missing rows. Returns whether some had arrived before.
    fn copy(&mut self) -> Result<bool, Fault> {
        let mut resumed = false;
        self.begin()?;
        for table in TABLES {
            let mut after = self.target.last(table)?;
            resumed |= !after.is_empty();
            self.done += self.target.count(table)?;
            loop {
                self.report_progress(table, false);
                let rows = self.source.page(table, &after, PAGE)?;
                let Some(last) = rows.last() else { break };
                after = last[..table.key].to_vec();
                self.target.write(table, &rows)?;
                self.done += rows.len() as u64;
            }
        }
        Ok(resumed)
    }

    /// Reads and compares all rows of both stores.
    fn compare(&mut self) -> Result<Vec<Carried>, Difference> {
        self.begin()?;
        TABLES.iter().map(|table| self.compare_table(table)).collect()
    }

    fn compare_table(&mut self, table: &'static Table) -> Result<Carried, Difference> {
        let (mut digest, mut after, mut rows) = (Sha256::new(), Vec::new(), 0);
        loop {
            self.report_progress(table, true);
            let sent = self.source.page(table, &after, PAGE)?;
            if self.target.page(table, &after, PAGE)? != sent {
                return Err(Difference::Rows(table.name));
            }
            let Some(last) = sent.last() else { break };
            after = last[..table.key].to_vec();
            sent.iter().flatten().for_each(|value| update_digest(&mut digest, value));
            rows += sent.len() as u64;
            self.done += sent.len() as u64;
        }
        let (sent, arrived) = (self.source.count(table)?, self.target.count(table)?);
        if (sent, arrived) != (rows, rows) {
            return Err(Difference::Rows(table.name));
        }
        let digest = digest.finalize().iter().fold(String::new(), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        });
        Ok(Carried { table: table.name, rows, digest })
    }

    fn begin(&mut self) -> Result<(), Fault> {
        self.done = 0;
        self.all = TABLES.iter().map(|table| self.source.count(table)).sum::<Result<_, _>>()?;
        Ok(())
    }

    fn report_progress(&mut self, table: &'static Table, comparing: bool) {
        (self.progress)(Progress { table: table.name, comparing, done: self.done, all: self.all });
    }
}

/// Adds a value to a digest, in an unambiguous encoding.
fn update_digest(digest: &mut Sha256, value: &Value) {
    let (kind, bytes): (u8, &[u8]) = match value {
        Value::Null => (0, &[]),
        Value::Number(number) => return digest.update([&[1], number.to_be_bytes().as_slice()].concat()),
        Value::Text(text) => (2, text.as_bytes()),
        Value::Bytes(bytes) => (3, bytes),
    };
    digest.update([kind]);
    digest.update((bytes.len() as u64).to_be_bytes());
    digest.update(bytes);
}
