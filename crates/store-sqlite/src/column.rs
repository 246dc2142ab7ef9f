//! Values that are no plain numbers or texts, as columns hold them.

use chinwag_core::Name;
use chinwag_core::store::encoding::Stored;
use rusqlite::{Error, Result, Row};

/// The value of a stored number.
pub(crate) fn stored<T: Stored>(row: &Row<'_>, column: usize) -> Result<T> {
    let number: i64 = row.get(column)?;
    T::known(number).ok_or(Error::IntegralValueOutOfRange(column, number))
}

/// A name from a column.
pub(crate) fn name(row: &Row<'_>, column: usize) -> Result<Name> {
    Ok(Name::stored(row.get_ref(column)?.as_str()?))
}
