//! Entry points of the fuzz targets. They are not part of the public interface.

use std::sync::Arc;

use crate::api::{CLIENT_EVENTS, REST_PAYLOADS};
use crate::cursor;
use crate::key::ServiceKey;
use crate::wire::input::Fields;
use crate::ws;

/// The type and `ref` of a client event, if its envelope is valid.
pub fn envelope(text: &str) -> Option<(String, Option<Arc<str>>)> {
    ws::envelope(text)
}

/// Runs every parser of client input, those of all events and requests, on a payload. Each must return, whether it
/// accepts the payload or not.
pub fn parse_payload(payload: &[u8]) {
    for event in CLIENT_EVENTS {
        drop(std::hint::black_box((event.parse)(payload)));
    }
    for rest in REST_PAYLOADS.iter().copied().flatten() {
        if let Ok(fields) = Fields::parse(payload) {
            drop(std::hint::black_box((rest.check)(fields)));
        }
    }
}

/// The cursors of a server.
pub struct CursorTarget(cursor::CursorSeal);

impl CursorTarget {
    /// The cursors sealed with a service key.
    pub fn new(key: &str) -> Self {
        Self(cursor::CursorSeal::new(&ServiceKey::parse(key).expect("a target's key is a key")))
    }

    /// Seals a position of at most 32 bytes.
    pub fn seal(&self, list: &str, place: &[u8]) -> String {
        self.0.seal(list, place)
    }

    /// Opens a cursor of `seal`.
    pub fn open(&self, list: &str, cursor: &str) -> Option<Vec<u8>> {
        self.0.open(list, cursor)
    }
}
