//! A group's log, read: messages and changes in one order.

use chinwag_core::store::{Entry, Logged};
use chinwag_core::{GroupId, MessageId, Result, Seq, UserId};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::link::Params;
use crate::message::{gone, message, message_columns, message_joins, uuid};
use crate::transaction::{Transaction, limit};
use crate::user::name;

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

/// What took the numbers after `after`, ascending, at most `most` of them.
pub(crate) fn read(tx: &Transaction<'_, '_>, group: GroupId, after: Seq, most: usize) -> Result<Vec<Entry>> {
    const SENT: &str =
        standing!("m.seq", "messages m", "m.group_id = $1 AND m.seq > $2 AND m.seq <= $3 ORDER BY m.seq");
    const EDITED: &str = standing!(
        "c.seq",
        "changes c JOIN messages m ON m.group_id = c.group_id AND m.seq = c.message_seq",
        "c.kind = 0 AND c.group_id = $1 AND c.seq > $2 AND c.seq <= $3"
    );
    // Whatever has a number, whether there is more to say of it or not.
    const NUMBERS: &str = "SELECT seq, 0, NULL::uuid, NULL::bigint, NULL::text, NULL::text, NULL::bigint,
            NULL::bytea FROM messages
        WHERE group_id = $1 AND seq > $2 AND seq <= $3
        UNION ALL
        SELECT c.seq, CASE WHEN c.kind = 3 AND u.id IS NULL THEN 2 ELSE c.kind END + 1, m.id, c.message_seq,
            c.name, c.new_name, c.user_id, c.ids FROM changes c
        LEFT JOIN users u ON u.id = c.user_id
        LEFT JOIN messages m ON m.group_id = c.group_id AND m.seq = c.message_seq
        WHERE c.group_id = $1 AND c.seq > $2 AND c.seq <= $3
        ORDER BY 1";
    let last = after.0.saturating_add(limit(most));
    let params: Params<'_> = &[&group.0, &after.0, &last];
    let sent = tx.all(SENT, params, |row| {
        message(row).map(|message| Entry { seq: message.seq, what: Logged::Sent(message) })
    })?;
    // Mostly there is nothing else.
    if sent.len() >= most {
        return Ok(sent);
    }
    let mut entries = tx.all(NUMBERS, params, entry)?;
    for Entry { seq, what } in sent {
        fill(&mut entries, seq, what);
    }
    if entries.iter().any(|entry| entry.what == Logged::Edited(None)) {
        for (seq, message) in tx.all(EDITED, params, |row| Ok((Seq(row.try_get(10)?), message(row)?)))? {
            fill(&mut entries, seq, Logged::Edited(Some(message)));
        }
    }
    Ok(entries)
}

fn fill(entries: &mut [Entry], seq: Seq, what: Logged) {
    if let Ok(at) = entries.binary_search_by_key(&seq, |entry| entry.seq) {
        entries[at].what = what;
    }
}

/// An entry, without the message that it may be about.
fn entry(row: &Row) -> Result<Entry, tokio_postgres::Error> {
    let names = || -> Result<_, tokio_postgres::Error> { Ok((name(row, 4)?, name(row, 5)?)) };
    let what = match row.try_get::<_, i32>(1)? {
        0 => Logged::Erased,
        1 => Logged::Edited(None),
        2 => Logged::Deleted { id: MessageId(uuid(row, 2)?), seq: Seq(row.try_get(3)?) },
        3 => Logged::Group,
        5 => Logged::ManyDeleted(unpack(row.try_get(7)?)),
        _ => {
            let (name, new_name) = names()?;
            Logged::Renamed { user: UserId(row.try_get(6)?), name, new_name }
        }
    };
    Ok(Entry { seq: Seq(row.try_get(0)?), what })
}

/// Ids as they are kept: one after the other.
pub(crate) fn pack(ids: &[MessageId]) -> Vec<u8> {
    ids.iter().flat_map(|id| id.0.into_bytes()).collect()
}

fn unpack(bytes: &[u8]) -> Vec<MessageId> {
    bytes.as_chunks().0.iter().map(|id| MessageId(Uuid::from_bytes(*id))).collect()
}
