//! The limits and delays of a session.

use std::time::Duration;

use crate::positions::Positions;

/// Settings of a [`Session`](crate::Session).
#[derive(Debug, Clone)]
pub struct Options {
    /// Requests only the most recently active groups, each with this number of messages: `(groups, messages)`. Without
    /// it, all groups with 20 messages each. A session that resumes requests all groups, each with this number of
    /// messages.
    pub window: Option<(u32, u32)>,
    /// The positions of a former session, from which this one resumes.
    pub positions: Option<Positions>,
    /// The most requests in flight. With 1, messages keep their order even if the server temporarily refuses
    /// one.
    pub in_flight: usize,
    /// The most queued requests. Further calls wait.
    pub requests: usize,
    /// The largest event in bytes: the server's `ws.max_frame`. A larger one fails with [`Error::TooLong`](crate::Error::TooLong).
    pub max_frame: usize,
    /// The most queued updates. The session drops further ones, and resumes once the program has read half.
    pub updates: usize,
    /// The most live events held during a resume.
    pub held: usize,
    /// The delay before the first attempt to reconnect. It doubles with each failure.
    pub backoff_min: Duration,
    /// The longest delay before an attempt to reconnect.
    pub backoff_max: Duration,
    /// The longest `Retry-After` after which a request is retried automatically. A longer one is returned as
    /// a refusal.
    pub retry_max: Duration,
    /// Timeout of a handshake, and of fetching the credential for it.
    pub connect_timeout: Duration,
    /// The silence after which the session sends a ping. After the same time without an answer, the
    /// connection counts as lost.
    pub silence: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            window: None,
            positions: None,
            in_flight: 1,
            requests: 256,
            max_frame: 64 * 1024,
            updates: 1024,
            held: 1024,
            backoff_min: Duration::from_millis(250),
            backoff_max: Duration::from_secs(30),
            retry_max: Duration::from_secs(120),
            connect_timeout: Duration::from_secs(20),
            silence: Duration::from_secs(30),
        }
    }
}
