//! The id of a store's history, read and renewed without a server (`chinwag history`).

use std::path::Path;

use chinwag_core::HistoryId;

use crate::open::{self, OpenError, Options};
use crate::schema;

/// The id of the history of the store in the file at `path`. Changes nothing. Blocks.
pub fn read(path: &Path) -> Result<HistoryId, OpenError> {
    let failed = |why| OpenError::sqlite(path, &why);
    let conn = open::reader(path, &Options::default())?;
    schema::inspect(path, &conn)?;
    schema::history(&conn).map_err(failed)
}

/// Gives the history of the store in the file at `path` another id, on the disk. Only for a store that nobody serves
/// meanwhile. Blocks.
pub fn renew(path: &Path) -> Result<HistoryId, OpenError> {
    let failed = |why| OpenError::sqlite(path, &why);
    let conn = open::connect(path, &Options::default())?;
    schema::inspect(path, &conn)?;
    schema::renew_history(&conn).map_err(failed)?;
    schema::history(&conn).map_err(failed)
}
