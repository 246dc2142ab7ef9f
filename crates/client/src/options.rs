//! The bounds and delays of a session.

use std::time::Duration;

use crate::positions::Positions;

/// Settings of a [`Session`](crate::Session).
#[derive(Debug, Clone)]
pub struct Options {
    /// Shows the groups of the newest activity only, each with so many messages: `(groups, messages)`.
    /// All groups with 20 messages each, if none.
    pub window: Option<(u32, u32)>,
    /// Where a former session stopped: it goes on from there.
    pub positions: Option<Positions>,
    /// Requests sent and not answered, at most. With 1 messages keep their order even when the server
    /// refuses one for a while.
    pub in_flight: usize,
    /// Requests that wait to be sent, at most; a call waits when there are more.
    pub requests: usize,
    /// Updates that wait to be read, at most. The session drops what comes beyond them, and resumes
    /// once the program has read half.
    pub updates: usize,
    /// Live events held while a resume is under way, at most.
    pub held: usize,
    /// The pause before the first try to reconnect; it doubles with each failure.
    pub backoff_min: Duration,
    /// The longest such pause.
    pub backoff_max: Duration,
    /// The longest `Retry-After` that a request waits for by itself; a longer one is a refusal.
    pub retry_max: Duration,
    /// How long a handshake may take, and how long a credential for it.
    pub connect_timeout: Duration,
    /// The silence after which the server is asked for a sign of life. After as long again without one the connection counts
    /// as lost.
    pub silence: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            window: None,
            positions: None,
            in_flight: 1,
            requests: 256,
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
