//! Entry points of the fuzz targets. They are no part of the interface.

use std::sync::Arc;

use crate::api::{CLIENT_EVENTS, REST_PAYLOADS};
use crate::cursor;
use crate::key::ServiceKey;
use crate::wire::input::Fields;
use crate::ws;

/// The type and `ref` of an event, if they are valid.
pub fn envelope(text: &str) -> Option<(String, Option<Arc<str>>)> {
    ws::envelope(text)
}

/// Parses a payload by every parser of a client's text: those of all events and requests. Each must
/// return, whether it refuses the payload or not.
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
    /// Those of a service key.
    pub fn new(key: &str) -> Self {
        Self(cursor::CursorSeal::new(&ServiceKey::parse(key).expect("a target's key is a key")))
    }

    /// Seals at most 32 bytes.
    pub fn seal(&self, list: &str, place: &[u8]) -> String {
        self.0.seal(list, place)
    }

    /// Opens what was sealed.
    pub fn open(&self, list: &str, cursor: &str) -> Option<Vec<u8>> {
        self.0.open(list, cursor)
    }
}
