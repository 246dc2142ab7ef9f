//! Waiting for messages that were decided before a commit.
//!
//! A batch of messages reads relations, tokens, users and the switch of the feed without a lock, which would cost each message. So
//! it may be decided before a job that ends a right is committed, and be committed later. Such a job waits, after its commit and
//! before its answer, for the batches that are under way then: each holds a lock on the table of groups until its end. Later batches
//! see what the job has changed.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use crate::fault::Failure;
use crate::link::Link;

/// The transactions that hold rows of groups, such as batches. Others are few and short.
const UNDER_WAY: &str = "SELECT DISTINCT virtualtransaction FROM pg_locks
    WHERE locktype = 'relation' AND relation = 'groups'::regclass AND mode = 'RowShareLock'
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
/// The longest wait. A batch takes milliseconds, unless it waits for a row itself.
const LONGEST: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// Waits until the batches that are under way have ended, within a bounded time.
pub(crate) fn outwait(link: &Link) {
    let begun = Instant::now();
    let mut pause = PAUSE;
    let mut left = match under_way(link) {
        Ok(left) => left,
        Err(why) => return tracing::warn!(error = %why, "messages under way could not be waited for"),
    };
    while !left.is_empty() {
        if begun.elapsed() >= LONGEST {
            return tracing::warn!(
                "messages under way have not ended within {LONGEST:?} of a change of rights"
            );
        }
        thread::sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
        // If it cannot be asked, it is asked again.
        if let Ok(now) = under_way(link) {
            left.retain(|transaction| now.contains(transaction));
        }
    }
}

fn under_way(link: &Link) -> Result<BTreeSet<String>, Failure> {
    let rows = link.query(None, UNDER_WAY, &[])?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}
