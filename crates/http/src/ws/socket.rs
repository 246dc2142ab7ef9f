//! One socket's loop: reads frames, starts what they ask, writes what the hub has queued.
//!
//! It is one task with no standing buffer: bytes are read into a buffer of the thread's own, and
//! what is queued is written in one vectored write, while the task sleeps by whoever queues it.
//! Messages are pipelined, in order: up to [`IN_FLIGHT`] may wait for their commit at once, and
//! those that one read has brought begin together.
//! Anything else waits for what came before it. A panic, whatever handler it is in, is this
//! socket's end (1011) and nobody else's.

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
use crate::wire::frame::{self, Broken, Incoming, Reader};

/// Messages of one socket that may wait for their commit at once; no more are read until then.
const IN_FLIGHT: usize = 64;
/// The most bytes of one read.
const READ: usize = 64 * 1024;
/// Frames in one vectored write.
const WRITE_FRAMES: usize = 64;
/// The time for a peer to accept the last frames.
const LAST_WRITE: Duration = Duration::from_secs(30);
/// Pongs that may wait to be written; until they are, nothing more is read.
const PONGS: usize = 1024;
/// Messages that may wait to be begun; while there are as many, nothing more is read. One read may
/// bring more.
const INBOX: usize = 8;
/// The time for a peer to close in its turn.
const CLOSING: Duration = Duration::from_secs(5);

thread_local! {
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ].into());
}

/// The reason for the loop's end.
enum SocketEnd {
    /// The peer is gone, or silent while closing.
    Gone,
    /// The peer closes, with this code.
    Answer(u16),
    /// To be closed with this code and reason, once what was queued is written.
    Close(u16, &'static str),
    /// The same, and what was queued is dropped.
    Cut(u16, &'static str),
}

/// The connection: read by the socket's task, and written to while that sleeps by whoever has
/// something for it.
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
    broken: Option<Broken>,
    outbox: VecDeque<Bytes>,
    /// Whether the first frame of `outbox` has been written in part.
    begun: bool,
    /// Pongs put into `outbox` since it was last empty.
    pongs: usize,
    /// Messages that have come together, and are about to be begun together.
    gathered: Vec<(EventRequest, Send)>,
    working: FuturesUnordered<Job>,
    /// The number of events at work.
    busy: usize,
    /// Work that waits until nothing else works.
    waiting: Option<Job>,
    /// Whether nothing else may begin.
    exclusive: bool,
    pace: Pace,
    /// Whether more has come than may: it is closed when next it is looked at.
    too_fast: bool,
}

/// Serves a socket until its end. `early` is what was read before the socket was one.
pub(super) async fn run(wire: &Arc<ClientSink>, mut early: Vec<u8>, session: &Arc<Session>) {
    let options = &session.state.options;
    let mut socket = SocketLoop {
        stream: &wire.0,
        session,
        reader: Reader::new(options.max_frame),
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
    };
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
    // A peer that is gone, or takes too long, is let go without a word.
    let _ = socket.farewell(end).await;
    session.connection.detach();
}

impl SocketLoop<'_> {
    async fn serve(&mut self) -> io::Result<SocketEnd> {
        loop {
            if let Some(end) = self.begin() {
                // What was answered so far goes before the close.
                return Ok(self.take().unwrap_or(end));
            }
            let may_read = self.inbox.len() < INBOX && self.broken.is_none() && self.pongs < PONGS;
            // In no fixed order: a socket that has always something to write still reads its pongs.
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

    /// Begins what the peer has asked, as far as its order allows. Answers how it ends.
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
                // Answered when they came.
                Incoming::Ping(_) | Incoming::Pong => {}
                // What was asked before it is done first.
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
            Work::Pipelined(request, message) => self.gathered.push((request, message)),
            Work::Alone(work) => {
                self.begin_gathered();
                self.waiting = Some(work);
                self.exclusive = true;
                self.go_on();
            }
        }
    }

    /// Begins what waits to be alone, once it is; lets others begin once that is done.
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

    /// Takes what the hub has queued.
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

    /// Reads once. False at the stream's end.
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

    /// Takes in what has come. Pings are answered at once, whatever waits to be begun.
    fn feed(&mut self, bytes: &mut [u8]) {
        let mut came = Vec::new();
        self.broken = self.reader.feed(bytes, &mut came).err();
        self.too_fast |= !self.pace.frames(self.reader.idle_frames());
        for incoming in came {
            match incoming {
                // Nothing is read after a close.
                _ if matches!(self.inbox.back(), Some(Incoming::Close(_))) => return,
                Incoming::Ping(payload) => {
                    if self.outbox.is_empty() {
                        // From here on this task alone writes. That it is to be closed is seen again.
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

    /// Writes once, as much as the kernel takes, in one vectored write.
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

    /// Says the last word, and waits for the peer to close in its turn where it has not.
    async fn farewell(&mut self, end: SocketEnd) -> io::Result<()> {
        let (code, reason) = match end {
            SocketEnd::Gone => return Ok(()),
            SocketEnd::Answer(code) => (code, ""),
            SocketEnd::Close(code, reason) | SocketEnd::Cut(code, reason) => (code, reason),
        };
        tracing::debug!(code, reason, "closing");
        if let SocketEnd::Cut(..) = end {
            // A frame that was begun must be ended before the next.
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

    /// Other frames of the peer are dropped.
    async fn closed_in_turn(&mut self) -> io::Result<()> {
        self.inbox.clear();
        while self.broken.is_none() {
            self.stream.readable().await?;
            let closed = |incoming| matches!(incoming, Incoming::Close(_));
            if !self.read()? || self.inbox.drain(..).any(closed) {
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
        Close::TimedOut => SocketEnd::Cut(1001, "no pong came"),
        Close::TooMuch => SocketEnd::Cut(4029, "too many events: slow down"),
        Close::Fault => SocketEnd::Cut(1011, "a fault of the server"),
    }
}
