//! How values that are no plain numbers or texts stand in columns.

use std::error::Error;

use chinwag_core::permission::Role;
use tokio_postgres::types::{FromSql, Type, accepts};

/// A SHA-256.
pub(crate) struct Hash(pub(crate) [u8; 32]);

/// A role, as its number.
pub(crate) struct RoleNumber(pub(crate) Role);

impl<'a> FromSql<'a> for Hash {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(<&[u8]>::from_sql(ty, raw)?.try_into()?))
    }

    accepts!(BYTEA);
}

impl<'a> FromSql<'a> for RoleNumber {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        let stored = i16::from_sql(ty, raw)?;
        let role = Role::ALL.into_iter().find(|role| number(*role) == stored);
        role.map(Self).ok_or_else(|| format!("no role has the number {stored}").into())
    }

    accepts!(INT2);
}

/// A role's number.
pub(crate) fn number(role: Role) -> i16 {
    match role {
        Role::Restrict => 0,
        Role::Member => 1,
        Role::Admin => 2,
        Role::Owner => 3,
    }
}
