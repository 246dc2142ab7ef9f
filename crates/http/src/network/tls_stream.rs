//! A TLS connection. As with TCP, any task may write to it while its own task sleeps: the TLS state is behind a lock,
//! which is never held across an `await`.
//!
//! Encrypted bytes that the kernel does not accept at once are buffered, at most 32 KiB. While the buffer is not
//! empty, a task flushes it, and further writes wait.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use rustls::ServerConnection;
use tokio::net::TcpStream;
use tokio::sync::Notify;

/// A TLS connection. Its flush task ends when this is dropped.
pub(crate) struct TlsStream(Arc<TlsState>);

/// A TCP connection with its TLS state.
pub(crate) struct TlsState {
    tcp: TcpStream,
    encryption: Mutex<ServerConnection>,
    /// Whether a flush task is running.
    flushing: AtomicBool,
    /// Whether decrypted bytes may be buffered, about which the socket's readiness says nothing.
    has_more: AtomicBool,
    dropped: Notify,
}

/// The encrypted side of a connection, for rustls.
struct Encrypted<'a>(&'a TcpStream);

impl Read for Encrypted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(buffer)
    }
}

impl Write for Encrypted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl TlsStream {
    /// A connection whose handshake has not begun.
    pub(crate) fn new(tcp: TcpStream, encryption: ServerConnection) -> Self {
        Self(Arc::new(TlsState {
            tcp,
            encryption: Mutex::new(encryption),
            flushing: AtomicBool::new(false),
            has_more: AtomicBool::new(false),
            dropped: Notify::new(),
        }))
    }

    pub(crate) async fn handshake(&self) -> io::Result<()> {
        while !self.advance_handshake()? {
            let wants_write = self.lock().wants_write();
            if wants_write { self.tcp.writable().await? } else { self.tcp.readable().await? }
        }
        Ok(())
    }

    /// Whether ALPN selected this protocol.
    pub(crate) fn speaks(&self, protocol: &[u8]) -> bool {
        self.lock().alpn_protocol() == Some(protocol)
    }

    /// Writes without blocking, as much as is accepted. A task flushes the remainder.
    pub(crate) fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let (written, is_left) = {
            let mut encryption = self.lock();
            let written = self.write(&mut encryption, slices)?;
            (written, encryption.wants_write())
        };
        if is_left && !self.flushing.swap(true, Ordering::AcqRel) {
            tokio::spawn(self.0.clone().flush_rest());
        }
        Ok(written)
    }
}

impl Drop for TlsStream {
    fn drop(&mut self) {
        self.dropped.notify_one();
    }
}

impl Deref for TlsStream {
    type Target = TlsState;

    fn deref(&self) -> &TlsState {
        &self.0
    }
}

impl TlsState {
    pub(crate) fn tcp(&self) -> &TcpStream {
        &self.tcp
    }

    /// Waits until the stream may be readable.
    pub(crate) async fn readable(&self) -> io::Result<()> {
        if self.has_more.load(Ordering::Acquire) { Ok(()) } else { self.tcp.readable().await }
    }

    /// Waits until the stream may be writable.
    pub(crate) async fn writable(&self) -> io::Result<()> {
        self.tcp.writable().await
    }

    /// Reads without blocking; 0 at the end of the stream.
    pub(crate) fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.read(&mut self.lock(), buffer);
        let has_more = matches!(&read, Ok(count) if *count == buffer.len() && *count > 0);
        self.has_more.store(has_more, Ordering::Release);
        read
    }

    pub(crate) fn poll_read(&self, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        loop {
            match self.try_read(buffer) {
                Err(why) if why.kind() == ErrorKind::WouldBlock => ready!(self.tcp.poll_read_ready(context))?,
                read => return Poll::Ready(read),
            }
        }
    }

    pub(crate) fn poll_write(
        &self,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        loop {
            let written = self.write(&mut self.lock(), slices);
            match written {
                Err(why) if why.kind() == ErrorKind::WouldBlock => {
                    ready!(self.tcp.poll_write_ready(context))?;
                }
                written => return Poll::Ready(written),
            }
        }
    }

    /// Writes all encrypted bytes.
    pub(crate) fn poll_flush(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let sent = self.send(&mut self.lock());
            match sent {
                Err(why) if why.kind() == ErrorKind::WouldBlock => {
                    ready!(self.tcp.poll_write_ready(context))?;
                }
                sent => return Poll::Ready(sent),
            }
        }
    }

    /// Sends `close_notify`, and closes the write side of the connection.
    pub(crate) fn poll_close(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.lock().send_close_notify();
        ready!(self.poll_flush(context))?;
        match rustix::net::shutdown(&self.tcp, rustix::net::Shutdown::Write) {
            Err(rustix::io::Errno::NOTCONN) | Ok(()) => Poll::Ready(Ok(())),
            Err(why) => Poll::Ready(Err(why.into())),
        }
    }

    /// Advances the handshake. Returns true once it is complete and all of its bytes are written.
    fn advance_handshake(&self) -> io::Result<bool> {
        let mut encryption = self.lock();
        loop {
            match self.send(&mut encryption) {
                Err(why) if why.kind() == ErrorKind::WouldBlock => return Ok(false),
                sent => sent?,
            }
            if !encryption.is_handshaking() {
                return Ok(true);
            }
            match self.receive(&mut encryption) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(_) => {}
                Err(why) if why.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(why) => return Err(why),
            }
        }
    }

    fn read(&self, encryption: &mut ServerConnection, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match encryption.reader().read(buffer) {
                Err(why) if why.kind() == ErrorKind::WouldBlock => {}
                // The peer closed without `close_notify`. Requests and frames have lengths, so truncation is detected
                // anyway.
                Err(why) if why.kind() == ErrorKind::UnexpectedEof => return Ok(0),
                read => return read,
            }
            self.receive(encryption)?;
        }
    }

    /// Reads and decrypts bytes. Returns the number of encrypted bytes read.
    fn receive(&self, encryption: &mut ServerConnection) -> io::Result<usize> {
        let count = encryption.read_tls(&mut Encrypted(&self.tcp))?;
        let processed = encryption.process_new_packets();
        // Send TLS's own response: an alert tells the peer why it is refused.
        match self.send(encryption) {
            Err(why) if why.kind() != ErrorKind::WouldBlock => return Err(why),
            _ => {}
        }
        processed.map_err(|why| io::Error::new(ErrorKind::InvalidData, why))?;
        Ok(count)
    }

    fn write(&self, encryption: &mut ServerConnection, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.send(encryption)?;
        let written = encryption.writer().write_vectored(slices)?;
        match self.send(encryption) {
            Err(why) if why.kind() != ErrorKind::WouldBlock => Err(why),
            _ => Ok(written),
        }
    }

    /// Writes encrypted bytes without blocking.
    fn send(&self, encryption: &mut ServerConnection) -> io::Result<()> {
        while encryption.wants_write() {
            if encryption.write_tls(&mut Encrypted(&self.tcp))? == 0 {
                return Err(ErrorKind::WriteZero.into());
            }
        }
        Ok(())
    }

    /// Flushes the remaining bytes. Errors are left to the connection's own task, which sees them as well.
    async fn flush_rest(self: Arc<Self>) {
        loop {
            // From here on, a write with a remainder spawns another flush task.
            self.flushing.store(false, Ordering::Release);
            let sent = self.send(&mut self.lock());
            match sent {
                Err(why) if why.kind() == ErrorKind::WouldBlock => {}
                _ => return,
            }
            if self.flushing.swap(true, Ordering::AcqRel) {
                return;
            }
            tokio::select! {
                ready = self.tcp.writable() => if ready.is_err() { return },
                () = self.dropped.notified() => return,
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, ServerConnection> {
        self.encryption.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
