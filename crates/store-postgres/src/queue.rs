//! A bounded queue of jobs, and their answers.

use std::time::{Duration, Instant};

use chinwag_core::store::Done;
use chinwag_core::{Error, Result};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

/// A job that waits, and where its outcome goes.
pub(crate) struct Queued<T> {
    pub(crate) job: T,
    pub(crate) answer: oneshot::Sender<Result<()>>,
    until: Instant,
}

/// The entrance to the queue. When it is full, a job waits for a place for as long as the
/// queue's patience lasts and is then refused as `Unavailable`.
pub(crate) struct Queue<T> {
    entrance: Option<mpsc::Sender<Queued<T>>>,
    patience: Duration,
}

impl<T> Queued<T> {
    /// Whether it has waited so long that it is refused rather than run.
    pub(crate) fn is_late(&self) -> bool {
        Instant::now() > self.until
    }
}

impl<T: Send + 'static> Queue<T> {
    /// A queue of at most `places` jobs, and its exit.
    pub(crate) fn new(places: usize, patience: Duration) -> (Self, mpsc::Receiver<Queued<T>>) {
        let (entrance, exit) = mpsc::channel(places.max(1));
        (Self { entrance: Some(entrance), patience }, exit)
    }

    /// Puts a job into the queue, at once if there is a place: it then runs, whatever becomes of
    /// the future. One that still waits for a place when its future is dropped never runs.
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

    /// Lets nobody in any more. What has queued still runs.
    pub(crate) fn close(&mut self) {
        self.entrance = None;
    }
}
