//! Hashing passwords off the asynchronous threads, and only so many at a time: each takes tens of
//! milliseconds of a processor and 19 MiB.

use std::sync::Arc;

use chinwag_core::password::Password;
use chinwag_core::{Error, Result};
use tokio::sync::Semaphore;

/// Hashed at a time.
const AT_ONCE: usize = 2;
/// Waiting at a time; more are refused as unavailable.
const WAITING: usize = 32;

/// Hashes and verifies passwords.
pub(super) struct Passwords {
    admitted: Arc<Semaphore>,
    running: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self {
            admitted: Arc::new(Semaphore::new(AT_ONCE + WAITING)),
            running: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }
}

impl Passwords {
    /// What is kept of a password.
    pub(super) async fn hash(&self, password: Password) -> Result<String> {
        self.run(move || password.hash()).await?
    }

    /// Whether it is the one that `phc` was made of; as slow without one.
    pub(super) async fn verify(&self, password: Password, phc: Option<String>) -> Result<bool> {
        self.run(move || password.verify(phc.as_deref())).await
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let admitted = self.admitted.clone().try_acquire_owned().map_err(|_| Error::unavailable())?;
        let running = self.running.clone().acquire_owned().await.map_err(Error::internal)?;
        // Work goes on when its caller has gone, and holds its permits until it ends.
        let work = move || {
            let done = work();
            drop((running, admitted));
            done
        };
        tokio::task::spawn_blocking(work).await.map_err(Error::internal)
    }
}
