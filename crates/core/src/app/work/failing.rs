//! Tasks whose last step has failed on this node. Each is retried with a growing delay, and does not delay other tasks.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::TaskId;

/// The delay after the first failure, which doubles with each further one, and its maximum.
const MIN_DELAY: Duration = Duration::from_millis(500);
const MAX_DELAY: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub(in crate::app) struct FailingTasks(Mutex<HashMap<TaskId, Failing>>);

#[derive(Debug)]
struct Failing {
    /// Consecutive failures.
    failures: u32,
    /// The end of the delay, in monotonic time.
    until: Duration,
}

impl FailingTasks {
    pub(super) fn count(&self) -> usize {
        self.lock().len()
    }

    /// Whether the last step of a task has failed.
    pub(super) fn has(&self, id: TaskId) -> bool {
        self.lock().contains_key(&id)
    }

    /// Whether a retry is due.
    pub(super) fn is_due(&self, now: Duration) -> bool {
        self.lock().values().any(|task| task.until <= now)
    }

    /// The tasks that wait for a retry.
    pub(super) fn paused(&self, now: Duration) -> Vec<TaskId> {
        self.lock().iter().filter(|(_, task)| task.until > now).map(|(id, _)| *id).collect()
    }

    /// Forgets tasks whose retry was due: the store no longer has them, because another node has completed them.
    pub(super) fn forget_due(&self, now: Duration) {
        self.lock().retain(|_, task| task.until > now);
    }

    pub(super) fn succeeded(&self, id: TaskId) {
        self.lock().remove(&id);
    }

    /// Starts a delay. Returns the number of consecutive failures.
    pub(super) fn failed(&self, id: TaskId, now: Duration) -> u32 {
        let mut tasks = self.lock();
        let task = tasks.entry(id).or_insert(Failing { failures: 0, until: now });
        let pause = MIN_DELAY.saturating_mul(2_u32.saturating_pow(task.failures));
        task.failures += 1;
        task.until = now + pause.min(MAX_DELAY);
        task.failures
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TaskId, Failing>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn pauses_grow_up_to_the_longest() {
        let (tasks, id) = (FailingTasks::default(), TaskId(Uuid::nil()));
        let mut now = Duration::ZERO;
        for (failure, seconds) in [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0].into_iter().enumerate() {
            assert_eq!(tasks.failed(id, now), u32::try_from(failure).expect("a few") + 1);
            assert_eq!((tasks.paused(now), tasks.is_due(now)), (vec![id], false));
            now += Duration::from_secs_f64(seconds);
            assert_eq!((tasks.paused(now), tasks.is_due(now)), (vec![], true), "after {seconds} s");
        }
        for _ in 0..100 {
            tasks.failed(id, now);
        }
        tasks.succeeded(id);
        assert_eq!(tasks.count(), 0);
    }
}
