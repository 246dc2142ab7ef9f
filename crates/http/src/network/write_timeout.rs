//! Disconnects clients that stop reading: otherwise their pending bytes would be kept forever.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// A connection on which each write must make progress within a timeout.
#[derive(Debug)]
pub(crate) struct WriteTimeout<S> {
    stream: S,
    within: Duration,
    /// Called when a write times out.
    cut: fn(&S),
    /// The timer, which runs while a write is blocked.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<S> WriteTimeout<S> {
    pub(crate) fn new(stream: S, within: Duration, cut: fn(&S)) -> Self {
        Self { stream, within, cut, stalled: None }
    }

    pub(crate) fn into_inner(self) -> S {
        self.stream
    }

    /// The outcome of a write, or a timeout error.
    fn bounded<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let within = self.within;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(within)));
        ready!(stalled.as_mut().poll(context));
        (self.cut)(&self.stream);
        let why = format!("the client has read nothing for {} s (http.list_timeout)", within.as_secs_f32());
        Poll::Ready(Err(io::Error::new(ErrorKind::TimedOut, why)))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WriteTimeout<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WriteTimeout<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.bounded(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.bounded(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.bounded(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let closed = Pin::new(&mut self.stream).poll_shutdown(context);
        self.bounded(context, closed)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::Instant;

    use super::*;

    const WITHIN: Duration = Duration::from_secs(30);
    const SOON_OVER: Duration = Duration::from_secs(29);

    #[tokio::test(start_paused = true)]
    async fn client_that_reads_slowly_is_served() {
        let (stream, mut client) = duplex(4);
        let mut stream = WriteTimeout::new(stream, WITHIN, |_| {});
        let writing = tokio::spawn(async move { stream.write_all(&[7; 20]).await });
        let mut read = Vec::new();
        for _ in 0..10 {
            tokio::time::advance(SOON_OVER).await;
            let mut two = [0; 2];
            client.read_exact(&mut two).await.expect("the connection stands");
            read.extend(two);
        }
        assert_eq!(read, [7; 20]);
        writing.await.expect("no panic").expect("it was written");
    }

    #[tokio::test(start_paused = true)]
    async fn client_that_stops_reading_is_cut_off() {
        let (stream, _client) = duplex(4);
        let mut stream = WriteTimeout::new(stream, WITHIN, |_| {});
        let begun = Instant::now();
        let why = stream.write_all(&[7; 20]).await.expect_err("nobody reads");
        assert_eq!((why.kind(), begun.elapsed().as_secs()), (ErrorKind::TimedOut, WITHIN.as_secs()));
    }
}
