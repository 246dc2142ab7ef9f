//! What the fuzz targets reach, and nobody else: no part of the interface.

use std::sync::Arc;

use crate::auth::ServiceKey;
use crate::rest::cursor;
use crate::ws;

/// An event's type and `ref`, where they are read without an error.
pub fn envelope(text: &str) -> Option<(String, Option<Arc<str>>)> {
    ws::envelope(text)
}

/// The cursors of a server.
pub struct Cursors(cursor::Cursors);

impl Cursors {
    /// Those of a service key.
    pub fn new(key: &str) -> Self {
        Self(cursor::Cursors::new(&ServiceKey::parse(key).expect("a target's key is a key")))
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
