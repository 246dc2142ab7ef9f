//! Hand-written WebSocket frames: masked client frames, and a parser for the server's frames that needs no JSON.

use memchr::memmem;

const MASK: [u8; 4] = [0x5A, 0x17, 0xC3, 0x88];
const TEXT: u8 = 0x81;
const PONG: u8 = 0x8A;
/// The mask bit, and the length values that announce a length of two or eight bytes.
const MASKED: u8 = 0x80;
const MASKED_TWO: u8 = 0xFE;
const MASKED_EIGHT: u8 = 0xFF;

/// Characters of a message's body: its number, its due time, and padding.
pub(crate) const BODY: usize = 256;

/// The parts of a server frame that the load needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ServerFrame<'a> {
    /// A message in a group: its `seq`, and the number and due time in its body.
    Message {
        seq: u64,
        number: u64,
        due: u64,
    },
    /// Any other text frame, whole.
    Text(&'a [u8]),
    Ping(&'a [u8]),
    Close(u16),
    /// A frame that needs no handling.
    Other,
}

/// The first complete frame in a buffer, and its length.
pub(crate) fn first(bytes: &[u8]) -> Option<(ServerFrame<'_>, usize)> {
    let (&opcode, &short) = (bytes.first()?, bytes.get(1)?);
    let (length, start) = match short & 0x7F {
        126 => (u64::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?)), 4),
        127 => (u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?), 10),
        short => (u64::from(short), 2),
    };
    let end = start + usize::try_from(length).ok()?;
    let payload = bytes.get(start..end)?;
    let came = match opcode & 0x0F {
        1 => text(payload),
        8 => ServerFrame::Close(
            payload.get(..2).map_or(1005, |code| u16::from_be_bytes(code.try_into().unwrap_or_default())),
        ),
        9 => ServerFrame::Ping(payload),
        _ => ServerFrame::Other,
    };
    Some((came, end))
}

fn text(payload: &[u8]) -> ServerFrame<'_> {
    message_in(payload).unwrap_or(ServerFrame::Text(payload))
}

fn message_in(payload: &[u8]) -> Option<ServerFrame<'_>> {
    let rest = payload.strip_prefix(b"{\"type\":\"message.text\",\"seq\":")?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit());
    let seq = digits.fold(0, |seq, digit| seq * 10 + u64::from(digit - b'0'));
    let body = memmem::find(rest, b"\"body\":\"")? + 8;
    let hex = |at: usize| u64::from_str_radix(std::str::from_utf8(rest.get(at..at + 16)?).ok()?, 16).ok();
    Some(ServerFrame::Message { seq, number: hex(body)?, due: hex(body + 16)? })
}

/// Appends a masked text frame.
pub(crate) fn put_text(payload: &[u8], into: &mut Vec<u8>) {
    put(TEXT, payload, into);
}

/// Appends a masked pong.
pub(crate) fn put_pong(payload: &[u8], into: &mut Vec<u8>) {
    put(PONG, payload, into);
}

fn put(first: u8, payload: &[u8], into: &mut Vec<u8>) {
    into.push(first);
    match u16::try_from(payload.len()) {
        Ok(length @ 0..=125) => into.push(MASKED | u8::try_from(length).unwrap_or(125)),
        Ok(length) => {
            into.push(MASKED_TWO);
            into.extend_from_slice(&length.to_be_bytes());
        }
        Err(_) => {
            into.push(MASKED_EIGHT);
            into.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        }
    }
    into.extend_from_slice(&MASK);
    into.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, key)| byte ^ key));
}

/// A message's body: its number within the group, its due time, and padding.
pub(crate) fn body(number: u64, due: u64) -> String {
    format!("{number:016x}{due:016x}{:x<1$}", "", BODY - 32)
}

/// The number in a body that [`body`] wrote.
pub(crate) fn number_in(body: &str) -> Option<u64> {
    u64::from_str_radix(body.get(..16)?, 16).ok()
}

/// Appends a message to a group, as a client sends it.
pub(crate) fn put_message(group: &str, number: u64, due: u64, into: &mut Vec<u8>) {
    let body = body(number, due);
    let payload = format!(r#"{{"type":"message.text","data":{{"group":"{group}","body":"{body}"}}}}"#);
    put_text(payload.as_bytes(), into);
}

/// Appends a frame of the length that Chinwag's `message.text` has, for the bare server.
pub(crate) fn ready(seq: u64, body: &[u8], into: &mut Vec<u8>) {
    const HEAD: &str = r#""data":{"id":"01890a5d-ac96-774b-bcce-b302099a8057","author":"user1","group":"01890a5d-ac96-774b-bcce-b302099a8057","date":"2024-05-12T10:29:16.000949Z","body":""#;
    let numbers = seq.to_string();
    let length = 36 + HEAD.len() + body.len() + 48 + 2 * numbers.len();
    into.extend_from_slice(&[TEXT, 126]);
    into.extend_from_slice(&u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes());
    let start = into.len();
    for part in [
        &b"{\"type\":\"message.text\",\"seq\":"[..],
        numbers.as_bytes(),
        b",",
        HEAD.as_bytes(),
        body,
        b"\",\"respond_to\":null,\"seq\":",
        numbers.as_bytes(),
        b",\"edited\":null}}",
    ] {
        into.extend_from_slice(part);
    }
    let length = u16::try_from(into.len() - start).unwrap_or(u16::MAX);
    into[start - 2..start].copy_from_slice(&length.to_be_bytes());
}

/// Unmasks the first complete client frame. Returns its opcode, the range of its payload, and its length.
pub(crate) fn unmask_first(bytes: &mut [u8]) -> Option<(u8, std::ops::Range<usize>, usize)> {
    let (&opcode, &short) = (bytes.first()?, bytes.get(1)?);
    let (length, start) = match short & 0x7F {
        126 => (usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?)), 8),
        127 => return None,
        short => (usize::from(short), 6),
    };
    let end = start + length;
    let mask: [u8; 4] = bytes.get(start - 4..start)?.try_into().ok()?;
    for (byte, key) in bytes.get_mut(start..end)?.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
    Some((opcode & 0x0F, start..end, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_the_bare_server_are_parsed() {
        let mut sent = Vec::new();
        put_message("01890a5d-ac96-774b-bcce-b302099a8057", 7, 9, &mut sent);
        let (opcode, payload, length) = unmask_first(&mut sent).expect("a whole frame");
        assert_eq!((opcode, length), (1, sent.len()));
        let body = crate::baseline::fanout::body_in(&sent[payload]).expect("a body");
        assert_eq!(number_in(std::str::from_utf8(body).unwrap()), Some(7));
        let mut frame = Vec::new();
        ready(12, body, &mut frame);
        assert_eq!(first(&frame), Some((ServerFrame::Message { seq: 12, number: 7, due: 9 }, frame.len())));
        assert_eq!(first(&frame[..frame.len() - 1]), None);
    }
}
