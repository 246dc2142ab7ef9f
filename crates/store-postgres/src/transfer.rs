//! Reading or creating a whole store row by row (`chinwag migrate`).

use std::time::Duration;

use chinwag_store_sql::TABLES;
use chinwag_store_sql::transfer::{ColumnType, FORGET_INDEX, Fault, Row, Source, Table, Target, Value};
use futures_util::pin_mut;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

use crate::fault::Failure;
use crate::link::Link;
use crate::open::{OpenError, Options};
use crate::{address, claim, schema};

/// Statement timeout. A table is counted, or emptied, in one statement.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(3600);
/// The snapshot of a store that is read. It stays open while the target is written and while files are copied, both
/// of which may take long.
const SNAPSHOT: &str = "SET idle_in_transaction_session_timeout = 0;
    BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// A store's database that is read.
pub struct PostgresSource(Link);

/// A store's database that is created.
pub struct PostgresTarget(Link);

/// Opens a store for reading, in one snapshot. Blocks.
pub fn source(url: &str) -> Result<PostgresSource, OpenError> {
    let (link, target) = connect(url)?;
    schema::require_current(&link, &target)?;
    link.batch(SNAPSHOT).map_err(|why| schema::failed(&why, &target))?;
    Ok(PostgresSource(link))
}

/// Opens a store for an inspection, in use or not; each page of rows is a snapshot of its own. Returns `None`
/// if the database has no store of this version. Blocks.
pub fn inspect(url: &str) -> Result<Option<PostgresSource>, OpenError> {
    let (link, target) = link(url)?;
    match schema::require_current(&link, &target) {
        Ok(()) => Ok(Some(PostgresSource(link))),
        Err(OpenError::Older { .. } | OpenError::Empty { .. }) => Ok(None),
        Err(why) => Err(why),
    }
}

/// Opens an empty database, or one of an interrupted transfer, and marks it as incomplete until the transfer
/// is complete. Blocks.
pub fn target(url: &str) -> Result<PostgresTarget, OpenError> {
    let (link, target) = connect(url)?;
    schema::unfinished(&link, &target)?;
    Ok(PostgresTarget(link))
}

/// Opens a database that nobody else uses. Until the link is dropped, no node can serve it, and no other migration can
/// begin.
fn connect(url: &str) -> Result<(Link, address::Target), OpenError> {
    // Commands claim nothing.
    const OTHERS: &str = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'chinwag' AND pid <> pg_backend_pid()";
    let (link, target) = link(url)?;
    let failed = |why: Failure| schema::failed(&why, &target);
    let alone = claim::lock(&link, &target, None)?.is_ok();
    let others = link.query(None, OTHERS, &[]).map_err(failed)?.first().map_or(0, |row| row.get::<_, i64>(0));
    if !alone || others > 0 {
        return Err(OpenError::InUse { name: target.database() });
    }
    Ok((link, target))
}

fn link(url: &str) -> Result<(Link, address::Target), OpenError> {
    let options = Options { statement: STATEMENT_TIMEOUT, ..Options::default() };
    let target = address::Target::parse(url, &options)?;
    let link = Link::open(&target).map_err(|why| why.into_open_error(&target))?;
    schema::fit(&link, &target)?;
    Ok((link, target))
}

impl Source for PostgresSource {
    fn count(&mut self, table: &Table) -> Result<u64, Fault> {
        count(&self.0, table)
    }

    fn page(&mut self, table: &Table, after: &[Value], limit: usize) -> Result<Vec<Row>, Fault> {
        page(&self.0, table, after, limit)
    }

    fn last_user(&mut self) -> Result<i64, Fault> {
        last_user(&self.0)
    }
}

impl Source for PostgresTarget {
    fn count(&mut self, table: &Table) -> Result<u64, Fault> {
        count(&self.0, table)
    }

    fn page(&mut self, table: &Table, after: &[Value], limit: usize) -> Result<Vec<Row>, Fault> {
        page(&self.0, table, after, limit)
    }

    fn last_user(&mut self) -> Result<i64, Fault> {
        last_user(&self.0)
    }
}

impl Target for PostgresTarget {
    fn last(&mut self, table: &Table) -> Result<Vec<Value>, Fault> {
        let key = &table.columns[..table.key];
        let order: Vec<_> = key.iter().map(|(name, _)| format!("{name} DESC")).collect();
        let sql = format!("SELECT {} FROM {} ORDER BY {} LIMIT 1", names(key), table.name, order.join(", "));
        Ok(rows(&self.0, &sql, key, &[])?.pop().unwrap_or_default())
    }

    fn write(&mut self, table: &Table, rows: &[Row]) -> Result<(), Fault> {
        let sql = format!("COPY {} ({}) FROM STDIN BINARY", table.name, names(table.columns));
        let types: Vec<_> = table.columns.iter().map(|(_, kind)| column_type(*kind)).collect();
        let written = self.0.wait(async {
            let writer = BinaryCopyInWriter::new(self.0.client().copy_in(&sql).await?, &types);
            pin_mut!(writer);
            for row in rows {
                let values = row.iter().zip(table.columns).map(|(value, (_, kind))| parameter(value, *kind));
                let values: Vec<_> = values.collect();
                writer.as_mut().write_raw(values.iter().map(|value| &**value)).await?;
            }
            writer.finish().await
        });
        written.map(drop).map_err(fault)
    }

    fn clear(&mut self) -> Result<(), Fault> {
        let tables: Vec<_> = TABLES.iter().map(|table| table.name).collect();
        self.0.batch(&format!("TRUNCATE {}", tables.join(", "))).map_err(fault)
    }

    fn finish(&mut self, last_user: i64) -> Result<(), Fault> {
        let sql = format!(
            "BEGIN; SELECT setval('users_id_seq', {}, {});
            SELECT setval('events_id_seq', (SELECT coalesce(max(id), 0) + 1 FROM events), false);
            {FORGET_INDEX}; UPDATE about SET unfinished = false; COMMIT; ANALYZE",
            last_user.max(1),
            last_user > 0,
        );
        self.0.batch(&sql).map_err(fault)
    }
}

fn count(link: &Link, table: &Table) -> Result<u64, Fault> {
    let sql = format!("SELECT count(*) FROM {}", table.name);
    let count: Vec<Row> = rows(link, &sql, &[("count", ColumnType::Number)], &[])?;
    match count.first().and_then(|row| row.first()) {
        Some(Value::Number(count)) => Ok(u64::try_from(*count)?),
        _ => Err("a count is no number".into()),
    }
}

fn page(link: &Link, table: &Table, after: &[Value], limit: usize) -> Result<Vec<Row>, Fault> {
    let key = &table.columns[..table.key];
    let places: Vec<_> = (1..=after.len()).map(|number| format!("${number}")).collect();
    let rest = if after.is_empty() {
        String::new()
    } else {
        format!("WHERE ({}) > ({})", names(key), places.join(", "))
    };
    let all = names(table.columns);
    let sql = format!("SELECT {all} FROM {} {rest} ORDER BY {} LIMIT {limit}", table.name, names(key));
    let after: Vec<_> = after.iter().zip(key).map(|(value, (_, kind))| parameter(value, *kind)).collect();
    rows(link, &sql, table.columns, &after)
}

fn last_user(link: &Link) -> Result<i64, Fault> {
    let sql = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM users_id_seq";
    match rows(link, sql, &[("last", ColumnType::Number)], &[])?.pop().and_then(|mut row| row.pop()) {
        Some(Value::Number(last)) => Ok(last),
        _ => Err("the last user's number is none".into()),
    }
}

fn rows(
    link: &Link,
    sql: &str,
    columns: &[(&str, ColumnType)],
    params: &[Box<dyn ToSql + Sync>],
) -> Result<Vec<Row>, Fault> {
    let params: Vec<_> = params.iter().map(|param| &**param).collect();
    let rows = link.wait(link.client().query(sql, &params)).map_err(fault)?;
    let value = |row: &tokio_postgres::Row, at: usize, kind| {
        Ok(match kind {
            ColumnType::Number => row.try_get::<_, Option<i64>>(at)?.map(Value::Number),
            ColumnType::Short => {
                row.try_get::<_, Option<i16>>(at)?.map(|number| Value::Number(number.into()))
            }
            ColumnType::Flag => row.try_get::<_, Option<bool>>(at)?.map(|flag| Value::Number(flag.into())),
            ColumnType::Text => row.try_get::<_, Option<String>>(at)?.map(Value::Text),
            ColumnType::Bytes => row.try_get::<_, Option<Vec<u8>>>(at)?.map(Value::Bytes),
            ColumnType::Id => {
                row.try_get::<_, Option<Uuid>>(at)?.map(|id| Value::Bytes(id.into_bytes().to_vec()))
            }
        }
        .unwrap_or(Value::Null))
    };
    let row = |row| columns.iter().enumerate().map(|(at, (_, kind))| value(row, at, *kind)).collect();
    rows.iter().map(row).collect::<Result<_, tokio_postgres::Error>>().map_err(|why| fault(why.into()))
}

/// Converts a value to the type of its column. Null if the value is missing or of another type.
fn parameter(value: &Value, kind: ColumnType) -> Box<dyn ToSql + Sync> {
    match (kind, value) {
        (ColumnType::Number, Value::Number(number)) => Box::new(*number),
        (ColumnType::Short, Value::Number(number)) => Box::new(i16::try_from(*number).ok()),
        (ColumnType::Flag, Value::Number(number)) => Box::new(*number != 0),
        (ColumnType::Text, Value::Text(text)) => Box::new(text.clone()),
        (ColumnType::Bytes, Value::Bytes(bytes)) => Box::new(bytes.clone()),
        (ColumnType::Id, Value::Bytes(bytes)) => Box::new(Uuid::from_slice(bytes).ok()),
        (ColumnType::Number, _) => Box::new(None::<i64>),
        (ColumnType::Short, _) => Box::new(None::<i16>),
        (ColumnType::Flag, _) => Box::new(None::<bool>),
        (ColumnType::Text, _) => Box::new(None::<String>),
        (ColumnType::Bytes, _) => Box::new(None::<Vec<u8>>),
        (ColumnType::Id, _) => Box::new(None::<Uuid>),
    }
}

fn column_type(kind: ColumnType) -> Type {
    match kind {
        ColumnType::Number => Type::INT8,
        ColumnType::Short => Type::INT2,
        ColumnType::Flag => Type::BOOL,
        ColumnType::Text => Type::TEXT,
        ColumnType::Bytes => Type::BYTEA,
        ColumnType::Id => Type::UUID,
    }
}

fn names(columns: &[(&str, ColumnType)]) -> String {
    columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn fault(why: Failure) -> Fault {
    format!("the PostgreSQL database failed ({why}): run this again").into()
}

#[cfg(test)]
mod tests {
    use chinwag_testkit::postgres::Database;

    use super::*;
    use crate::open;

    #[test]
    fn snapshot_of_a_source_may_be_idle_for_any_time() {
        let database = Database::new();
        open::prepare(&database.url(), &Options::default()).expect("a store");
        let source = source(&database.url()).expect("a source");
        let sql = "SHOW idle_in_transaction_session_timeout";
        let shown = rows(&source.0, sql, &[("shown", ColumnType::Text)], &[]).expect("a setting");
        assert_eq!(shown, [[Value::Text("0".into())]]);
    }
}
