//! Options of the hub.

use std::time::Duration;

/// Limits and durations. The defaults are those of the contract.
#[derive(Debug, Clone)]
pub struct Options {
    /// Frames that one socket's queue may hold (1024). One more closes the socket as too slow.
    pub queue_frames: usize,
    /// Bytes that one socket's queue may hold (1 MiB). A single frame may be larger.
    pub queue_bytes: usize,
    /// Queued bytes of one user's sockets (8 MiB), including summaries and resumes. Beyond this, the socket
    /// with the most queued bytes is closed as too slow.
    pub user_bytes: usize,
    /// Queued bytes of all sockets of the process (512 MiB). Above three quarters of it, the sockets with the
    /// most queued bytes are closed once a second. Beyond it, every socket that receives more is closed.
    pub total_bytes: usize,
    /// The grace period between the end of a user's last socket and its announcement (3 s).
    pub presence_grace: Duration,
    /// The longest delay until the store records when newly arrived users were seen (30 s). All arrivals
    /// within it share one write.
    pub arrivals_every: Duration,
    /// The interval between pings (25 s), in whole seconds, at least one.
    pub ping_every: Duration,
    /// The silence after which a socket is closed (60 s), in whole seconds, at least one.
    pub pong_within: Duration,
    /// Sockets of the process (100 000). More are refused.
    pub sockets: usize,
    /// Sockets of one user (64). More are refused.
    pub sockets_per_user: usize,
    /// Whether users see who has blocked them (no).
    pub show_blocked_by: bool,
    /// Used only in a cluster.
    pub nodes: Nodes,
}

/// Durations of a node in a cluster. The defaults comply with the contract.
#[derive(Debug, Clone)]
pub struct Nodes {
    /// How long an event waits for missing earlier events before they are fetched (30 ms).
    pub hold: Duration,
    /// How long fetches are retried while the store does not answer (30 s). Then the sockets of the group's
    /// members are closed.
    pub give_up: Duration,
    /// The interval between audits (10 s).
    pub audit_every: Duration,
    /// The interval between heartbeats (4 s).
    pub beat_every: Duration,
    /// The silence after which a node counts as dead (15 s).
    pub lease: Duration,
    /// The duration over which users receive their contacts again after the link was down (2 s).
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
