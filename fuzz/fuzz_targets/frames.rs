//! The frame reader: the result does not depend on the division of the bytes into pieces, and the buffers stay
//! within the limit.
//!
//! The input consists of two bytes for the limit, one byte that seeds the division, and the bytes to read.

#![no_main]

use chinwag_http::wire::frame::{FrameError, Incoming, Reader};
use libfuzzer_sys::fuzz_target;

/// The maximum size of the header of a client's frame.
const HEAD: usize = 14;
/// The maximum size of the payload of a control frame.
const CONTROL: usize = 125;

fuzz_target!(|input: &[u8]| {
    let &[high, low, cut, ref bytes @ ..] = input else { return };
    let limit = usize::from(u16::from_be_bytes([high, low]));
    let whole = read(limit, [bytes].into_iter());
    assert_eq!(whole, read(limit, bytes.chunks(1)), "byte by byte");
    assert_eq!(whole, read(limit, Pieces { bytes, state: u32::from(cut) }), "cut by {cut}");
});

fn read<'a>(limit: usize, pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Incoming>, Option<FrameError>) {
    let (mut reader, mut seen) = (Reader::new(limit), Vec::new());
    for piece in pieces {
        if let Err(broken) = reader.feed(&mut piece.to_vec(), &mut seen) {
            check(limit, &seen);
            return (seen, Some(broken));
        }
        let (partial, message) = reader.held();
        assert!(partial < HEAD + limit.max(CONTROL), "{partial} bytes of a frame are buffered");
        assert!(message <= limit, "{message} bytes of a message are buffered");
        assert!(!reader.is_idle() || partial + message == 0, "bytes are buffered while idle");
    }
    check(limit, &seen);
    (seen, None)
}

fn check(limit: usize, seen: &[Incoming]) {
    for incoming in seen {
        match incoming {
            Incoming::Text(text) => assert!(text.len() <= limit),
            Incoming::Ping(payload) => assert!(payload.len() <= CONTROL),
            _ => {}
        }
    }
}

/// Deterministic pieces of 0 to 40 bytes.
struct Pieces<'a> {
    bytes: &'a [u8],
    state: u32,
}

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.bytes.is_empty() {
            return None;
        }
        self.state = self.state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (piece, rest) = self.bytes.split_at(((self.state >> 16) as usize % 41).min(self.bytes.len()));
        self.bytes = rest;
        Some(piece)
    }
}
