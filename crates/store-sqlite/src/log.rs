//! A group's log, read: messages and other entries in one order.

use chinwag_core::log::{LogEntry, LogRow, StoredEntry};
use chinwag_core::message::Message;
use chinwag_core::{GroupId, Result, Seq, UserId, stored_number};
use rusqlite::{Row, params};

use crate::message::{gone, message, message_columns, message_joins};
use crate::transaction::{Transaction, limit};

/// Messages that stand, with the number of the entry that is about them: their own, or an edit's.
macro_rules! standing {
    ($entry:literal, $from:literal, $rest:literal) => {
        concat!(
            "SELECT ",
            message_columns!(),
            ", ",
            $entry,
            " FROM ",
            $from,
            message_joins!(),
            "WHERE m.body IS NOT NULL AND ",
            $rest
        )
    };
}

/// The entries after the number `after`, ascending, at most `most` of them.
pub(crate) fn read(tx: &Transaction<'_>, group: GroupId, after: Seq, most: usize) -> Result<Vec<LogRow>> {
    const SENT: &str =
        standing!("m.seq", "messages m", "m.group_id = ?1 AND m.seq > ?2 AND m.seq <= ?3 ORDER BY m.seq");
    const SHOWN: &str = standing!(
        "c.seq",
        "log_entries c CROSS JOIN messages m ON m.group_id = c.group_id AND m.seq = c.message_seq",
        "c.group_id = ?1 AND c.seq > ?2 AND c.seq <= ?3"
    );
    // Every entry, without the message that it shows. Names of deleted users are not read.
    const ENTRIES: &str = concat!(
        "SELECT seq, ",
        stored_number!(LogKind::MessageSent),
        ", NULL, NULL, NULL FROM messages
        WHERE group_id = ?1 AND seq > ?2 AND seq <= ?3
        UNION ALL
        SELECT c.seq, CASE WHEN c.user_id IS NULL OR u.id IS NOT NULL THEN c.kind ELSE ",
        stored_number!(LogKind::GroupChanged),
        " END, c.message_seq, c.user_id, c.detail FROM log_entries c
        LEFT JOIN users u ON u.id = c.user_id
        WHERE c.group_id = ?1 AND c.seq > ?2 AND c.seq <= ?3
        ORDER BY 1"
    );
    let params = params![group.0.into_bytes(), after.0, after.0.saturating_add(limit(most))];
    let sent = tx.all(SENT, params, |row| {
        let message = message(row)?;
        Ok(LogRow { seq: message.seq, entry: LogEntry::MessageSent, message: Some(message) })
    })?;
    // Mostly there is nothing else.
    if sent.len() >= most {
        return Ok(sent);
    }
    let mut rows = tx.all(ENTRIES, params, entry)?;
    for LogRow { seq, message, .. } in sent {
        fill(&mut rows, seq, message);
    }
    if rows.iter().any(|row| row.message.is_none() && row.entry.shows_message()) {
        for (seq, message) in tx.all(SHOWN, params, |row| Ok((Seq(row.get(10)?), message(row)?)))? {
            fill(&mut rows, seq, Some(message));
        }
    }
    Ok(rows)
}

fn fill(rows: &mut [LogRow], seq: Seq, message: Option<Message>) {
    if let Ok(at) = rows.binary_search_by_key(&seq, |row| row.seq)
        && rows[at].entry.shows_message()
    {
        rows[at].message = message;
    }
}

fn entry(row: &Row<'_>) -> rusqlite::Result<LogRow> {
    let stored = StoredEntry {
        kind: row.get(1)?,
        message: row.get::<_, Option<_>>(2)?.map(Seq),
        user: row.get::<_, Option<_>>(3)?.map(UserId),
        detail: row.get_ref(4)?.as_blob_or_null()?,
    };
    Ok(LogRow { seq: Seq(row.get(0)?), entry: LogEntry::from_stored(&stored), message: None })
}
