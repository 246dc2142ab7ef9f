//! Retention: messages that are too old are erased. One node at a time looks for groups with such messages;
//! the erasure itself is a [task](super::work).

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::message::erase_together;
use super::work::StepLimits;
use super::{App, Context, Growth, Unit};
use crate::limits::MAX_DELETED_PER_ENTRY;
use crate::store::{Lease, Task, Tx};
use crate::{Date, GroupId, Result};

/// The most groups per step, and per task.
const PAGE: usize = 1000;
/// The most groups of earlier tasks at the start of a scan. They may be groups whose erasure fails, which
/// hold up no others.
const MAX_LEFT: usize = 10;
const DAY: Duration = Duration::from_secs(24 * 3600);

/// The progress of one scan of the groups.
#[derive(Debug, Default)]
pub struct RetentionRound {
    begun: Option<Date>,
    after: Option<GroupId>,
}

impl App {
    /// The date before which the server erases messages (`messages.keep`). None: messages are kept forever.
    pub fn oldest_kept(&self) -> Option<Date> {
        oldest_kept(self.clock().now(), self.limits().messages_keep, None)
    }

    /// A step of the follower: looks at some groups, and starts a task to erase messages that are too old.
    /// Returns 0 after the last group, and also after starting a task: the scan continues when that task is
    /// complete, apart from a few groups. Fails with [`LeaseEnded`](crate::Error::LeaseEnded) if another node
    /// has the lease.
    pub async fn retention_step(&self, lease: Lease, round: &mut RetentionRound) -> Result<usize> {
        let server = Context::server();
        let now = self.clock().now();
        let oldest = oldest_kept(now, self.limits().messages_keep, None);
        let begun = *round.begun.get_or_insert(now);
        let page = self.read(&server, (round.after, oldest, now), |tx, _, (after, oldest, now)| {
            let (mut page, waiting) =
                (tx.retention_page(*after, *oldest, *now, PAGE)?, tx.retention_waiting()?);
            page.due.retain(|group| !waiting.contains(group));
            Ok(page)
        });
        let page = page.await?;
        let begins = !page.due.is_empty();
        let position = page.last.is_none().then(|| begun.micros().to_be_bytes());
        self.write(Growth::Bounded, &server, (lease, page.due, position), |unit, (lease, due, position)| {
            if !due.is_empty() {
                let (id, task) = (unit.new_task(), Task::EraseOld { groups: due.clone() });
                unit.tx.task_insert(id, &task)?;
            }
            unit.end_step(*lease, position.as_ref().map(<[u8; 8]>::as_slice))
        })
        .await?;
        if begins {
            self.rules.works.store(true, Ordering::Release);
        }
        match page.last {
            None => *round = RetentionRound::default(),
            last => round.after = last,
        }
        Ok(usize::from(page.last.is_some() && !begins))
    }
}

impl Unit<'_> {
    /// Erases old messages of these groups in order. Returns the remaining groups. Returns none while the clock is not
    /// trusted, because a later round finds them again.
    pub(super) fn erase_old(&mut self, mut groups: Vec<GroupId>, effort: StepLimits) -> Result<Vec<GroupId>> {
        if !self.rules.clock_watch.is_steady(&*self.rules.clock) {
            return Ok(Vec::new());
        }
        let mut rows = effort.rows.min(MAX_DELETED_PER_ENTRY);
        let mut done = 0;
        for group in groups.iter().take(effort.groups) {
            rows -= self.erase_old_of(*group, rows)?;
            if rows == 0 {
                break;
            }
            done += 1;
        }
        groups.drain(..done);
        Ok(groups)
    }

    /// Erases the oldest messages of a group if they are too old by the current settings. Returns their
    /// number.
    fn erase_old_of(&mut self, group: GroupId, limit: usize) -> Result<usize> {
        let Some(found) = self.tx.group(group)? else { return Ok(0) };
        let (now, server) = (self.now(), self.rules.limits.messages_keep);
        let Some(oldest) = oldest_kept(now, server, found.details.keep) else { return Ok(0) };
        let old = self.tx.messages_before(group, oldest, limit)?;
        if !old.is_empty() {
            erase_together(self, group, &old)?;
        }
        Ok(old.len())
    }
}

/// Whether to start a scan: retention is configured, and earlier tasks are complete, apart from a few
/// groups.
pub(super) fn is_due(tx: &dyn Tx, server: Option<Duration>) -> Result<bool> {
    Ok((server.is_some() || tx.retention_is_set()?) && tx.retention_waiting()?.len() <= MAX_LEFT)
}

/// The date before which messages are erased, by the shorter of the server's and the group's retention. None:
/// messages are kept forever.
fn oldest_kept(now: Date, server: Option<Duration>, days: Option<u32>) -> Option<Date> {
    let own = days.map(|days| DAY.saturating_mul(days));
    server.into_iter().chain(own).min().map(|shorter| now.minus(shorter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shorter_time_holds() {
        let now = Date::from_micros(0).plus(100 * DAY);
        let kept = |hours: Option<u64>, days| {
            let server = hours.map(|hours| Duration::from_secs(hours * 3600));
            oldest_kept(now, server, days).map(|date| (now.micros() - date.micros()) / 3_600_000_000)
        };
        assert_eq!(kept(None, None), None);
        assert_eq!((kept(Some(36), None), kept(None, Some(2))), (Some(36), Some(48)));
        assert_eq!((kept(Some(36), Some(2)), kept(Some(36), Some(1))), (Some(36), Some(24)));
    }
}
