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
use chinwag_core::{Date, Error, GroupId, MessageId, stored_number};
use chinwag_store_sql::thread::REPLIES;
use chinwag_store_sql::{block_stands, gone, limit};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use self::columns::Columns;
use crate::address::Target;
use crate::fault::{Failure, Trouble, panicked};
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

/// Locks these groups' rows: until this transaction ends, no other one assigns numbers of their logs.
pub(crate) const HOLD: &str = "SELECT 1 FROM groups WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE";

/// Looks up each author once per group, regardless of the number of its messages, and then each message.
///
/// Each `OFFSET 0` keeps the planner from using only a part of a key, which would read all rows of a large
/// group. The check that a message is not erased is outside of it, because the planner could otherwise scan a
/// whole partial index if it believes that the table is empty.
///
/// Returns one row per writer, one row with the numbers of all messages in order, and one row for each
/// message with further facts.
///
/// A group that was created between the two statements is not locked. If another transaction has assigned
/// numbers of its log in between, the number -1 violates a constraint and rolls back the batch, which is then
/// retried.
pub(crate) const SEND: &str = concat!(
    "WITH writers AS MATERIALIZED (
        SELECT w.place, g.last_seq, u.id, u.name, u.special, m.role, m.pending, b.blocked, g.slow,
            g.id IS NOT NULL AND coalesce(m.role = ANY($14) AND NOT m.pending, false) AND NOT b.blocked
                AND (g.slow = 0 OR m.role >= ",
    stored_number!(Role::Admin),
    ")
                AND (w.fold IS NULL OR w.fold = u.fold) AS may
        FROM unnest($2::integer[], $3::bigint[], $4::bytea[], $5::bigint[], $6::text[]) WITH ORDINALITY
            AS w (group_at, caller, token, moment, fold, place)
        LEFT JOIN groups g ON g.id = ($1::uuid[])[w.group_at]
        LEFT JOIN users u ON u.id = CASE WHEN w.token IS NULL
            THEN coalesce(w.caller, (SELECT id FROM users WHERE fold = w.fold))
            ELSE (SELECT user_id FROM tokens WHERE hash = w.token AND kind = ",
    stored_number!(TokenKind::Token),
    " AND expires > w.moment) END
            AND (w.token IS NULL OR coalesce(u.suspended_until, 0) <= w.moment)
        LEFT JOIN LATERAL (
            SELECT role, pending FROM memberships
            WHERE group_id = g.id AND user_id = u.id OFFSET 0
        ) m ON true
        CROSS JOIN LATERAL (SELECT CASE WHEN g.pair_low IS NULL THEN false ELSE ",
    block_stands!("g.pair_low", "g.pair_high"),
    " OR ",
    block_stands!("g.pair_high", "g.pair_low"),
    " END AS blocked OFFSET 0) b
    ), known AS MATERIALIZED (
        SELECT array_agg(coalesce(last_seq, 0)) AS last_seqs, array_agg(coalesce(id, 0)) AS ids, array_agg(may) AS may
        FROM (SELECT * FROM writers ORDER BY place) w
    ), judged AS (
        SELECT f.*, CASE WHEN f.stays THEN f.last_seq
            + count(*) FILTER (WHERE f.stays) OVER (PARTITION BY f.group_at ORDER BY f.place) END AS seq
        FROM (
            SELECT a.*, ($2::integer[])[a.writer] AS group_at, k.last_seqs[a.writer] AS last_seq,
                k.ids[a.writer] AS author_id, p.id AS prior_id, p.seq AS prior_seq, p.date AS prior_date,
                p.body_hash AS prior_hash, p.answers AS prior_answers, p.thread_id, p.thread_seq,
                p.thread_stands, r.seq AS answered, t.seq AS root,
                k.may[a.writer] AND p.id IS NULL AND (a.respond_to IS NULL OR r.seq IS NOT NULL)
                    AND (a.thread IS NULL OR t.seq IS NOT NULL) AS stays
            FROM known k CROSS JOIN unnest($7::integer[], $8::text[], $9::uuid[], $10::uuid[], $11::bigint[], $12::text[],
                    $13::bytea[], $15::bytea[], $16::uuid[]) WITH ORDINALITY
                AS a (writer, client_id, respond_to, id, date, body, body_hash, detail, thread, place)
            LEFT JOIN LATERAL (
                SELECT m.id, m.seq, m.date, m.body_hash, q.id AS answers, w.id AS thread_id, w.seq AS thread_seq,
                    w.stands AS thread_stands
                FROM messages m LEFT JOIN LATERAL (
                    SELECT CASE WHEN body IS NOT NULL AND NOT ",
    gone!(postgres "author_id"),
    " THEN id END AS id FROM messages
                    WHERE group_id = m.group_id AND seq = m.respond_to OFFSET 0
                ) q ON true
                LEFT JOIN LATERAL (
                    SELECT id, seq, body IS NOT NULL AND NOT ",
    gone!(postgres "author_id"),
    " AS stands FROM messages
                    WHERE group_id = m.group_id AND seq = m.thread OFFSET 0
                ) w ON true
                WHERE m.group_id = ($1::uuid[])[($2::integer[])[a.writer]] AND m.author_id = k.ids[a.writer]
                    AND m.client_id = a.client_id OFFSET 0
            ) p ON true
            LEFT JOIN LATERAL (
                SELECT seq, group_id, body IS NOT NULL AND NOT ",
    gone!(postgres "author_id"),
    " AS stands
                FROM messages WHERE id = a.respond_to OFFSET 0
            ) r ON r.stands AND r.group_id = ($1::uuid[])[($2::integer[])[a.writer]]
            LEFT JOIN LATERAL (
                SELECT x.seq, x.group_id, x.body IS NOT NULL AND NOT ",
    gone!(postgres "x.author_id"),
    " AND NOT coalesce((
                    SELECT z.body IS NOT NULL AND NOT ",
    gone!(postgres "z.author_id"),
    " FROM messages z WHERE z.group_id = x.group_id AND z.seq = x.thread OFFSET 0
                ), false) AS stands
                FROM messages x WHERE x.id = a.thread OFFSET 0
            ) t ON t.stands AND t.group_id = ($1::uuid[])[($2::integer[])[a.writer]]
        ) f
    ), kept AS (
        INSERT INTO messages (group_id, seq, author_id, date, id, respond_to, thread, client_id, body_hash, detail, body)
        SELECT ($1::uuid[])[group_at], seq, author_id, date, id, answered, root, client_id, body_hash, detail, body
        FROM judged WHERE stays
    ), moved AS (
        UPDATE groups g SET last_seq = CASE WHEN g.last_seq = n.before THEN n.last ELSE -1 END,
            newest_seq = n.last, newest_date = n.date
        FROM (SELECT group_at, min(last_seq) AS before, max(seq) AS last, (array_agg(date ORDER BY seq DESC))[1] AS date
            FROM judged WHERE stays GROUP BY group_at) n
        WHERE g.id = ($1::uuid[])[n.group_at]
    ), noted AS (
        INSERT INTO events (kind, date, group_id, seq, message_id, message_seq, message_date, user_id)
        SELECT ",
    stored_number!(FeedKind::MessageText),
    ", $17::bigint, ($1::uuid[])[group_at], seq, id, seq, date, author_id
        FROM judged WHERE stays AND (SELECT enabled FROM feed WHERE one = 1)
        ORDER BY place
    )
    SELECT -place, id, name, special, role, last_seq IS NOT NULL, pending, blocked, slow,
        NULL::bigint[], NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
    FROM writers
    UNION ALL
    SELECT place, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
        NULL, prior_id, prior_seq, prior_date, prior_hash, prior_answers, answered, root, thread_id, thread_seq, thread_stands
    FROM judged WHERE prior_id IS NOT NULL OR answered IS NOT NULL OR root IS NOT NULL
    UNION ALL
    SELECT 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
        array_agg(seq ORDER BY place), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
    FROM judged"
);

/// Marks those of these messages that have replies as roots. Only batches with replies run it.
pub(crate) const MARK: &str =
    "UPDATE messages m SET thread = 0 WHERE m.id = ANY($1) AND m.thread IS DISTINCT FROM 0
    AND EXISTS (SELECT 1 FROM messages x
        WHERE x.group_id = m.group_id AND x.thread = m.seq AND x.body IS NOT NULL OFFSET 0)";

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
        for message in alone {
            let group = message.group();
            self.run_each(vec![message]);
            self.release(&BTreeSet::from([group]));
        }
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
            }
            self.release(&group);
        }
        for part in held {
            let group = part.iter().map(QueuedMessage::group).collect();
            match self.attempt(part, self.target.lock) {
                Left::Nothing => {}
                Left::Held(part, why) => refuse(part, &why),
                Left::Bad(part, _) => self.send_each(part),
            }
            self.release(&group);
        }
    }

    fn send_each(&mut self, messages: Vec<QueuedMessage>) {
        for message in messages {
            match self.attempt(vec![message], self.target.lock) {
                Left::Nothing => {}
                Left::Held(message, why) | Left::Bad(message, why) => refuse(message, &why),
            }
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
                    self.run_each(conclude(self.bus, messages, found));
                    return Left::Nothing;
                }
                End::Unknown(why) => {
                    tracing::error!(error = %why, "the database did not confirm a commit");
                    self.slot.drop_link();
                    refuse(messages, &Error::Unknown);
                    return Left::Nothing;
                }
                End::Undone(why) => why,
            };
            match why.trouble() {
                Trouble::Retry if attempt < MAX_ATTEMPTS => {
                    thread::sleep((PAUSE * attempt).min(LONGEST_PAUSE));
                }
                Trouble::Stale if attempt < MAX_ATTEMPTS => self.slot.drop_link(),
                Trouble::Lost | Trouble::ReadOnly if attempt == 1 => self.slot.drop_link(),
                Trouble::ReadOnly => {
                    // The new connection is read-only, too: no thread retries for a moment.
                    self.slot.drop_link();
                    self.target.note(true);
                    return Left::Held(messages, why.error());
                }
                Trouble::Collision | Trouble::Fault => return Left::Bad(messages, refused(&why)),
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
