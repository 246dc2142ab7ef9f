//! The erasure of messages, with a query plan specific to SQLite.

use chinwag_core::store::UNCOVERED;
use rusqlite::params;

use crate::message_dates::drop_date;
use crate::transaction::Transaction;

chinwag_store_sql::impl_messages! {
    Transaction<'_, '_>,
    fn message_erase(&mut self, group: GroupId, seq: Seq) -> Result<()> {
        self.erasing();
        self.change_terms(group, seq, None)?;
        drop_date(self, group, seq)?;
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use chinwag_core::name::NameCase;
    use chinwag_core::store::{Edge, Messages, Page};
    use chinwag_core::{GroupId, Seq};
    use uuid::Uuid;

    use super::*;
    use crate::open::{self, Options};

    #[test]
    fn page_reads_no_messages_before_the_oldest_that_is_left() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("chinwag.db");
        let mut conn =
            open::writer(&path, &Options { durable: false, ..Options::default() }).expect("a file");
        conn.execute_batch(
            "INSERT INTO users (id, name, fold, name_key, special, created) VALUES (1, 'ann', 'ann', 'ann', 0, 0);
            INSERT INTO groups (id, last_seq, name) VALUES (zeroblob(16), 5001, 'tea');
            WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 5001)
            INSERT INTO messages (group_id, seq, author_id, date, id, body)
            SELECT zeroblob(16), n, 1, n, randomblob(16), CASE WHEN n > 5000 THEN 'tea' END FROM n",
        )
        .expect("messages");
        let group = GroupId(Uuid::nil());
        let work = Arc::<AtomicU64>::default();
        let counted = work.clone();
        let count = move || {
            counted.fetch_add(1, Ordering::Relaxed);
            false
        };
        conn.progress_handler(100, Some(count)).expect("a connection");
        let mut tx = Transaction::new(&conn, false, NameCase::default(), 0);
        let cost = |tx: &Transaction<'_, '_>, edge| {
            let before = work.load(Ordering::Relaxed);
            let page = tx.messages(group, &Page { edge, limit: 20 }).expect("a page");
            assert_eq!(page.len(), 1);
            work.load(Ordering::Relaxed) - before
        };
        let edges = [Edge::Newest, Edge::AfterSeq(Seq(0))];
        let whole = edges.map(|edge| cost(&tx, edge));
        for _ in 0..3 {
            tx.erased_seq_raise(group).expect("a number");
        }
        for (edge, whole) in edges.into_iter().zip(whole) {
            let left = cost(&tx, edge);
            assert!(left * 20 < whole, "{edge:?}: {left} of {whole}");
        }
    }
}
