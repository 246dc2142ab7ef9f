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
