//! A bounded queue of jobs with their answers.

use std::time::{Duration, Instant};

use chinwag_core::store::Done;
use chinwag_core::{Error, Result};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

/// A queued job, and the sender of its outcome.
pub(crate) struct Queued<T> {
    pub(crate) job: T,
    pub(crate) answer: oneshot::Sender<Result<()>>,
    until: Instant,
}

/// The sending end of the queue. If the queue is full, a job waits for a slot up to `patience`, and then
/// fails with `Unavailable`.
pub(crate) struct Queue<T> {
    entrance: Option<mpsc::Sender<Queued<T>>>,
    patience: Duration,
}

impl<T> Queued<T> {
    /// Whether it has waited so long that it must be refused.
    pub(crate) fn is_late(&self) -> bool {
        Instant::now() > self.until
    }
}

impl<T: Send + 'static> Queue<T> {
    /// A queue of at most `places` jobs, and its receiving end.
    pub(crate) fn new(places: usize, patience: Duration) -> (Self, mpsc::Receiver<Queued<T>>) {
        let (entrance, exit) = mpsc::channel(places.max(1));
        (Self { entrance: Some(entrance), patience }, exit)
    }

    /// Queues a job, immediately if there is a free slot: it then runs even if the future is dropped. If the
    /// future is dropped while it waits for a slot, the job never runs.
    pub(crate) fn submit(&self, job: T) -> Done<'_> {
        let (answer, answered) = oneshot::channel();
        let until = Instant::now() + self.patience;
        let refused = match &self.entrance {
            None => return Box::pin(async { Err(Error::unavailable()) }),
            Some(entrance) => {
                entrance.try_send(Queued { job, answer, until }).err().map(|why| (entrance, why))
            }
        };
        Box::pin(async move {
            match refused {
                None => {}
                Some((_, TrySendError::Closed(_))) => return Err(Error::unavailable()),
                Some((entrance, TrySendError::Full(queued))) => {
                    match tokio::time::timeout(self.patience, entrance.reserve()).await {
                        Ok(Ok(place)) => {
                            place.send(Queued { until: Instant::now() + self.patience, ..queued });
                        }
                        _ => return Err(Error::unavailable()),
                    }
                }
            }
            answered.await.unwrap_or(Err(Error::Unknown))
        })
    }

    /// Refuses new jobs. Queued jobs still run.
    pub(crate) fn close(&mut self) {
        self.entrance = None;
    }
}
