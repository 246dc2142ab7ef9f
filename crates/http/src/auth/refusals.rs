//! Logs the real reasons of refused credentials. Clients receive the same text for all of them.

use std::sync::{Mutex, PoisonError};

use chinwag_core::Date;

/// Logged reasons per minute. Further ones are only counted, so that clients cannot flood the log.
const PER_MINUTE: u32 = 60;
const MINUTE: i64 = 60_000_000;

/// Logs reasons at a bounded rate.
#[derive(Default)]
pub(super) struct Refusals(Mutex<Window>);

#[derive(Default)]
struct Window {
    minute: i64,
    logged: u32,
    omitted: u32,
}

impl Refusals {
    /// Logs why a credential was refused. The reason must contain no secret.
    pub(super) fn log(&self, now: Date, why: &str) {
        let Some(omitted) = self.admit(now) else { return };
        if omitted > 0 {
            tracing::info!(omitted, "more credentials were refused in the minute before");
        }
        tracing::info!(why, "a credential was refused");
    }

    /// Whether another reason may be logged; if so, returns how many were omitted in the minute before.
    fn admit(&self, now: Date) -> Option<u32> {
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let minute = now.micros().div_euclid(MINUTE);
        let mut omitted = 0;
        if window.minute != minute {
            omitted = window.omitted;
            *window = Window { minute, logged: 0, omitted: 0 };
        }
        if window.logged == PER_MINUTE {
            window.omitted = window.omitted.saturating_add(1);
            return None;
        }
        window.logged += 1;
        Some(omitted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_bounded_by_the_minute() {
        let refusals = Refusals::default();
        let at = |seconds: i64| Date::from_micros(seconds * 1_000_000);
        for _ in 0..PER_MINUTE {
            assert_eq!(refusals.admit(at(60)), Some(0));
        }
        for _ in 0..3 {
            assert_eq!(refusals.admit(at(119)), None);
        }
        assert_eq!(refusals.admit(at(120)), Some(3));
        assert_eq!(refusals.admit(at(121)), Some(0));
    }
}
