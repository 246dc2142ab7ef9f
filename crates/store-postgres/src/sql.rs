//! The shared statements, run on PostgreSQL.

use std::error::Error as StdError;

use bytes::BytesMut;
use chinwag_core::name::NameCase;
use chinwag_core::{Error, GroupId, Result, Seq};
use chinwag_store_sql::{Columns, Conflict, Keys, Param, Sql, Text};
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, accepts, to_sql_checked};
use uuid::Uuid;

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
        let params: Vec<_> = params.iter().map(Bound).collect();
        self.one(text.postgres, &all(&params), |row| Ok(read(&RowColumns(row))))?.transpose()
    }

    fn all<T>(
        &self,
        text: Text,
        params: &[Param<'_>],
        mut read: impl FnMut(&dyn Columns) -> Result<T>,
    ) -> Result<Vec<T>> {
        let params: Vec<_> = params.iter().map(Bound).collect();
        self.all(text.postgres, &all(&params), |row| Ok(read(&RowColumns(row))))?.into_iter().collect()
    }

    fn each<T>(
        &self,
        text: Text,
        keys: &Keys<'_>,
        params: &[Param<'_>],
        mut read: impl FnMut(&dyn Columns) -> Result<T>,
    ) -> Result<Vec<T>> {
        let (lists, params): (_, Vec<_>) = (KeyLists::new(keys), params.iter().map(Bound).collect());
        self.all(text.postgres, &lists.before(&params), |row| Ok(read(&RowColumns(row))))?
            .into_iter()
            .collect()
    }

    fn change(&mut self, text: Text, params: &[Param<'_>]) -> Result<usize> {
        let params: Vec<_> = params.iter().map(Bound).collect();
        self.change(text.postgres, &all(&params))
    }

    fn change_each(&mut self, text: Text, keys: &Keys<'_>, params: &[Param<'_>]) -> Result<()> {
        let (lists, params): (_, Vec<_>) = (KeyLists::new(keys), params.iter().map(Bound).collect());
        self.change(text.postgres, &lists.before(&params)).map(drop)
    }

    fn name_case(&self) -> NameCase {
        self.name_case
    }

    fn insert(&mut self, text: Text, params: &[Param<'_>], conflicts: &[Conflict]) -> Result<()> {
        let params: Vec<_> = params.iter().map(Bound).collect();
        let inserted = self.try_change(text.postgres, &all(&params));
        inserted.map(drop).map_err(|why| {
            let broken = why.constraint();
            let conflict = conflicts.iter().find(|conflict| broken == Some(conflict.postgres));
            conflict.map_or_else(|| why.error(), |conflict| Error::Conflict(conflict.error))
        })
    }

    fn index_change(&mut self, group: GroupId, seq: Seq, body: Option<&str>) -> Result<()> {
        self.change_terms(group, seq, body)
    }

    fn index_erase(&mut self, group: GroupId, most: usize) -> Result<()> {
        self.erase_terms(group, most)
    }

    fn change_one<T>(
        &mut self,
        text: Text,
        params: &[Param<'_>],
        read: impl FnOnce(&dyn Columns) -> Result<T>,
    ) -> Result<Option<T>> {
        let params: Vec<_> = params.iter().map(Bound).collect();
        self.change_one(text.postgres, &all(&params), |row| Ok(read(&RowColumns(row))))?.transpose()
    }

    fn outwait_messages(&mut self) {
        self.outwait_messages();
    }

    fn claim_log(&mut self, group: GroupId) -> Result<()> {
        self.claim(group)
    }
}

fn all<'b>(params: &'b [Bound<'_>]) -> Vec<&'b (dyn ToSql + Sync)> {
    params.iter().map(|param| param as _).collect()
}

/// Keys as parameters that are lists.
enum KeyLists<'k> {
    One(&'k (dyn ToSql + Sync)),
    Two(Vec<Uuid>, Vec<i64>),
}

impl<'k> KeyLists<'k> {
    fn new(keys: &'k Keys<'_>) -> Self {
        match keys {
            Keys::Ints(keys) => Self::One(keys),
            Keys::Texts(keys) => Self::One(keys),
            Keys::Bytes(keys) => Self::One(keys),
            Keys::Ids(keys) => Self::One(keys),
            Keys::Places(keys) => {
                let (groups, seqs) = keys.iter().copied().unzip();
                Self::Two(groups, seqs)
            }
        }
    }

    /// The lists, followed by the other parameters.
    fn before<'b>(&'b self, params: &'b [Bound<'_>]) -> Vec<&'b (dyn ToSql + Sync)> {
        let mut list: Vec<&(dyn ToSql + Sync)> = match self {
            Self::One(keys) => vec![*keys],
            Self::Two(groups, seqs) => vec![groups, seqs],
        };
        list.extend(all(params));
        list
    }
}

/// Converts a parameter to the type that the server expects.
#[derive(Debug)]
struct Bound<'p>(&'p Param<'p>);

type Outcome = std::result::Result<IsNull, Box<dyn StdError + Sync + Send>>;

impl ToSql for Bound<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Outcome {
        match *self.0 {
            Param::Null => Ok(IsNull::Yes),
            Param::Int(number) if *ty == Type::INT2 => i16::try_from(number)?.to_sql(ty, out),
            Param::Int(number) if *ty == Type::INT4 => i32::try_from(number)?.to_sql(ty, out),
            Param::Int(number) => number.to_sql_checked(ty, out),
            Param::Flag(flag) => flag.to_sql_checked(ty, out),
            Param::Text(text) => text.to_sql_checked(ty, out),
            Param::Bytes(bytes) => bytes.to_sql_checked(ty, out),
            Param::Id(id) => id.to_sql_checked(ty, out),
        }
    }

    // Each value checks its own type.
    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// An integer of any width.
struct AnyInt(i64);

impl<'a> FromSql<'a> for AnyInt {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> std::result::Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Self(match *ty {
            Type::INT2 => i16::from_sql(ty, raw)?.into(),
            Type::INT4 => i32::from_sql(ty, raw)?.into(),
            _ => i64::from_sql(ty, raw)?,
        }))
    }

    accepts!(INT2, INT4, INT8);
}

/// A row, for the shared functions that read columns.
pub(crate) struct RowColumns<'r>(pub(crate) &'r Row);

impl Columns for RowColumns<'_> {
    fn int(&self, column: usize) -> Result<Option<i64>> {
        let number: Option<AnyInt> = self.0.try_get(column).map_err(Error::internal)?;
        Ok(number.map(|AnyInt(number)| number))
    }

    fn flag(&self, column: usize) -> Result<Option<bool>> {
        self.0.try_get(column).map_err(Error::internal)
    }

    fn text(&self, column: usize) -> Result<Option<&str>> {
        self.0.try_get(column).map_err(Error::internal)
    }

    fn bytes(&self, column: usize) -> Result<Option<&[u8]>> {
        self.0.try_get(column).map_err(Error::internal)
    }

    fn id(&self, column: usize) -> Result<Option<Uuid>> {
        self.0.try_get(column).map_err(Error::internal)
    }
}
