//! Downloads of files over HTTP.

use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chinwag_core::Error;
use chinwag_core::file::StoredFile;
use chinwag_core::file_store::{FileKey, FileReader, FileStore, PresignedHeaders};
use chinwag_media::name::Disposition;
use chinwag_media::sniff::is_inline;
use futures_util::stream;
use tokio::time::sleep;

use super::figures;
use super::range::{self, RequestedRange};
use super::span;
use crate::error::{Problem, Result};
use crate::network::file_stream::{SENDS_FILES, SPAN, SpanQueue};
use crate::permits::SharedPermit;
use crate::state::ServerState;

/// Disables scripts in a file, even if a browser is made to open it as a page.
const POLICY: HeaderValue = HeaderValue::from_static("sandbox; default-src 'none'");
/// A file never changes. A browser's cache may keep it for this long after an erasure.
const CACHE: HeaderValue = HeaderValue::from_static("private, max-age=3600, immutable");
/// The lifetime of a presigned URL.
const PRESIGNED: Duration = Duration::from_secs(60);

/// The bytes that a connection gets at a time. It buffers two slices, so this bounds the memory for a client that
/// does not read.
const SLICE: usize = 32 << 10;
/// The bytes that are read ahead for a client that keeps up.
const READ_AHEAD: u64 = 1 << 20;
/// A client that does not take a slice for so long is slow, and nothing is read ahead for it.
const PROMPT: Duration = Duration::from_millis(100);

/// The object to send: a file or its thumbnail.
pub(crate) struct ServedObject<'a> {
    pub(crate) key: FileKey,
    pub(crate) size: u64,
    pub(crate) media_type: &'a str,
    pub(crate) name: &'a str,
}

impl<'a> ServedObject<'a> {
    pub(crate) fn whole(file: &'a StoredFile) -> Self {
        Self { key: file.key(), size: file.size, media_type: &file.media_type, name: file.name.as_str() }
    }

    fn disposition(&self) -> Disposition {
        if is_inline(self.media_type) { Disposition::Inline } else { Disposition::Attachment }
    }

    fn etag(&self) -> String {
        match self.key {
            FileKey::Thumbnail(id, _) => format!("\"{id}-thumbnail\""),
            key => format!("\"{}\"", key.file()),
        }
    }
}

/// Responds with an object that the caller may read.
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
    // A presigned URL is valid for GET only.
    let may_redirect = files.options.redirect && parts.method != Method::HEAD;
    if may_redirect && disposition == Disposition::Attachment {
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
    // `Range` is defined for GET only.
    let wanted = match parts.method {
        Method::HEAD => RequestedRange::Whole,
        _ => range::wanted(&parts.headers, &etag, object.size),
    };
    let (status, range) = match wanted {
        RequestedRange::Whole => (StatusCode::OK, 0..object.size),
        RequestedRange::Part(range) => (StatusCode::PARTIAL_CONTENT, range),
        RequestedRange::Unsatisfiable => return Ok(unsatisfiable(object.size)),
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
        *response.body_mut() = content(files.store(), object.key, range, parts, permit).await?;
    }
    Ok(response)
}

/// The body with the bytes of an object. The first bytes are read before the status is sent, so that an unreachable
/// storage is answered with 503 instead of a truncated body.
async fn content(
    store: &Arc<dyn FileStore>,
    key: FileKey,
    range: Range<u64>,
    parts: &Parts,
    permit: SharedPermit,
) -> Result<Body> {
    if SENDS_FILES && let Some(queue) = parts.extensions.get::<SpanQueue>() {
        let mut reader = store.read(key, range.clone());
        if let Some(first) = reader.next_span(SPAN).await? {
            return Ok(span::body(first, reader, queue.clone(), permit));
        }
    }
    let mut source = SentFile::new(store.clone(), key, range);
    let first = source.next().await?;
    Ok(body(first, source, permit))
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

/// The `Content-Type`. Texts are UTF-8, since otherwise they would not have been recognized as text.
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
        format!("the range is past the end: the file has {size} bytes"),
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

/// A file that is being sent. Between two slices its reader is kept for [`PROMPT`] at most, since it may hold a whole
/// buffer of the storage.
struct SentFile {
    store: Arc<dyn FileStore>,
    key: FileKey,
    /// The remaining range.
    rest: Range<u64>,
    idle: Arc<Mutex<IdleReader>>,
}

/// The reader of a file, kept while the client takes the last slice.
#[derive(Default)]
struct IdleReader {
    reader: Option<Box<dyn FileReader>>,
    /// The number of slices so far.
    turn: u64,
    /// Whether the client was slow to take the last slice. Then only the next slice is read.
    is_slow: bool,
}

impl SentFile {
    fn new(store: Arc<dyn FileStore>, key: FileKey, rest: Range<u64>) -> Self {
        Self { store, key, rest, idle: Arc::default() }
    }

    /// The next slice; `None` at the end.
    async fn next(&mut self) -> chinwag_core::Result<Option<Bytes>> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let (held, is_slow) = {
            let mut idle = lock(&self.idle);
            idle.turn += 1;
            (idle.reader.take(), std::mem::take(&mut idle.is_slow))
        };
        let read_ahead = if is_slow { SLICE as u64 } else { READ_AHEAD };
        let slice = match held {
            Some(mut reader) => reader.next(SLICE).await?.map(|slice| (reader, slice)),
            None => None,
        };
        let (reader, slice) = if let Some(read) = slice {
            read
        } else {
            let end = self.rest.end.min(self.rest.start.saturating_add(read_ahead));
            let mut reader = self.store.read(self.key, self.rest.start..end);
            let slice = reader.next(SLICE).await?;
            (reader, slice.ok_or_else(|| Error::internal("a file is shorter than its recorded size"))?)
        };
        self.rest.start += slice.len() as u64;
        figures::count_sent(slice.len());
        if !self.rest.is_empty() {
            lock(&self.idle).reader = Some(reader);
        }
        Ok(Some(slice))
    }
}

fn lock(idle: &Mutex<IdleReader>) -> MutexGuard<'_, IdleReader> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Drops the reader when the client takes no slice for [`PROMPT`]. Ends when the file is sent.
async fn drop_idle(idle: Weak<Mutex<IdleReader>>) {
    let mut seen = 0;
    loop {
        sleep(PROMPT).await;
        let Some(idle) = idle.upgrade() else { return };
        let mut idle = lock(&idle);
        if idle.turn == seen {
            (idle.reader, idle.is_slow) = (None, true);
        }
        seen = idle.turn;
    }
}

/// A body of slices, the first of which has been read. The connection's write timeout disconnects a client that stops
/// reading.
fn body(first: Option<Bytes>, source: SentFile, permit: SharedPermit) -> Body {
    if !source.rest.is_empty() {
        tokio::spawn(drop_idle(Arc::downgrade(&source.idle)));
    }
    let slices = stream::try_unfold((first, source, permit), |(first, mut source, permit)| async move {
        let slice = match first {
            Some(first) => Some(first),
            None => source.next().await.map_err(|why| {
                tracing::debug!(%why, "a file was cut off");
                io::Error::other("the file was cut off")
            })?,
        };
        Ok::<_, io::Error>(slice.map(|slice| (slice, (None, source, permit))))
    });
    Body::from_stream(slices)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use chinwag_core::FileId;
    use chinwag_core::file_store::{Attempt, FileLister, FileWriter, PartId};
    use chinwag_core::store::{Answer, Done};
    use http_body_util::BodyExt;
    use uuid::Uuid;

    use super::*;
    use crate::permits::SharedPermits;

    const SIZE: u64 = 5 << 19;

    /// The byte at a position of the test file.
    fn byte(at: u64) -> u8 {
        (at >> 10).to_le_bytes()[0]
    }

    /// A storage with one object, which counts the bytes that its readers hold.
    #[derive(Default)]
    struct Counted(Arc<AtomicUsize>);

    struct Reading {
        held: Arc<AtomicUsize>,
        piece: Vec<u8>,
        at: usize,
    }

    impl Drop for Reading {
        fn drop(&mut self) {
            self.held.fetch_sub(self.piece.len(), Ordering::Relaxed);
        }
    }

    impl FileReader for Reading {
        fn next(&mut self, most: usize) -> Answer<'_, Option<Bytes>> {
            let end = self.piece.len().min(self.at + most);
            let bytes = Bytes::copy_from_slice(&self.piece[self.at..end]);
            self.at = end;
            Box::pin(async { Ok(Some(bytes).filter(|bytes| !bytes.is_empty())) })
        }
    }

    impl FileStore for Counted {
        fn create(&self, _: FileKey) -> Answer<'_, Box<dyn FileWriter>> {
            unreachable!("nothing is written")
        }

        fn read(&self, _: FileKey, range: Range<u64>) -> Box<dyn FileReader> {
            let piece: Vec<u8> = range.map(byte).collect();
            self.0.fetch_add(piece.len(), Ordering::Relaxed);
            Box::new(Reading { held: self.0.clone(), piece, at: 0 })
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

        fn remove_except(&self, _: FileId, _: Attempt) -> Done<'_> {
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
    async fn nothing_is_read_ahead_for_a_slow_client() {
        let held = Arc::<AtomicUsize>::default();
        let key = FileKey::Whole(FileId(Uuid::from_u128(1)), Attempt::ONLY);
        let mut source = SentFile::new(Arc::new(Counted(held.clone())), key, 0..SIZE);
        let first = source.next().await.expect("bytes");
        let permits = SharedPermits::new(1);
        let mut body = body(first, source, permits.take(None, None).expect("a permit"));
        let (mut read, mut slices) = (Vec::new(), 0);
        while let Some(frame) = body.frame().await {
            let bytes = frame.expect("no fault").into_data().expect("bytes");
            assert!(bytes.len() <= SLICE);
            read.extend_from_slice(&bytes);
            slices += 1;
            assert!(held.load(Ordering::Relaxed) as u64 <= READ_AHEAD, "too much is read ahead");
            if slices == 1 {
                assert!(permits.take(None, None).is_err(), "the body holds its permit");
            }
            if slices % 10 < 5 {
                sleep(3 * PROMPT).await;
                assert_eq!(held.load(Ordering::Relaxed), 0, "something is read ahead");
            }
        }
        let expected: Vec<u8> = (0..SIZE).map(byte).collect();
        assert!(read == expected, "other bytes");
        drop(body);
        assert!(permits.take(None, None).is_ok());
        assert_eq!(held.load(Ordering::Relaxed), 0);
    }
}
