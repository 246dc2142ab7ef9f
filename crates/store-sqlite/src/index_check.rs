//! The comparison of the search index with the messages.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use chinwag_core::search::TERMS_VERSION;
use chinwag_core::store::Follower;
use chinwag_core::store::encoding::Stored;
use chinwag_store_sql::search::terms_of_row;
use rusqlite::{Connection, OptionalExtension, params};

use crate::backup::open_for_reading;
use crate::open::OpenError;
use crate::schema;
use crate::search::chunks::IndexChunk;

/// A checksum of (message, term) pairs in any order: their number and the sum of their hashes.
#[derive(Debug, Default, PartialEq, Eq)]
struct TermSum {
    count: u64,
    sum: u64,
}

impl TermSum {
    fn add(&mut self, row: i64, term: &str) {
        let mut hasher = DefaultHasher::new();
        (row, term).hash(&mut hasher);
        self.count += 1;
        self.sum = self.sum.wrapping_add(hasher.finish());
    }
}

/// Whether the search index of the store in the file at `path`, in use or not, has exactly the terms of the
/// messages that it covers. Reads the index and the messages completely. Changes nothing. Blocks.
pub fn index_matches(path: &Path) -> Result<bool, OpenError> {
    let failed = |why| OpenError::sqlite(path, &why);
    let conn = open_for_reading(path)?;
    conn.execute_batch("BEGIN").map_err(failed)?;
    // An older schema has no index, and the next start rebuilds an index of another version.
    if !schema::is_current(&conn).map_err(failed)? || !is_current(&conn).map_err(failed)? {
        return Ok(true);
    }
    Ok(of_messages(&conn).map_err(failed)? == of_index(&conn).map_err(failed)?)
}

fn is_current(conn: &Connection) -> rusqlite::Result<bool> {
    let sql = "SELECT substr(position, 1, 1) FROM followers WHERE follower = ?1";
    let mut rows = conn.prepare(sql)?;
    let mut rows = rows.query([Follower::SearchIndex.number()])?;
    let version: Option<Vec<u8>> = rows.next()?.map(|row| row.get::<_, Option<_>>(0)).transpose()?.flatten();
    Ok(version.is_none_or(|version| version == [TERMS_VERSION]))
}

/// The terms that the index should have. A covered message without a row counts as a term that the index
/// lacks.
fn of_messages(conn: &Connection) -> rusqlite::Result<TermSum> {
    const COUNT: &str = "SELECT count(*) FROM search_groups s
        CROSS JOIN messages m ON m.group_id = s.group_id AND m.seq <= s.position WHERE m.body IS NOT NULL";
    const FIND: &str =
        "SELECT m.body FROM search_groups s CROSS JOIN messages m ON m.group_id = s.group_id AND m.seq = ?2
        WHERE s.ordinal = ?1 AND s.position >= ?2 AND m.date = ?3 AND m.body IS NOT NULL";
    let (mut find, mut sum, mut lacking) = (conn.prepare(FIND)?, TermSum::default(), 0_i64);
    lacking += conn.query_row(COUNT, [], |row| row.get::<_, i64>(0))?;
    IndexChunk::each(conn, |chunk| {
        for (number, row) in chunk.rows() {
            let body: Option<String> =
                find.query_row(params![row.ordinal, row.seq, row.date], |row| row.get(0)).optional()?;
            let Some(body) = body else { continue };
            lacking -= 1;
            terms_of_row(row.ordinal, &body).split_terminator(' ').for_each(|term| sum.add(number, term));
        }
        Ok(())
    })?;
    if lacking != 0 {
        sum.add(-1, "");
    }
    Ok(sum)
}

fn of_index(conn: &Connection) -> rusqlite::Result<TermSum> {
    conn.execute_batch(
        "CREATE VIRTUAL TABLE temp.search_instances USING fts5vocab (main, search_words, instance)",
    )?;
    let (mut read, mut sum) =
        (conn.prepare("SELECT doc, term FROM temp.search_instances")?, TermSum::default());
    let mut rows = read.query([])?;
    while let Some(row) = rows.next()? {
        sum.add(row.get(0)?, row.get_ref(1)?.as_str()?);
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::open::{self, Options};

    #[test]
    fn missing_and_further_terms_are_found() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("chinwag.db");
        let conn = open::writer(&path, &Options { durable: false, ..Options::default() }).expect("a file");
        let group = [7_u8; 16];
        for (seq, body) in [(1, Some("tea time")), (2, None), (3, Some("修复")), (4, Some("later"))] {
            let sql = "INSERT INTO messages (group_id, seq, author_id, date, id, body) VALUES (?1, ?2, 1, 1, ?3, ?4)";
            let id = [u8::try_from(seq).expect("small"); 16];
            conn.execute(sql, params![group, seq, id, body]).expect("a message");
        }
        conn.execute("INSERT INTO search_groups VALUES (5, ?1, 3)", [group]).expect("a group");
        let add = "INSERT INTO search_chunks VALUES (1, 1, 1, 0, 3, x'000501000502000503')";
        let index = |row: i64, words: &str| {
            let sql = "INSERT INTO search_words (rowid, terms) VALUES (?1, ?2)";
            conn.execute(sql, params![256 + row, words]).expect("terms");
            index_matches(&path).expect("a comparison")
        };
        assert!(!index_matches(&path).expect("a comparison"), "nothing is indexed");
        assert!(!index(0, "tea time #5"));
        assert!(!index(2, "修 修复 复 #5"), "messages have no rows");
        conn.execute(add, []).expect("a chunk");
        assert!(index_matches(&path).expect("a comparison"));
        assert!(!index(1, "erased"));
    }
}
