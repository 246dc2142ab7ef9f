//! Options of the hub.

use std::time::Duration;

/// Bounds and times, with the contract's values as defaults.
#[derive(Debug, Clone)]
pub struct Options {
    /// Frames that may wait in one socket's queue (1024). One more closes it as too slow.
    pub queue_frames: usize,
    /// Bytes that may wait in one socket's queue (1 MiB). A single frame of any size may.
    pub queue_bytes: usize,
    /// Bytes that may wait for one user's sockets (8 MiB), summaries and resumes included. Beyond it
    /// the socket with the most waiting bytes is closed as too slow.
    pub user_bytes: usize,
    /// Bytes that may wait for all sockets of this process (512 MiB). From three quarters of it on
    /// those with the most waiting bytes are closed, once a second; beyond it every socket that is sent
    /// more.
    pub total_bytes: usize,
    /// How long after a user's last socket's end it is announced (3 s).
    pub presence_grace: Duration,
    /// How long after a user's arrival the store is told that it was seen (30 s), together with all others who came
    /// meanwhile.
    pub arrivals_every: Duration,
    /// How often a socket is pinged (25 s), in whole seconds, at least one.
    pub ping_every: Duration,
    /// A socket that is silent for this long is closed (60 s), in whole seconds, at least one.
    pub pong_within: Duration,
    /// Sockets in this process (100 000); more are refused.
    pub sockets: usize,
    /// Sockets of one user (64); more are refused.
    pub sockets_per_user: usize,
    /// Whether a user sees the users who have blocked it (no).
    pub show_blocked_by: bool,
    /// Only for a node among others.
    pub nodes: Nodes,
}

/// Times of a node among others. The defaults are within what the contract says.
#[derive(Debug, Clone)]
pub struct Nodes {
    /// How long an event waits for those before it, until they are read from the store (30 ms).
    pub hold: Duration,
    /// How long a store that does not answer is asked for missing entries (30 s); then the sockets of
    /// the group's members are closed.
    pub give_up: Duration,
    /// The interval of the audit (10 s).
    pub audit_every: Duration,
    /// The interval of a node's signs of life (4 s).
    pub beat_every: Duration,
    /// The time after which a silent node counts as dead (15 s).
    pub lease: Duration,
    /// The time over which all contacts are sent again after the link was down (2 s).
    pub refresh_over: Duration,
}

impl Default for Nodes {
    fn default() -> Self {
        Self {
            hold: Duration::from_millis(30),
            give_up: Duration::from_secs(30),
            audit_every: Duration::from_secs(10),
            beat_every: Duration::from_secs(4),
            lease: Duration::from_secs(15),
            refresh_over: Duration::from_secs(2),
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            queue_frames: 1024,
            queue_bytes: 1024 * 1024,
            user_bytes: 8 * 1024 * 1024,
            total_bytes: 512 * 1024 * 1024,
            presence_grace: Duration::from_secs(3),
            arrivals_every: Duration::from_secs(30),
            ping_every: Duration::from_secs(25),
            pong_within: Duration::from_secs(60),
            sockets: 100_000,
            sockets_per_user: 64,
            show_blocked_by: false,
            nodes: Nodes::default(),
        }
    }
}
