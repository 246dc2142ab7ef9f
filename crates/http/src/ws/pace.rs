//! Limits of one socket on refused events, and on frames that are not events: both cost the server something without
//! any effect. Events themselves are limited by user ([`chinwag_core::rate`]).

use std::collections::VecDeque;
use std::time::Duration;

use chinwag_core::limits::RateLimits;
use tokio::time::Instant;

/// Events refused by a rate limit within [`REFUSED_WINDOW`] after which the socket is closed.
const REFUSED: usize = 500;
const REFUSED_WINDOW: Duration = Duration::from_secs(10);
/// Frames that are not events, for each event that the rate limit allows.
const FRAMES_PER_EVENT: u32 = 10;

/// The counters of one socket.
pub(super) struct Pace {
    /// The times of the latest refusals; empty for a client within its limits.
    refused: VecDeque<Instant>,
    frames: Option<Frames>,
}

/// A bucket of frames that refills evenly.
struct Frames {
    empty_at: Instant,
    step: Duration,
    burst: Duration,
}

impl Pace {
    pub(super) fn new(limits: &RateLimits) -> Self {
        let per_second = limits.events_per_second.saturating_mul(FRAMES_PER_EVENT);
        let burst = limits.events_burst.saturating_mul(FRAMES_PER_EVENT);
        let frames = (per_second > 0 && burst > 0).then(|| {
            let step = Duration::from_secs(1) / per_second;
            Frames { empty_at: Instant::now(), step, burst: step * burst }
        });
        Self { refused: VecDeque::new(), frames }
    }

    /// Counts an event that a rate limit refused. Returns whether the socket may stay open.
    pub(super) fn refused(&mut self) -> bool {
        let now = Instant::now();
        while self.refused.front().is_some_and(|at| now.duration_since(*at) > REFUSED_WINDOW) {
            self.refused.pop_front();
        }
        self.refused.push_back(now);
        self.refused.len() < REFUSED
    }

    /// Counts frames that are not events. Returns whether the socket may stay open.
    pub(super) fn frames(&mut self, count: u32) -> bool {
        let Some(frames) = self.frames.as_mut().filter(|_| count > 0) else { return true };
        let now = Instant::now();
        frames.empty_at = frames.empty_at.max(now) + frames.step * count;
        frames.empty_at - now <= frames.burst
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_500th_refusal_in_ten_seconds_closes_the_socket() {
        let mut pace = Pace::new(&RateLimits::default());
        for _ in 0..REFUSED - 1 {
            assert!(pace.refused());
        }
        assert!(!pace.refused());
        advance(REFUSED_WINDOW + Duration::from_millis(1)).await;
        assert!(pace.refused(), "those are too long ago");
    }

    #[tokio::test(start_paused = true)]
    async fn frames_refill_evenly() {
        let mut pace = Pace::new(&RateLimits::default());
        assert!(pace.frames(2000));
        assert!(!pace.frames(1));
        advance(Duration::from_millis(10)).await;
        assert!(pace.frames(4));
        assert!(!pace.frames(2));
        assert!(Pace::new(&RateLimits::lifted()).frames(1_000_000), "lifted");
    }
}
