//! Bulk inserts of messages, and their erasure, with query plans specific to PostgreSQL.

use chinwag_core::Error;
use chinwag_core::store::UNCOVERED;
use chinwag_store_sql::message::CONFLICTS;

use crate::fault::Failure;
use crate::transaction::Transaction;

chinwag_store_sql::impl_messages! {
    Transaction<'_, '_>,
    fn messages_insert(&mut self, messages: &[NewMessage]) -> Result<()> {
        const SQL: &str = "INSERT INTO messages (group_id, seq, author_id, date, id, respond_to, detail, body)
            SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::uuid[], $6::bigint[],
                $7::bytea[], $8::text[])";
        if messages.is_empty() {
            return Ok(());
        }
        if messages.iter().any(|message| message.thread.is_some()) {
            return messages.iter().try_for_each(|message| self.message_insert(message));
        }
        let groups: Vec<_> = messages.iter().map(|message| message.group.0).collect();
        let seqs: Vec<_> = messages.iter().map(|message| message.seq.0).collect();
        let authors: Vec<_> = messages.iter().map(|message| message.author.0).collect();
        let dates: Vec<_> = messages.iter().map(|message| message.date.micros()).collect();
        let ids: Vec<_> = messages.iter().map(|message| message.id.0).collect();
        let answers: Vec<_> = messages.iter().map(|message| message.respond_to.map(|seq| seq.0)).collect();
        let details: Vec<_> = messages.iter().map(|message| message.detail.stored()).collect();
        let bodies: Vec<_> = messages.iter().map(|message| message.body.as_str()).collect();
        let inserted =
            self.try_change(SQL, &[&groups, &seqs, &authors, &dates, &ids, &answers, &details, &bodies]);
        inserted.map(drop).map_err(|why| refused(&why))
    }

    fn message_erase(&mut self, group: GroupId, seq: Seq) -> Result<()> {
        self.change_terms(group, seq, None)?;
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

/// The error for a message that was not stored.
pub(crate) fn refused(why: &Failure) -> Error {
    let broken = why.constraint();
    let conflict = CONFLICTS.iter().find(|conflict| broken == Some(conflict.postgres));
    conflict.map_or_else(|| why.error(), |conflict| Error::Conflict(conflict.error))
}
