//! A bounded queue of jobs, and their answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chinwag_core::store::Done;
use chinwag_core::{Error, Result};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::open::Options;

/// A job that waits, and where its outcome goes.
pub(crate) struct Queued<T> {
    pub(crate) job: T,
    pub(crate) answer: oneshot::Sender<Result<()>>,
    turn: Turn,
}

impl<T> Queued<T> {
    /// Whether the job is to run. Asked once, by the thread that would run it.
    pub(crate) fn begins(&self) -> bool {
        self.turn.take()
    }
}

/// What a job's thread and its caller's deadline reach for: the job runs if the thread is first,
/// and never if the deadline is.
#[derive(Clone, Default)]
struct Turn(Arc<AtomicBool>);

impl Turn {
    fn take(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }
}

/// The entrance to the queue. When it is full, a job waits for a place for as long as the
/// queue's patience lasts and is then refused as `Unavailable`. One that has its place is waited
/// for until the deadline.
pub(crate) struct Queue<T> {
    entrance: Option<mpsc::Sender<Queued<T>>>,
    patience: Duration,
    deadline: Duration,
    late: Error,
}

impl<T: Send + 'static> Queue<T> {
    /// A queue, and its exit. A job that has begun and is not done by its deadline is answered
    /// with `late`; one that has not begun never runs, and is `Unavailable`.
    pub(crate) fn new(options: &Options, late: Error) -> (Self, mpsc::Receiver<Queued<T>>) {
        let (entrance, exit) = mpsc::channel(options.queue.max(1));
        let (patience, deadline) = (options.patience, options.deadline);
        (Self { entrance: Some(entrance), patience, deadline, late }, exit)
    }

    /// Puts a job into the queue, at once if there is a place: it then runs, whatever becomes of
    /// the future. One that still waits for a place when its future is dropped never runs.
    pub(crate) fn submit(&self, job: T) -> Done<'_> {
        let ((answer, answered), turn) = (oneshot::channel(), Turn::default());
        let queued = Queued { job, answer, turn: turn.clone() };
        let refused = match &self.entrance {
            None => return Box::pin(async { Err(Error::unavailable()) }),
            Some(entrance) => entrance.try_send(queued).err().map(|why| (entrance, why)),
        };
        Box::pin(async move {
            match refused {
                None => {}
                Some((_, TrySendError::Closed(_))) => return Err(Error::unavailable()),
                Some((entrance, TrySendError::Full(queued))) => {
                    match timeout(self.patience, entrance.reserve()).await {
                        Ok(Ok(place)) => place.send(queued),
                        _ => return Err(Error::unavailable()),
                    }
                }
            }
            match timeout(self.deadline, answered).await {
                Ok(outcome) => outcome.unwrap_or(Err(Error::Unknown)),
                Err(_) if turn.take() => Err(Error::unavailable()),
                Err(_) => Err(self.late.clone()),
            }
        })
    }

    /// Lets nobody in any more. What has queued still runs.
    pub(crate) fn close(&mut self) {
        self.entrance = None;
    }
}
