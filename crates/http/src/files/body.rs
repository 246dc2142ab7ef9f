//! Sources of the bytes of an upload: the body of a request, or parts that are already stored.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use chinwag_core::FileId;
use chinwag_core::file_store::{FileKey, FileReader, FileStore, PartId};
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout};

use crate::error::Problem;

/// The minimum rate of a body in bytes per second, averaged from its beginning.
const RATE: u64 = 8 << 10;

/// A source of bytes in pieces.
pub(crate) trait Pieces: Send {
    /// The next piece, or `None` at the end.
    fn next(&mut self) -> impl Future<Output = Result<Option<Bytes>, Problem>> + Send;
}

/// A request body with timeouts: each piece must arrive within `idle`, and the body at no less than [`RATE`].
pub(crate) struct PacedBody {
    body: Body,
    idle: Duration,
    begun: Instant,
    received: u64,
}

impl PacedBody {
    pub(crate) fn new(body: Body, idle: Duration) -> Self {
        Self { body, idle, begun: Instant::now(), received: 0 }
    }

    async fn frame(&mut self) -> Result<Option<Bytes>, Problem> {
        loop {
            let Some(frame) = self.body.frame().await else { return Ok(None) };
            let frame =
                frame.map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "the body ended too early"))?;
            // Skip trailers.
            if let Ok(data) = frame.into_data() {
                return Ok(Some(data));
            }
        }
    }
}

impl Pieces for PacedBody {
    async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        let allowed = self.idle + Duration::from_secs(self.received / RATE);
        let left = allowed.saturating_sub(self.begun.elapsed()).min(self.idle);
        let piece = timeout(left, self.frame())
            .await
            .map_err(|_| Problem::new(StatusCode::REQUEST_TIMEOUT, "the body took too long to arrive"))??;
        self.received += piece.as_ref().map_or(0, |piece| piece.len() as u64);
        Ok(piece)
    }
}

/// The parts of an upload, read one after the other.
pub(crate) struct StoredParts<'s> {
    store: &'s dyn FileStore,
    id: FileId,
    /// The parts still to be read, in reverse order, with the range to read of each.
    parts: Vec<(PartId, std::ops::Range<u64>)>,
    reader: Option<Box<dyn FileReader>>,
}

impl<'s> StoredParts<'s> {
    /// The parts that together contain the first `length` bytes; [`reach`] must be at least `length`.
    pub(crate) fn new(store: &'s dyn FileStore, id: FileId, parts: &[(PartId, u64)], length: u64) -> Self {
        let mut chain = Vec::new();
        let mut at = length;
        // The parts are sorted by offset. For each: the highest end of it and all earlier ones.
        let reached = |end: &mut u64, (part, size): &(PartId, u64)| {
            *end = (*end).max(part.offset + size);
            Some(*end)
        };
        let ends: Vec<u64> = parts.iter().scan(0, reached).collect();
        // From the end: of the parts that reach a position, the one that begins first.
        while at > 0 {
            let first = ends.partition_point(|end| *end < at);
            let Some((part, _)) = parts.get(first).filter(|(part, _)| part.offset < at) else { break };
            chain.push((*part, 0..at - part.offset));
            at = part.offset;
        }
        Self { store, id, parts: chain, reader: None }
    }
}

impl Pieces for StoredParts<'_> {
    async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        loop {
            if let Some(reader) = &mut self.reader {
                if let Some(piece) = reader.next(usize::MAX).await? {
                    return Ok(Some(piece));
                }
                self.reader = None;
            }
            let Some((part, range)) = self.parts.pop() else { return Ok(None) };
            self.reader = Some(self.store.read(FileKey::Part(self.id, part), range));
        }
    }
}

/// The length of the contiguous prefix of the file that the parts contain.
pub(crate) fn reach(parts: &[(PartId, u64)]) -> u64 {
    let mut at = 0;
    for (part, size) in parts {
        // The parts are sorted by offset.
        if part.offset > at {
            break;
        }
        at = at.max(part.offset + size);
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(parts: &[(u64, u64)]) -> Vec<(PartId, u64)> {
        (0..).zip(parts).map(|(number, &(offset, size))| (PartId { offset, number }, size)).collect()
    }

    #[test]
    fn parts_reach_as_far_as_there_is_no_gap() {
        for (list, expected) in [
            (&[][..], 0),
            (&[(0, 5)], 5),
            (&[(0, 5), (5, 5)], 10),
            (&[(0, 5), (0, 10), (5, 20)], 25),
            (&[(0, 5), (6, 5)], 5),
            (&[(1, 5)], 0),
            (&[(0, 10), (5, 2)], 10),
        ] {
            assert_eq!(reach(&parts(list)), expected, "{list:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn body_that_stands_still_is_refused() {
        let stalled = Body::from_stream(futures_util::stream::pending::<Result<Bytes, std::io::Error>>());
        let mut body = PacedBody::new(stalled, Duration::from_secs(30));
        let refused = body.next().await.expect_err("too slow");
        assert_eq!(refused.status, StatusCode::REQUEST_TIMEOUT);
    }

    #[tokio::test(start_paused = true)]
    async fn body_that_drips_is_refused_in_the_end() {
        let drip = futures_util::stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_secs(20)).await;
            Some((Ok::<_, std::io::Error>(Bytes::from_static(b"x")), ()))
        });
        let mut body = PacedBody::new(Body::from_stream(drip), Duration::from_secs(30));
        let begun = Instant::now();
        while let Ok(piece) = body.next().await {
            assert!(piece.is_some());
        }
        assert!(begun.elapsed() <= Duration::from_secs(31), "{:?}", begun.elapsed());
    }
}
