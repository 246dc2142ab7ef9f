//! The index of messages by date. It covers the messages of each group up to the number `dated_seq`. Further
//! ones are added in batches, so that a commit of a single message does not write a page of the index. The
//! few messages after that number are scanned. The queries are in `chinwag-store-sql`.

use std::path::Path;

use chinwag_core::{GroupId, Result, Seq};
use rusqlite::{Connection, params};

use crate::backup::open_for_reading;
use crate::open::OpenError;
use crate::schema;
use crate::transaction::{Transaction, limit};

/// The numbers of a group's log that are indexed at a time.
const INDEXED_PER_BATCH: i64 = 32;

/// Indexes the messages of a group after the number `dated` up to `last`, if there are enough of them.
/// Returns the number up to which messages are then indexed. Must be called before a number after `last` is
/// assigned.
pub(crate) fn index_dates(
    tx: &mut Transaction<'_, '_>,
    group: GroupId,
    dated: i64,
    last: i64,
) -> Result<i64> {
    if last - dated < INDEXED_PER_BATCH {
        return Ok(dated);
    }
    let sql = "INSERT INTO message_dates (group_id, date, seq)
        SELECT group_id, date, seq FROM messages
        WHERE group_id = ?1 AND seq > ?2 AND seq <= ?3 AND body IS NOT NULL";
    tx.change(sql, params![group.0.into_bytes(), dated, last])?;
    Ok(last)
}

/// Removes a message from the index, if it is indexed. Must be called before the message is erased.
pub(crate) fn drop_date(tx: &mut Transaction<'_, '_>, group: GroupId, seq: Seq) -> Result<()> {
    let sql = "DELETE FROM message_dates WHERE group_id = ?1 AND seq = ?2
        AND date = (SELECT date FROM messages WHERE group_id = ?1 AND seq = ?2)";
    tx.change(sql, params![group.0.into_bytes(), seq.0]).map(drop)
}

/// Removes the first messages of a group from the index.
pub(crate) fn drop_dates(tx: &mut Transaction<'_, '_>, group: GroupId, most: usize) -> Result<()> {
    let sql = "DELETE FROM message_dates WHERE (group_id, date, seq) IN (SELECT group_id, date, seq
        FROM message_dates WHERE group_id = ?1 ORDER BY date, seq LIMIT ?2)";
    tx.change(sql, params![group.0.into_bytes(), limit(most)]).map(drop)
}

/// Builds the index of a file from its messages.
pub(crate) fn fill(conn: &Connection) -> rusqlite::Result<()> {
    conn.execute_batch(
        "DELETE FROM message_dates;
        INSERT INTO message_dates (group_id, date, seq)
            SELECT group_id, date, seq FROM messages WHERE body IS NOT NULL ORDER BY group_id, date, seq;
        UPDATE groups SET dated_seq = last_seq;",
    )
}

/// Whether the date index of the store in the file at `path`, in use or not, has exactly the messages that it
/// should cover. Reads the index and the messages completely. Changes nothing. Blocks.
pub fn dates_match(path: &Path) -> Result<bool, OpenError> {
    let failed = |why| OpenError::sqlite(path, &why);
    let conn = open_for_reading(path)?;
    conn.execute_batch("BEGIN").map_err(failed)?;
    // An older schema has a different index.
    Ok(!schema::is_current(&conn).map_err(failed)? || is_whole(&conn).map_err(failed)?)
}

fn is_whole(conn: &Connection) -> rusqlite::Result<bool> {
    // The index rows of a deleted group are removed together with its messages.
    const FURTHER: &str = "SELECT 1 FROM groups g CROSS JOIN message_dates d ON d.group_id = g.id
        LEFT JOIN messages m ON m.group_id = d.group_id AND m.seq = d.seq AND m.date = d.date AND m.body IS NOT NULL
        WHERE m.seq IS NULL OR d.seq > g.dated_seq LIMIT 1";
    const MISSING: &str =
        "SELECT 1 FROM groups g CROSS JOIN messages m ON m.group_id = g.id AND m.seq <= g.dated_seq
        WHERE m.body IS NOT NULL AND NOT EXISTS (SELECT 1 FROM message_dates d
            WHERE d.group_id = m.group_id AND d.date = m.date AND d.seq = m.seq) LIMIT 1";
    Ok(!conn.prepare(FURTHER)?.exists([])? && !conn.prepare(MISSING)?.exists([])?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::open::{self, Options};

    #[test]
    fn missing_and_further_dates_are_found() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("chinwag.db");
        let conn = open::writer(&path, &Options { durable: false, ..Options::default() }).expect("a file");
        let matches = || dates_match(&path).expect("a comparison");
        let run = |sql: &str| conn.execute_batch(sql).expect("a change");
        run("INSERT INTO groups (id, last_seq, name) VALUES (zeroblob(16), 4, 'tea')");
        for (seq, body) in [(1, Some("tea")), (2, None), (3, Some("time")), (4, Some("later"))] {
            let sql = "INSERT INTO messages (group_id, seq, author_id, date, id, body)
                VALUES (zeroblob(16), ?1, 1, 10 * ?1, randomblob(16), ?2)";
            conn.execute(sql, params![seq, body]).expect("a message");
        }
        assert!(matches(), "nothing is indexed, and nothing says so");
        run("UPDATE groups SET dated_seq = 3");
        assert!(!matches(), "two are missing");
        run("INSERT INTO message_dates VALUES (zeroblob(16), 10, 1), (zeroblob(16), 30, 3)");
        assert!(matches());
        for further in ["(zeroblob(16), 20, 2)", "(zeroblob(16), 40, 4)", "(zeroblob(16), 31, 3)"] {
            run(&format!("INSERT INTO message_dates VALUES {further}"));
            assert!(!matches(), "{further} is too many");
            run("DELETE FROM message_dates WHERE (date, seq) NOT IN (VALUES (10, 1), (30, 3))");
        }
        run("DELETE FROM message_dates");
        run("UPDATE groups SET dated_seq = 0");
        fill(&conn).expect("an index");
        assert!(matches());
        let rows: i64 =
            conn.query_row("SELECT count(*) FROM message_dates", [], |row| row.get(0)).expect("a count");
        assert_eq!(rows, 3);
    }
}
