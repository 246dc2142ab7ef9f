//! The threads that run write jobs, each job in a serializable transaction of its own.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use chinwag_core::bus::Bus;
use chinwag_core::event::Event;
use chinwag_core::store::WriteJob;
use chinwag_core::{Error, Result};
use tokio::sync::mpsc::Receiver;

use crate::address::Target;
use crate::fault::{Failure, FailureKind, panicked};
use crate::lanes::Lanes;
use crate::link::{Link, LinkSlot};
use crate::open::Options;
use crate::outwait::outwait;
use crate::queue::{Queue, Queued};
use crate::readers::{join, next, spawn};
use crate::schema::MAY_WRITE;
use crate::transaction::{Claims, Transaction};

/// Attempts of a job that conflicts with others.
const MAX_ATTEMPTS: u32 = 40;
/// The attempt after which a job blocks all other changes of groups.
const MAX_SHARED_ATTEMPTS: u32 = 12;
/// The delay before the next attempt, which grows with their number.
const PAUSE: Duration = Duration::from_micros(500);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// A request to a writer.
pub(crate) enum WriteRequest {
    /// A job of the port.
    Job(WriteJob),
    /// Asks whether the server accepts writes.
    Probe,
}

/// The writer threads, with their shared queue.
pub(crate) struct Writers {
    pub(crate) queue: Queue<WriteRequest>,
    threads: Vec<JoinHandle<()>>,
}

impl Writers {
    pub(crate) fn start(
        target: &Arc<Target>,
        options: &Options,
        lanes: &Arc<Lanes>,
        bus: &Arc<dyn Bus>,
    ) -> io::Result<Self> {
        let (queue, exit) = Queue::new(options.queue, options.patience);
        let exit = Arc::new(Mutex::new(exit));
        let threads = spawn("store-writer", options.writers, || {
            let (target, exit, lanes, bus) = (target.clone(), exit.clone(), lanes.clone(), bus.clone());
            move || write(&target, &exit, &lanes, &*bus)
        })?;
        Ok(Self { queue, threads })
    }
}

impl Drop for Writers {
    fn drop(&mut self) {
        self.queue.close();
        join(&mut self.threads);
    }
}

fn write(target: &Target, exit: &Mutex<Receiver<Queued<WriteRequest>>>, lanes: &Lanes, bus: &dyn Bus) {
    let mut slot = LinkSlot::default();
    while let Some(Queued { job, answer, .. }) = next(exit) {
        let outcome = match &job {
            WriteRequest::Job(job) => run(&mut slot, target, Claims::new(lanes), bus, job),
            WriteRequest::Probe => probe(&mut slot, target),
        };
        // The caller may have dropped the future.
        let _ = answer.send(outcome);
    }
}

/// Runs a job until it is committed or refused. `claims` are the groups that it has already claimed.
pub(crate) fn run(
    slot: &mut LinkSlot,
    target: &Target,
    mut claims: Claims<'_>,
    bus: &dyn Bus,
    job: &WriteJob,
) -> Result<()> {
    let (mut collisions, mut losses) = (0, 0);
    for attempt in 1..=MAX_ATTEMPTS {
        let link = slot.link(target)?;
        let begin = if attempt > MAX_SHARED_ATTEMPTS { Transaction::alone } else { Transaction::writing };
        match self::attempt(link, begin(link, claims), job) {
            AttemptEnd::Done(outcome, events, held) => {
                publish(bus, events);
                drop(held);
                if matches!(outcome, Err(Error::Unavailable(_) | Error::Unknown)) {
                    slot.drop_link();
                }
                return outcome;
            }
            AttemptEnd::Again(kind, outcome, held) => {
                collisions += u32::from(kind == FailureKind::Collision);
                if matches!(kind, FailureKind::Lost | FailureKind::Stale | FailureKind::ReadOnly) {
                    losses += 1;
                    slot.drop_link();
                }
                if kind == FailureKind::ReadOnly && losses > 1 {
                    // The new connection is read-only, too: no thread retries for a moment.
                    target.note(true);
                }
                // A second collision is caused by the job itself.
                if attempt == MAX_ATTEMPTS || collisions > 1 || losses > 1 {
                    return outcome;
                }
                claims = held.again()?;
                thread::sleep((PAUSE * (attempt * attempt)).min(LONGEST_PAUSE));
            }
        }
    }
    Err(Error::unavailable())
}

/// The result of one attempt of a job.
enum AttemptEnd<'c> {
    /// Final: the outcome and the events. The claims are held until the events are published.
    Done(Result<()>, Vec<Event>, Option<Claims<'c>>),
    /// Nothing was changed, and another attempt may succeed. The outcome applies if there is none.
    Again(FailureKind, Result<()>, Claims<'c>),
}

/// Runs a job once and commits it.
fn attempt<'c>(link: &Link, mut tx: Transaction<'_, 'c>, job: &WriteJob) -> AttemptEnd<'c> {
    let mut events = Vec::new();
    let outcome = catch_unwind(AssertUnwindSafe(|| job(&mut tx, &mut events)))
        .unwrap_or_else(|with| Err(panicked(&*with)));
    let (failure, changed, begun) = (tx.failure(), tx.has_changed(), tx.has_begun());
    let outwaits = tx.outwaits();
    let claims = tx.into_claims();
    if outcome.is_ok() && failure.is_none() {
        let committed = if begun { link.batch("COMMIT") } else { Ok(()) };
        return match (committed, claims) {
            (Ok(()), claims) => {
                if outwaits && changed {
                    outwait(link);
                }
                AttemptEnd::Done(Ok(()), events, claims)
            }
            (Err(why), Some(claims)) => not_committed(&why, changed, claims),
            (Err(why), None) => AttemptEnd::Done(Err(why.error()), Vec::new(), None),
        };
    }
    if begun && failure != Some(FailureKind::Lost) {
        // If this fails, the link is lost, and the server rolls back anyway.
        let _ = link.batch("ROLLBACK");
    }
    match (failure, claims) {
        (
            Some(
                kind @ (FailureKind::Retry
                | FailureKind::Stale
                | FailureKind::Collision
                | FailureKind::Lost
                | FailureKind::ReadOnly),
            ),
            Some(claims),
        ) => {
            let outcome = outcome.and_then(|()| Err(Error::unavailable()));
            AttemptEnd::Again(kind, outcome, claims)
        }
        (Some(_), claims) => {
            let swallowed = || Err(Error::internal("a job went on after a statement of its had failed"));
            AttemptEnd::Done(outcome.and_then(|()| swallowed()), Vec::new(), claims)
        }
        (None, claims) => AttemptEnd::Done(outcome, Vec::new(), claims),
    }
}

/// Handles a commit that was not confirmed.
fn not_committed<'c>(why: &Failure, changed: bool, claims: Claims<'c>) -> AttemptEnd<'c> {
    if why.undid_commit() || !changed {
        return AttemptEnd::Again(why.kind(), Err(why.error()), claims);
    }
    tracing::error!(error = %why, "the database did not confirm a commit");
    AttemptEnd::Done(Err(Error::Unknown), Vec::new(), Some(claims))
}

fn probe(slot: &mut LinkSlot, target: &Target) -> Result<()> {
    let rows = slot.link(target)?.query(None, MAY_WRITE, &[]);
    let writes = rows.map(|rows| rows.first().is_some_and(|row| row.get(0) && row.get(1)));
    match writes {
        Ok(true) => Ok(()),
        Ok(false) => {
            slot.drop_link();
            Err(Error::unavailable())
        }
        Err(why) => {
            slot.drop_link();
            Err(why.error())
        }
    }
}

/// Passes events to the bus.
pub(crate) fn publish(bus: &dyn Bus, events: Vec<Event>) {
    if events.is_empty() {
        return;
    }
    // The jobs are committed, so they have succeeded whatever the bus does.
    if let Err(with) = catch_unwind(AssertUnwindSafe(|| bus.publish(events))) {
        tracing::error!(error = %panicked(&*with), "the bus panicked; events are lost, and found again by their gap");
    }
}
