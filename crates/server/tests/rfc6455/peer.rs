//! A peer that writes arbitrary bytes, and reads strictly: the server's frames must be valid whatever the peer
//! sends.

use std::io;

use chinwag_testkit::client::Client;
use chinwag_testkit::wait::WAIT_TIMEOUT;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

pub(crate) const FIN: u8 = 0x80;
pub(crate) const MORE: u8 = 0;
pub(crate) const TEXT: u8 = 0x1;
pub(crate) const BINARY: u8 = 0x2;
pub(crate) const CLOSE: u8 = 0x8;
pub(crate) const PING: u8 = 0x9;
pub(crate) const PONG: u8 = 0xA;

/// Bits of the second byte: masked, and a length in the next 16 or 64 bits.
pub(crate) const MASKED: u8 = 0x80;
pub(crate) const SIXTEEN: u8 = 126;
pub(crate) const SIXTY_FOUR: u8 = 127;

const MASK: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

/// A masked frame. The first byte has FIN, the reserved bits and the opcode.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = head(first, payload.len() as u64);
    bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, key)| byte ^ key));
    bytes
}

/// The header of a masked frame, with the length in its shortest form.
pub(crate) fn head(first: u8, length: u64) -> Vec<u8> {
    let mut bytes = vec![first];
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ ..126), _) => bytes.push(MASKED | short),
        (_, Ok(long)) => {
            bytes.push(MASKED | SIXTEEN);
            bytes.extend(long.to_be_bytes());
        }
        _ => {
            bytes.push(MASKED | SIXTY_FOUR);
            bytes.extend(length.to_be_bytes());
        }
    }
    bytes.extend(MASK);
    bytes
}

/// A close frame with a code and a reason.
pub(crate) fn close(code: u16, reason: &[u8]) -> Vec<u8> {
    frame(FIN | CLOSE, &[&code.to_be_bytes(), reason].concat())
}

/// A frame from the server.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Sent {
    Frame(Value),
    Pong(Vec<u8>),
    /// A close frame with its code.
    Close(u16),
    /// The end of the stream.
    End,
}

/// A WebSocket after its handshake and its two summaries.
pub(crate) struct Peer {
    stream: TcpStream,
    /// The name in failures.
    name: String,
    read: Vec<u8>,
}

impl Peer {
    /// Shakes hands as a user, with `early` bytes right behind the request. Failures mention `name`.
    pub(crate) async fn connect(user: &Client, name: &str, early: &[u8]) -> Self {
        let address = user.url("/").trim_start_matches("http://").trim_end_matches('/').to_owned();
        let mut stream = TcpStream::connect(&address).await.expect("the server listens");
        stream.set_nodelay(true).expect("the connection takes options");
        let mut request = format!(
            "GET /chat/ HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Authorization: Bearer {}\r\n\r\n",
            user.token()
        )
        .into_bytes();
        request.extend(early);
        stream.write_all(&request).await.expect("the server reads");
        let mut peer = Self { stream, name: name.to_owned(), read: Vec::new() };
        let end = loop {
            if let Some(end) = peer.read.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            assert!(peer.more().await > 0, "no answer: {:?}", String::from_utf8_lossy(&peer.read));
        };
        let answer: Vec<u8> = peer.read.drain(..end).collect();
        let answer = String::from_utf8(answer).expect("the answer's head is text").to_ascii_lowercase();
        assert!(answer.starts_with("http/1.1 101 "), "{answer}");
        assert!(answer.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="), "{answer}");
        assert!(!answer.contains("sec-websocket-extensions"), "{answer}");
        peer
    }

    /// Reads the two summaries. Pongs may arrive between them.
    pub(crate) async fn greeted(mut self) -> Self {
        for kind in ["group.summary", "contact.summary"] {
            match self.next().await {
                Sent::Frame(frame) => assert_eq!(frame["type"], kind, "{frame}"),
                other => panic!("{other:?} came instead of {kind}"),
            }
        }
        self
    }

    /// Writes. The server may close before it has read everything.
    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        let written = timeout(WAIT_TIMEOUT, self.stream.write_all(bytes)).await;
        // Its answer is read later, from before the close.
        let _ = written.unwrap_or_else(|_| panic!("{}: the server neither reads nor closes", self.name));
    }

    /// Writes; fails once the server has closed.
    pub(crate) async fn try_write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// The next frame from the server.
    pub(crate) async fn next(&mut self) -> Sent {
        loop {
            match self.frame() {
                // A busy server may ping the peer.
                Some((first, _)) if first == FIN | PING => continue,
                Some((first, payload)) => return sent(first, &payload),
                None => {}
            }
            if self.more().await == 0 {
                assert!(self.read.is_empty(), "the stream ended within a frame");
                return Sent::End;
            }
        }
    }

    /// A frame if it is complete.
    fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let &[first, second, ..] = &self.read[..] else { return None };
        assert_eq!(second & 0x80, 0, "a server's frames are not masked");
        let (start, length) = match second {
            126 => (4, u16::from_be_bytes(self.read.get(2..4)?.try_into().ok()?).into()),
            127 => (10, u64::from_be_bytes(self.read.get(2..10)?.try_into().ok()?)),
            short => (2, short.into()),
        };
        let end = start + usize::try_from(length).expect("a length that fits");
        let payload = self.read.get(start..end)?.to_vec();
        self.read.drain(..end);
        Some((first, payload))
    }

    /// Reads once; returns 0 at the end.
    async fn more(&mut self) -> usize {
        let read = timeout(WAIT_TIMEOUT, self.stream.read_buf(&mut self.read)).await;
        match read.unwrap_or_else(|_| panic!("{}: the server says nothing", self.name)) {
            Ok(count) => count,
            Err(why) => panic!("{}: the connection failed: {why}", self.name),
        }
    }
}

fn sent(first: u8, payload: &[u8]) -> Sent {
    assert_eq!(first & 0xF0, FIN, "the server's frames are whole, with no reserved bit");
    match first & 0x0F {
        TEXT => Sent::Frame(serde_json::from_slice(payload).expect("the server's texts are JSON")),
        PONG => Sent::Pong(payload.to_vec()),
        CLOSE => {
            let (code, reason) = payload.split_first_chunk().expect("the server says why it closes");
            std::str::from_utf8(reason).expect("a reason is UTF-8");
            Sent::Close(u16::from_be_bytes(*code))
        }
        opcode => panic!("the server sent opcode {opcode:#x}"),
    }
}
