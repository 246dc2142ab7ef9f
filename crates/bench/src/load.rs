//! The load generator: many sockets on one thread. It parses as little as possible, so that it is not the bottleneck.

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use memchr::memmem;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::frame::{self, ServerFrame};

const SCRATCH: usize = 256 * 1024;
/// Sockets that connect at a time: fewer than a listener's backlog.
const CONNECTING: usize = 512;
/// A run fails after this time without any progress.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);

/// Many sockets.
pub(crate) struct Load {
    pub(crate) poll: Poll,
    events: Events,
    sockets: Vec<LoadSocket>,
    scratch: Vec<u8>,
    begun: Instant,
    received: u64,
}

struct LoadSocket {
    stream: TcpStream,
    phase: Phase,
    partial: Vec<u8>,
    out: Vec<u8>,
}

#[derive(PartialEq, Eq)]
enum Phase {
    Connecting,
    /// The handshake was sent.
    Asking,
    Open,
    /// Plain HTTP requests and answers.
    Rest,
    Closed,
}

/// An arrival at a socket, with its time in nanoseconds since the load began.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival {
    pub(crate) socket: usize,
    pub(crate) at: u64,
    pub(crate) what: ArrivalKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ArrivalKind {
    Message {
        seq: u64,
        number: u64,
        due: u64,
    },
    /// The handshake was accepted.
    Upgraded,
    /// The last summary has arrived; live events follow.
    Shown,
    /// The missed events have arrived.
    Synced,
    /// An answer to a request, with its status.
    Answer(u16),
    /// The server sent an error.
    Refused,
    Closed(Option<u16>),
}

/// How sockets connect.
pub(crate) struct Joining<'a> {
    /// The address that each connects to.
    pub(crate) address: &'a dyn Fn(usize) -> SocketAddr,
    /// The handshake of each.
    pub(crate) handshake: &'a dyn Fn(usize) -> String,
    /// Appends the first frame of each, if any.
    pub(crate) first: &'a dyn Fn(usize, &mut Vec<u8>),
    /// The arrival after which a socket is ready.
    pub(crate) ready: ArrivalKind,
}

impl Load {
    pub(crate) fn new() -> Result<Self> {
        raise_open_files();
        Ok(Self {
            poll: Poll::new()?,
            events: Events::with_capacity(4096),
            sockets: Vec::new(),
            scratch: vec![0; SCRATCH],
            begun: Instant::now(),
            received: 0,
        })
    }

    /// The bytes received by all sockets.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// Nanoseconds since the load began.
    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Connects sockets `from..to` and waits until each is ready.
    pub(crate) fn join(&mut self, from: usize, to: usize, how: &Joining<'_>) -> Result<()> {
        assert_eq!(self.sockets.len(), from, "sockets join in order");
        let (mut upgraded, mut ready) = (0, 0);
        let mut arrivals = Vec::new();
        let mut last = Instant::now();
        while ready < to - from {
            while self.sockets.len() < to && self.sockets.len() - from < upgraded + CONNECTING {
                let socket = self.connect((how.address)(self.sockets.len()), Phase::Connecting)?;
                self.sockets[socket].out = (how.handshake)(socket).into_bytes();
            }
            self.turn(Duration::from_millis(100), &mut arrivals)?;
            for arrival in arrivals.drain(..) {
                last = Instant::now();
                ready += usize::from(arrival.what == how.ready);
                match arrival.what {
                    ArrivalKind::Upgraded => {
                        upgraded += 1;
                        (how.first)(arrival.socket, &mut self.sockets[arrival.socket].out);
                        self.flush(arrival.socket)?;
                    }
                    ArrivalKind::Refused => bail!("socket {} was refused", arrival.socket),
                    ArrivalKind::Closed(code) => bail!("socket {} was closed with {code:?}", arrival.socket),
                    _ => {}
                }
            }
            ensure!(last.elapsed() < TIMEOUT, "only {ready} of {} sockets were ready", to - from);
        }
        Ok(())
    }

    /// Connects a socket for HTTP requests.
    pub(crate) fn join_rest(&mut self, address: SocketAddr) -> Result<usize> {
        self.connect(address, Phase::Rest)
    }

    fn connect(&mut self, address: SocketAddr, phase: Phase) -> Result<usize> {
        let mut stream = match phase {
            Phase::Rest => {
                let stream = std::net::TcpStream::connect(address)?;
                stream.set_nonblocking(true)?;
                TcpStream::from_std(stream)
            }
            _ => TcpStream::connect(address).context("the server listens")?,
        };
        let id = self.sockets.len();
        self.poll.registry().register(&mut stream, Token(id), Interest::READABLE | Interest::WRITABLE)?;
        self.sockets.push(LoadSocket { stream, phase, partial: Vec::new(), out: Vec::new() });
        Ok(id)
    }

    /// Stops reading from a socket and shrinks its kernel buffer.
    pub(crate) fn stall(&mut self, socket: usize) -> Result<()> {
        Ok(self.poll.registry().deregister(&mut self.sockets[socket].stream)?)
    }

    /// The output buffer of a socket; [`Self::flush`] sends it.
    pub(crate) fn out(&mut self, socket: usize) -> &mut Vec<u8> {
        &mut self.sockets[socket].out
    }

    pub(crate) fn flush(&mut self, socket: usize) -> Result<()> {
        let socket = &mut self.sockets[socket];
        while !socket.out.is_empty() {
            match socket.stream.write(&socket.out) {
                Ok(written) => drop(socket.out.drain(..written)),
                Err(why) if why.kind() == ErrorKind::WouldBlock => return Ok(()),
                // Its remaining answers are still read, and then its end.
                Err(why) if matches!(why.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => {
                    socket.out.clear();
                }
                Err(why) => return Err(why.into()),
            }
        }
        Ok(())
    }

    /// Waits at most `wait` for arrivals, and appends them to `into`.
    pub(crate) fn turn(&mut self, wait: Duration, into: &mut Vec<Arrival>) -> Result<()> {
        match self.poll.poll(&mut self.events, Some(wait)) {
            Err(why) if why.kind() == ErrorKind::Interrupted => return Ok(()),
            polled => polled?,
        }
        let events: Vec<_> = self
            .events
            .iter()
            .map(|event| (event.token().0, event.is_readable(), event.is_writable()))
            .collect();
        for (id, readable, writable) in events {
            let Some(socket) = self.sockets.get_mut(id) else { continue };
            if writable && socket.phase == Phase::Connecting {
                if let Some(why) = socket.stream.take_error()? {
                    return Err(why).context("a socket could not connect");
                }
                socket.stream.set_nodelay(true)?;
                socket.phase = Phase::Asking;
            }
            if writable && !socket.out.is_empty() {
                self.flush(id)?;
            }
            if readable {
                self.read(id, into)?;
            }
        }
        Ok(())
    }

    fn read(&mut self, id: usize, into: &mut Vec<Arrival>) -> Result<()> {
        let at = self.now();
        let (socket, scratch) = (&mut self.sockets[id], &mut self.scratch);
        let mut say = |what| into.push(Arrival { socket: id, at, what });
        loop {
            if socket.phase == Phase::Closed {
                return Ok(());
            }
            let read = match socket.stream.read(scratch) {
                Err(why) if why.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(why) if why.kind() == ErrorKind::ConnectionReset => 0,
                read => read?,
            };
            if read == 0 {
                socket.phase = Phase::Closed;
                say(ArrivalKind::Closed(None));
                return Ok(());
            }
            self.received += read as u64;
            let taken = if socket.partial.is_empty() {
                let taken = parse(&mut socket.phase, &mut socket.out, &scratch[..read], &mut say)?;
                socket.partial.extend_from_slice(&scratch[taken..read]);
                taken
            } else {
                socket.partial.extend_from_slice(&scratch[..read]);
                let taken = parse(&mut socket.phase, &mut socket.out, &socket.partial, &mut say)?;
                socket.partial.drain(..taken);
                taken
            };
            if socket.partial.is_empty() {
                socket.partial = Vec::new();
            }
            if taken > 0 && !socket.out.is_empty() {
                self.flush(id)?;
                return if read == SCRATCH { self.read(id, into) } else { Ok(()) };
            }
            if read < SCRATCH {
                return Ok(());
            }
        }
    }
}

/// Parses the complete frames or answers in `bytes`. Returns the number of bytes used.
fn parse(
    phase: &mut Phase,
    out: &mut Vec<u8>,
    bytes: &[u8],
    say: &mut impl FnMut(ArrivalKind),
) -> Result<usize> {
    let mut at = 0;
    if *phase == Phase::Rest {
        while let Some((status, length)) = answer(&bytes[at..]) {
            say(ArrivalKind::Answer(status));
            at += length;
        }
        return Ok(at);
    }
    if *phase == Phase::Asking {
        let Some(end) = memmem::find(bytes, b"\r\n\r\n") else { return Ok(0) };
        if !bytes.starts_with(b"HTTP/1.1 101") {
            bail!("a handshake was refused: {}", String::from_utf8_lossy(&bytes[..end]));
        }
        *phase = Phase::Open;
        say(ArrivalKind::Upgraded);
        at = end + 4;
    }
    while let Some((came, length)) = frame::first(&bytes[at..]) {
        match came {
            ServerFrame::Message { seq, number, due } => say(ArrivalKind::Message { seq, number, due }),
            ServerFrame::Text(text) => {
                if let Some(what) = arrival_kind(text) {
                    say(what);
                }
            }
            ServerFrame::Ping(payload) => frame::put_pong(payload, out),
            ServerFrame::Close(code) => {
                *phase = Phase::Closed;
                say(ArrivalKind::Closed(Some(code)));
            }
            ServerFrame::Other => {}
        }
        at += length;
    }
    Ok(at)
}

fn arrival_kind(text: &[u8]) -> Option<ArrivalKind> {
    let kind = text.strip_prefix(b"{\"type\":\"")?;
    if kind.starts_with(b"contact.summary") {
        Some(ArrivalKind::Shown)
    } else if kind.starts_with(b"sync.done") {
        Some(ArrivalKind::Synced)
    } else if kind.starts_with(b"error.") {
        Some(ArrivalKind::Refused)
    } else {
        None
    }
}

/// The status and length of the first complete answer.
fn answer(bytes: &[u8]) -> Option<(u16, usize)> {
    let head = memmem::find(bytes, b"\r\n\r\n")? + 4;
    let status = std::str::from_utf8(bytes.get(9..12)?).ok()?.parse().ok()?;
    let key = memmem::find(&bytes[..head], b"ontent-length: ")
        .or(memmem::find(&bytes[..head], b"ontent-Length: "))?;
    let digits = bytes[key + 15..].iter().take_while(|byte| byte.is_ascii_digit());
    let length = digits.fold(0, |length, digit| length * 10 + usize::from(digit - b'0'));
    (bytes.len() >= head + length).then_some((status, head + length))
}

/// Raises the limit of open files to the hard limit.
pub(crate) fn raise_open_files() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // If the limit stays, connecting fails with a clear error.
    let _: Result<(), io::Error> = setrlimit(Resource::Nofile, limit).map_err(Into::into);
}
