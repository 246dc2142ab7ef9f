//! Messages, many in one round trip.
//!
//! A batch is one transaction of two statements, sent together: the first locks the rows of the
//! messages' groups, in one order; the second, which sees what others have committed before that
//! lock was got, finds what the rule needs to know, keeps what it allows, and answers with what
//! it found, from which `core` makes the answers.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use chinwag_core::app::Who;
use chinwag_core::app::send::{Facts, Kept, Sending, Sent, senders};
use chinwag_core::bus::Bus;
use chinwag_core::event::Event;
use chinwag_core::message::ClientId;
use chinwag_core::store::Prior;
use chinwag_core::user::User;
use chinwag_core::{Date, Error, GroupId, MessageId, Name, Result, Seq, UserId};
use sha2::{Digest, Sha256};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::address::Target;
use crate::column::{Hash, RoleNumber, number};
use crate::fault::{Failure, Trouble};
use crate::lanes::{Batch, Lanes, Waiting};
use crate::link::{Link, Place};
use crate::message::refused;
use crate::open::Options;
use crate::readers::{join, spawn};
use crate::user::name;
use crate::writers::publish;

/// How often a batch is sent that others stand in the way of.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);
/// How long messages of many groups wait for whoever holds one of them; after that they part.
const HASTE: Duration = Duration::from_millis(200);

/// Nobody else numbers these groups' logs until the end of the transaction.
pub(crate) const HOLD: &str = "SELECT 1 FROM groups WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE";

/// Each `OFFSET 0` keeps the planner from looking for a part of a key alone, which would read all of
/// a large group.
///
/// A group that came to be between the two statements is not held: should another have numbered
/// its log meanwhile, the number of -1 breaks a rule and undoes the batch, which is sent again.
pub(crate) const SEND: &str = "WITH judged AS (
        SELECT f.*, CASE WHEN f.stays THEN f.last_seq
            + count(*) FILTER (WHERE f.stays) OVER (PARTITION BY f.group_id ORDER BY f.place) END AS seq
        FROM (
            SELECT a.*, g.last_seq, u.id AS user_id, u.name, u.special, m.role,
                p.id AS prior_id, p.seq AS prior_seq, p.date AS prior_date, p.body_hash AS prior_hash,
                q.id AS prior_answers, r.seq AS answered,
                g.id IS NOT NULL AND coalesce(m.role = ANY($10), false) AND p.id IS NULL
                    AND (a.fold IS NULL OR a.fold = u.fold)
                    AND (a.respond_to IS NULL OR r.seq IS NOT NULL) AS stays
            FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::uuid[], $6::uuid[], $7::bigint[],
                    $8::text[], $9::bytea[], $11::bytea[]) WITH ORDINALITY
                AS a (group_id, caller, fold, client_id, respond_to, id, date, body, body_hash, token, place)
            LEFT JOIN groups g ON g.id = a.group_id
            LEFT JOIN LATERAL (
                SELECT id, name, fold, special FROM users WHERE id = a.caller
                UNION ALL
                SELECT id, name, fold, special FROM users
                WHERE a.caller IS NULL AND a.token IS NULL AND fold = a.fold
                UNION ALL
                SELECT o.id, o.name, o.fold, o.special FROM tokens t JOIN users o ON o.id = t.user_id
                WHERE t.hash = a.token AND t.kind = 0 AND t.expires > a.date
            ) u ON true
            LEFT JOIN LATERAL (
                SELECT role FROM memberships WHERE group_id = a.group_id AND user_id = u.id OFFSET 0
            ) m ON true
            LEFT JOIN LATERAL (
                SELECT id, seq, date, body_hash, respond_to FROM messages
                WHERE group_id = a.group_id AND author_id = u.id AND client_id = a.client_id OFFSET 0
            ) p ON true
            LEFT JOIN LATERAL (
                SELECT CASE WHEN body IS NOT NULL THEN id END AS id FROM messages
                WHERE group_id = a.group_id AND seq = p.respond_to OFFSET 0
            ) q ON true
            LEFT JOIN LATERAL (
                SELECT seq FROM messages
                WHERE id = a.respond_to AND group_id = a.group_id AND body IS NOT NULL OFFSET 0
            ) r ON true
        ) f
    ), kept AS (
        INSERT INTO messages (group_id, seq, author_id, date, id, respond_to, client_id, body_hash, body)
        SELECT group_id, seq, user_id, date, id, answered, client_id, body_hash, body FROM judged WHERE stays
    ), moved AS (
        UPDATE groups g SET last_seq = CASE WHEN g.last_seq = n.before THEN n.last ELSE -1 END
        FROM (SELECT group_id, min(last_seq) AS before, max(seq) AS last FROM judged WHERE stays GROUP BY group_id) n
        WHERE g.id = n.group_id
    )
    SELECT user_id, name, special, role, last_seq IS NOT NULL, prior_id, prior_seq, prior_date, prior_hash,
        prior_answers, answered, seq
    FROM judged ORDER BY place";

/// The threads that send.
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

/// A message as it is sent this time.
struct Stamped<'m> {
    message: &'m Waiting,
    id: MessageId,
    date: Date,
}

/// How the sending of a batch ended.
enum End {
    /// It was committed: what was found of each message, and what was kept.
    Committed(Vec<(Facts, Option<Kept>)>),
    /// Nothing was changed.
    Undone(Failure),
    /// Nobody knows.
    Unknown(Failure),
}

/// One thread's means of sending.
struct Sender<'s> {
    place: Place,
    target: &'s Target,
    lanes: &'s Lanes,
    bus: &'s dyn Bus,
}

/// What is left to be done about messages that were not sent, of which nothing was kept.
enum Left {
    /// Nothing: they are answered.
    Nothing,
    /// Somebody holds one of their groups.
    Held(Vec<Waiting>, Error),
    /// One of them is refused by the server.
    Bad(Vec<Waiting>, Error),
}

fn send_all(target: &Target, lanes: &Lanes, bus: &dyn Bus, most: usize) {
    let mut sender = Sender { place: Place::default(), target, lanes, bus };
    while let Some(Batch { messages, groups }) = lanes.take(most) {
        let (late, messages): (Vec<_>, Vec<_>) = messages.into_iter().partition(Waiting::is_late);
        let kept: BTreeSet<_> = messages.iter().map(Waiting::group).collect();
        lanes.release(groups.difference(&kept));
        refuse(late, &Error::unavailable());
        sender.send(messages);
    }
}

impl Sender<'_> {
    /// Sends messages together; where that fails, those of each group, and then one by one, so
    /// that one bad message, or one group that another holds, refuses itself alone. Each group's
    /// claim is given up as soon as its messages are told.
    fn send(&mut self, messages: Vec<Waiting>) {
        let groups: BTreeSet<_> = messages.iter().map(Waiting::group).collect();
        let messages = match self.attempt(messages, HASTE) {
            Left::Nothing => return self.lanes.release(&groups),
            Left::Held(messages, _) | Left::Bad(messages, _) => messages,
        };
        let mut held = Vec::new();
        for part in by_group(messages) {
            let group = part.first().map(Waiting::group);
            match self.attempt(part, HASTE) {
                Left::Nothing => {}
                Left::Held(part, _) => {
                    held.push(part);
                    continue;
                }
                Left::Bad(part, _) => self.send_each(part),
            }
            self.lanes.release(&group);
        }
        for part in held {
            let group = part.first().map(Waiting::group);
            match self.attempt(part, self.target.lock) {
                Left::Nothing => {}
                Left::Held(part, why) => refuse(part, &why),
                Left::Bad(part, _) => self.send_each(part),
            }
            self.lanes.release(&group);
        }
    }

    fn send_each(&mut self, messages: Vec<Waiting>) {
        for message in messages {
            match self.attempt(vec![message], self.target.lock) {
                Left::Nothing => {}
                Left::Held(message, why) | Left::Bad(message, why) => refuse(message, &why),
            }
        }
    }

    /// Sends messages together, again where others stand in the way; waits for those who hold one
    /// of their groups no longer than `lock`.
    fn attempt(&mut self, messages: Vec<Waiting>, lock: Duration) -> Left {
        if messages.is_empty() {
            return Left::Nothing;
        }
        for attempt in 1..=TRIES {
            let link = match self.place.link(self.target) {
                Ok(link) => link,
                Err(why) => {
                    refuse(messages, &why);
                    return Left::Nothing;
                }
            };
            let stamped: Vec<_> = messages.iter().map(Stamped::new).collect();
            let why = match attempt_batch(link, &stamped, lock.min(self.target.lock)) {
                End::Committed(found) => {
                    conclude(self.bus, messages, found);
                    return Left::Nothing;
                }
                End::Unknown(why) => {
                    tracing::error!(error = %why, "the database did not confirm a commit");
                    self.place.drop_link();
                    refuse(messages, &Error::Unknown);
                    return Left::Nothing;
                }
                End::Undone(why) => why,
            };
            match why.trouble() {
                Trouble::Again if attempt < TRIES => thread::sleep((PAUSE * attempt).min(LONGEST_PAUSE)),
                Trouble::Lost if attempt == 1 => self.place.drop_link(),
                Trouble::Collision | Trouble::Fault => return Left::Bad(messages, refused(&why)),
                _ => return Left::Held(messages, why.error()),
            }
        }
        Left::Held(messages, Error::unavailable())
    }
}

/// The messages of each group; a batch's stand by their groups.
fn by_group(messages: Vec<Waiting>) -> Vec<Vec<Waiting>> {
    let mut parts: Vec<Vec<Waiting>> = Vec::new();
    for message in messages {
        match parts.last_mut() {
            Some(part) if part.last().map(Waiting::group) == Some(message.group()) => part.push(message),
            _ => parts.push(vec![message]),
        }
    }
    parts
}

fn refuse(messages: Vec<Waiting>, why: &Error) {
    for message in messages {
        // Whoever asked may have gone.
        let _ = message.answer.send(Err(why.clone()));
    }
}

fn conclude(bus: &dyn Bus, messages: Vec<Waiting>, found: Vec<(Facts, Option<Kept>)>) {
    let mut events: Vec<Event> = Vec::new();
    let mut outcomes: Vec<Result<Sent>> = Vec::with_capacity(messages.len());
    for (message, (facts, kept)) in messages.iter().zip(found) {
        outcomes.push(message.sending.conclude(&facts, kept, &mut events));
    }
    publish(bus, events);
    for (message, outcome) in messages.into_iter().zip(outcomes) {
        let _ = message.answer.send(outcome);
    }
}

fn attempt_batch(link: &Link, messages: &[Stamped<'_>], lock: Duration) -> End {
    let begin = format!("BEGIN; SET LOCAL lock_timeout = {}", lock.as_millis());
    let groups: BTreeSet<GroupId> = messages.iter().map(|stamped| stamped.message.group()).collect();
    let groups: Vec<Uuid> = groups.into_iter().map(|group| group.0).collect();
    let columns = Columns::of(messages);
    let prepared = link.wait(async { Ok((link.statement(HOLD).await?, link.statement(SEND).await?)) });
    let (hold, send) = match prepared {
        Ok(statements) => statements,
        Err(why) => return End::Undone(why),
    };
    let client = link.client();
    let (params, held): (_, [&(dyn ToSql + Sync); 1]) = (columns.params(), [&groups]);
    let mut outcome = None;
    // All four are on their way before the first is answered.
    let waited = link.wait(async {
        let all = futures_util::future::join4(
            client.batch_execute(&begin),
            client.query(&hold, &held),
            client.query(&send, &params),
            client.batch_execute("COMMIT"),
        );
        outcome = Some(all.await);
        Ok(())
    });
    let Some((begun, held, sent, committed)) = outcome else {
        let why = waited.err().unwrap_or(Failure::Silent);
        return End::Unknown(why);
    };
    // What fails first undoes the rest.
    let failed = begun.err().or(held.err());
    match (failed, sent, committed) {
        (None, Ok(rows), Ok(())) => read(messages, &rows),
        (None, Ok(_), Err(why)) => {
            let why = Failure::from(why);
            if why.undid_commit() { End::Undone(why) } else { End::Unknown(why) }
        }
        (Some(why), ..) | (None, Err(why), _) => {
            let why = Failure::from(why);
            // The server has said no; or nobody has said anything.
            if why.code().is_some() { End::Undone(why) } else { End::Unknown(why) }
        }
    }
}

fn read(messages: &[Stamped<'_>], rows: &[Row]) -> End {
    let found = messages.iter().zip(rows).map(|(message, row)| {
        let (facts, seq) = facts(row)?;
        let kept = seq.map(|seq| Kept { id: message.id, date: message.date, seq });
        Ok((facts, kept))
    });
    match found.collect::<Result<Vec<_>, tokio_postgres::Error>>() {
        Ok(found) if found.len() == messages.len() => End::Committed(found),
        Ok(_) => End::Unknown(Failure::Silent),
        Err(why) => End::Unknown(why.into()),
    }
}

fn facts(row: &Row) -> Result<(Facts, Option<Seq>), tokio_postgres::Error> {
    let user: Option<i64> = row.try_get(0)?;
    let author = match user {
        Some(id) => Some(User { id: UserId(id), name: name(row, 1)?, special: row.try_get(2)? }),
        None => None,
    };
    let prior: Option<Uuid> = row.try_get(5)?;
    let prior = match prior {
        Some(id) => Some(Prior {
            id: MessageId(id),
            seq: Seq(row.try_get(6)?),
            date: Date::from_micros(row.try_get(7)?),
            body_hash: row.try_get::<_, Option<Hash>>(8)?.map(|Hash(hash)| hash),
            respond_to: row.try_get::<_, Option<_>>(9)?.map(MessageId),
        }),
        None => None,
    };
    let facts = Facts {
        author,
        role: row.try_get::<_, Option<RoleNumber>>(3)?.map(|RoleNumber(role)| role),
        stands: row.try_get(4)?,
        prior,
        answered: row.try_get::<_, Option<_>>(10)?.map(Seq),
    };
    Ok((facts, row.try_get::<_, Option<_>>(11)?.map(Seq)))
}

impl<'m> Stamped<'m> {
    fn new(message: &'m Waiting) -> Self {
        let (id, date) = message.sending.stamp();
        Self { message, id, date }
    }
}

/// The parameters of [`SEND`], a list for each of its columns.
struct Columns<'m> {
    groups: Vec<Uuid>,
    callers: Vec<Option<i64>>,
    tokens: Vec<Option<Vec<u8>>>,
    folds: Vec<Option<String>>,
    client_ids: Vec<Option<&'m str>>,
    respond_to: Vec<Option<Uuid>>,
    ids: Vec<Uuid>,
    dates: Vec<i64>,
    bodies: Vec<&'m str>,
    hashes: Vec<Option<Vec<u8>>>,
    roles: Vec<i16>,
}

impl<'m> Columns<'m> {
    fn of(messages: &'m [Stamped<'m>]) -> Self {
        let sendings = || messages.iter().map(|stamped| &stamped.message.sending);
        let caller = |who| if let Who::Known(caller) = who { caller.user().map(|user| user.0) } else { None };
        let token = |who| if let Who::Token(hash) = who { Some(hash.0.to_vec()) } else { None };
        let commands = || sendings().map(Sending::command);
        // Only a retry, which needs a client_id, is ever compared with the hash.
        let hash = |body: &str| Sha256::digest(body).to_vec();
        Self {
            groups: commands().map(|command| command.group.0).collect(),
            callers: sendings().map(Sending::who).map(caller).collect(),
            tokens: sendings().map(Sending::who).map(token).collect(),
            folds: commands().map(|command| command.author.as_ref().map(Name::fold)).collect(),
            client_ids: commands().map(|command| command.client_id.as_ref().map(ClientId::as_str)).collect(),
            respond_to: commands().map(|command| command.respond_to.map(|id| id.0)).collect(),
            ids: messages.iter().map(|stamped| stamped.id.0).collect(),
            dates: messages.iter().map(|stamped| stamped.date.micros()).collect(),
            bodies: commands().map(|command| command.body.as_str()).collect(),
            hashes: commands()
                .map(|command| command.client_id.as_ref().map(|_| hash(command.body.as_str())))
                .collect(),
            roles: senders().map(number).collect(),
        }
    }

    fn params(&self) -> [&(dyn ToSql + Sync); 11] {
        [
            &self.groups,
            &self.callers,
            &self.folds,
            &self.client_ids,
            &self.respond_to,
            &self.ids,
            &self.dates,
            &self.bodies,
            &self.hashes,
            &self.roles,
            &self.tokens,
        ]
    }
}
