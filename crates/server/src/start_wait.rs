//! The wait of a starting server for PostgreSQL and Redis, which may still be starting as well.

use std::cell::RefCell;

use anyhow::{Context, Result};
use tokio::time::{Duration, Instant, sleep};

use crate::config::Period;
use crate::wire_up::is_away;

/// The pause between two attempts.
const PAUSE: Duration = Duration::from_millis(500);

/// The timeout shared by all steps of a start that need another server.
pub(crate) struct StartWait {
    limit: Period,
    until: Instant,
    /// The reasons that were logged.
    logged: RefCell<Vec<String>>,
}

impl StartWait {
    pub(crate) fn begin(limit: Period) -> Self {
        Self { limit, until: Instant::now() + limit.0, logged: RefCell::default() }
    }

    /// Retries a step while a server that it needs does not answer, up to the timeout. Logs each reason once.
    pub(crate) async fn repeat<T, F: Future<Output = Result<T>>>(&self, step: impl Fn() -> F) -> Result<T> {
        loop {
            let why = match step().await {
                Err(why) if is_away(&why) && !self.limit.0.is_zero() => why,
                outcome => return outcome,
            };
            if Instant::now() >= self.until {
                return Err(why).context(format!("no answer within start_timeout ({})", self.limit));
            }
            self.log(format!("{why:#}"));
            sleep(PAUSE).await;
        }
    }

    fn log(&self, why: String) {
        let mut logged = self.logged.borrow_mut();
        if !logged.contains(&why) {
            tracing::warn!("waiting up to {}: {why}", self.limit);
            logged.push(why);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use chinwag_core::Error;

    use super::*;

    #[tokio::test]
    async fn step_whose_outcome_is_unknown_is_repeated() {
        let (wait, attempts) = (StartWait::begin(Period(Duration::from_secs(10))), Cell::new(0));
        let step = async || {
            attempts.set(attempts.get() + 1);
            if attempts.get() == 1 { Err(Error::Unknown.into()) } else { Ok(()) }
        };
        wait.repeat(step).await.expect("the second attempt succeeds");
        assert_eq!(attempts.get(), 2);
    }
}
