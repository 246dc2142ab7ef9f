//! Log notices about events that clients can cause. Each kind is logged at most once a minute, so that clients cannot
//! flood the log.

use std::sync::atomic::{AtomicI64, Ordering};

use chinwag_core::Date;

const MINUTE: i64 = 60_000_000;

/// One kind of notice.
#[derive(Debug)]
pub(crate) struct Notice {
    /// The time of the last entry, in microseconds.
    last: AtomicI64,
}

impl Default for Notice {
    fn default() -> Self {
        Self { last: AtomicI64::new(i64::MIN) }
    }
}

impl Notice {
    /// Whether the notice may be logged now.
    pub(crate) fn is_due(&self, now: Date) -> bool {
        let (last, now) = (self.last.load(Ordering::Relaxed), now.micros());
        // If the clock was set back, log again.
        let waits = now >= last && now.saturating_sub(last) < MINUTE;
        !waits && self.last.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notice_is_due_once_a_minute() {
        let notice = Notice::default();
        let at = |seconds: i64| Date::from_micros(seconds * 1_000_000);
        let due: Vec<_> =
            [100, 100, 159, 160, 161, 30].into_iter().map(|second| notice.is_due(at(second))).collect();
        assert_eq!(due, [true, false, false, true, false, true]);
    }
}
