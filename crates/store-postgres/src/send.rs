//! Sending messages, many in one round trip.
//!
//! A batch is one transaction of two pipelined statements. The first locks the rows of the messages' groups,
//! in a fixed order. The second sees everything that was committed before the lock was acquired: it reads
//! what the rule needs, inserts the messages that the rule allows, and returns the facts from which `core`
//! makes the answers. If the batch contains replies in threads, two further statements mark the roots and
//! read their new state. While the feed of events is on, the second statement also inserts each message's
//! event.

mod columns;
mod rows;
pub(crate) mod statements;

use std::collections::BTreeSet;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use chinwag_core::bus::Bus;
use chinwag_core::event::Event;
use chinwag_core::send::{Conclusion, Facts, Kept, Sent};
use chinwag_core::store::WriteJob;
use chinwag_core::thread::{REPLIES_COUNTED, SHOWN_REPLIERS};
use chinwag_core::{Date, Error, GroupId, MessageId};
use chinwag_store_sql::limit;
use chinwag_store_sql::thread::REPLIES;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use self::columns::Columns;
use self::statements::{HOLD, MARK, SEND};
use crate::address::Target;
use crate::fault::{Failure, FailureKind, panicked};
use crate::lanes::{Batch, Lanes, QueuedMessage, by_group, groups_of, separate};
use crate::link::{Link, LinkSlot};
use crate::message::refused;
use crate::open::Options;
use crate::readers::{join, spawn};
use crate::transaction::Claims;
use crate::writers::{publish, run};

/// Attempts of a batch that conflicts with others.
const MAX_ATTEMPTS: u32 = 20;
const PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);
/// Lock timeout of a batch for several groups. After it the groups are sent separately.
const LOCK_TIMEOUT: Duration = Duration::from_millis(200);

/// The sender threads.
pub(crate) struct Senders {
    pub(crate) lanes: Arc<Lanes>,
    threads: Vec<JoinHandle<()>>,
}

impl Senders {
    pub(crate) fn start(
        target: &Arc<Target>,
        options: &Options,
        lanes: &Arc<Lanes>,
        bus: &Arc<dyn Bus>,
    ) -> io::Result<Self> {
        let most = options.batch.max(1);
        let threads = spawn("store-sender", options.senders, || {
            let (target, lanes, bus) = (target.clone(), lanes.clone(), bus.clone());
            move || send_all(&target, &lanes, &*bus, most)
        })?;
        Ok(Self { lanes: lanes.clone(), threads })
    }
}

impl Drop for Senders {
    fn drop(&mut self) {
        self.lanes.close();
        join(&mut self.threads);
    }
}

/// A message with the id and date of this attempt.
struct Stamped<'m> {
    message: &'m QueuedMessage,
    id: MessageId,
    date: Date,
}

/// The facts of a message, and its kept row.
type Found = (Facts, Option<Kept>);

/// The result of an attempt to send a batch.
enum End {
    /// It was committed.
    Committed(Vec<Found>),
    /// The batch was rolled back.
    Undone(Failure),
    /// It is unknown whether the batch was committed.
    Unknown(Failure),
}

/// The state of one sender thread.
struct Sender<'s> {
    slot: LinkSlot,
    target: &'s Target,
    lanes: &'s Lanes,
    bus: &'s dyn Bus,
    /// The groups that are claimed for its batch.
    claimed: BTreeSet<GroupId>,
}

/// The messages of a batch that are still to be sent. None of them was stored.
enum Left {
    /// None: all are answered.
    Nothing,
    /// Another transaction holds the lock of one of the groups.
    Held(Vec<QueuedMessage>, Error),
    /// The server refuses one of the messages.
    Bad(Vec<QueuedMessage>, Error),
    /// Each of these messages needs a job of its own.
    OwnJobs(Vec<QueuedMessage>),
}

fn send_all(target: &Target, lanes: &Lanes, bus: &dyn Bus, most: usize) {
    let mut sender = Sender { slot: LinkSlot::default(), target, lanes, bus, claimed: BTreeSet::new() };
    while let Some(Batch { messages, groups }) = lanes.take(most) {
        sender.claimed = groups;
        if let Err(with) = catch_unwind(AssertUnwindSafe(|| sender.send_batch(messages))) {
            // It is unknown what was committed. The callers are notified when their messages are dropped.
            tracing::error!(error = %panicked(&*with), "a batch of messages was given up");
            sender.slot.drop_link();
            lanes.release(&sender.claimed);
        }
    }
}

impl Sender<'_> {
    fn send_batch(&mut self, messages: Vec<QueuedMessage>) {
        let now = Instant::now();
        let (late, messages) = separate(messages, |message| message.is_late(now));
        if !late.is_empty() {
            self.release(&(&self.claimed - &groups_of(&messages)));
            refuse(late, &Error::unavailable());
        }
        let (alone, messages) = separate(messages, |message| message.sending.is_alone());
        self.send(messages);
        self.run_by_group(alone);
    }

    /// Releases claims of the batch.
    fn release(&mut self, groups: &BTreeSet<GroupId>) {
        self.claimed.retain(|group| !groups.contains(group));
        self.lanes.release(groups);
    }

    /// Sends messages together. If that fails, sends those of each group separately, and then one by one, so
    /// that a bad message or a locked group fails alone. Releases each group's claim as soon as its messages
    /// are answered.
    fn send(&mut self, messages: Vec<QueuedMessage>) {
        let groups = groups_of(&messages);
        let messages = match self.attempt(messages, LOCK_TIMEOUT) {
            Left::Nothing => return self.release(&groups),
            Left::OwnJobs(messages) => {
                self.release(&(&groups - &groups_of(&messages)));
                return self.run_by_group(messages);
            }
            Left::Held(messages, _) | Left::Bad(messages, _) => messages,
        };
        let mut held = Vec::new();
        for part in by_group(messages) {
            let group = part.iter().map(QueuedMessage::group).collect();
            match self.attempt(part, LOCK_TIMEOUT) {
                Left::Nothing => {}
                Left::Held(part, _) => {
                    held.push(part);
                    continue;
                }
                Left::Bad(part, _) => self.send_each(part),
                Left::OwnJobs(part) => self.run_each(part),
            }
            self.release(&group);
        }
        for part in held {
            let group = part.iter().map(QueuedMessage::group).collect();
            match self.attempt(part, self.target.lock) {
                Left::Nothing => {}
                Left::Held(part, why) => refuse(part, &why),
                Left::Bad(part, _) => self.send_each(part),
                Left::OwnJobs(part) => self.run_each(part),
            }
            self.release(&group);
        }
    }

    fn send_each(&mut self, messages: Vec<QueuedMessage>) {
        for message in messages {
            match self.attempt(vec![message], self.target.lock) {
                Left::Nothing => {}
                Left::Held(message, why) | Left::Bad(message, why) => refuse(message, &why),
                Left::OwnJobs(message) => self.run_each(message),
            }
        }
    }

    /// Like [`run_each`](Self::run_each), and releases each group's claim as soon as its messages are answered.
    fn run_by_group(&mut self, messages: Vec<QueuedMessage>) {
        for part in by_group(messages) {
            let group = part.iter().map(QueuedMessage::group).collect();
            self.run_each(part);
            self.release(&group);
        }
    }

    /// Sends messages one by one that cannot be decided in one statement: those that are alone, and those by
    /// which users accept their groups. The groups stay claimed, which preserves the order of their messages.
    fn run_each(&mut self, messages: Vec<QueuedMessage>) {
        for message in messages {
            let slot: Arc<Mutex<Option<Sent>>> = Arc::default();
            let (sending, filled) = (message.sending.clone(), slot.clone());
            let job: WriteJob = Box::new(move |tx, events| {
                *filled.lock().unwrap_or_else(PoisonError::into_inner) = Some(sending.run(tx, events)?);
                Ok(())
            });
            let claims = Claims::lent(self.lanes, message.group());
            let outcome = run(&mut self.slot, self.target, claims, self.bus, &job);
            let sent = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
            let missing = || Error::internal("a job that sends a message has left none");
            let _ = message.answer.send(outcome.and_then(|()| sent.ok_or_else(missing)));
        }
    }

    /// Sends messages together, and retries after conflicts. Waits for the lock of a group up to `lock`.
    fn attempt(&mut self, messages: Vec<QueuedMessage>, lock: Duration) -> Left {
        if messages.is_empty() {
            return Left::Nothing;
        }
        for attempt in 1..=MAX_ATTEMPTS {
            let link = match self.slot.link(self.target) {
                Ok(link) => link,
                Err(why) => {
                    refuse(messages, &why);
                    return Left::Nothing;
                }
            };
            let stamped: Vec<_> = messages.iter().map(Stamped::new).collect();
            let why = match attempt_batch(link, &stamped, lock.min(self.target.lock)) {
                End::Committed(found) => {
                    let accepting = conclude(self.bus, messages, found);
                    return if accepting.is_empty() { Left::Nothing } else { Left::OwnJobs(accepting) };
                }
                End::Unknown(why) => {
                    tracing::error!(error = %why, "the database did not confirm a commit");
                    self.slot.drop_link();
                    refuse(messages, &Error::Unknown);
                    return Left::Nothing;
                }
                End::Undone(why) => why,
            };
            match why.kind() {
                FailureKind::Retry if attempt < MAX_ATTEMPTS => {
                    thread::sleep((PAUSE * attempt).min(LONGEST_PAUSE));
                }
                FailureKind::Stale if attempt < MAX_ATTEMPTS => self.slot.drop_link(),
                FailureKind::Lost | FailureKind::ReadOnly if attempt == 1 => self.slot.drop_link(),
                FailureKind::ReadOnly => {
                    // The new connection is read-only, too: no thread retries for a moment.
                    self.slot.drop_link();
                    self.target.note(true);
                    return Left::Held(messages, why.error());
                }
                FailureKind::Collision | FailureKind::Fault => return Left::Bad(messages, refused(&why)),
                _ => return Left::Held(messages, why.error()),
            }
        }
        Left::Held(messages, Error::unavailable())
    }
}

fn refuse(messages: Vec<QueuedMessage>, why: &Error) {
    for message in messages {
        // The caller may have dropped the future.
        let _ = message.answer.send(Err(why.clone()));
    }
}

/// Answers the decided messages. Returns those of users who have not accepted their groups yet.
fn conclude(bus: &dyn Bus, messages: Vec<QueuedMessage>, found: Vec<Found>) -> Vec<QueuedMessage> {
    let mut events: Vec<Event> = Vec::with_capacity(messages.len());
    let mut outcomes = Vec::with_capacity(messages.len());
    let mut accepting = Vec::new();
    for (message, (facts, kept)) in messages.into_iter().zip(found) {
        if message.sending.needs_own_job(&facts) {
            accepting.push(message);
            continue;
        }
        let QueuedMessage { sending, answer, .. } = message;
        let Conclusion { outcome, disagreement } = sending.conclude(&facts, kept, &mut events);
        if let Some(disagreement) = disagreement {
            tracing::error!(disagreement, "a message was decided otherwise than the rule: report this fault");
        }
        outcomes.push((answer, outcome));
    }
    publish(bus, events);
    for (answer, outcome) in outcomes {
        // The caller may have dropped the future.
        let _ = answer.send(outcome);
    }
    accepting
}

fn attempt_batch(link: &Link, messages: &[Stamped<'_>], lock: Duration) -> End {
    let begin = format!("BEGIN; SET LOCAL lock_timeout = {}", lock.as_millis());
    let columns = Columns::of(messages);
    let roots = columns.roots();
    let prepared = link.wait(async {
        let threads = if roots.is_empty() {
            None
        } else {
            Some((link.statement(MARK).await?, link.statement(REPLIES.postgres).await?))
        };
        Ok((link.statement(HOLD).await?, link.statement(SEND).await?, threads))
    });
    let (hold, send, threads) = match prepared {
        Ok(statements) => statements,
        Err(why) => return End::Undone(why),
    };
    let client = link.client();
    let (params, held): (_, [&(dyn ToSql + Sync); 1]) = (columns.params(), [&columns.groups]);
    let mut outcome = None;
    // For a batch with replies, marks the roots and reads their new state.
    let bounds = (i64::from(REPLIES_COUNTED), limit(SHOWN_REPLIERS));
    let replied = async {
        let Some((mark, replies)) = &threads else { return Ok(Vec::new()) };
        let bounded: [&(dyn ToSql + Sync); 3] = [&roots, &bounds.0, &bounds.1];
        let marked = client.execute(mark, &bounded[..1]);
        let (marked, rows) = futures_util::future::join(marked, client.query(replies, &bounded)).await;
        marked.and(rows)
    };
    // Pipelined: all statements are sent before the first answer arrives.
    let waited = link.wait(async {
        let all = futures_util::future::join5(
            client.batch_execute(&begin),
            client.query(&hold, &held),
            client.query(&send, &params),
            replied,
            client.batch_execute("COMMIT"),
        );
        outcome = Some(all.await);
        Ok(())
    });
    let Some((begun, held, sent, replied, committed)) = outcome else {
        let why = waited.err().unwrap_or(Failure::Silent);
        return End::Unknown(why);
    };
    // What fails first undoes the rest, unless that is the beginning: then each statement is kept by itself.
    let is_kept_alone = begun.is_err() && sent.is_ok();
    let failed = begun.err().or(held.err());
    let sent = match (sent, replied) {
        (Ok(rows), Ok(replies)) => Ok((rows, replies)),
        (Err(why), _) | (_, Err(why)) => Err(why),
    };
    match (failed, sent, committed) {
        (None, Ok((rows, replies)), Ok(())) => read(messages, &columns, &rows, &replies),
        (None, Ok(_), Err(why)) => {
            let why = Failure::from(why);
            if why.undid_commit() { End::Undone(why) } else { End::Unknown(why) }
        }
        (Some(why), ..) | (None, Err(why), _) => {
            let why = Failure::from(why);
            // The server has said no; or nobody has said anything.
            if why.code().is_some() && !is_kept_alone { End::Undone(why) } else { End::Unknown(why) }
        }
    }
}

fn read(messages: &[Stamped<'_>], columns: &Columns<'_>, rows: &[Row], replies: &[Row]) -> End {
    match rows::found(messages, columns, rows, replies) {
        Ok(Some(found)) => End::Committed(found),
        Ok(None) => End::Unknown(Failure::Silent),
        Err(why) => End::Unknown(why.into()),
    }
}

impl<'m> Stamped<'m> {
    fn new(message: &'m QueuedMessage) -> Self {
        let (id, date) = message.sending.stamp();
        Self { message, id, date }
    }
}
