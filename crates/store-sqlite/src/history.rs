//! Reading and renewing the id of a store's history without a server (`chinwag history`).

use std::path::Path;

use chinwag_core::HistoryId;

use crate::open::{self, OpenError, Options};
use crate::schema;

/// The history id of the store in the file at `path`. Changes nothing. Blocks.
pub fn read(path: &Path) -> Result<HistoryId, OpenError> {
    let failed = |why| OpenError::sqlite(path, &why);
    let conn = open::reader(path, &Options::default())?;
    schema::inspect(path, &conn)?;
    schema::history(&conn).map_err(failed)
}

/// Gives the store in the file at `path` a new history id, and flushes it to the disk. No server may use the
/// store at the same time. Blocks.
pub fn renew(path: &Path) -> Result<HistoryId, OpenError> {
    let failed = |why| OpenError::sqlite(path, &why);
    let conn = open::connect(path, &Options::default())?;
    schema::inspect(path, &conn)?;
    schema::renew_history(&conn).map_err(failed)?;
    schema::history(&conn).map_err(failed)
}
