//! The number up to which all messages of a group are erased. Pages begin after it, so that they do not read the
//! rows of these messages.

use chinwag_core::store::MAX_PASSED;
use chinwag_core::{GroupId, Result};

use crate::sql::params;
use crate::{Columns, Sql, Text, limit};

pub fn erased_seq_raise(sql: &mut impl Sql, group: GroupId) -> Result<()> {
    const ERASED: Text = Text::same("SELECT erased_seq FROM groups WHERE id = $1");
    const NEXT: Text = Text::same(
        "SELECT seq, body IS NOT NULL FROM messages WHERE group_id = $1 AND seq > $2 ORDER BY seq LIMIT 1",
    );
    const PART: Text = Text::same(
        "SELECT min(CASE WHEN part.stands THEN part.seq - 1 END), max(part.seq) FROM (
            SELECT seq, body IS NOT NULL AS stands FROM messages WHERE group_id = $1 AND seq > $2
            ORDER BY seq LIMIT $3) part",
    );
    const RAISE: Text = Text::same("UPDATE groups SET erased_seq = $1 WHERE id = $2");
    let Some(erased) = sql.one(ERASED, params![group], |row| row.get::<i64>(0))? else { return Ok(()) };
    // Usually the oldest message is not erased.
    let next = sql.one(NEXT, params![group, erased], |row| Ok((row.get::<i64>(0)?, row.get::<bool>(1)?)))?;
    let upto = match next {
        None => return Ok(()),
        Some((seq, true)) => Some(seq - 1),
        Some((_, false)) => {
            let read = |row: &dyn Columns| Ok(row.maybe::<i64>(0)?.or(row.maybe(1)?));
            sql.one(PART, params![group, erased, limit(MAX_PASSED)], read)?.flatten()
        }
    };
    match upto.filter(|upto| *upto > erased) {
        Some(upto) => sql.change(RAISE, params![upto, group]).map(drop),
        None => Ok(()),
    }
}
