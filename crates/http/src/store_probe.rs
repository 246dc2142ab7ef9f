//! The readiness of the store, which a commit shows. Anyone may ask, so callers share the outcome of one commit.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chinwag_core::Result;
use tokio::sync::watch;
use tokio::time::Instant;

/// How long an outcome is reused, from the begin of its commit.
const FRESH: Duration = Duration::from_millis(200);

/// The last commit that a probe has made.
#[derive(Default)]
pub(crate) struct StoreProbe(Mutex<Option<Probe>>);

struct Probe {
    begun: Instant,
    /// `None` while the commit is in progress.
    outcome: watch::Receiver<Option<bool>>,
}

impl StoreProbe {
    /// Whether the store can commit: the outcome of the commit in progress, or of one that began a moment ago, or else
    /// of a new one, made by `commit`. Callers never wait for one commit after the other.
    pub(crate) async fn is_ready<F>(&self, commit: impl FnOnce() -> F) -> bool
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        let mut outcome = self.outcome(commit);
        // Without an outcome, the task has panicked.
        outcome.wait_for(Option::is_some).await.is_ok_and(|outcome| *outcome == Some(true))
    }

    fn outcome<F>(&self, commit: impl FnOnce() -> F) -> watch::Receiver<Option<bool>>
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(probe) = last.as_ref().filter(|probe| probe.is_current()) {
            return probe.outcome.clone();
        }
        let (sender, outcome) = watch::channel(None);
        let commit = commit();
        // Commit in a task of its own: it continues if the first caller disconnects, and all others wait for it.
        tokio::spawn(async move {
            let committed = commit.await;
            if let Err(error) = &committed {
                tracing::warn!(%error, "the store is not reachable");
            }
            sender.send_replace(Some(committed.is_ok()));
        });
        *last = Some(Probe { begun: Instant::now(), outcome: outcome.clone() });
        outcome
    }
}

impl Probe {
    /// Whether the commit is in progress, or began a moment ago.
    fn is_current(&self) -> bool {
        self.begun.elapsed() < FRESH || self.outcome.has_changed().is_ok_and(|has_ended| !has_ended)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use chinwag_core::Error;
    use futures_util::future::join_all;
    use tokio::time::{advance, sleep};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn many_probes_cause_one_commit() {
        let (probe, commits) = (StoreProbe::default(), Arc::new(AtomicUsize::new(0)));
        let ask = || {
            probe.is_ready(|| {
                commits.fetch_add(1, Ordering::Relaxed);
                async { Ok(()) }
            })
        };
        assert!(join_all((0..100).map(|_| ask())).await.iter().all(|is_ready| *is_ready));
        assert!(ask().await, "a moment later");
        assert_eq!(commits.load(Ordering::Relaxed), 1);
        advance(FRESH).await;
        assert!(ask().await);
        assert_eq!(commits.load(Ordering::Relaxed), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn probes_of_a_store_that_hangs_end_together() {
        const TIMEOUT: Duration = Duration::from_secs(1);
        let (probe, begun) = (StoreProbe::default(), Instant::now());
        let ask = async |after: Duration| {
            sleep(after).await;
            let hangs = async {
                sleep(TIMEOUT).await;
                Err(Error::unavailable())
            };
            probe.is_ready(|| hangs).await
        };
        // The first caller disconnects, and the others come one after the other.
        assert!(tokio::time::timeout(TIMEOUT / 10, ask(Duration::ZERO)).await.is_err());
        let answers = join_all((0_u32..50).map(|number| ask(number * TIMEOUT / 100))).await;
        assert!(answers.iter().all(|is_ready| !is_ready));
        assert_eq!(begun.elapsed(), TIMEOUT);
    }
}
