//! Waiting for batches of messages that were decided before a commit.
//!
//! A batch of messages reads relations, tokens, users and the switch of the feed without locks, which would
//! cost each message. So it may be decided before the commit of a job that revokes a right, and be committed
//! after it. After its commit and before its answer, such a job waits for the batches that are in flight at
//! that time. Each of them holds a lock on the table `groups` until its end. Later batches see the job's
//! changes.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use crate::fault::Failure;
use crate::link::Link;

/// The transactions that lock rows of `groups`, such as batches. There are few others, and they are short.
const UNDER_WAY: &str = "SELECT DISTINCT virtualtransaction FROM pg_locks
    WHERE locktype = 'relation' AND relation = 'groups'::regclass AND mode = 'RowShareLock'
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
/// The longest wait. A batch takes milliseconds, unless it waits for a row itself.
const MAX_WAIT: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// Waits until the batches in flight have ended, but not longer than [`MAX_WAIT`].
pub(crate) fn outwait(link: &Link) {
    let begun = Instant::now();
    let mut pause = PAUSE;
    let mut left = match under_way(link) {
        Ok(left) => left,
        Err(why) => return tracing::warn!(error = %why, "messages under way could not be waited for"),
    };
    while !left.is_empty() {
        if begun.elapsed() >= MAX_WAIT {
            return tracing::warn!(
                "messages under way have not ended within {MAX_WAIT:?} of a change of rights"
            );
        }
        thread::sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
        // After an error, the next round asks again.
        if let Ok(now) = under_way(link) {
            left.retain(|transaction| now.contains(transaction));
        }
    }
}

fn under_way(link: &Link) -> Result<BTreeSet<String>, Failure> {
    let rows = link.query(None, UNDER_WAY, &[])?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}
