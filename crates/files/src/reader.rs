//! Reading an object in pieces. Each is a request of its own, so that a slow client holds no connection to the
//! storage, and a lost one is asked again.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use chinwag_core::file_store::FileReader;
use chinwag_core::store::Answer;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use crate::fault::Faults;

/// The bytes of a piece.
const PIECE: u64 = 1 << 20;

pub(crate) struct ObjectReader {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) faults: Faults,
    pub(crate) path: Path,
    /// The bytes still to be read.
    pub(crate) rest: Range<u64>,
}

impl FileReader for ObjectReader {
    fn next(&mut self) -> Answer<'_, Option<Bytes>> {
        Box::pin(async {
            if self.rest.is_empty() {
                return Ok(None);
            }
            let piece = self.rest.start..self.rest.end.min(self.rest.start.saturating_add(PIECE));
            let end = piece.end;
            let bytes = self.faults.outcome(self.store.get_range(&self.path, piece)).await?;
            self.rest.start = end;
            Ok(Some(bytes))
        })
    }
}
