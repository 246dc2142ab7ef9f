//! A bounded queue of jobs, and their answers.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chinwag_core::store::Done;
use chinwag_core::{Error, Result};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;

use crate::open::Options;

/// A job that waits, and where its outcome goes.
pub(crate) struct Queued<T> {
    pub(crate) job: T,
    pub(crate) answer: oneshot::Sender<Result<()>>,
    turn: Turn,
}

/// The state that a job's thread and its caller's deadline contend for: the job runs if the thread is first,
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
    shared: Arc<Shared<T>>,
    patience: Duration,
    deadline: Duration,
    late: Error,
}

/// The exit, one for each thread that takes jobs. A thread that is busy is not woken for what
/// comes: it finds that when it asks for more.
pub(crate) struct Exit<T> {
    shared: Arc<Shared<T>>,
}

struct Shared<T> {
    state: Mutex<State<T>>,
    came: Condvar,
    /// The free slots of the queue.
    places: Semaphore,
}

struct State<T> {
    waiting: VecDeque<Queued<T>>,
    /// Threads that sleep until something comes.
    idle: usize,
    exits: usize,
    closed: bool,
}

impl<T: Send + 'static> Queue<T> {
    /// A queue, and its exits. A job that has begun and is not done by its deadline is answered
    /// with `late`; one that has not begun never runs, and is `Unavailable`.
    pub(crate) fn new(options: &Options, late: Error, exits: usize) -> (Self, Vec<Exit<T>>) {
        let state = State { waiting: VecDeque::new(), idle: 0, exits, closed: false };
        let places = Semaphore::new(options.queue.clamp(1, Semaphore::MAX_PERMITS));
        let shared = Arc::new(Shared { state: Mutex::new(state), came: Condvar::new(), places });
        let exits = (0..exits).map(|_| Exit { shared: shared.clone() }).collect();
        let (patience, deadline) = (options.patience, options.deadline);
        (Self { shared, patience, deadline, late }, exits)
    }

    /// Puts a job into the queue, at once if there is a place: it then runs, whatever becomes of
    /// the future. One that still waits for a place when its future is dropped never runs.
    pub(crate) fn submit(&self, job: T) -> Done<'_> {
        let (queued, done) = self.enter(job);
        self.shared.put(queued);
        done
    }

    /// The same for jobs that come together: a thread that takes one of those that have a place finds
    /// the others.
    pub(crate) fn submit_all(&self, jobs: impl Iterator<Item = T>) -> Vec<Done<'_>> {
        let (queued, done): (Vec<_>, Vec<_>) = jobs.map(|job| self.enter(job)).unzip();
        self.shared.put(queued.into_iter().flatten());
        done
    }

    /// A job that has a place and is to be put there, if there is one, and its end.
    fn enter(&self, job: T) -> (Option<Queued<T>>, Done<'_>) {
        let ((answer, answered), turn) = (oneshot::channel(), Turn::default());
        let queued = Queued { job, answer, turn: turn.clone() };
        let (placed, waits) = match self.shared.places.try_acquire() {
            Ok(place) => {
                place.forget();
                (Some(queued), None)
            }
            Err(_) => (None, Some(queued)),
        };
        let done = async move {
            if waits.is_some() {
                match timeout(self.patience, self.shared.places.acquire()).await {
                    Ok(Ok(place)) => {
                        place.forget();
                        self.shared.put(waits);
                    }
                    _ => return Err(Error::unavailable()),
                }
            }
            match timeout(self.deadline, answered).await {
                Ok(outcome) => outcome.unwrap_or(Err(Error::Unknown)),
                Err(_) if turn.take() => Err(Error::unavailable()),
                Err(_) => Err(self.late.clone()),
            }
        };
        (placed, Box::pin(done))
    }

    /// Lets nobody in any more. What has queued still runs.
    pub(crate) fn close(&mut self) {
        self.shared.close();
    }
}

impl<T> Exit<T> {
    /// Waits for jobs and appends those that are to run to `into`, at most so many: none once the
    /// queue is closed and empty.
    pub(crate) fn take(&self, most: usize, into: &mut Vec<Queued<T>>) {
        while into.is_empty() {
            let mut state = self.shared.lock();
            while state.waiting.is_empty() && !state.closed {
                state.idle += 1;
                state = self.shared.came.wait(state).unwrap_or_else(PoisonError::into_inner);
                state.idle -= 1;
            }
            let count = most.min(state.waiting.len());
            into.extend(state.waiting.drain(..count));
            drop(state);
            if count == 0 {
                return;
            }
            self.shared.places.add_permits(count);
            into.retain(|queued| queued.turn.take());
        }
    }
}

/// When its last thread has ended nothing runs any more, and nothing is let in.
impl<T> Drop for Exit<T> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.exits -= 1;
        if state.exits == 0 {
            let left = std::mem::take(&mut state.waiting);
            drop(state);
            self.shared.close();
            drop(left);
        }
    }
}

impl<T> Shared<T> {
    /// Puts jobs where a thread finds them, all at once; drops them if there will be none.
    fn put(&self, jobs: impl IntoIterator<Item = Queued<T>>) {
        let mut state = self.lock();
        if state.closed {
            drop(state);
            for queued in jobs {
                // Nothing was done of it.
                let _ = queued.answer.send(Err(Error::unavailable()));
            }
            return;
        }
        state.waiting.extend(jobs);
        let wake = state.idle > 0 && !state.waiting.is_empty();
        drop(state);
        if wake {
            self.came.notify_one();
        }
    }

    fn close(&self) {
        self.places.close();
        self.lock().closed = true;
        self.came.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
