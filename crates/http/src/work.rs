//! Runs long tasks that requests have begun, in steps, in the background.

use std::time::Duration;

use chinwag_core::app::App;
use chinwag_core::app::work::{StepFailure, StepLimits};
use chinwag_core::limits::MAX_DELETED_PER_ENTRY;
use tokio::time::{Instant, sleep};

/// The polling interval for tasks that this node has begun.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// The store is queried after so many intervals, for tasks of a node that has ended, or of a command.
const POLLS_PER_QUERY: u32 = 60;
/// The target duration of a step in microseconds. A message may wait for one step and its commit.
const STEP: u64 = 2_000;
const MIN_ROWS: usize = 10;
/// A change of a group costs as much as so many rows.
const OF_ROWS: usize = 10;
/// The minimum pause between two steps, in which others can write.
const PAUSE: Duration = Duration::from_millis(2);
/// From this number of consecutive failures on, a failing task is logged as an error.
const MANY_FAILURES: u32 = 10;

/// Runs pending tasks step by step, until the future is dropped. After each step it pauses for at least the duration of
/// the step, so that others can use the store. A failed step is retried later and does not delay other tasks.
pub async fn run(app: App) {
    let mut rows = 100;
    loop {
        let begun = Instant::now();
        match app.work(StepLimits { rows, groups: (rows / OF_ROWS).max(1) }).await {
            Ok(None) => wait(&app).await,
            Ok(Some(took)) => {
                rows = next(rows, took);
                // Includes the commit, which takes longer than the step itself if much was written.
                sleep(begun.elapsed().clamp(PAUSE, POLL_INTERVAL)).await;
            }
            Err(failure) => {
                note(&failure);
                rows = MIN_ROWS;
                sleep(POLL_INTERVAL).await;
            }
        }
    }
}

fn note(failure: &StepFailure) {
    let StepFailure { error, task } = failure;
    match task {
        Some((id, failures)) if *failures >= MANY_FAILURES => tracing::error!(
            %error, task = %id, failures,
            "a task keeps failing: a deletion or rename is not completed"
        ),
        Some((id, failures)) => {
            tracing::warn!(%error, task = %id, failures, "a step of a task failed: it will be retried");
        }
        None => {
            tracing::warn!(%error, "the pending tasks could not be read: the store will be queried again");
        }
    }
}

/// Waits until a task may be pending.
async fn wait(app: &App) {
    for _ in 0..POLLS_PER_QUERY {
        sleep(POLL_INTERVAL).await;
        if app.has_work() {
            return;
        }
    }
}

/// The number of rows for the next step, after a step of `rows` rows took `took` microseconds.
fn next(rows: usize, took: u64) -> usize {
    let more = if took > STEP { rows / 2 } else { rows + rows / 4 };
    more.clamp(MIN_ROWS, MAX_DELETED_PER_ENTRY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_shrink_when_they_take_long_and_stay_in_their_bounds() {
        let mut rows = 100;
        for _ in 0..50 {
            rows = next(rows, STEP + 1);
        }
        assert_eq!(rows, MIN_ROWS);
        for _ in 0..50 {
            rows = next(rows, 0);
        }
        assert_eq!(rows, MAX_DELETED_PER_ENTRY);
    }
}
