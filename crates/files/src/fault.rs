//! Maps faults of the storage to the errors of the port.

use std::error::Error as _;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chinwag_core::{Error, Result};
use tokio::time::timeout;

/// Timeout of an operation. The timeouts of the storage client are shorter.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(40);
/// The delay after which a client may retry.
const RETRY: Duration = Duration::from_secs(5);
/// The shortest interval between two warnings.
const WARN_EVERY: Duration = Duration::from_secs(10);

/// Maps faults to errors, and logs them at a limited rate.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults {
    warned: Arc<Mutex<Option<Instant>>>,
    last: Arc<Mutex<Option<String>>>,
}

impl Faults {
    /// The outcome of an operation, with a timeout.
    pub(crate) async fn outcome<T>(
        &self,
        operation: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T> {
        match timeout(REQUEST_TIMEOUT, operation).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(fault)) => Err(self.error(&fault)),
            Err(_) => Err(self.record_failure(&format!("no answer within {} s", REQUEST_TIMEOUT.as_secs()))),
        }
    }

    /// The error for a fault.
    pub(crate) fn error(&self, fault: &object_store::Error) -> Error {
        if matches!(fault, object_store::Error::NotFound { .. }) {
            return Error::NotFound("file");
        }
        if is_full(fault) {
            return Error::Full;
        }
        self.record_failure(fault)
    }

    /// The reason of the last fault.
    pub(crate) fn last(&self) -> Option<String> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn record_failure(&self, why: &dyn std::fmt::Display) -> Error {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(why.to_string());
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.is_none_or(|at| at.elapsed() >= WARN_EVERY) {
            *warned = Some(Instant::now());
            tracing::warn!(%why, "the storage of the files fails: look at files.store");
        } else {
            tracing::debug!(%why, "the storage of the files fails");
        }
        Error::Unavailable(RETRY)
    }
}

/// Whether a disk or a quota is full.
fn is_full(fault: &object_store::Error) -> bool {
    let mut cause = fault.source();
    while let Some(fault) = cause {
        if let Some(fault) = fault.downcast_ref::<io::Error>()
            && matches!(
                fault.kind(),
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
            )
        {
            return true;
        }
        cause = fault.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_differs_from_an_unreachable_store() {
        let fault = |kind: io::ErrorKind| object_store::Error::Generic {
            store: "test",
            source: Box::new(io::Error::from(kind)),
        };
        let faults = Faults::default();
        assert!(matches!(faults.error(&fault(io::ErrorKind::StorageFull)), Error::Full));
        assert!(matches!(faults.error(&fault(io::ErrorKind::ConnectionRefused)), Error::Unavailable(_)));
    }
}
