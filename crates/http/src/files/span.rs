//! A response body whose bytes the kernel sends from a file.

use std::io;
use std::sync::Arc;

use axum::body::Body;
use chinwag_core::file_store::{FileReader, FileSpan};
use futures_util::stream;

use super::figures;
use crate::network::file_stream::{SPAN, SpanQueue};
use crate::permits::SharedPermit;

/// A body of a file's spans, the first of which has been read. The permit is released when the last byte is sent.
pub(crate) fn body(
    first: FileSpan,
    reader: Box<dyn FileReader>,
    queue: SpanQueue,
    permit: SharedPermit,
) -> Body {
    let state = (Some(first), reader, queue, Arc::new(permit));
    let pieces = stream::try_unfold(state, |(first, mut reader, queue, permit)| async move {
        let span = match first {
            Some(first) => Some(first),
            None => reader.next_span(SPAN).await.map_err(|why| {
                tracing::debug!(%why, "a file was cut off");
                io::Error::other("the file was cut off")
            })?,
        };
        let Some(span) = span else { return Ok::<_, io::Error>(None) };
        let piece = queue.push(span, permit.clone());
        figures::count_sent(piece.len());
        Ok(Some((piece, (None, reader, queue, permit))))
    });
    Body::from_stream(pieces)
}
