//! What an operator may configure of the hub.

use std::time::Duration;

/// Bounds and times. The defaults are what the contract says.
#[derive(Debug, Clone)]
pub struct Options {
    /// Frames that may wait in one socket's queue (1024). One more closes it as too slow.
    pub queue_frames: usize,
    /// Bytes that may wait in one socket's queue (1 MiB). A single frame of any size may.
    pub queue_bytes: usize,
    /// How long after a user's last socket's end it is announced (3 s).
    pub presence_grace: Duration,
    /// How often a socket is pinged (25 s), in whole seconds, at least one.
    pub ping_every: Duration,
    /// A socket unheard for this long is closed (60 s), in whole seconds, at least one.
    pub pong_within: Duration,
    /// Sockets in this process (100 000); more are refused.
    pub sockets: usize,
    /// Sockets of one user (64); more are refused.
    pub sockets_per_user: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            queue_frames: 1024,
            queue_bytes: 1024 * 1024,
            presence_grace: Duration::from_secs(3),
            ping_every: Duration::from_secs(25),
            pong_within: Duration::from_secs(60),
            sockets: 100_000,
            sockets_per_user: 64,
        }
    }
}
