//! The loop of a socket: reads frames, begins the requested work, and writes the frames that the hub has queued.
//!
//! The loop is one task without a buffer of its own. It reads into a buffer of the thread, and writes with vectored
//! writes; while it sleeps, the tasks that queue frames write them. Messages are pipelined in order: up to
//! [`IN_FLIGHT`] may wait for their commit, and those that arrive in one read begin together. Any other event waits
//! for all earlier ones. A panic in a handler ends only this socket (1011).

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::mem;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes};
use chinwag_core::app::message::Send;
use chinwag_hub::{Close, Sink, TakeOutcome};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use tokio::time::timeout;

use super::client_event::{EventRequest, Job, Work};
use super::pace::Pace;
use super::session::Session;
use super::{dispatch, gathered};
use crate::error::panicked;
use crate::network::client_stream::ClientStream;
use crate::wire::frame::{self, FrameError, Incoming, Reader};

/// Messages of one socket that may wait for their commit. Beyond that, reading stops.
const IN_FLIGHT: usize = 64;
/// The maximum size of a read, in bytes.
const READ: usize = 64 * 1024;
/// The maximum number of frames in a vectored write.
const WRITE_FRAMES: usize = 64;
/// How long a peer may take to accept the last frames.
const LAST_WRITE: Duration = Duration::from_secs(30);
/// Pongs that may wait to be written. Beyond that, reading stops.
const PONGS: usize = 1024;
/// Messages that may wait to begin. Beyond that, reading stops. A single read may exceed it.
const INBOX: usize = 8;
/// How long a peer may take to answer the close frame.
const CLOSING: Duration = Duration::from_secs(5);

thread_local! {
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ].into());
}

/// The reason why the loop ends.
enum SocketEnd {
    /// The peer is gone, or silent while closing.
    Gone,
    /// The peer closes, with this code.
    Answer(u16),
    /// Close with this code and reason, after queued frames are written.
    Close(u16, &'static str),
    /// Close with this code and reason, and drop queued frames.
    Cut(u16, &'static str),
}

/// The connection. The socket's task reads from it; while that task sleeps, other tasks may write to it.
pub(super) struct ClientSink(pub(super) ClientStream);

impl Sink for ClientSink {
    fn write(&self, frames: &[IoSlice<'_>]) -> usize {
        self.0.try_write(frames).unwrap_or(0)
    }
}

struct SocketLoop<'a> {
    stream: &'a ClientStream,
    session: &'a Arc<Session>,
    reader: Reader,
    inbox: VecDeque<Incoming>,
    broken: Option<FrameError>,
    outbox: VecDeque<Bytes>,
    /// Whether the first frame in `outbox` is partially written.
    begun: bool,
    /// Pongs added to `outbox` since it was last empty.
    pongs: usize,
    /// Messages that arrived together, and are about to begin together.
    gathered: Vec<(EventRequest, Send)>,
    working: FuturesUnordered<Job>,
    /// The number of events in progress.
    busy: usize,
    /// A job that waits until all others are done.
    waiting: Option<Job>,
    /// Whether no other job may begin.
    exclusive: bool,
    pace: Pace,
    /// Whether the client exceeded a limit; the socket is closed in the next iteration.
    too_fast: bool,
}

/// Serves a socket until it ends. `early`: bytes that were read before the upgrade.
pub(super) async fn run(wire: &Arc<ClientSink>, mut early: Vec<u8>, session: &Arc<Session>) {
    let mut socket = SocketLoop::new(&wire.0, session);
    session.connection.attach(wire.clone());
    socket.work(1, Box::pin(session.clone().open()));
    socket.feed(&mut early);
    let end = match AssertUnwindSafe(socket.serve()).catch_unwind().await {
        Ok(end) => end.unwrap_or(SocketEnd::Gone),
        Err(panic) => {
            tracing::error!(why = panicked(&*panic), "an event's handler panicked");
            ending(Close::Fault)
        }
    };
    session.state.hub.unregister(&session.connection);
    // Ignore a timeout or an error: the peer is gone, or too slow.
    let _ = socket.farewell(end).await;
    session.connection.detach();
}

impl<'a> SocketLoop<'a> {
    fn new(stream: &'a ClientStream, session: &'a Arc<Session>) -> Self {
        Self {
            stream,
            session,
            reader: Reader::new(session.state.options.max_frame),
            inbox: VecDeque::new(),
            broken: None,
            outbox: VecDeque::new(),
            begun: false,
            pongs: 0,
            gathered: Vec::new(),
            working: FuturesUnordered::new(),
            busy: 0,
            waiting: None,
            exclusive: true,
            pace: Pace::new(&session.state.app.limits().rates),
            too_fast: false,
        }
    }

    async fn serve(&mut self) -> io::Result<SocketEnd> {
        loop {
            if let Some(end) = self.begin() {
                // Send the answers so far before the close frame.
                return Ok(self.take().unwrap_or(end));
            }
            let may_read = self.inbox.len() < INBOX && self.broken.is_none() && self.pongs < PONGS;
            // `select!` picks at random, so a socket that always has something to write still reads its pongs.
            tokio::select! {
                Some(done) = self.working.next(), if !self.working.is_empty() => {
                    self.busy -= done;
                    self.go_on();
                }
                () = self.session.connection.wait(), if self.outbox.is_empty() => {
                    if let Some(end) = self.take() {
                        return Ok(end);
                    }
                    self.write()?;
                }
                ready = self.stream.writable(), if !self.outbox.is_empty() => {
                    ready?;
                    self.write()?;
                }
                () = self.session.connection.cut(), if !self.outbox.is_empty() => {
                    if let Some(end) = self.take() {
                        return Ok(end);
                    }
                }
                ready = self.stream.readable(), if may_read => {
                    ready?;
                    if !self.read()? {
                        return Ok(SocketEnd::Gone);
                    }
                }
            }
        }
    }

    /// Begins the requested work, as far as its order allows. Returns the end of the loop, if it ends.
    fn begin(&mut self) -> Option<SocketEnd> {
        let end = self.begin_each();
        self.begin_gathered();
        if self.too_fast { Some(ending(Close::TooMuch)) } else { end }
    }

    fn begin_each(&mut self) -> Option<SocketEnd> {
        while !self.too_fast && !self.exclusive && self.busy + self.gathered.len() < IN_FLIGHT {
            let Some(incoming) = self.inbox.pop_front() else {
                self.begin_gathered();
                let broken = self.broken.filter(|_| self.working.is_empty())?;
                return Some(SocketEnd::Close(broken.code(), broken.reason()));
            };
            match incoming {
                // Handled when they were read.
                Incoming::Ping(_) | Incoming::Pong => {}
                // Finish earlier work first.
                Incoming::Close(_) if !self.working.is_empty() || !self.gathered.is_empty() => {
                    self.inbox.push_front(incoming);
                    return None;
                }
                Incoming::Close(code) => return Some(SocketEnd::Answer(code.unwrap_or(1000))),
                Incoming::Binary => self.start(dispatch::refuse_binary(self.session)),
                Incoming::Text(text) => self.start(dispatch::begin(self.session, &text)),
            }
        }
        None
    }

    fn start(&mut self, work: Work) {
        match work {
            Work::Nothing => {}
            Work::TooMany => self.too_fast |= !self.pace.refused(),
            Work::Pipelined(request, message) => {
                if self.gathered.is_empty() {
                    self.gathered.reserve(1 + self.inbox.len());
                }
                self.gathered.push((request, message));
            }
            Work::Alone(work) => {
                self.begin_gathered();
                self.waiting = Some(work);
                self.exclusive = true;
                self.go_on();
            }
        }
    }

    /// Begins the exclusive job when no other one is in progress, and allows others again when it is done.
    fn go_on(&mut self) {
        if self.working.is_empty() {
            self.exclusive = self.waiting.is_some();
            if let Some(work) = self.waiting.take() {
                self.work(1, work);
            }
        }
    }

    fn begin_gathered(&mut self) {
        if !self.gathered.is_empty() {
            let messages = mem::take(&mut self.gathered);
            self.work(messages.len(), gathered::send_all(messages));
        }
    }

    fn work(&mut self, events: usize, job: Job) {
        self.busy += events;
        self.working.push(job);
    }

    /// Takes the queued frames from the hub.
    fn take(&mut self) -> Option<SocketEnd> {
        let mut frames = Vec::new();
        let taken = self.session.connection.take(&mut frames);
        self.begun |= taken == TakeOutcome::Rest;
        self.outbox.extend(frames);
        match taken {
            TakeOutcome::Frames | TakeOutcome::Rest | TakeOutcome::Empty => None,
            TakeOutcome::Close(close) => Some(ending(close)),
        }
    }

    /// Reads once. Returns false at the end of the stream.
    fn read(&mut self) -> io::Result<bool> {
        SCRATCH.with_borrow_mut(|scratch| match self.stream.try_read(scratch) {
            Ok(0) => Ok(false),
            Ok(count) => {
                self.session.connection.mark_alive();
                self.feed(&mut scratch[..count]);
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(true),
            Err(error) => Err(error),
        })
    }

    /// Parses received bytes. Pings are answered at once, even while other work waits.
    fn feed(&mut self, bytes: &mut [u8]) {
        let mut came = Vec::new();
        self.broken = self.reader.feed(bytes, &mut came).err();
        self.too_fast |= !self.pace.frames(self.reader.idle_frames());
        for incoming in came {
            match incoming {
                // Ignore everything after a close frame.
                _ if matches!(self.inbox.back(), Some(Incoming::Close(_))) => return,
                Incoming::Ping(payload) => {
                    if self.outbox.is_empty() {
                        // From here on only this task writes. The next `take` returns a close again.
                        let _ = self.take();
                    }
                    self.pongs += 1;
                    self.outbox.push_back(frame::control(frame::PONG, &payload));
                }
                Incoming::Pong => {}
                said => self.inbox.push_back(said),
            }
        }
    }

    /// Writes until the outbox is empty or the kernel accepts no more.
    fn write(&mut self) -> io::Result<()> {
        while !self.outbox.is_empty() {
            let mut slices = [IoSlice::new(&[]); WRITE_FRAMES];
            let count = slices.len().min(self.outbox.len());
            for (slice, bytes) in slices.iter_mut().zip(&self.outbox) {
                *slice = IoSlice::new(bytes);
            }
            match self.stream.try_write(&slices[..count]) {
                Ok(written) => self.written(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        self.pongs = 0;
        if self.outbox.capacity() > 0 {
            self.outbox = VecDeque::new();
        }
        Ok(())
    }

    fn written(&mut self, mut count: usize) {
        while let Some(front) = self.outbox.front_mut() {
            if count < front.len() {
                front.advance(count);
                self.begun |= count > 0;
                return;
            }
            count -= front.len();
            self.outbox.pop_front();
            self.begun = false;
        }
    }

    /// Sends the close frame, and waits for the peer's unless it closed first.
    async fn farewell(&mut self, end: SocketEnd) -> io::Result<()> {
        let (code, reason) = match end {
            SocketEnd::Gone => return Ok(()),
            SocketEnd::Answer(code) => (code, ""),
            SocketEnd::Close(code, reason) | SocketEnd::Cut(code, reason) => (code, reason),
        };
        tracing::debug!(code, reason, "closing");
        if let SocketEnd::Cut(..) = end {
            // A partially written frame must be completed first.
            self.outbox.truncate(usize::from(self.begun));
        }
        self.outbox.push_back(frame::close(code, reason));
        timeout(LAST_WRITE, self.write_all()).await??;
        match end {
            SocketEnd::Answer(_) => Ok(()),
            _ => timeout(CLOSING, self.closed_in_turn()).await?,
        }
    }

    async fn write_all(&mut self) -> io::Result<()> {
        while !self.outbox.is_empty() {
            self.stream.writable().await?;
            self.write()?;
        }
        Ok(())
    }

    /// Waits for the peer's close frame, and drops its other frames, with the pongs to its pings.
    async fn closed_in_turn(&mut self) -> io::Result<()> {
        self.inbox.clear();
        while self.broken.is_none() {
            self.stream.readable().await?;
            let closed = |incoming| matches!(incoming, Incoming::Close(_));
            let is_open = self.read()?;
            self.outbox.clear();
            if !is_open || self.inbox.drain(..).any(closed) {
                break;
            }
        }
        Ok(())
    }
}

fn ending(close: Close) -> SocketEnd {
    match close {
        Close::Restarting => SocketEnd::Close(1012, "restarting: reconnect"),
        Close::CredentialEnded => SocketEnd::Cut(4001, "the credential has ended: sign in again"),
        Close::Suspended => SocketEnd::Cut(4003, "the account is suspended"),
        Close::TooSlow => SocketEnd::Cut(4008, "reading too slowly: reconnect and resume"),
        Close::ResyncRequired => SocketEnd::Cut(4009, "resync required"),
        Close::TimedOut => SocketEnd::Cut(1001, "no pong was received"),
        Close::TooMuch => SocketEnd::Cut(4029, "too many events: slow down"),
        Close::Fault => SocketEnd::Cut(1011, "a fault of the server"),
    }
}

#[cfg(test)]
mod tests {
    use chinwag_core::app::connect::Window;
    use chinwag_core::{Name, UserId};
    use chinwag_hub::Identity;
    use tokio::io::AsyncWriteExt;
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::state::tests::state;

    #[tokio::test]
    async fn pings_after_the_close_frame_leave_no_pongs() {
        const PING: [u8; 6] = [0x89, 0x80, 0, 0, 0, 0];
        const CLOSE: [u8; 6] = [0x88, 0x80, 0, 0, 0, 0];
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
        let address = listener.local_addr().expect("its address");
        let (client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        let stream = ClientStream::Plain(accepted.expect("a connection").0);
        let name = Name::stored("ann");
        let ann = Identity { user: UserId(1), name, token: None, expires: None, scope: None };
        let (state, window) = (state(|_| {}), Window { groups: None, messages: None });
        let connection = state.hub.register(ann).expect("there is room");
        let session = Arc::new(Session::new(state, connection, window, None, address.ip()));
        let mut socket = SocketLoop::new(&stream, &session);
        let sent = [PING.repeat(1000), CLOSE.to_vec()].concat();
        client.expect("a connection").write_all(&sent).await.expect("sent");
        socket.closed_in_turn().await.expect("the peer closes");
        assert!(socket.outbox.is_empty(), "{} pongs are kept", socket.outbox.len());
    }
}
