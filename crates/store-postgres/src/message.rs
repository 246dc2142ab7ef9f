//! Messages, clustered by group and number.

use chinwag_core::message::{Body, ClientId, Message};
use chinwag_core::store::{Edge, Located, Messages, NewMessage, Page, Prior, UNCOVERED};
use chinwag_core::{Date, Error, GroupId, MessageId, Result, Seq, UserId};
use sha2::{Digest, Sha256};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::column::{Hash, name};
use crate::fault::Failure;
use crate::group::group_id;
use crate::transaction::{Transaction, limit};

type Read<T> = Result<T, tokio_postgres::Error>;

/// Whether the author of a message, by this column, is no more: what it wrote does not stand, erased or not.
/// `OFFSET 0` keeps the planner from reading all tasks at once.
macro_rules! gone {
    ($author:literal) => {
        concat!(
            "EXISTS (SELECT 1 FROM tasks t WHERE t.kind = ",
            chinwag_core::stored_number!(TaskKind::EraseUser),
            " AND t.user_id = ",
            $author,
            " OFFSET 0)"
        )
    };
}

/// The columns that [`message`] reads, of `m`, its author `u` and what it answers, `r`.
macro_rules! message_columns {
    () => {
        concat!(
            "m.group_id, m.seq, m.id, m.author_id, u.name, m.date, m.body, CASE WHEN r.body IS NOT NULL AND NOT ",
            gone!("r.author_id"),
            " THEN r.id END, m.edited, m.client_id"
        )
    };
}

/// The joins of a message `m`. Whether `r` stands is no condition of the join, as the planner
/// would then take an index of those that stand, in which a number is no key.
macro_rules! message_joins {
    () => {
        " JOIN users u ON u.id = m.author_id
        LEFT JOIN messages r ON r.group_id = m.group_id AND r.seq = m.respond_to "
    };
}

pub(crate) use {gone, message_columns, message_joins};

macro_rules! messages_where {
    ($rest:literal) => {
        concat!(
            "SELECT ",
            message_columns!(),
            " FROM messages m",
            message_joins!(),
            "WHERE m.body IS NOT NULL AND ",
            $rest
        )
    };
}

impl Messages for Transaction<'_, '_> {
    fn message(&self, id: MessageId) -> Result<Option<Message>> {
        self.one(messages_where!("m.id = $1"), &[&id.0], message)
    }

    fn message_prior(&self, group: GroupId, author: UserId, client_id: &ClientId) -> Result<Option<Prior>> {
        self.one(
            concat!(
                "SELECT m.id, m.seq, m.date, m.body_hash, CASE WHEN r.body IS NOT NULL AND NOT ",
                gone!("r.author_id"),
                " THEN r.id END FROM messages m
                LEFT JOIN messages r ON r.group_id = m.group_id AND r.seq = m.respond_to
                WHERE m.group_id = $1 AND m.author_id = $2 AND m.client_id = $3"
            ),
            &[&group.0, &author.0, &client_id.as_str()],
            prior,
        )
    }

    fn messages(&self, group: GroupId, page: &Page) -> Result<Vec<Message>> {
        // Both take numbers up to or from the given one, itself included.
        const BACK: &str = messages_where!("m.group_id = $1 AND m.seq <= $2 ORDER BY m.seq DESC LIMIT $3");
        const ON: &str = messages_where!("m.group_id = $1 AND m.seq >= $2 ORDER BY m.seq LIMIT $3");
        let (sql, from) = match page.edge {
            Edge::Newest => (BACK, Some(i64::MAX)),
            Edge::BeforeSeq(Seq(seq)) => (BACK, seq.checked_sub(1)),
            Edge::AfterSeq(Seq(seq)) => (ON, seq.checked_add(1)),
            Edge::BeforeDate(date) => {
                (BACK, self.last_before(group, date.micros())?.map(|(Seq(seq), _)| seq))
            }
            Edge::AfterDate(date) => (ON, self.first_after(group, date.micros())?),
        };
        let Some(from) = from else { return Ok(Vec::new()) };
        self.all(sql, &[&group.0, &from, &limit(page.limit)], message)
    }

    fn message_at_seq(&self, group: GroupId, seq: Seq) -> Result<Option<(Seq, Date)>> {
        self.one(
            concat!(
                "SELECT seq, date FROM messages x WHERE group_id = $1 AND seq <= $2 AND body IS NOT NULL AND NOT ",
                gone!("x.author_id"),
                " ORDER BY seq DESC LIMIT 1"
            ),
            &[&group.0, &seq.0],
            seq_and_date,
        )
    }

    fn message_at_date(&self, group: GroupId, date: Date) -> Result<Option<(Seq, Date)>> {
        self.last_before(group, date.micros().saturating_add(1))
    }

    fn messages_by(&self, group: GroupId, author: UserId, most: usize) -> Result<Vec<(Seq, MessageId)>> {
        self.all(
            "SELECT seq, id FROM messages
            WHERE group_id = $1 AND author_id = $2 AND body IS NOT NULL ORDER BY seq LIMIT $3",
            &[&group.0, &author.0, &limit(most)],
            |row| Ok((Seq(row.try_get(0)?), MessageId(uuid(row, 1)?))),
        )
    }

    fn message_insert(&mut self, message: &NewMessage) -> Result<()> {
        const SQL: &str = "INSERT INTO messages
            (group_id, seq, author_id, date, id, respond_to, client_id, body_hash, body)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        let body = message.body.as_str();
        let client_id = message.client_id.as_ref().map(ClientId::as_str);
        // Only a retry, which needs a client_id, is ever compared with it.
        let hash = client_id.map(|_| Sha256::digest(body).to_vec());
        let inserted = self.try_change(
            SQL,
            &[
                &message.group.0,
                &message.seq.0,
                &message.author.0,
                &message.date.micros(),
                &message.id.0,
                &message.respond_to.map(|seq| seq.0),
                &client_id,
                &hash,
                &body,
            ],
        );
        inserted.map(drop).map_err(|why| refused(&why))
    }

    fn messages_insert(&mut self, messages: &[NewMessage]) -> Result<()> {
        const SQL: &str = "INSERT INTO messages (group_id, seq, author_id, date, id, respond_to, body)
            SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::uuid[], $6::bigint[], $7::text[])";
        if messages.is_empty() {
            return Ok(());
        }
        let groups: Vec<_> = messages.iter().map(|message| message.group.0).collect();
        let seqs: Vec<_> = messages.iter().map(|message| message.seq.0).collect();
        let authors: Vec<_> = messages.iter().map(|message| message.author.0).collect();
        let dates: Vec<_> = messages.iter().map(|message| message.date.micros()).collect();
        let ids: Vec<_> = messages.iter().map(|message| message.id.0).collect();
        let answers: Vec<_> = messages.iter().map(|message| message.respond_to.map(|seq| seq.0)).collect();
        let bodies: Vec<_> = messages.iter().map(|message| message.body.as_str()).collect();
        let inserted = self.try_change(SQL, &[&groups, &seqs, &authors, &dates, &ids, &answers, &bodies]);
        inserted.map(drop).map_err(|why| refused(&why))
    }

    fn messages_located(&self, ids: &[MessageId]) -> Result<Vec<Located>> {
        let ids: Vec<_> = ids.iter().map(|id| id.0).collect();
        self.all("SELECT id, group_id, seq FROM messages WHERE id = ANY($1)", &[&ids], |row| {
            Ok(Located { id: MessageId(uuid(row, 0)?), group: group_id(row, 1)?, seq: Seq(row.try_get(2)?) })
        })
    }

    fn message_edit(&mut self, group: GroupId, seq: Seq, body: &Body, edited: Date) -> Result<()> {
        self.change(
            "UPDATE messages SET body = $3, edited = $4 WHERE group_id = $1 AND seq = $2 AND body IS NOT NULL",
            &[&group.0, &seq.0, &body.as_str(), &edited.micros()],
        )
        .map(drop)
    }

    fn message_erase(&mut self, group: GroupId, seq: Seq) -> Result<()> {
        self.change(
            "WITH erased AS (
                UPDATE messages SET body = NULL, detail = NULL, body_hash = NULL, edited = NULL WHERE group_id = $1 AND seq = $2
            )
            UPDATE groups SET (newest_seq, newest_date) = (SELECT seq, date FROM messages
                WHERE group_id = $1 AND seq >= $2 - $3 AND seq < $2 AND body IS NOT NULL ORDER BY seq DESC LIMIT 1)
            WHERE id = $1 AND newest_seq = $2 AND ($2 <= $3 OR EXISTS (SELECT 1 FROM messages
                WHERE group_id = $1 AND seq >= $2 - $3 AND seq < $2 AND body IS NOT NULL))",
            &[&group.0, &seq.0, &UNCOVERED],
        )
        .map(drop)
    }
}

impl Transaction<'_, '_> {
    fn last_before(&self, group: GroupId, micros: i64) -> Result<Option<(Seq, Date)>> {
        self.one(
            concat!(
                "SELECT seq, date FROM messages x WHERE group_id = $1 AND date < $2 AND body IS NOT NULL AND NOT ",
                gone!("x.author_id"),
                " ORDER BY date DESC, seq DESC LIMIT 1"
            ),
            &[&group.0, &micros],
            seq_and_date,
        )
    }

    fn first_after(&self, group: GroupId, micros: i64) -> Result<Option<i64>> {
        self.one(
            concat!(
                "SELECT seq FROM messages x WHERE group_id = $1 AND date > $2 AND body IS NOT NULL AND NOT ",
                gone!("x.author_id"),
                " ORDER BY date, seq LIMIT 1"
            ),
            &[&group.0, &micros],
            |row| row.try_get(0),
        )
    }
}

/// A message from [`message_columns`].
pub(crate) fn message(row: &Row) -> Read<Message> {
    Ok(Message {
        group: group_id(row, 0)?,
        seq: Seq(row.try_get(1)?),
        id: MessageId(uuid(row, 2)?),
        author: UserId(row.try_get(3)?),
        author_name: name(row, 4)?,
        date: Date::from_micros(row.try_get(5)?),
        body: row.try_get::<_, &str>(6)?.into(),
        respond_to: row.try_get::<_, Option<_>>(7)?.map(MessageId),
        edited: row.try_get::<_, Option<_>>(8)?.map(Date::from_micros),
        client_id: row.try_get::<_, Option<&str>>(9)?.map(ClientId::stored),
    })
}

/// A UUID from a column.
pub(crate) fn uuid(row: &Row, column: usize) -> Read<Uuid> {
    row.try_get(column)
}

fn prior(row: &Row) -> Read<Prior> {
    Ok(Prior {
        id: MessageId(uuid(row, 0)?),
        seq: Seq(row.try_get(1)?),
        date: Date::from_micros(row.try_get(2)?),
        body_hash: row.try_get::<_, Option<Hash>>(3)?.map(|Hash(hash)| hash),
        respond_to: row.try_get::<_, Option<_>>(4)?.map(MessageId),
    })
}

fn seq_and_date(row: &Row) -> Read<(Seq, Date)> {
    Ok((Seq(row.try_get(0)?), Date::from_micros(row.try_get(1)?)))
}

/// The error for a message that was not kept.
pub(crate) fn refused(why: &Failure) -> Error {
    match why.constraint() {
        Some("messages_by_id") => Error::Conflict("another message has this id"),
        Some("messages_by_client_id") => {
            Error::Conflict("this client_id was used before for another message")
        }
        _ => why.error(),
    }
}
