//! Reading a group's log: messages and other entries in one order.

use chinwag_core::log::{LogEntry, LogRow, StoredEntry};
use chinwag_core::message::Message;
use chinwag_core::{GroupId, Result, Seq};

use crate::message::{AFTER_MESSAGE, complete, read};
use crate::sql::params;
use crate::transfer::{erase, table};
use crate::{Columns, Sql, Text, limit, message_columns, message_joins, stored_number};

table! {
    LOG_ENTRIES: "log_entries" by (group_id: Id, seq: Number)
    kind: Short, message_seq: Number, user_id: Number, detail: Bytes,
}

/// Erases the first rows of a group.
pub(crate) const ERASE_LOG_ENTRIES: Text = erase!("log_entries", "seq");

/// Messages that are not erased, with the number of the entry that concerns them: their own, or another one.
macro_rules! standing {
    ($db:ident, $entry:literal, $from:literal, $rest:literal) => {
        concat!(
            "SELECT ",
            message_columns!($db),
            ", ",
            $entry,
            " FROM ",
            $from,
            message_joins!($db),
            "WHERE m.body IS NOT NULL AND ",
            $rest
        )
    };
}

macro_rules! sent {
    ($db:ident) => {
        standing!($db, "m.seq", "messages m", "m.group_id = $1 AND m.seq > $2 AND m.seq <= $3 ORDER BY m.seq")
    };
}

macro_rules! shown {
    ($db:ident, $join:literal) => {
        standing!($db, "c.seq", $join, "c.group_id = $1 AND c.seq > $2 AND c.seq <= $3")
    };
}

/// Every entry, without its message. Names of deleted users are not read.
const ENTRIES: Text = Text::same(concat!(
    "SELECT seq, ",
    stored_number!(LogKind::MessageSent),
    ", NULL, NULL, NULL FROM messages
    WHERE group_id = $1 AND seq > $2 AND seq <= $3
    UNION ALL
    SELECT c.seq, CASE WHEN c.user_id IS NULL OR u.id IS NOT NULL THEN c.kind ELSE ",
    stored_number!(LogKind::GroupChanged),
    " END, c.message_seq, c.user_id, c.detail FROM log_entries c
    LEFT JOIN users u ON u.id = c.user_id
    WHERE c.group_id = $1 AND c.seq > $2 AND c.seq <= $3
    ORDER BY 1"
));
const SENT: Text = Text::two(sent!(sqlite), sent!(postgres));
const SHOWN: Text = Text::two(
    shown!(
        sqlite,
        "log_entries c CROSS JOIN messages m ON m.group_id = c.group_id AND m.seq = c.message_seq"
    ),
    shown!(postgres, "log_entries c JOIN messages m ON m.group_id = c.group_id AND m.seq = c.message_seq"),
);

/// The entries after the number `after`, in ascending order, at most `most`.
pub fn log(sql: &impl Sql, group: GroupId, after: Seq, most: usize) -> Result<Vec<LogRow>> {
    let params = params![group, after, after.0.saturating_add(limit(most))];
    let sent = sql.all(SENT, params, |row| {
        let message = read(row)?;
        Ok(LogRow { seq: message.seq, entry: LogEntry::MessageSent, message: Some(message) })
    })?;
    // Usually there are no other entries.
    if sent.len() >= most {
        return with_names(sql, sent);
    }
    let mut rows = sql.all(ENTRIES, params, entry)?;
    for LogRow { seq, message, .. } in sent {
        fill(&mut rows, seq, message);
    }
    if rows.iter().any(|row| row.message.is_none() && row.entry.shows_message()) {
        for (seq, message) in sql.all(SHOWN, params, |row| Ok((row.get(AFTER_MESSAGE)?, read(row)?)))? {
            fill(&mut rows, seq, Some(message));
        }
    }
    with_names(sql, rows)
}

fn with_names(sql: &impl Sql, mut rows: Vec<LogRow>) -> Result<Vec<LogRow>> {
    complete(sql, rows.iter_mut().filter_map(|row| row.message.as_mut()))?;
    Ok(rows)
}

fn fill(rows: &mut [LogRow], seq: Seq, message: Option<Message>) {
    if let Ok(at) = rows.binary_search_by_key(&seq, |row| row.seq)
        && rows[at].entry.shows_message()
    {
        rows[at].message = message;
    }
}

fn entry(row: &dyn Columns) -> Result<LogRow> {
    let stored =
        StoredEntry { kind: row.get(1)?, message: row.maybe(2)?, user: row.maybe(3)?, detail: row.bytes(4)? };
    Ok(LogRow { seq: row.get(0)?, entry: LogEntry::from_stored(&stored), message: None })
}
