//! The shared statements, run on SQLite.

use chinwag_core::name::NameCase;
use chinwag_core::{Error, GroupId, Result, Seq};
use chinwag_store_sql::{Columns, Conflict, Keys, Param, Sql, Text};
use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Row, ToSql, params_from_iter};
use uuid::Uuid;

use crate::fault::fault;
use crate::message_dates::drop_dates;
use crate::transaction::Transaction;

chinwag_store_sql::impl_ports! {
    Transaction<'_, '_>,
    fn name_case(&self) -> NameCase {
        self.name_case
    }
}

impl Sql for Transaction<'_, '_> {
    fn one<T>(
        &self,
        text: Text,
        params: &[Param<'_>],
        read: impl FnOnce(&dyn Columns) -> Result<T>,
    ) -> Result<Option<T>> {
        let params = params_from_iter(params.iter().map(Bound));
        self.one(text.sqlite, params, |row| Ok(read(&RowColumns(row))))?.transpose()
    }

    fn all<T>(
        &self,
        text: Text,
        params: &[Param<'_>],
        mut read: impl FnMut(&dyn Columns) -> Result<T>,
    ) -> Result<Vec<T>> {
        let params = params_from_iter(params.iter().map(Bound));
        self.all(text.sqlite, params, |row| Ok(read(&RowColumns(row))))?.into_iter().collect()
    }

    fn each<T>(
        &self,
        text: Text,
        keys: &Keys<'_>,
        params: &[Param<'_>],
        mut read: impl FnMut(&dyn Columns) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut rows = Vec::new();
        for (key, second) in keys.params() {
            let params = params_from_iter([&key].into_iter().chain(&second).chain(params).map(Bound));
            for row in self.all(text.sqlite, params, |row| Ok(read(&RowColumns(row))))? {
                rows.push(row?);
            }
        }
        Ok(rows)
    }

    fn change(&mut self, text: Text, params: &[Param<'_>]) -> Result<usize> {
        self.change(text.sqlite, params_from_iter(params.iter().map(Bound)))
    }

    fn change_each(&mut self, text: Text, keys: &Keys<'_>, params: &[Param<'_>]) -> Result<()> {
        for (key, second) in keys.params() {
            let params = [&key].into_iter().chain(&second).chain(params).map(Bound);
            self.change(text.sqlite, params_from_iter(params))?;
        }
        Ok(())
    }

    fn name_case(&self) -> NameCase {
        self.name_case
    }

    fn insert(&mut self, text: Text, params: &[Param<'_>], conflicts: &[Conflict]) -> Result<()> {
        let inserted = self.try_change(text.sqlite, params_from_iter(params.iter().map(Bound)))?;
        inserted.map(drop).map_err(|why| {
            // SQLite names the violated constraint only in its message.
            let text = match &why {
                rusqlite::Error::SqliteFailure(_, Some(text)) => text.as_str(),
                _ => "",
            };
            match conflicts.iter().find(|conflict| text.contains(conflict.sqlite)) {
                Some(conflict) => Error::Conflict(conflict.error),
                None => fault(why),
            }
        })
    }

    fn index_change(&mut self, group: GroupId, seq: Seq, body: Option<&str>) -> Result<()> {
        self.change_terms(group, seq, body)
    }

    fn index_erase(&mut self, group: GroupId, most: usize) -> Result<()> {
        drop_dates(self, group, most)?;
        self.erase_terms(group, most)
    }

    fn change_one<T>(
        &mut self,
        text: Text,
        params: &[Param<'_>],
        read: impl FnOnce(&dyn Columns) -> Result<T>,
    ) -> Result<Option<T>> {
        let params = params_from_iter(params.iter().map(Bound));
        self.change_one(text.sqlite, params, |row| Ok(read(&RowColumns(row))))?.transpose()
    }

    fn note_erasure(&mut self) {
        self.erasing();
    }

    fn next_stamp(&self) -> Option<i64> {
        Some(self.next_stamp)
    }
}

/// Converts a parameter for SQLite.
struct Bound<'p>(&'p Param<'p>);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            Param::Null => ToSqlOutput::Owned(Value::Null),
            Param::Int(number) => ToSqlOutput::Owned(Value::Integer(*number)),
            Param::Flag(flag) => ToSqlOutput::Owned(Value::Integer((*flag).into())),
            Param::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Param::Bytes(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
            Param::Id(id) => ToSqlOutput::Borrowed(ValueRef::Blob(id.as_bytes())),
        })
    }
}

/// A row, for the shared functions that read columns.
pub(crate) struct RowColumns<'r>(pub(crate) &'r Row<'r>);

impl Columns for RowColumns<'_> {
    fn int(&self, column: usize) -> Result<Option<i64>> {
        self.0.get_ref(column).map_err(Error::internal)?.as_i64_or_null().map_err(Error::internal)
    }

    fn flag(&self, column: usize) -> Result<Option<bool>> {
        Ok(self.int(column)?.map(|number| number != 0))
    }

    fn text(&self, column: usize) -> Result<Option<&str>> {
        self.0.get_ref(column).map_err(Error::internal)?.as_str_or_null().map_err(Error::internal)
    }

    fn bytes(&self, column: usize) -> Result<Option<&[u8]>> {
        self.0.get_ref(column).map_err(Error::internal)?.as_blob_or_null().map_err(Error::internal)
    }

    fn id(&self, column: usize) -> Result<Option<Uuid>> {
        self.bytes(column)?.map(|bytes| Uuid::from_slice(bytes).map_err(Error::internal)).transpose()
    }
}
