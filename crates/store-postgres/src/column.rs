//! Column values other than plain numbers and texts.

use std::error::Error;

use chinwag_core::Name;
use chinwag_core::store::encoding;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Type, accepts};

/// A SHA-256 hash.
pub(crate) struct Hash(pub(crate) [u8; 32]);

/// A value that is stored as a number.
pub(crate) struct Stored<T>(pub(crate) T);

impl<'a> FromSql<'a> for Hash {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(<&[u8]>::from_sql(ty, raw)?.try_into()?))
    }

    accepts!(BYTEA);
}

impl<'a, T: encoding::Stored> FromSql<'a> for Stored<T> {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(T::from_number(i16::from_sql(ty, raw)?.into())?))
    }

    accepts!(INT2);
}

pub(crate) fn name(row: &Row, column: usize) -> Result<Name, tokio_postgres::Error> {
    row.try_get(column).map(Name::stored)
}
