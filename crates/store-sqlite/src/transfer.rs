//! Reading or creating a whole store row by row (`chinwag migrate`).

use std::path::{Path, PathBuf};

use chinwag_store_sql::TABLES;
use chinwag_store_sql::transfer::{ColumnType, Fault, Row, Source, Table, Target, Value};
use rusqlite::types::{ToSqlOutput, Value as Column};
use rusqlite::{Connection, ToSql, params_from_iter};

use crate::backup::open_for_reading;
use crate::open::{self, OpenError, Options};
use crate::schema;

/// A store's file that is read.
pub struct SqliteSource {
    conn: Connection,
    path: PathBuf,
}

/// A store's file that is created.
pub struct SqliteTarget(SqliteSource);

/// Opens the store in the file at `path` for reading, in one snapshot. Blocks.
pub fn source(path: &Path) -> Result<SqliteSource, OpenError> {
    let conn = open::reader(path, &Options::default())?;
    let failed = |why| OpenError::sqlite(path, &why);
    conn.execute_batch("BEGIN").map_err(failed)?;
    schema::inspect(path, &conn)?;
    schema::require_current(path, &conn)?;
    Ok(SqliteSource { conn, path: path.into() })
}

/// Opens the store in the file at `path` for an inspection, in use or not; each page of rows is a snapshot of
/// its own. Returns `None` if another version wrote it. Blocks.
pub fn inspect(path: &Path) -> Result<Option<SqliteSource>, OpenError> {
    let conn = open_for_reading(path)?;
    schema::inspect(path, &conn)?;
    let is_current = schema::is_current(&conn).map_err(|why| OpenError::sqlite(path, &why))?;
    Ok(is_current.then(|| SqliteSource { conn, path: path.into() }))
}

/// Opens a new file at `path`, or one of an interrupted transfer. Until the transfer is complete, its mark
/// prevents the file from being opened as a store. Blocks.
pub fn target(path: &Path) -> Result<SqliteTarget, OpenError> {
    let conn = open::draft(path)?;
    schema::draft(path, &conn)?;
    Ok(SqliteTarget(SqliteSource { conn, path: path.into() }))
}

impl SqliteSource {
    fn fault(&self, why: &rusqlite::Error) -> Fault {
        format!("the database {} failed ({why}): run this again", self.path.display()).into()
    }

    fn rows(&self, sql: &str, columns: usize, params: &[Value]) -> rusqlite::Result<Vec<Row>> {
        let mut statement = self.conn.prepare_cached(sql)?;
        let value = |row: &rusqlite::Row<'_>, at| {
            Ok(match row.get(at)? {
                Column::Null | Column::Real(_) => Value::Null,
                Column::Integer(number) => Value::Number(number),
                Column::Text(text) => Value::Text(text),
                Column::Blob(bytes) => Value::Bytes(bytes),
            })
        };
        let params = params_from_iter(params.iter().map(Parameter));
        statement.query_map(params, |row| (0..columns).map(|at| value(row, at)).collect())?.collect()
    }

    fn number(&self, sql: &str) -> Result<i64, Fault> {
        let rows = self.rows(sql, 1, &[]).map_err(|why| self.fault(&why))?;
        match rows.first().and_then(|row| row.first()) {
            Some(Value::Number(number)) => Ok(*number),
            _ => Ok(0),
        }
    }
}

impl Source for SqliteSource {
    fn count(&mut self, table: &Table) -> Result<u64, Fault> {
        Ok(u64::try_from(self.number(&format!("SELECT count(*) FROM {}", table.name))?)?)
    }

    fn page(&mut self, table: &Table, after: &[Value], limit: usize) -> Result<Vec<Row>, Fault> {
        let (all, key) = (names(table.columns), names(&table.columns[..table.key]));
        let places = vec!["?"; after.len()].join(", ");
        let rest = if after.is_empty() { String::new() } else { format!("WHERE ({key}) > ({places})") };
        let sql = format!("SELECT {all} FROM {} {rest} ORDER BY {key} LIMIT {limit}", table.name);
        self.rows(&sql, table.columns.len(), after).map_err(|why| self.fault(&why))
    }

    fn last_user(&mut self) -> Result<i64, Fault> {
        self.number("SELECT seq FROM sqlite_sequence WHERE name = 'users'")
    }
}

impl Source for SqliteTarget {
    fn count(&mut self, table: &Table) -> Result<u64, Fault> {
        self.0.count(table)
    }

    fn page(&mut self, table: &Table, after: &[Value], limit: usize) -> Result<Vec<Row>, Fault> {
        self.0.page(table, after, limit)
    }

    fn last_user(&mut self) -> Result<i64, Fault> {
        self.0.last_user()
    }
}

impl Target for SqliteTarget {
    fn last(&mut self, table: &Table) -> Result<Vec<Value>, Fault> {
        let key = &table.columns[..table.key];
        let order: Vec<_> = key.iter().map(|(name, _)| format!("{name} DESC")).collect();
        let sql = format!("SELECT {} FROM {} ORDER BY {} LIMIT 1", names(key), table.name, order.join(", "));
        let rows = self.0.rows(&sql, table.key, &[]).map_err(|why| self.0.fault(&why))?;
        Ok(rows.into_iter().next().unwrap_or_default())
    }

    fn write(&mut self, table: &Table, rows: &[Row]) -> Result<(), Fault> {
        let places = vec!["?"; table.columns.len()].join(", ");
        let sql = format!("INSERT INTO {} ({}) VALUES ({places})", table.name, names(table.columns));
        let write = || {
            let tx = self.0.conn.unchecked_transaction()?;
            let mut statement = tx.prepare_cached(&sql)?;
            for row in rows {
                statement.execute(params_from_iter(row.iter().map(Parameter)))?;
            }
            drop(statement);
            tx.commit()
        };
        write().map_err(|why| self.0.fault(&why))
    }

    fn clear(&mut self) -> Result<(), Fault> {
        let delete = |table: &Table| self.0.conn.execute_batch(&format!("DELETE FROM {}", table.name));
        TABLES.iter().rev().try_for_each(delete).map_err(|why| self.0.fault(&why))
    }

    fn finish(&mut self, last_user: i64) -> Result<(), Fault> {
        schema::finish(&self.0.conn, last_user).map_err(|why| self.0.fault(&why))
    }
}

/// A value as a parameter.
struct Parameter<'v>(&'v Value);

impl ToSql for Parameter<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match self.0 {
            Value::Null => Ok(ToSqlOutput::Owned(Column::Null)),
            Value::Number(number) => Ok(ToSqlOutput::from(*number)),
            Value::Text(text) => text.to_sql(),
            Value::Bytes(bytes) => bytes.to_sql(),
        }
    }
}

fn names(columns: &[(&str, ColumnType)]) -> String {
    columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}
