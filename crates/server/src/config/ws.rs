//! `[ws]`: WebSockets.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Period, Problems};
use crate::memory;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Ws {
    /// The maximum size of a client's frame, in bytes. A larger one closes the socket with 1009.
    pub(crate) max_frame: usize,
    /// Frames queued for one socket. One more closes it with 4008.
    pub(crate) queue_frames: usize,
    /// Bytes queued for one socket. More close it with 4008.
    pub(crate) queue_bytes: usize,
    /// Bytes queued for all sockets of one user, summaries and resumes included. Beyond it, the socket with the
    /// longest queue is closed with 4008.
    pub(crate) user_bytes: usize,
    /// Bytes queued for all sockets; a quarter of the available memory if unset.
    pub(crate) total_bytes: Option<usize>,
    /// The interval of pings.
    pub(crate) ping: Period,
    /// How long a client may be silent before its socket is closed.
    pub(crate) pong: Period,
    /// Concurrent sockets. Further ones are refused with 503.
    pub(crate) sockets: usize,
    /// Concurrent sockets of one user. Further ones are refused with 503.
    pub(crate) sockets_per_user: usize,
    /// Concurrent sockets of one address, except trusted proxies. Further ones are refused with 503.
    pub(crate) sockets_per_address: usize,
}

impl Default for Ws {
    fn default() -> Self {
        Self {
            max_frame: 64 * 1024,
            queue_frames: 1024,
            queue_bytes: 1024 * 1024,
            user_bytes: 8 * 1024 * 1024,
            total_bytes: None,
            ping: Period::seconds(25),
            pong: Period::seconds(60),
            sockets: 100_000,
            sockets_per_user: 64,
            sockets_per_address: 4096,
        }
    }
}

impl Ws {
    pub(crate) fn total_bytes(&self) -> usize {
        self.total_bytes.unwrap_or_else(memory::quarter)
    }

    pub(super) fn check(&self, problems: &mut Problems) {
        let hour = Duration::from_secs(3600);
        problems.number("ws.max_frame", self.max_frame, &(1024..=16 * 1024 * 1024), "bytes");
        problems.number("ws.queue_frames", self.queue_frames, &(16..=1_000_000), "frames");
        problems.number("ws.queue_bytes", self.queue_bytes, &(64 * 1024..=1024 * 1024 * 1024), "bytes");
        problems.number("ws.user_bytes", self.user_bytes, &(256 * 1024..=64 * 1024 * 1024 * 1024), "bytes");
        if let Some(bytes) = self.total_bytes {
            problems.number("ws.total_bytes", bytes, &(1024 * 1024..=1024 * 1024 * 1024 * 1024), "bytes");
        }
        problems.period("ws.ping", self.ping, &(Duration::from_secs(1)..=hour));
        problems.period("ws.pong", self.pong, &(Duration::from_secs(2)..=hour));
        problems.number("ws.sockets", self.sockets, &(1..=10_000_000), "sockets");
        problems.number("ws.sockets_per_user", self.sockets_per_user, &(1..=10_000), "sockets");
        problems.number("ws.sockets_per_address", self.sockets_per_address, &(1..=10_000_000), "sockets");
        if self.pong.0 <= self.ping.0 {
            problems.add("ws.pong must be longer than ws.ping, or every silent client is cut off");
        }
    }
}
