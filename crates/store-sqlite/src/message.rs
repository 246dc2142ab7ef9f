//! Messages, clustered by group and number.

use chinwag_core::message::{Body, ClientId, Message};
use chinwag_core::store::{Edge, Located, Messages, NewMessage, Page, Prior, UNCOVERED};
use chinwag_core::{Date, Error, GroupId, MessageId, Result, Seq, UserId};
use rusqlite::{Row, params};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::column::name;
use crate::fault::fault;
use crate::group::group_id;
use crate::transaction::{Transaction, limit};

/// The columns that [`message`] reads, of `m`, its author `u` and what it answers, `r`.
macro_rules! message_columns {
    () => {
        "m.group_id, m.seq, m.id, m.author_id, u.name, m.date, m.body, r.id, m.edited, m.client_id"
    };
}

/// Whether the author of a message, by this column, is no more: what it wrote does not stand, erased or not. Mostly
/// nobody is being erased, which is found out once in each statement.
macro_rules! gone {
    ($author:literal) => {
        concat!(
            "(EXISTS (SELECT 1 FROM tasks t WHERE t.kind = ",
            chinwag_core::stored_number!(TaskKind::EraseUser),
            " AND t.user_id > 0) AND EXISTS (SELECT 1 FROM tasks t WHERE t.kind = ",
            chinwag_core::stored_number!(TaskKind::EraseUser),
            " AND t.user_id = ",
            $author,
            "))"
        )
    };
}

/// The joins of a message `m`. They are crossed so that none runs before `m`'s.
macro_rules! message_joins {
    () => {
        concat!(
            " CROSS JOIN users u ON u.id = m.author_id
            LEFT JOIN messages r ON r.group_id = m.group_id AND r.seq = m.respond_to AND r.body IS NOT NULL
                AND NOT ",
            gone!("r.author_id"),
            " "
        )
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

impl Messages for Transaction<'_> {
    fn message(&self, id: MessageId) -> Result<Option<Message>> {
        self.one(messages_where!("m.id = ?1"), [id.0.into_bytes()], message)
    }

    fn message_prior(&self, group: GroupId, author: UserId, client_id: &ClientId) -> Result<Option<Prior>> {
        self.one(
            concat!(
                "SELECT m.id, m.seq, m.date, m.body_hash, r.id FROM messages m
                LEFT JOIN messages r ON r.group_id = m.group_id AND r.seq = m.respond_to AND r.body IS NOT NULL
                    AND NOT ",
                gone!("r.author_id"),
                " WHERE m.group_id = ?1 AND m.author_id = ?2 AND m.client_id = ?3"
            ),
            params![group.0.into_bytes(), author.0, client_id.as_str()],
            prior,
        )
    }

    fn messages(&self, group: GroupId, page: &Page) -> Result<Vec<Message>> {
        // Both take numbers up to or from the given one, itself included.
        const BACK: &str = messages_where!("m.group_id = ?1 AND m.seq <= ?2 ORDER BY m.seq DESC LIMIT ?3");
        const ON: &str = messages_where!("m.group_id = ?1 AND m.seq >= ?2 ORDER BY m.seq LIMIT ?3");
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
        self.all(sql, params![group.0.into_bytes(), from, limit(page.limit)], message)
    }

    fn message_at_seq(&self, group: GroupId, seq: Seq) -> Result<Option<(Seq, Date)>> {
        self.one(
            concat!(
                "SELECT seq, date FROM messages x WHERE group_id = ?1 AND seq <= ?2 AND body IS NOT NULL AND NOT ",
                gone!("x.author_id"),
                " ORDER BY seq DESC LIMIT 1"
            ),
            params![group.0.into_bytes(), seq.0],
            seq_and_date,
        )
    }

    fn message_at_date(&self, group: GroupId, date: Date) -> Result<Option<(Seq, Date)>> {
        self.last_before(group, date.micros().saturating_add(1))
    }

    fn messages_by(&self, group: GroupId, author: UserId, most: usize) -> Result<Vec<(Seq, MessageId)>> {
        self.all(
            "SELECT seq, id FROM messages INDEXED BY messages_by_author
            WHERE group_id = ?1 AND author_id = ?2 AND body IS NOT NULL ORDER BY seq LIMIT ?3",
            params![group.0.into_bytes(), author.0, limit(most)],
            |row| Ok((Seq(row.get(0)?), MessageId(uuid(row, 1)?))),
        )
    }

    fn message_insert(&mut self, message: &NewMessage) -> Result<()> {
        const SQL: &str = "INSERT INTO messages
            (group_id, seq, author_id, date, id, respond_to, client_id, body_hash, body)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        let body = message.body.as_str();
        let client_id = message.client_id.as_ref().map(ClientId::as_str);
        // Only a retry, which needs a client_id, is ever compared with it.
        let hash: Option<[u8; 32]> = client_id.map(|_| Sha256::digest(body).into());
        let inserted = self.try_change(
            SQL,
            params![
                message.group.0.into_bytes(),
                message.seq.0,
                message.author.0,
                message.date.micros(),
                message.id.0.into_bytes(),
                message.respond_to.map(|seq| seq.0),
                client_id,
                hash,
                body,
            ],
        )?;
        inserted.map(drop).map_err(refused)
    }

    fn messages_located(&self, ids: &[MessageId]) -> Result<Vec<Located>> {
        let locate = |id: &MessageId| {
            let key = [id.0.into_bytes()];
            self.one("SELECT group_id, seq FROM messages WHERE id = ?1", key, |row| {
                Ok(Located { id: *id, group: group_id(row, 0)?, seq: Seq(row.get(1)?) })
            })
        };
        ids.iter().filter_map(|id| locate(id).transpose()).collect()
    }

    fn message_edit(&mut self, group: GroupId, seq: Seq, body: &Body, edited: Date) -> Result<()> {
        self.erasing();
        self.change(
            "UPDATE messages SET body = ?3, edited = ?4 WHERE group_id = ?1 AND seq = ?2 AND body IS NOT NULL",
            params![group.0.into_bytes(), seq.0, body.as_str(), edited.micros()],
        )
        .map(drop)
    }

    fn message_erase(&mut self, group: GroupId, seq: Seq) -> Result<()> {
        self.erasing();
        self.change(
            "UPDATE messages SET body = NULL, detail = NULL, body_hash = NULL, edited = NULL WHERE group_id = ?1 AND seq = ?2",
            params![group.0.into_bytes(), seq.0],
        )?;
        self.change(
            "UPDATE groups SET (newest_seq, newest_date) = (SELECT seq, date FROM messages
                WHERE group_id = ?1 AND seq >= ?2 - ?3 AND seq < ?2 AND body IS NOT NULL ORDER BY seq DESC LIMIT 1)
            WHERE id = ?1 AND newest_seq = ?2 AND (?2 <= ?3 OR EXISTS (SELECT 1 FROM messages
                WHERE group_id = ?1 AND seq >= ?2 - ?3 AND seq < ?2 AND body IS NOT NULL))",
            params![group.0.into_bytes(), seq.0, UNCOVERED],
        )
        .map(drop)
    }
}

impl Transaction<'_> {
    fn last_before(&self, group: GroupId, micros: i64) -> Result<Option<(Seq, Date)>> {
        self.one(
            concat!(
                "SELECT seq, date FROM messages x WHERE group_id = ?1 AND date < ?2 AND body IS NOT NULL AND NOT ",
                gone!("x.author_id"),
                " ORDER BY date DESC, seq DESC LIMIT 1"
            ),
            params![group.0.into_bytes(), micros],
            seq_and_date,
        )
    }

    fn first_after(&self, group: GroupId, micros: i64) -> Result<Option<i64>> {
        self.one(
            concat!(
                "SELECT seq FROM messages x WHERE group_id = ?1 AND date > ?2 AND body IS NOT NULL AND NOT ",
                gone!("x.author_id"),
                " ORDER BY date, seq LIMIT 1"
            ),
            params![group.0.into_bytes(), micros],
            |row| row.get(0),
        )
    }
}

/// A message from [`message_columns`].
pub(crate) fn message(row: &Row<'_>) -> rusqlite::Result<Message> {
    Ok(Message {
        group: group_id(row, 0)?,
        seq: Seq(row.get(1)?),
        id: MessageId(uuid(row, 2)?),
        author: UserId(row.get(3)?),
        author_name: name(row, 4)?,
        date: Date::from_micros(row.get(5)?),
        body: row.get(6)?,
        respond_to: row.get::<_, Option<_>>(7)?.map(|id| MessageId(Uuid::from_bytes(id))),
        edited: row.get::<_, Option<_>>(8)?.map(Date::from_micros),
        client_id: row.get_ref(9)?.as_str_or_null()?.map(ClientId::stored),
    })
}

/// A UUID from a column.
pub(crate) fn uuid(row: &Row<'_>, column: usize) -> rusqlite::Result<Uuid> {
    row.get(column).map(Uuid::from_bytes)
}

fn prior(row: &Row<'_>) -> rusqlite::Result<Prior> {
    Ok(Prior {
        id: MessageId(uuid(row, 0)?),
        seq: Seq(row.get(1)?),
        date: Date::from_micros(row.get(2)?),
        body_hash: row.get(3)?,
        respond_to: row.get::<_, Option<_>>(4)?.map(|id| MessageId(Uuid::from_bytes(id))),
    })
}

fn seq_and_date(row: &Row<'_>) -> rusqlite::Result<(Seq, Date)> {
    Ok((Seq(row.get(0)?), Date::from_micros(row.get(1)?)))
}

/// SQLite names the broken rule of uniqueness in its text alone.
fn refused(why: rusqlite::Error) -> Error {
    match &why {
        rusqlite::Error::SqliteFailure(_, Some(text)) if text.contains("messages.id") => {
            Error::Conflict("another message has this id")
        }
        rusqlite::Error::SqliteFailure(_, Some(text)) if text.contains("messages.client_id") => {
            Error::Conflict("this client_id was used before for another message")
        }
        _ => fault(why),
    }
}
