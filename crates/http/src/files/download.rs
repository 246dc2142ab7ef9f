//! Reading a file over HTTP.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chinwag_core::file::StoredFile;
use chinwag_core::file_store::{FileKey, FileStore, PresignedHeaders};
use chinwag_media::name::Disposition;
use chinwag_media::sniff::is_inline;
use futures_util::stream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::timeout;

use super::figures;
use super::range::{self, Wanted};
use crate::error::{Problem, Result};
use crate::permits::SharedPermit;
use crate::state::ServerState;

/// Nothing in a file runs, also where a browser is made to open it as a page.
const POLICY: HeaderValue = HeaderValue::from_static("sandbox; default-src 'none'");
/// A file never changes. A browser's copy may outlive an erasure by this.
const CACHE: HeaderValue = HeaderValue::from_static("private, max-age=3600, immutable");
/// The time for which a presigned address holds.
const PRESIGNED: Duration = Duration::from_secs(60);

/// The bytes that are given to a connection at a time.
const SLICE: usize = 32 << 10;
/// The slices that a connection holds at a time: a client that takes nothing has no more of them.
const SLICES: usize = 2;
/// A client that takes nothing for so long is slow: nothing is read ahead for it.
const PROMPT: Duration = Duration::from_millis(100);

/// The object that is read: a file or its thumbnail.
pub(crate) struct ServedObject<'a> {
    pub(crate) key: FileKey,
    pub(crate) size: u64,
    pub(crate) media_type: &'a str,
    pub(crate) name: &'a str,
}

impl<'a> ServedObject<'a> {
    pub(crate) fn whole(file: &'a StoredFile) -> Self {
        Self {
            key: FileKey::Whole(file.id),
            size: file.size,
            media_type: &file.media_type,
            name: file.name.as_str(),
        }
    }

    fn disposition(&self) -> Disposition {
        if is_inline(self.media_type) { Disposition::Inline } else { Disposition::Attachment }
    }

    fn etag(&self) -> String {
        match self.key {
            FileKey::Thumbnail(id) => format!("\"{id}-thumbnail\""),
            key => format!("\"{}\"", key.file()),
        }
    }
}

/// Answers a request for an object that its caller may read.
pub(crate) async fn answer(
    state: &Arc<ServerState>,
    object: ServedObject<'_>,
    parts: &Parts,
) -> Result<Response> {
    let files = state.files()?;
    let etag = object.etag();
    let disposition = object.disposition();
    let headers = headers(&object, &etag, &disposition.header(object.name));
    if range::is_known(&parts.headers, &etag) {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    if files.options.redirect && disposition == Disposition::Attachment {
        let presigned = PresignedHeaders {
            content_type: object.media_type,
            content_disposition: &disposition.header(object.name),
        };
        if let Some(address) = files.store().presign(object.key, presigned, PRESIGNED).await? {
            let no_store = HeaderValue::from_static("no-store");
            let headers = [(header::LOCATION, location(&address)?), (header::CACHE_CONTROL, no_store)];
            return Ok((StatusCode::FOUND, headers).into_response());
        }
    }
    let (status, range) = match range::wanted(&parts.headers, &etag, object.size) {
        Wanted::Whole => (StatusCode::OK, 0..object.size),
        Wanted::Part(range) => (StatusCode::PARTIAL_CONTENT, range),
        Wanted::Unsatisfiable => return Ok(unsatisfiable(object.size)),
    };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response.headers_mut().insert(header::CONTENT_LENGTH, (range.end - range.start).into());
    if status == StatusCode::PARTIAL_CONTENT {
        let shown = format!("bytes {}-{}/{}", range.start, range.end - 1, object.size);
        response.headers_mut().insert(header::CONTENT_RANGE, ascii(&shown)?);
    }
    if parts.method != Method::HEAD && !range.is_empty() {
        let permit = state.admission.shared(&files.downloads, parts)?;
        let mut source = RemainingBytes { store: files.store().clone(), key: object.key, rest: range };
        // Before the status is sent: a storage that is away is 503, and no body that is cut.
        let first = source.next(u64::MAX).await?;
        *response.body_mut() = body(first, source, permit, state.options.list_timeout);
    }
    Ok(response)
}

fn headers(object: &ServedObject<'_>, etag: &str, disposition: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut add = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    add(header::CONTENT_TYPE, &content_type(object.media_type));
    add(header::CONTENT_DISPOSITION, disposition);
    add(header::ETAG, etag);
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CACHE_CONTROL, CACHE);
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    headers
}

/// The type as a header. Texts are UTF-8: that is how they were recognised.
fn content_type(media_type: &str) -> String {
    if media_type.starts_with("text/") {
        format!("{media_type}; charset=utf-8")
    } else {
        media_type.to_owned()
    }
}

fn unsatisfiable(size: u64) -> Response {
    let problem = Problem::new(
        StatusCode::RANGE_NOT_SATISFIABLE,
        format!("the range lies past the end: the file has {size} bytes"),
    );
    let mut response = problem.into_response();
    if let Ok(range) = HeaderValue::from_str(&format!("bytes */{size}")) {
        response.headers_mut().insert(header::CONTENT_RANGE, range);
    }
    response
}

fn ascii(text: &str) -> Result<HeaderValue> {
    HeaderValue::from_str(text).map_err(|_| Problem::fault())
}

fn location(address: &str) -> Result<HeaderValue> {
    ascii(address)
}

/// The bytes of a response that are still to be read.
struct RemainingBytes {
    store: Arc<dyn FileStore>,
    key: FileKey,
    rest: Range<u64>,
}

impl RemainingBytes {
    /// The next bytes, at most `most`; `None` at the end.
    async fn next(&mut self, most: u64) -> chinwag_core::Result<Option<Bytes>> {
        let end = self.rest.end.min(self.rest.start.saturating_add(most));
        let piece = self.store.read(self.key, self.rest.start..end).next().await?;
        self.rest.start += piece.as_ref().map_or(0, |piece| piece.len() as u64);
        Ok(piece)
    }

    /// Takes back bytes that were read and not sent.
    fn put_back(&mut self, length: usize) {
        self.rest.start -= length as u64;
    }
}

/// Bytes that a connection holds until they are written.
struct Slice {
    bytes: Vec<u8>,
    _turn: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Slice {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// The bytes as the client takes them: each slice within its time.
fn body(first: Option<Bytes>, source: RemainingBytes, permit: SharedPermit, within: Duration) -> Body {
    let (sender, receiver) = mpsc::channel(SLICES);
    tokio::spawn(async move {
        let _permit = permit;
        if let Err(why) = send(first, source, &sender, within).await {
            tracing::debug!(%why, "a file was cut off");
            let _ = timeout(within, sender.send(Err(io::Error::other("the file was cut off")))).await;
        }
    });
    Body::from_stream(stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|slice| (slice, receiver))
    }))
}

async fn send(
    first: Option<Bytes>,
    mut source: RemainingBytes,
    sender: &mpsc::Sender<io::Result<Bytes>>,
    within: Duration,
) -> chinwag_core::Result<()> {
    let turns = Arc::new(Semaphore::new(SLICES));
    let mut piece = first.unwrap_or_default();
    loop {
        let mut turn = timeout(PROMPT.min(within), turns.clone().acquire_owned()).await;
        let most = if turn.is_err() { SLICE as u64 } else { u64::MAX };
        if turn.is_err() {
            source.put_back(std::mem::take(&mut piece).len());
            turn = tokio::select! {
                turn = timeout(within, turns.clone().acquire_owned()) => turn,
                () = sender.closed() => return Ok(()),
            };
        }
        // It takes too long: without its end the body is cut.
        let Ok(Ok(turn)) = turn else { return Ok(()) };
        if piece.is_empty() {
            match source.next(most).await? {
                Some(next) if !next.is_empty() => piece = next,
                _ => return Ok(()),
            }
        }
        // A copy, since a part of the piece would hold all of it.
        let bytes = piece.split_to(piece.len().min(SLICE)).to_vec();
        figures::count_sent(bytes.len());
        if sender.send(Ok(Bytes::from_owner(Slice { bytes, _turn: turn }))).await.is_err() {
            // Its reader has gone.
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use chinwag_core::FileId;
    use chinwag_core::file_store::{FileLister, FileReader, FileWriter, PartId};
    use chinwag_core::store::{Answer, Done};
    use http_body_util::BodyExt;
    use uuid::Uuid;

    use super::*;
    use crate::permits::SharedPermits;

    const SIZE: u64 = 5 << 19;

    /// The byte at a position.
    fn byte(at: u64) -> u8 {
        (at >> 10).to_le_bytes()[0]
    }

    /// A storage of one object, which counts the bytes that it has given and that are held.
    #[derive(Default)]
    struct Counted(Arc<AtomicUsize>);

    struct Given {
        bytes: Vec<u8>,
        held: Arc<AtomicUsize>,
    }

    impl AsRef<[u8]> for Given {
        fn as_ref(&self) -> &[u8] {
            &self.bytes
        }
    }

    impl Drop for Given {
        fn drop(&mut self) {
            self.held.fetch_sub(self.bytes.len(), Ordering::Relaxed);
        }
    }

    struct Reading(Arc<AtomicUsize>, Range<u64>);

    impl FileReader for Reading {
        fn next(&mut self) -> Answer<'_, Option<Bytes>> {
            let end = self.1.end.min(self.1.start + (1 << 20));
            let bytes: Vec<u8> = (self.1.start..end).map(byte).collect();
            self.0.fetch_add(bytes.len(), Ordering::Relaxed);
            let given = Given { bytes, held: self.0.clone() };
            Box::pin(async { Ok(Some(Bytes::from_owner(given))) })
        }
    }

    impl FileStore for Counted {
        fn create(&self, _: FileKey) -> Answer<'_, Box<dyn FileWriter>> {
            unreachable!("nothing is written")
        }

        fn read(&self, _: FileKey, range: Range<u64>) -> Box<dyn FileReader> {
            Box::new(Reading(self.0.clone(), range))
        }

        fn size(&self, _: FileKey) -> Answer<'_, Option<u64>> {
            unreachable!("the size is known")
        }

        fn parts(&self, _: FileId) -> Answer<'_, Vec<(PartId, u64)>> {
            unreachable!("there are no parts")
        }

        fn list(&self) -> Box<dyn FileLister> {
            unreachable!("nothing is listed")
        }

        fn remove_parts(&self, _: FileId) -> Done<'_> {
            unreachable!("nothing is removed")
        }

        fn remove(&self, _: FileId) -> Done<'_> {
            unreachable!("nothing is removed")
        }

        fn presign<'a>(
            &'a self,
            _: FileKey,
            _: PresignedHeaders<'a>,
            _: Duration,
        ) -> Answer<'a, Option<String>> {
            unreachable!("nothing is presigned")
        }
    }

    #[tokio::test(start_paused = true)]
    async fn slow_client_holds_two_slices() {
        let held = Arc::<AtomicUsize>::default();
        let key = FileKey::Whole(FileId(Uuid::from_u128(1)));
        let mut source = RemainingBytes { store: Arc::new(Counted(held.clone())), key, rest: 0..SIZE };
        let first = source.next(u64::MAX).await.expect("bytes");
        let permit = SharedPermits::new(1).take(None).expect("a permit");
        let mut body = body(first, source, permit, Duration::from_secs(60));
        let mut read = Vec::new();
        let mut kept = Vec::new();
        while let Ok(Some(frame)) = timeout(2 * PROMPT, body.frame()).await {
            let bytes = frame.expect("no fault").into_data().expect("bytes");
            read.extend_from_slice(&bytes);
            kept.push(bytes);
            if kept.len() == SLICES {
                assert!(timeout(2 * PROMPT, body.frame()).await.is_err(), "it has another slice");
                assert_eq!(held.load(Ordering::Relaxed), 0, "something is read ahead");
                kept.clear();
            }
        }
        let expected: Vec<u8> = (0..SIZE).map(byte).collect();
        assert!(read == expected, "other bytes");
    }
}
