//! The hook's circuit breaker. After several failures in a row the hook is not called for a while, so that messages
//! do not wait for responses that do not come.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Consecutive failures that open the breaker.
const FAILURES: u32 = 10;
/// How long the breaker stays open. Then one trial question shows whether the hook answers again.
const OPEN_TIME: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
pub(super) struct Breaker(Mutex<BreakerState>);

#[derive(Debug, Default)]
struct BreakerState {
    /// Consecutive failures.
    failures: u32,
    /// The end of the open period, if the breaker is open.
    until: Option<Duration>,
    /// Whether the trial question is in flight.
    is_tried: bool,
}

/// A question that may be sent. If it is dropped without [`HookAttempt::end`], it counts as neither success nor
/// failure.
pub(super) struct HookAttempt<'b> {
    breaker: &'b Breaker,
    /// Whether it is the trial question after an open period.
    is_trial: bool,
}

impl Breaker {
    /// Returns an attempt if a question may be sent now.
    pub(super) fn admit(&self, now: Duration) -> Option<HookAttempt<'_>> {
        let mut state = self.lock();
        let is_trial = match state.until {
            None => false,
            Some(until) if now >= until && !state.is_tried => true,
            Some(_) => return None,
        };
        state.is_tried |= is_trial;
        Some(HookAttempt { breaker: self, is_trial })
    }

    /// Whether the breaker is open.
    pub(super) fn is_open(&self) -> bool {
        self.lock().until.is_some()
    }

    fn lock(&self) -> MutexGuard<'_, BreakerState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HookAttempt<'_> {
    /// Records whether the hook answered.
    pub(super) fn end(self, is_answered: bool, now: Duration) {
        let mut state = self.breaker.lock();
        if is_answered {
            // A response to a question from before the breaker opened does not close it.
            if self.is_trial || state.until.is_none() {
                *state = BreakerState::default();
            }
            return;
        }
        state.failures = state.failures.saturating_add(1);
        if self.is_trial || state.until.is_none() && state.failures >= FAILURES {
            state.until = Some(now + OPEN_TIME);
        }
    }
}

impl Drop for HookAttempt<'_> {
    fn drop(&mut self) {
        if self.is_trial {
            self.breaker.lock().is_tried = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn fail(breaker: &Breaker, times: u32, now: u64) {
        for _ in 0..times {
            breaker.admit(at(now)).expect("it is asked").end(false, at(now));
        }
    }

    #[test]
    fn breaker_opens_after_failures_in_a_row_alone() {
        let breaker = Breaker::default();
        fail(&breaker, FAILURES - 1, 0);
        breaker.admit(at(0)).expect("it is asked").end(true, at(0));
        fail(&breaker, FAILURES - 1, 0);
        assert!(!breaker.is_open());
        fail(&breaker, 1, 0);
        assert!(breaker.is_open() && breaker.admit(at(4)).is_none());
    }

    #[test]
    fn one_trial_question_closes_or_reopens_the_breaker() {
        let breaker = Breaker::default();
        fail(&breaker, FAILURES, 0);
        let trial = breaker.admit(at(5)).expect("the trial");
        assert!(breaker.admit(at(5)).is_none(), "one at a time");
        trial.end(false, at(6));
        assert!(breaker.admit(at(10)).is_none(), "another rest");
        let dropped = breaker.admit(at(11)).expect("the trial");
        drop(dropped);
        breaker.admit(at(11)).expect("the next trial").end(true, at(11));
        assert!(!breaker.is_open());
        fail(&breaker, FAILURES - 1, 12);
        assert!(!breaker.is_open());
    }
}
