//! Overwriting what moved and erased rows leave on the pages of the file.
//!
//! SQLite overwrites an erased row (`secure_delete`) and a freed page. But when it redistributes rows over
//! neighbouring pages, old copies stay in the gap between a page's array of cell pointers and its cells. If a
//! row is erased later, only its current copy is overwritten. So after an erasure, pages are scanned and gaps
//! with content are overwritten: all pages the first time, because the previous process may have left some,
//! and later only those that were written since the previous scan. (What another process writes in the
//! meantime is found at the next start.)

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, OpenFlags, OptionalExtension};

use crate::written::WrittenPages;

/// Pages that are scanned in one snapshot. This takes a few milliseconds, so that the journal can be emptied
/// in between.
const PAGES_PER_STEP: i64 = 1024;
/// Pages that are overwritten in one commit; about a millisecond.
pub(crate) const PAGES_PER_COMMIT: usize = 64;
/// With this many pages (128 GiB) or more, an overflow page may look like a page of rows: its first byte,
/// part of the number of the next overflow page, may equal a page type.
const MOST_PAGES: i64 = 0x0200_0000;

const READ: &str = "SELECT data FROM sqlite_dbpage WHERE pgno = ?1";
const WRITE: &str = "INSERT INTO sqlite_dbpage (pgno, data) VALUES (?1, ?2)";

/// A scan of pages.
pub(crate) struct Scan {
    conn: Connection,
    next: i64,
    pages: Arc<WrittenPages>,
}

impl Scan {
    /// Starts before the first of these pages. Returns `None` and logs a warning if pages cannot be
    /// distinguished or read.
    pub(crate) fn open(path: &Path, pages: Arc<WrittenPages>) -> rusqlite::Result<Option<Self>> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(path, flags)?;
        conn.pragma_update(None, "query_only", true)?;
        let number = |sql| conn.query_row(sql, [], |row| row.get::<_, i64>(0));
        let why = if !is_built_in(&conn)? {
            "SQLite was compiled without SQLITE_ENABLE_DBPAGE_VTAB: build in the project's folder"
        } else if number("PRAGMA page_count")? >= MOST_PAGES {
            "the database has 128 GiB or more"
        } else if number("PRAGMA auto_vacuum")? != 0 {
            "the database was made with auto_vacuum"
        } else {
            // The first page contains only the schema.
            return Ok(Some(Self { conn, next: 2, pages }));
        };
        tracing::warn!(why, "copies of erased rows may remain in the database's file");
        Ok(None)
    }

    /// Scans the next pages and returns those whose gap has content. `None` at the end.
    pub(crate) fn step(&mut self) -> rusqlite::Result<Option<Vec<i64>>> {
        let snapshot = self.conn.unchecked_transaction()?;
        let count: i64 = snapshot.query_row("PRAGMA page_count", [], |row| row.get(0))?;
        if count >= MOST_PAGES || self.pages.next(self.next).is_none_or(|page| page > count) {
            return Ok(None);
        }
        let mut read = snapshot.prepare_cached(READ)?;
        let mut found = Vec::new();
        for _ in 0..PAGES_PER_STEP {
            let Some(page) = self.pages.next(self.next).filter(|page| *page <= count) else { break };
            let has_remains = |row: &rusqlite::Row<'_>| Ok(remains(row.get_ref(0)?.as_blob()?).is_some());
            if read.query_row([page], has_remains).optional()? == Some(true) {
                found.push(page);
            }
            self.next = page + 1;
        }
        Ok(Some(found))
    }
}

/// Whether SQLite was built with access to raw pages.
pub(crate) fn is_built_in(conn: &Connection) -> rusqlite::Result<bool> {
    conn.query_row("SELECT sqlite_compileoption_used('ENABLE_DBPAGE_VTAB')", [], |row| row.get(0))
}

/// Overwrites the current gaps of these pages, in the transaction that `conn` has begun. Moves no row.
pub(crate) fn overwrite(conn: &Connection, pages: &[i64]) -> rusqlite::Result<()> {
    let (mut read, mut write) = (conn.prepare_cached(READ)?, conn.prepare_cached(WRITE)?);
    for page in pages {
        let Some(mut data) = read.query_row([page], |row| row.get::<_, Vec<u8>>(0)).optional()? else {
            continue;
        };
        if let Some(gap) = remains(&data) {
            data[gap].fill(0);
            write.execute((page, data))?;
        }
    }
    Ok(())
}

/// The gap of a b-tree page (<https://sqlite.org/fileformat2.html#b_tree_pages>), if it has content.
fn remains(page: &[u8]) -> Option<Range<usize>> {
    let header = match page.first()? {
        // The interior pages of an index and of a table, then their leaves.
        2 | 5 => 12,
        10 | 13 => 8,
        _ => return None,
    };
    let number = |at: usize| Some(usize::from(u16::from_be_bytes([*page.get(at)?, *page.get(at + 1)?])));
    let rows = number(5)?;
    // 0 stands for 65536, which does not fit.
    let gap = header + 2 * number(3)?..if rows == 0 { 1 << 16 } else { rows };
    page.get(gap.clone())?.iter().any(|byte| *byte != 0).then_some(gap)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::path::PathBuf;
    use std::thread;

    use super::*;
    use crate::open::{self, Options};
    use crate::written::JournalReader;

    /// The rows that should be in the file: by group and position, the number that the row's body repeats.
    struct Rows {
        conn: Connection,
        path: PathBuf,
        random: u64,
        numbers: BTreeMap<(u64, u64), usize>,
        bodies: usize,
    }

    impl Rows {
        fn new(folder: &Path, seed: u64) -> Self {
            let path = folder.join("chinwag.db");
            let options = Options { durable: false, ..Options::default() };
            let conn = open::writer(&path, &options).expect("a file");
            Self { conn, path, random: seed, numbers: BTreeMap::new(), bodies: 0 }
        }

        /// xorshift64.
        fn below(&mut self, end: u64) -> u64 {
            self.random ^= self.random << 13;
            self.random ^= self.random >> 7;
            self.random ^= self.random << 17;
            self.random % end
        }

        /// A body that repeats its own number.
        fn body(&mut self) -> (usize, String) {
            self.bodies += 1;
            let most = [20, 90, 700, 1100, 4096, 9000][usize::try_from(self.below(6)).expect("small")];
            let length = usize::try_from(8 + self.below(most)).expect("small");
            let unit = format!("k{:06}.", self.bodies);
            (self.bodies, unit.repeat(length / unit.len()))
        }

        fn change(&mut self, changes: u64) {
            self.conn.execute_batch("BEGIN IMMEDIATE").expect("a transaction");
            for _ in 0..changes {
                let at = (self.below(30), 1 + self.below(60));
                let group = [u8::try_from(at.0 * 7 % 31).expect("small"); 16];
                let seq = i64::try_from(at.1).expect("small");
                if !self.numbers.contains_key(&at) {
                    let (number, body) = self.body();
                    let mut id = group;
                    id[8..].copy_from_slice(&self.random.to_be_bytes());
                    let sql = "INSERT INTO messages (group_id, seq, author_id, date, id, body) \
                               VALUES (?1, ?2, 1, ?2, ?3, ?4)";
                    self.conn.execute(sql, (group, seq, id, body)).expect("a row");
                    self.numbers.insert(at, number);
                } else if self.below(3) == 0 {
                    let (number, body) = self.body();
                    let sql = "UPDATE messages SET body = ?3 WHERE group_id = ?1 AND seq = ?2";
                    self.conn.execute(sql, (group, seq, body)).expect("an edit");
                    self.numbers.insert(at, number);
                } else {
                    let sql = "DELETE FROM messages WHERE group_id = ?1 AND seq = ?2";
                    self.conn.execute(sql, (group, seq)).expect("an erasure");
                    self.numbers.remove(&at);
                }
            }
            self.conn.execute_batch("COMMIT").expect("a commit");
        }

        /// The numbers found in the file's bytes that no row has.
        fn remains(&self) -> BTreeSet<usize> {
            let emptied = open::empty_journal(&self.path).expect("a checkpoint");
            assert!(emptied, "nobody else reads");
            let bytes = std::fs::read(&self.path).expect("the file");
            let number = |unit: &[u8]| {
                let is_unit = unit[0] == b'k' && unit[7] == b'.';
                if is_unit { std::str::from_utf8(&unit[1..7]).ok()?.parse::<usize>().ok() } else { None }
            };
            let standing: BTreeSet<_> = self.numbers.values().copied().collect();
            bytes.windows(8).filter_map(number).filter(|number| !standing.contains(number)).collect()
        }

        fn check(&self) {
            let sound: String =
                self.conn.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("a check");
            assert_eq!(sound, "ok");
            let mut bodies = self.conn.prepare("SELECT body FROM messages").expect("a statement");
            let bodies = bodies.query_map([], |row| row.get::<_, String>(0)).expect("bodies");
            let found: BTreeSet<_> =
                bodies.map(|body| body.expect("a body")[1..7].parse().expect("a number")).collect();
            assert_eq!(found, self.numbers.values().copied().collect());
        }
    }

    /// Overwrites all gaps on a separate connection, and returns the number of pages.
    fn cleanse(path: &Path) -> usize {
        cleanse_these(path, WrittenPages::All)
    }

    fn cleanse_these(path: &Path, pages: WrittenPages) -> usize {
        let conn = Connection::open(path).expect("a connection");
        conn.busy_timeout(std::time::Duration::from_secs(60)).expect("a wait");
        let mut scan = Scan::open(path, Arc::new(pages)).expect("a file").expect("SQLite that can");
        let mut pages = 0;
        while let Some(found) = scan.step().expect("pages") {
            for found in found.chunks(PAGES_PER_COMMIT) {
                conn.execute_batch("BEGIN IMMEDIATE").expect("a transaction");
                overwrite(&conn, found).expect("an overwriting");
                conn.execute_batch("COMMIT").expect("a commit");
            }
            pages += found.len();
        }
        pages
    }

    #[test]
    fn nothing_but_the_rows_stays_and_the_rows_stay() {
        let mut before = 0;
        for seed in 1..=4 {
            let folder = tempfile::tempdir().expect("a folder");
            let mut rows = Rows::new(folder.path(), 0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(seed));
            for changes in [2000, 1, 300, 40, 1000] {
                rows.change(changes);
                before += rows.remains().len();
                cleanse(&rows.path);
                assert_eq!(rows.remains(), BTreeSet::new(), "seed {seed}");
                rows.check();
                assert_eq!(cleanse(&rows.path), 0, "nothing is left to do");
            }
        }
        assert!(before > 0, "there were copies to overwrite");
    }

    #[test]
    fn remains_are_on_pages_written_since_the_last_reading() {
        let (mut before, mut read) = (0, 0);
        for seed in 5..=8 {
            let folder = tempfile::tempdir().expect("a folder");
            let mut rows = Rows::new(folder.path(), 0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(seed));
            let (mut journal, mut written) = (JournalReader::new(&rows.path), WrittenPages::All);
            for changes in [2000, 1, 300, 2, 40, 1000, 3] {
                rows.change(changes);
                journal.read(&mut written);
                before += rows.remains().len();
                let pages = written.take();
                read += usize::from(pages != WrittenPages::All);
                cleanse_these(&rows.path, pages);
                assert_eq!(rows.remains(), BTreeSet::new(), "seed {seed}, {changes}");
                rows.check();
            }
        }
        assert!(before > 0 && read == 4 * 6, "{before} {read}");
    }

    #[test]
    fn rows_written_during_the_overwriting_stay() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut rows = Rows::new(folder.path(), 11);
        rows.change(1000);
        let path = rows.path.clone();
        let writes = thread::spawn(move || {
            for _ in 0..150 {
                rows.change(20);
            }
            rows
        });
        let mut pages = 0;
        while !writes.is_finished() {
            pages += cleanse(&path);
        }
        let rows = writes.join().expect("the writer");
        assert!(pages > 0, "pages were overwritten meanwhile");
        cleanse(&path);
        assert_eq!(rows.remains(), BTreeSet::new());
        rows.check();
    }

    #[test]
    fn only_the_gap_of_a_page_of_rows_is_found() {
        let mut page = vec![0; 512];
        assert_eq!(remains(&page), None, "a free page");
        page[0] = 13;
        page[4] = 2;
        page[5..7].copy_from_slice(&500_u16.to_be_bytes());
        page[8..12].fill(1);
        page[500..].fill(1);
        assert_eq!(remains(&page), None, "an empty gap");
        page[499] = 1;
        assert_eq!(remains(&page), Some(12..500));
        page[0] = 0;
        assert_eq!(remains(&page), None, "a page that continues a row");
        page[..7].copy_from_slice(&[10, 0, 0, 0xFF, 0xFF, 0, 9]);
        assert_eq!(remains(&page), None, "a damaged page");
    }
}
