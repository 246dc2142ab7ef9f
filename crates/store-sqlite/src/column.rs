//! Column values other than plain numbers and texts.

use chinwag_core::Name;
use chinwag_core::store::encoding::Stored;
use rusqlite::{Error, Result, Row};

/// Decodes a value that is stored as a number.
pub(crate) fn stored<T: Stored>(row: &Row<'_>, column: usize) -> Result<T> {
    let number: i64 = row.get(column)?;
    T::known(number).ok_or(Error::IntegralValueOutOfRange(column, number))
}

pub(crate) fn name(row: &Row<'_>, column: usize) -> Result<Name> {
    Ok(Name::stored(row.get_ref(column)?.as_str()?))
}
