//! Reads an object of a bucket in pieces. Each piece is a separate request, so that a slow client does not
//! keep a connection to the storage open, and a failed request can be retried.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use chinwag_core::file_store::FileReader;
use chinwag_core::store::Answer;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use crate::fault::Faults;

/// The size of a piece, in bytes.
pub(crate) const PIECE: usize = 1 << 20;

pub(crate) struct ObjectReader {
    store: Arc<dyn ObjectStore>,
    faults: Faults,
    path: Path,
    /// The bytes that are still to be requested.
    rest: Range<u64>,
    /// Received bytes that are not passed on yet.
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
            // Copied, because a slice would keep the whole piece in memory.
            Ok(Some(Bytes::copy_from_slice(&self.piece.split_to(most))))
        })
    }
}
