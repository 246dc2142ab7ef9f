//! Zero-copy file downloads: `sendfile(2)` moves bytes from the page cache to a connection without passing through
//! the process.
//!
//! hyper takes a body's bytes from memory. In place of a span of a file, it gets as many bytes of the
//! [stand-in](STAND_IN), and the span is put into the [queue](SpanQueue) of the connection. When hyper writes bytes
//! of the stand-in, the connection sends bytes of the first span in the queue with `sendfile`. This relies on hyper
//! writing the pieces of bodies in order and without copying them; hyper does not copy if the connection supports
//! vectored writes (`is_write_vectored`). A piece whose length differs from the first span's closes the connection:
//! bytes of the stand-in are never sent.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, ready};

use axum::body::Bytes;
use chinwag_core::file_store::FileSpan;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

use super::client_stream::ClientStream;
use crate::permits::SharedPermit;

/// The maximum length of a span, in bytes.
pub(crate) const SPAN: usize = 1 << 20;

/// Bytes that are copied at a time if `sendfile` is not available.
#[cfg(target_os = "linux")]
const COPIED: usize = 32 << 10;

/// Memory that is neither read nor written, so the kernel never allocates pages for it.
static STAND_IN: OnceLock<Box<[u8]>> = OnceLock::new();

/// The spans of one connection that hyper has taken, each with its response's permit. hyper stops taking at 64 KiB of
/// unwritten bytes, so there are at most two.
#[derive(Clone, Default)]
pub(crate) struct SpanQueue(Arc<Mutex<QueuedSpans>>);

type QueuedSpans = VecDeque<(FileSpan, Arc<SharedPermit>)>;

/// A connection that can send spans of files.
pub(crate) struct FileStream {
    stream: ClientStream,
    spans: SpanQueue,
}

impl SpanQueue {
    /// Queues a span of at most [`SPAN`] bytes. Returns its stand-in, which must be the next piece that hyper takes.
    pub(crate) fn push(&self, span: FileSpan, permit: Arc<SharedPermit>) -> Bytes {
        let stand_in = STAND_IN.get_or_init(|| vec![0; SPAN].into());
        let length = usize::try_from(span.range.end - span.range.start).unwrap_or(usize::MAX);
        self.lock().push_back((span, permit));
        Bytes::from_static(&stand_in[..length])
    }

    /// Sends bytes of the first span with `sendfile`. `length` is the number of its bytes still unsent.
    fn send(&self, stream: &TcpStream, length: usize) -> io::Result<usize> {
        let mut spans = self.lock();
        let Some((FileSpan { file, range }, _)) = spans.front_mut() else {
            return Err(io::Error::new(ErrorKind::InvalidData, "no file is to be sent"));
        };
        if range.end - range.start != length as u64 {
            return Err(io::Error::new(ErrorKind::InvalidData, "another span is to be sent"));
        }
        let sent = send(stream, file, range.start, length)?;
        if sent == 0 {
            return Err(io::Error::new(ErrorKind::UnexpectedEof, "a file is shorter than its recorded size"));
        }
        range.start += sent as u64;
        if range.is_empty() {
            spans.pop_front();
        }
        Ok(sent)
    }

    fn lock(&self) -> MutexGuard<'_, QueuedSpans> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the kernel can send files.
pub(crate) const SENDS_FILES: bool = cfg!(target_os = "linux");

#[cfg(target_os = "linux")]
fn send(stream: &TcpStream, file: &File, at: u64, length: usize) -> io::Result<usize> {
    use rustix::io::Errno;

    match rustix::fs::sendfile(stream, file, Some(&mut { at }), length) {
        // Some file systems do not support the call, and some containers block it.
        Err(Errno::INVAL | Errno::NOSYS | Errno::PERM) => copy(stream, file, at, length),
        sent => Ok(sent?),
    }
}

/// Transfers bytes through the process.
#[cfg(target_os = "linux")]
fn copy(stream: &TcpStream, file: &File, at: u64, length: usize) -> io::Result<usize> {
    let mut bytes = vec![0; length.min(COPIED)];
    let read = rustix::io::pread(file, &mut bytes[..], at)?;
    Ok(if read == 0 { 0 } else { rustix::io::write(stream, &bytes[..read])? })
}

#[cfg(not(target_os = "linux"))]
fn send(_: &TcpStream, _: &File, _: u64, _: usize) -> io::Result<usize> {
    Err(ErrorKind::Unsupported.into())
}

/// Whether bytes belong to the stand-in.
fn is_stand_in(bytes: &[u8]) -> bool {
    !bytes.is_empty() && STAND_IN.get().is_some_and(|memory| memory.as_ptr_range().contains(&bytes.as_ptr()))
}

impl FileStream {
    pub(crate) fn new(stream: ClientStream, spans: SpanQueue) -> Self {
        Self { stream, spans }
    }

    pub(crate) fn tcp(&self) -> &TcpStream {
        self.stream.tcp()
    }

    pub(crate) fn into_client(self) -> ClientStream {
        self.stream
    }

    fn poll_send(&self, context: &mut Context<'_>, length: usize) -> Poll<io::Result<usize>> {
        // Requests over TLS have no queue of spans, so this is not reached.
        let ClientStream::Plain(tcp) = &self.stream else {
            return Poll::Ready(Err(io::Error::new(
                ErrorKind::InvalidData,
                "the system sends no file over TLS",
            )));
        };
        loop {
            ready!(tcp.poll_write_ready(context))?;
            match tcp.try_io(Interest::WRITABLE, || self.spans.send(tcp, length)) {
                Err(why) if matches!(why.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                sent => return Poll::Ready(sent),
            }
        }
    }
}

impl AsyncRead for FileStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for FileStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if is_stand_in(bytes) {
            return self.poll_send(context, bytes.len());
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match slices.iter().position(|slice| is_stand_in(slice)) {
            Some(0) => self.poll_send(context, slices[0].len()),
            at => {
                let bytes = &slices[..at.unwrap_or(slices.len())];
                Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io::Write;
    use std::ops::Range;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::permits::SharedPermits;

    async fn connection() -> (FileStream, SpanQueue, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
        let address = listener.local_addr().expect("its address");
        let (client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        let (stream, _) = accepted.expect("a connection");
        let queue = SpanQueue::default();
        (FileStream::new(ClientStream::Plain(stream), queue.clone()), queue, client.expect("a connection"))
    }

    fn content() -> Vec<u8> {
        (0..3 * SPAN).map(|at| (at % 251).to_le_bytes()[0]).collect()
    }

    fn span(content: &[u8], range: Range<u64>) -> FileSpan {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(content).expect("it is written");
        FileSpan { file: Arc::new(file), range }
    }

    fn permit(permits: &SharedPermits) -> Arc<SharedPermit> {
        Arc::new(permits.take(None, None).expect("a permit"))
    }

    #[tokio::test]
    async fn spans_are_sent_between_other_bytes_in_order() {
        let (mut stream, queue, mut client) = connection().await;
        let (permits, content) = (SharedPermits::new(10), content());
        let sending = tokio::spawn({
            let content = content.clone();
            async move {
                let first = queue.push(span(&content, 7..7 + SPAN as u64), permit(&permits));
                let second = queue.push(span(&content, 0..1), permit(&permits));
                let both = [IoSlice::new(b"head"), IoSlice::new(&first)];
                assert_eq!(stream.write_vectored(&both).await.expect("it is written"), 4);
                for bytes in [&*first, b"middle", &*second, b"end"] {
                    stream.write_all(bytes).await.expect("it is written");
                }
            }
        });
        let mut read = Vec::new();
        client.read_to_end(&mut read).await.expect("everything");
        sending.await.expect("no panic");
        let expected = [b"head", &content[7..7 + SPAN], b"middle", &content[..1], b"end"].concat();
        assert!(read == expected, "other bytes are sent");
    }

    #[tokio::test]
    async fn file_is_copied_where_the_system_cannot_send_it() {
        let (stream, _, mut client) = connection().await;
        let FileSpan { file, .. } = span(&content(), 0..0);
        assert_eq!(copy(stream.tcp(), &file, 7, SPAN).expect("it is written"), COPIED);
        assert_eq!(copy(stream.tcp(), &file, 3 * SPAN as u64, 1).expect("the end"), 0);
        drop(stream);
        let mut read = Vec::new();
        client.read_to_end(&mut read).await.expect("everything");
        assert!(read == content()[7..7 + COPIED], "other bytes are sent");
    }

    #[tokio::test]
    async fn stand_in_itself_is_never_sent() {
        let (mut stream, queue, mut client) = connection().await;
        let permits = SharedPermits::new(1);
        let piece = queue.push(span(&content(), 0..10), permit(&permits));
        let why = stream.write_all(&piece[..5]).await.expect_err("another length");
        assert_eq!(why.kind(), ErrorKind::InvalidData);
        stream.write_all(&piece).await.expect("it is sent");
        let why = stream.write_all(&piece).await.expect_err("no span");
        assert_eq!(why.kind(), ErrorKind::InvalidData);
        drop(stream);
        let mut read = Vec::new();
        client.read_to_end(&mut read).await.expect("everything");
        assert_eq!(read, content()[..10]);
    }

    #[tokio::test]
    async fn file_that_became_shorter_ends_the_connection() {
        let (mut stream, queue, _client) = connection().await;
        let permits = SharedPermits::new(1);
        let piece = queue.push(span(b"short", 0..10), permit(&permits));
        let why = stream.write_all(&piece).await.expect_err("half of it is gone");
        assert_eq!(why.kind(), ErrorKind::UnexpectedEof);
    }

    #[tokio::test]
    async fn permit_is_held_until_the_last_byte_is_sent() {
        let (mut stream, queue, _client) = connection().await;
        let permits = SharedPermits::new(1);
        let piece = queue.push(span(&content(), 0..2), permit(&permits));
        queue.send(stream.tcp(), piece.len()).expect("both bytes fit");
        assert!(permits.take(None, None).is_ok());
        let mut piece = queue.push(span(&content(), 0..SPAN as u64), permit(&permits));
        while !piece.is_empty() {
            assert!(permits.take(None, None).is_err(), "{} bytes are left", piece.len());
            let Ok(sent) = queue.send(stream.tcp(), piece.len()) else { break };
            piece = piece.slice(sent..);
        }
        stream.flush().await.expect("nothing is kept");
    }
}
