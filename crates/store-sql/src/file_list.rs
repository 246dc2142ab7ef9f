//! Lists the files of a database page by page, for command-line tools.

use chinwag_core::FileId;
use chinwag_core::file::StoredFile;
use chinwag_core::store::FileState;
use chinwag_core::store::encoding::Stored;
use uuid::Uuid;

use crate::file::FILES;
use crate::transfer::{Fault, Row, Source, Value};

/// Rows per page.
const PAGE: usize = 1000;
/// The indexes of columns in a row.
const STATE: usize = 2;
const DETAIL: usize = 8;

/// A file for command-line tools.
#[derive(Debug, Clone)]
pub struct ListedFile {
    pub id: FileId,
    pub state: FileState,
    /// The file, if it is complete and not dropped.
    pub file: Option<StoredFile>,
}

/// The number of files, including dropped ones.
pub fn count(source: &mut dyn Source) -> Result<u64, Fault> {
    source.count(&FILES)
}

/// The next files after `after`, ordered by id. Empty at the end.
pub fn page(source: &mut dyn Source, after: Option<FileId>) -> Result<Vec<ListedFile>, Fault> {
    let after: Vec<_> = after.map(|id| Value::Bytes(id.0.as_bytes().to_vec())).into_iter().collect();
    source.page(&FILES, &after, PAGE)?.iter().map(read).collect()
}

pub fn find(source: &mut dyn Source, id: FileId) -> Result<Option<ListedFile>, Fault> {
    let before = id.0.as_u128().checked_sub(1).map(Uuid::from_u128);
    let after: Vec<_> = before.map(|id| Value::Bytes(id.as_bytes().to_vec())).into_iter().collect();
    let found = source.page(&FILES, &after, 1)?.first().map(read).transpose()?;
    Ok(found.filter(|found| found.id == id))
}

fn read(row: &Row) -> Result<ListedFile, Fault> {
    let (Some(Value::Bytes(id)), Some(Value::Number(state))) = (row.first(), row.get(STATE)) else {
        return Err("a row of files has no id or no state".into());
    };
    let id = FileId(Uuid::from_slice(id)?);
    let state = FileState::VALUES.iter().find(|value| i64::from(value.number()) == *state);
    let Some(&state) = state else { return Err(format!("the file {id} has an unknown state").into()) };
    let file = match row.get(DETAIL) {
        Some(Value::Bytes(detail)) => StoredFile::from_stored(detail),
        _ => None,
    };
    Ok(ListedFile { id, state, file })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_have_their_places() {
        let names: Vec<_> = FILES.columns.iter().map(|(name, _)| *name).collect();
        assert_eq!((names[0], names[STATE], names[DETAIL]), ("id", "state", "detail"));
    }
}
