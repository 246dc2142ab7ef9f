//! Reading an object of a bucket in pieces. Each is a request of its own, so that a slow client holds no connection to
//! the storage, and a lost one is asked again.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use chinwag_core::file_store::FileReader;
use chinwag_core::store::Answer;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use crate::fault::Faults;

/// The bytes of a piece.
pub(crate) const PIECE: usize = 1 << 20;

pub(crate) struct ObjectReader {
    store: Arc<dyn ObjectStore>,
    faults: Faults,
    path: Path,
    /// The bytes still to be asked for.
    rest: Range<u64>,
    /// Bytes that have come.
    piece: Bytes,
}

impl ObjectReader {
    pub(crate) fn new(store: Arc<dyn ObjectStore>, faults: Faults, path: Path, rest: Range<u64>) -> Self {
        Self { store, faults, path, rest, piece: Bytes::new() }
    }
}

impl FileReader for ObjectReader {
    fn next(&mut self, most: usize) -> Answer<'_, Option<Bytes>> {
        Box::pin(async move {
            if self.piece.is_empty() {
                if self.rest.is_empty() {
                    return Ok(None);
                }
                let piece = self.rest.start..self.rest.end.min(self.rest.start.saturating_add(PIECE as u64));
                let end = piece.end;
                self.piece = self.faults.outcome(self.store.get_range(&self.path, piece)).await?;
                self.rest.start = end;
            }
            if self.piece.len() <= most {
                return Ok(Some(std::mem::take(&mut self.piece)));
            }
            // A copy, since a part of the piece would hold all of it.
            Ok(Some(Bytes::copy_from_slice(&self.piece.split_to(most))))
        })
    }
}
