//! Reads the facts of a batch from the rows that its statements return.

use chinwag_core::group::Membership;
use chinwag_core::send::{Facts, Kept};
use chinwag_core::store::{PriorMessage, PriorThread};
use chinwag_core::thread::ThreadRoot;
use chinwag_core::user::User;
use chinwag_core::{Date, MessageId, Name, Seq, UserId};
use chinwag_store_sql::thread::by_root;
use tokio_postgres::Row;
use uuid::Uuid;

use super::columns::Columns;
use super::{Found, Stamped};
use crate::column::{Hash, Stored, name};

/// The facts of each message. `None` if the rows are incomplete.
pub(super) fn found(
    messages: &[Stamped<'_>],
    columns: &Columns<'_>,
    rows: &[Row],
    replies: &[Row],
) -> Result<Option<Vec<Found>>, tokio_postgres::Error> {
    let replies = by_root(replies.iter().map(of_root).collect::<Result<_, _>>()?);
    let mut writers = vec![None; columns.callers.len()];
    let mut facts = vec![Facts::default(); messages.len()];
    let mut seqs: Vec<Option<i64>> = Vec::new();
    for row in rows {
        let place: i64 = row.try_get(0)?;
        let at = |of: i64| usize::try_from(of - 1).unwrap_or(usize::MAX);
        if place == 0 {
            seqs = row.try_get(9)?;
        } else if let Some(writer) = writers.get_mut(at(-place)) {
            *writer = Some(of_writer(row)?);
        } else if let Some(facts) = facts.get_mut(at(place)) {
            *facts = of_message(row)?;
        }
    }
    if seqs.len() != messages.len() {
        return Ok(None);
    }
    let each = messages.iter().zip(&columns.writers).zip(facts.into_iter().zip(seqs));
    let whole = each.map(|((message, writer), (facts, seq))| {
        let writer = usize::try_from(writer - 1).ok().and_then(|at| writers.get(at)?.clone())?;
        let kept = seq.map(|seq| Kept { id: message.id, date: message.date, seq: Seq(seq) });
        let root = message.message.sending.command().thread;
        let replies = root.filter(|_| seq.is_some()).and_then(|root| replies.get(&root).cloned());
        let Facts { author, member, stands, .. } = writer;
        Some((Facts { author, member, stands, replies, ..facts }, kept))
    });
    Ok(whole.collect())
}

fn of_writer(row: &Row) -> Result<Facts, tokio_postgres::Error> {
    let user: Option<i64> = row.try_get(1)?;
    let author = match user {
        Some(id) => Some(User { id: UserId(id), name: name(row, 2)?, special: row.try_get(3)? }),
        None => None,
    };
    let member = match row.try_get::<_, Option<Stored<_>>>(4)? {
        Some(Stored(role)) => {
            let slow = u32::try_from(row.try_get::<_, i64>(8)?).unwrap_or(0);
            Some(Membership { role, pending: row.try_get(6)?, blocked: row.try_get(7)?, slow })
        }
        None => None,
    };
    Ok(Facts { author, member, stands: row.try_get(5)?, ..Facts::default() })
}

/// The facts of a message except those of its writer.
fn of_message(row: &Row) -> Result<Facts, tokio_postgres::Error> {
    let prior: Option<Uuid> = row.try_get(10)?;
    let prior = match prior {
        Some(id) => Some(PriorMessage {
            id: MessageId(id),
            seq: Seq(row.try_get(11)?),
            date: Date::from_micros(row.try_get(12)?),
            body_hash: row.try_get::<_, Option<Hash>>(13)?.map(|Hash(hash)| hash),
            respond_to: row.try_get::<_, Option<_>>(14)?.map(MessageId),
            thread: prior_thread(row)?,
        }),
        None => None,
    };
    let seq = |column| row.try_get::<_, Option<_>>(column).map(|seq| seq.map(Seq));
    Ok(Facts { prior, answered: seq(15)?, root: seq(16)?, ..Facts::default() })
}

fn prior_thread(row: &Row) -> Result<Option<PriorThread>, tokio_postgres::Error> {
    let id: Option<Uuid> = row.try_get(17)?;
    let Some(id) = id.map(MessageId) else { return Ok(None) };
    Ok(Some(PriorThread { root: ThreadRoot { id, seq: Seq(row.try_get(18)?) }, stands: row.try_get(19)? }))
}

/// A row of [`REPLIES`](chinwag_store_sql::thread::REPLIES).
fn of_root(row: &Row) -> Result<(MessageId, Name, Date, i64), tokio_postgres::Error> {
    let date = Date::from_micros(row.try_get(2)?);
    Ok((MessageId(row.try_get(0)?), name(row, 1)?, date, row.try_get(3)?))
}
