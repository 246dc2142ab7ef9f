//! A bounded queue of jobs with their answers.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chinwag_core::store::Done;
use chinwag_core::{Error, Result};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;

use crate::open::Options;

/// A queued job, and the sender of its outcome.
pub(crate) struct Queued<T> {
    pub(crate) job: T,
    pub(crate) answer: oneshot::Sender<Result<()>>,
    turn: StartFlag,
}

impl<T> Queued<T> {
    /// Whether the job may run: not if its caller was already answered that it never runs. A started job may run again.
    pub(crate) fn begin(&self) -> bool {
        self.turn.begin()
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.turn.0.load(Ordering::Acquire) == StartFlag::BEGUN
    }
}

/// A flag for which a job's thread and its caller's deadline race. If the thread sets it first, the job runs;
/// if the deadline does, the job never runs.
#[derive(Clone, Default)]
struct StartFlag(Arc<AtomicU8>);

impl StartFlag {
    const WAITS: u8 = 0;
    const BEGUN: u8 = 1;
    const REFUSED: u8 = 2;

    fn begin(&self) -> bool {
        self.leave(Self::BEGUN) != Err(Self::REFUSED)
    }

    fn refuse(&self) -> bool {
        self.leave(Self::REFUSED).is_ok()
    }

    fn leave(&self, to: u8) -> Result<u8, u8> {
        self.0.compare_exchange(Self::WAITS, to, Ordering::AcqRel, Ordering::Acquire)
    }
}

/// The sending end of the queue. If the queue is full, a job waits for a slot up to `patience`, and then
/// fails with `Unavailable`. A job that has a slot is awaited until the deadline.
pub(crate) struct Queue<T> {
    shared: Arc<Shared<T>>,
    patience: Duration,
    deadline: Duration,
    late: Error,
}

/// The receiving end, one for each thread that takes jobs. New jobs do not wake a busy thread, which finds
/// them when it takes more.
pub(crate) struct JobReceiver<T> {
    shared: Arc<Shared<T>>,
}

struct Shared<T> {
    state: Mutex<State<T>>,
    job_added: Condvar,
    /// The free slots of the queue.
    slots: Semaphore,
}

struct State<T> {
    waiting: VecDeque<Queued<T>>,
    /// Sleeping threads.
    idle: usize,
    exits: usize,
    closed: bool,
}

impl<T: Send + 'static> Queue<T> {
    /// A queue and its receiving ends. At the deadline, a job that has started is answered with `late`; one
    /// that has not started never runs and fails with `Unavailable`.
    pub(crate) fn new(options: &Options, late: Error, exits: usize) -> (Self, Vec<JobReceiver<T>>) {
        let state = State { waiting: VecDeque::new(), idle: 0, exits, closed: false };
        let slots = Semaphore::new(options.queue.clamp(1, Semaphore::MAX_PERMITS));
        let shared = Arc::new(Shared { state: Mutex::new(state), job_added: Condvar::new(), slots });
        let exits = (0..exits).map(|_| JobReceiver { shared: shared.clone() }).collect();
        let (patience, deadline) = (options.patience, options.deadline);
        (Self { shared, patience, deadline, late }, exits)
    }

    /// Queues a job, immediately if there is a free slot: it then runs even if the future is dropped. If the
    /// future is dropped while it waits for a slot, the job never runs.
    pub(crate) fn submit(&self, job: T) -> Done<'_> {
        let (queued, done) = self.enter(job);
        self.shared.put(queued);
        done
    }

    /// Queues several jobs. Those for which there are free slots become visible together, so that a thread
    /// can take them as one batch.
    pub(crate) fn submit_all(&self, jobs: impl Iterator<Item = T>) -> Vec<Done<'_>> {
        let (queued, done): (Vec<_>, Vec<_>) = jobs.map(|job| self.enter(job)).unzip();
        self.shared.put(queued.into_iter().flatten());
        done
    }

    /// The future of a job, and the job itself if it got a slot and must now be queued.
    fn enter(&self, job: T) -> (Option<Queued<T>>, Done<'_>) {
        let ((answer, answered), turn) = (oneshot::channel(), StartFlag::default());
        let queued = Queued { job, answer, turn: turn.clone() };
        let (placed, waits) = match self.shared.slots.try_acquire() {
            Ok(place) => {
                place.forget();
                (Some(queued), None)
            }
            Err(_) => (None, Some(queued)),
        };
        let done = async move {
            if waits.is_some() {
                match timeout(self.patience, self.shared.slots.acquire()).await {
                    Ok(Ok(place)) => {
                        place.forget();
                        self.shared.put(waits);
                    }
                    _ => return Err(Error::unavailable()),
                }
            }
            match timeout(self.deadline, answered).await {
                Ok(outcome) => outcome.unwrap_or(Err(Error::Unknown)),
                Err(_) if turn.refuse() => Err(Error::unavailable()),
                Err(_) => Err(self.late.clone()),
            }
        };
        (placed, Box::pin(done))
    }

    /// Refuses new jobs. Queued jobs still run.
    pub(crate) fn close(&mut self) {
        self.shared.close();
    }
}

impl<T> JobReceiver<T> {
    /// Waits for jobs and appends up to `most` of them to `into`; none once the queue is closed and empty. Call
    /// [`begin`](Queued::begin) before running each.
    pub(crate) fn take(&self, most: usize, into: &mut Vec<Queued<T>>) {
        let mut state = self.shared.lock();
        while state.waiting.is_empty() && !state.closed {
            state.idle += 1;
            state = self.shared.job_added.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
        let count = most.min(state.waiting.len());
        into.extend(state.waiting.drain(..count));
        drop(state);
        self.shared.slots.add_permits(count);
    }
}

/// When the last receiving end is dropped, no job can run any more, so the queue closes and drops its jobs.
impl<T> Drop for JobReceiver<T> {
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
    /// Adds jobs to the queue at once. If it is closed, they fail.
    fn put(&self, jobs: impl IntoIterator<Item = Queued<T>>) {
        let mut state = self.lock();
        if state.closed {
            drop(state);
            for queued in jobs {
                // The job has not started.
                let _ = queued.answer.send(Err(Error::unavailable()));
            }
            return;
        }
        state.waiting.extend(jobs);
        let wake = state.idle > 0 && !state.waiting.is_empty();
        drop(state);
        if wake {
            self.job_added.notify_one();
        }
    }

    fn close(&self) {
        self.slots.close();
        self.lock().closed = true;
        self.job_added.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
