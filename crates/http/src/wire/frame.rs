//! WebSocket frames (RFC 6455, without extensions): writes those of the server, and parses those of clients.
//!
//! The server's frames are unmasked, so a frame is the same for every receiver: it is encoded once and shared. The
//! reader holds no buffer between complete frames, and refuses a frame by its header, before its payload arrives.

use bytes::{BufMut, Bytes, BytesMut};

const CONTINUATION: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
/// The opcode of a ping.
pub const PING: u8 = 0x9;
/// The opcode of a pong.
pub const PONG: u8 = 0xA;

const FIN: u8 = 0x80;
const MASKED: u8 = 0x80;
/// The maximum length of a header that the server writes.
const HEAD: usize = 10;

/// The position of a frame in a fragmented text message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fragment {
    /// The first frame.
    First,
    /// A frame between the first and the last.
    Middle,
    /// The last frame.
    Last,
}

/// The initial capacity of a frame: enough for a message of 300 characters without reallocation.
const USUAL: usize = 768;

/// A text frame, whose payload `write` appends.
pub fn text(write: impl FnOnce(&mut Vec<u8>)) -> Bytes {
    framed(FIN | TEXT, write)
}

/// The text in a frame of [`text`].
pub fn text_of(frame: &[u8]) -> &[u8] {
    let head = match frame.get(1) {
        Some(126) => 4,
        Some(127) => 10,
        _ => 2,
    };
    frame.get(head..).unwrap_or_default()
}

/// A fragment of a text message.
pub fn part(part: Fragment, write: impl FnOnce(&mut Vec<u8>)) -> Bytes {
    let first = match part {
        Fragment::First => TEXT,
        Fragment::Middle => CONTINUATION,
        Fragment::Last => FIN | CONTINUATION,
    };
    framed(first, write)
}

fn framed(first: u8, write: impl FnOnce(&mut Vec<u8>)) -> Bytes {
    let mut buffer = Vec::with_capacity(USUAL);
    buffer.extend_from_slice(&[0; HEAD]);
    write(&mut buffer);
    let length = buffer.len() - HEAD;
    let mut head = BytesMut::with_capacity(HEAD);
    put_head(&mut head, first, length);
    let start = HEAD - head.len();
    buffer[start..HEAD].copy_from_slice(&head);
    Bytes::from(buffer).slice(start..)
}

/// A control frame with a payload of at most 125 bytes.
pub fn control(opcode: u8, payload: &[u8]) -> Bytes {
    debug_assert!(payload.len() <= 125);
    let mut buffer = BytesMut::with_capacity(2 + payload.len());
    put_head(&mut buffer, FIN | opcode, payload.len());
    buffer.put_slice(payload);
    buffer.freeze()
}

/// A close frame, with a code and a reason of at most 123 bytes.
pub fn close(code: u16, reason: &str) -> Bytes {
    let mut payload = code.to_be_bytes().to_vec();
    payload.extend_from_slice(reason.as_bytes());
    payload.truncate(125);
    control(CLOSE, &payload)
}

fn put_head(buffer: &mut BytesMut, first: u8, length: usize) {
    buffer.put_u8(first);
    match length {
        0..=125 => buffer.put_u8(u8::try_from(length).unwrap_or(125)),
        126..=0xFFFF => {
            buffer.put_u8(126);
            buffer.put_u16(u16::try_from(length).unwrap_or(u16::MAX));
        }
        _ => {
            buffer.put_u8(127);
            buffer.put_u64(length as u64);
        }
    }
}

/// A message from a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incoming {
    /// A complete text message.
    Text(String),
    /// A binary message, whose content is ignored.
    Binary,
    /// A ping, to be answered with the same payload.
    Ping(Vec<u8>),
    /// A pong.
    Pong,
    /// The client closes the socket, with a code if it sent one.
    Close(Option<u16>),
}

/// The error after which no further frames are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameError {
    /// A violation of RFC 6455: close with 1002.
    Protocol(&'static str),
    /// Text that is not UTF-8: close with 1007.
    Encoding,
    /// A message over the size limit: close with 1009.
    TooBig,
}

impl FrameError {
    pub fn code(self) -> u16 {
        match self {
            Self::Protocol(_) => 1002,
            Self::Encoding => 1007,
            Self::TooBig => 1009,
        }
    }

    pub fn reason(self) -> &'static str {
        match self {
            Self::Protocol(why) => why,
            Self::Encoding => "a text message must be UTF-8",
            Self::TooBig => "a message is over the limit (ws.max_frame)",
        }
    }
}

/// Parses a client's frames from chunks of any size.
#[derive(Debug)]
pub struct Reader {
    limit: usize,
    /// The beginning of an incomplete frame. Never longer than a header, the limit, and one chunk.
    partial: Vec<u8>,
    message: Option<Fragments>,
    /// Frames since the last call of [`Reader::idle_frames`] that were not events: pings, pongs, and all fragments of
    /// a message but the last.
    idle: u32,
}

/// A message whose fragments are arriving.
#[derive(Debug)]
struct Fragments {
    opcode: u8,
    /// The payload so far, of a text message.
    text: Vec<u8>,
    /// The length so far, in bytes.
    length: usize,
}

/// The header of a frame.
struct Head {
    fin: bool,
    opcode: u8,
    mask: [u8; 4],
    start: usize,
    length: usize,
}

impl Reader {
    /// A reader of messages of at most `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { limit, partial: Vec::new(), message: None, idle: 0 }
    }

    /// Whether no frame or message is incomplete.
    pub fn is_idle(&self) -> bool {
        self.partial.is_empty() && self.message.is_none()
    }

    /// The number of frames since the last call that were not events.
    pub fn idle_frames(&mut self) -> u32 {
        std::mem::take(&mut self.idle)
    }

    /// The number of bytes that the reader buffers: of a frame, and of a message. For the fuzz targets.
    #[cfg(feature = "fuzzing")]
    #[doc(hidden)]
    pub fn held(&self) -> (usize, usize) {
        (self.partial.len(), self.message.as_ref().map_or(0, |message| message.text.len()))
    }

    /// Parses a chunk, and appends complete messages to `into`. Unmasks `bytes` in place.
    pub fn feed(&mut self, bytes: &mut [u8], into: &mut impl Extend<Incoming>) -> Result<(), FrameError> {
        if self.partial.is_empty() {
            let read = self.frames(bytes, into)?;
            self.partial.extend_from_slice(&bytes[read..]);
            return Ok(());
        }
        let mut held = std::mem::take(&mut self.partial);
        held.extend_from_slice(bytes);
        let read = self.frames(&mut held, into)?;
        if read < held.len() {
            held.drain(..read);
            self.partial = held;
        }
        Ok(())
    }

    /// Parses complete frames. Returns the number of bytes consumed.
    fn frames(&mut self, bytes: &mut [u8], into: &mut impl Extend<Incoming>) -> Result<usize, FrameError> {
        let mut at = 0;
        while let Some(head) = self.head(&bytes[at..])? {
            let end = at + head.start + head.length;
            if end > bytes.len() {
                break;
            }
            let payload = &mut bytes[at + head.start..end];
            unmask(payload, head.mask);
            into.extend(self.frame(&head, payload)?);
            at = end;
        }
        Ok(at)
    }

    /// Parses a header, if it is complete. Refuses a frame as early as possible.
    fn head(&self, bytes: &[u8]) -> Result<Option<Head>, FrameError> {
        let &[first, second, ..] = bytes else { return Ok(None) };
        if first & 0x70 != 0 {
            return Err(FrameError::Protocol("no extension was negotiated"));
        }
        if second & MASKED == 0 {
            return Err(FrameError::Protocol("a client's frames must be masked"));
        }
        let (fin, opcode) = (first & FIN != 0, first & 0x0F);
        // An incomplete length counts as 0 for now. Its size is not known to be over 125, since a length need not be in
        // its shortest form.
        let (length, start) = match second & 0x7F {
            126 => match bytes.get(2..4) {
                Some(&[a, b]) => (u64::from(u16::from_be_bytes([a, b])), 4),
                _ => (0, 0),
            },
            127 => match bytes.get(2..10).and_then(|eight| eight.try_into().ok()) {
                Some(eight) => (u64::from_be_bytes(eight), 10),
                None => (0, 0),
            },
            short => (u64::from(short), 2),
        };
        self.check(fin, opcode, second & 0x7F, length)?;
        let Some(Ok(mask)) = bytes.get(start..start + 4).filter(|_| start > 0).map(TryInto::try_into) else {
            return Ok(None);
        };
        let length = usize::try_from(length).map_err(|_| FrameError::TooBig)?;
        Ok(Some(Head { fin, opcode, mask, start: start + 4, length }))
    }

    fn check(&self, fin: bool, opcode: u8, short: u8, length: u64) -> Result<(), FrameError> {
        match opcode {
            0 if self.message.is_none() => Err(FrameError::Protocol("there is nothing to continue")),
            TEXT | BINARY if self.message.is_some() => {
                Err(FrameError::Protocol("a message was not finished"))
            }
            0 | TEXT | BINARY => {
                let before = self.message.as_ref().map_or(0, |message| message.length);
                let fits =
                    usize::try_from(length).is_ok_and(|length| length <= self.limit.saturating_sub(before));
                if fits { Ok(()) } else { Err(FrameError::TooBig) }
            }
            CLOSE | PING | PONG if !fin => Err(FrameError::Protocol("a control frame may not be fragmented")),
            CLOSE | PING | PONG if short > 125 => {
                Err(FrameError::Protocol("a control frame contains at most 125 bytes"))
            }
            CLOSE | PING | PONG => Ok(()),
            _ => Err(FrameError::Protocol("unknown opcode")),
        }
    }

    fn frame(&mut self, head: &Head, payload: &[u8]) -> Result<Option<Incoming>, FrameError> {
        if matches!(head.opcode, PING | PONG) || !head.fin {
            self.idle = self.idle.saturating_add(1);
        }
        match head.opcode {
            PING => Ok(Some(Incoming::Ping(payload.to_vec()))),
            PONG => Ok(Some(Incoming::Pong)),
            CLOSE => closing(payload).map(Some),
            _ => {
                let begin = || Fragments { opcode: head.opcode, text: Vec::new(), length: 0 };
                let message = self.message.get_or_insert_with(begin);
                message.length += payload.len();
                if message.opcode == TEXT {
                    message.text.extend_from_slice(payload);
                }
                if !head.fin {
                    return Ok(None);
                }
                self.message.take().map(whole).transpose()
            }
        }
    }
}

fn whole(message: Fragments) -> Result<Incoming, FrameError> {
    if message.opcode == BINARY {
        return Ok(Incoming::Binary);
    }
    String::from_utf8(message.text).map(Incoming::Text).map_err(|_| FrameError::Encoding)
}

fn closing(payload: &[u8]) -> Result<Incoming, FrameError> {
    let (code, reason) = match payload {
        [] => return Ok(Incoming::Close(None)),
        [_] => return Err(FrameError::Protocol("a close code has two bytes")),
        [a, b, reason @ ..] => (u16::from_be_bytes([*a, *b]), reason),
    };
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(FrameError::Protocol("not a close code"));
    }
    if std::str::from_utf8(reason).is_err() {
        return Err(FrameError::Encoding);
    }
    Ok(Incoming::Close(Some(code)))
}

fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let wide = u64::from_ne_bytes([mask[0], mask[1], mask[2], mask[3], mask[0], mask[1], mask[2], mask[3]]);
    let mut chunks = payload.chunks_exact_mut(8);
    for chunk in &mut chunks {
        let eight: [u8; 8] = (&*chunk).try_into().expect("chunks of eight");
        chunk.copy_from_slice(&(u64::from_ne_bytes(eight) ^ wide).to_ne_bytes());
    }
    for (byte, key) in chunks.into_remainder().iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
        let mask = [1, 2, 3, 4];
        let mut frame = BytesMut::new();
        put_head(&mut frame, 0, payload.len());
        frame[0] = first;
        frame[1] |= MASKED;
        frame.put_slice(&mask);
        frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
        frame.to_vec()
    }

    fn read(bytes: &[u8], limit: usize, step: usize) -> Result<Vec<Incoming>, FrameError> {
        let mut reader = Reader::new(limit);
        let mut seen = Vec::new();
        for piece in bytes.chunks(step) {
            reader.feed(&mut piece.to_vec(), &mut seen)?;
        }
        Ok(seen)
    }

    #[test]
    fn messages_are_read_alike_however_they_are_cut() {
        let long = "é".repeat(40_000);
        let mut bytes = masked(0x81, b"one");
        bytes.extend(masked(0x01, "tw".as_bytes()));
        bytes.extend(masked(0x89, b"ping"));
        bytes.extend(masked(0x00, b""));
        bytes.extend(masked(0x80, "ö".as_bytes()));
        bytes.extend(masked(0x82, &[0, 255]));
        bytes.extend(masked(0x81, long.as_bytes()));
        bytes.extend(masked(0x88, &[3, 232]));
        let expected = vec![
            Incoming::Text("one".into()),
            Incoming::Ping(b"ping".to_vec()),
            Incoming::Text("twö".into()),
            Incoming::Binary,
            Incoming::Text(long),
            Incoming::Close(Some(1000)),
        ];
        for step in [1, 2, 3, 7, 1000, bytes.len()] {
            assert_eq!(read(&bytes, 100_000, step), Ok(expected.clone()), "cut in pieces of {step}");
        }
    }

    #[test]
    fn a_message_of_any_length_is_unmasked_to_its_end() {
        for length in 0..300 {
            let text: String = ('a'..='z').cycle().take(length).collect();
            assert_eq!(read(&masked(0x81, text.as_bytes()), 1000, 1000), Ok(vec![Incoming::Text(text)]));
        }
    }

    #[test]
    fn oversized_frames_are_refused_by_their_header() {
        let frame = masked(0x81, &[b'x'; 101]);
        assert_eq!(read(&frame[..6], 100, 6), Err(FrameError::TooBig));
        let huge = [0x81, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];
        assert_eq!(read(&huge, 100, 10), Err(FrameError::TooBig));
        let mut chain = masked(0x01, &[b'x'; 60]);
        chain.extend(masked(0x80, &[b'x'; 41]));
        assert_eq!(read(&chain[..chain.len() - 41], 100, 500), Err(FrameError::TooBig));
        let mut binary = masked(0x02, &[b'x'; 60]);
        binary.extend(masked(0x80, &[b'x'; 40]));
        assert_eq!(read(&binary, 100, 500), Ok(vec![Incoming::Binary]));
        assert_eq!(read(&binary, 99, 500), Err(FrameError::TooBig));
    }

    #[test]
    fn an_overlong_length_is_read_alike_however_it_is_split() {
        let bytes = [0x81, 0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, b'x'];
        for step in 1..=bytes.len() {
            assert_eq!(read(&bytes, 1, step), Ok(vec![Incoming::Text("x".into())]), "in pieces of {step}");
        }
    }

    #[test]
    fn protocol_violations_close_with_their_code() {
        let cases: [(Vec<u8>, u16); 11] = [
            (vec![0x81, 0x01, b'x'], 1002),
            (masked(0xC1, b"rsv"), 1002),
            (masked(0x83, b"opcode"), 1002),
            (masked(0x80, b"nothing to continue"), 1002),
            ([masked(0x01, b"a"), masked(0x81, b"b")].concat(), 1002),
            (masked(0x09, b"fragmented ping"), 1002),
            (masked(0x89, &[0; 126]), 1002),
            (masked(0x88, &[3]), 1002),
            (masked(0x88, &1005u16.to_be_bytes()), 1002),
            (masked(0x81, &[0xFF, 0xFE]), 1007),
            (masked(0x88, &[3, 232, 0xFF]), 1007),
        ];
        for (bytes, code) in cases {
            assert_eq!(read(&bytes, 1000, 1).map_err(FrameError::code), Err(code), "{bytes:?}");
        }
    }

    #[test]
    fn a_reader_with_nothing_half_read_holds_no_buffer() {
        let mut reader = Reader::new(1000);
        let mut seen = Vec::new();
        let frame = masked(0x81, b"whole");
        reader.feed(&mut frame[..3].to_vec(), &mut seen).expect("a part");
        assert!(!reader.is_idle());
        reader.feed(&mut frame[3..].to_vec(), &mut seen).expect("the rest");
        assert!(reader.is_idle() && reader.partial.capacity() == 0 && seen.len() == 1);
    }

    #[test]
    fn the_servers_own_frames_have_the_shortest_header() {
        for (length, head) in [(0, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)] {
            let frame = text(|buffer| buffer.extend(std::iter::repeat_n(b'x', length)));
            assert_eq!((frame.len(), frame[0]), (length + head, 0x81));
        }
    }
}
