//! Followers: background work that runs in steps, on one node at a time. See
//! [`store::Followers`](crate::store::Followers).

use std::time::Duration;

use super::{App, Context, Growth, Unit, feed, push, retention};
use crate::feed::FeedRules;
use crate::report::{CLOSED_REPORTS, REPORTED_TEXT};
use crate::store::{Follower, FollowerState, Lease, POSITION_BYTES, Sign, Tx};
use crate::{Date, Error, HolderId, Result};

/// The time between two removals of expired tokens, over all nodes.
const TOKEN_SCAN_INTERVAL: Duration = Duration::from_secs(600);
/// How long departures from groups are kept for clients that resume.
const DEPARTURES_KEPT: Duration = Duration::from_secs(30 * 24 * 3600);
const PURGE_BATCH: usize = 1000;
/// The time between two scans of the file store, over all nodes.
const STRAY_SCAN_INTERVAL: Duration = Duration::from_secs(6 * 3600);
/// The time between two retention scans of the groups, over all nodes.
const RETENTION_SCAN_INTERVAL: Duration = Duration::from_secs(30);

/// This node as a candidate for a follower's lease.
pub struct Candidate {
    app: App,
    follower: Follower,
    holder: HolderId,
    /// A holder that gives no sign of life for this long is considered dead.
    patience: Duration,
    /// The latest sign of life of the holder, and when this node first saw it.
    seen: Option<(Sign, Duration)>,
}

/// The result of an attempt to take the lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// There is no work.
    Idle,
    /// Another node has the lease.
    Held,
    /// This node has the lease.
    Mine {
        lease: Lease,
        /// Whether the lease was taken over from a dead holder.
        taken_over: bool,
    },
}

impl Candidate {
    /// Takes the lease if there is work, and if the lease is free or its holder is dead. Call it again later
    /// after any other result.
    pub async fn take(&mut self) -> Result<Claim> {
        let server = Context::server();
        let follower = self.follower;
        let now = self.app.clock().now();
        let rules = (self.app.limits().feed, self.app.limits().messages_keep);
        let found = self.app.read(&server, (follower, now, rules), |tx, _, (follower, now, rules)| {
            let state = tx.follower(*follower)?;
            Ok((is_due(tx, *follower, &state, *now, rules)?, state))
        });
        let (is_due, state) = found.await?;
        if !is_due {
            self.seen = None;
            return Ok(Claim::Idle);
        }
        if !self.may_take(&state) {
            return Ok(Claim::Held);
        }
        let command = (follower, self.holder, state.sign);
        let lease = self.app.write(Growth::Bounded, &server, command, |unit, (follower, holder, seen)| {
            unit.tx.lease_take(*follower, *holder, *seen)
        });
        let Some(lease) = lease.await? else { return Ok(Claim::Held) };
        self.seen = None;
        Ok(Claim::Mine { lease, taken_over: state.holder.is_some_and(|holder| holder != self.holder) })
    }

    /// Releases the lease of this node.
    pub async fn release(&mut self, lease: Lease) -> Result<()> {
        let server = Context::server();
        self.app
            .write(Growth::Bounded, &server, lease, |unit, lease| unit.tx.lease_release(lease).map(drop))
            .await
    }

    /// Whether this node may take the lease: it is free or already this node's, or the holder has given no
    /// new sign of life for long enough.
    fn may_take(&mut self, state: &FollowerState) -> bool {
        if state.holder.is_none_or(|holder| holder == self.holder) {
            return true;
        }
        let now = self.app.clock().elapsed();
        match self.seen {
            Some((sign, since)) if sign == state.sign => now.saturating_sub(since) >= self.patience,
            _ => {
                self.seen = Some((state.sign, now));
                false
            }
        }
    }
}

impl App {
    /// Creates a candidate for a follower's lease. Create only one per process, because a holder may always
    /// take its own lease again.
    pub fn candidate(&self, follower: Follower, patience: Duration) -> Candidate {
        let holder = HolderId::new(&*self.rules.clock);
        Candidate { app: self.clone(), follower, holder, patience, seen: None }
    }

    /// Deletes some expired rows as a step of the lease: tokens, subscriptions, name reservations, invites,
    /// service keys, departures, reports and audit log entries. Returns the number of rows; 0 means that
    /// nothing is left. Fails with [`Error::LeaseEnded`] if another node has the lease.
    pub async fn tokens_purge(&self, lease: Lease) -> Result<usize> {
        self.write(Growth::Bounded, &Context::server(), lease, |unit, lease| {
            let now = unit.now();
            let rows = unit.tx.tokens_purge(now)?
                + unit.tx.subscriptions_purge(now)?
                + unit.tx.names_purge(now)?
                + unit.tx.invites_purge(now)?
                + unit.tx.scoped_keys_purge(now)?
                + unit.tx.reports_expire(now.minus(REPORTED_TEXT), PURGE_BATCH)?
                + unit.tx.reports_purge(now.minus(CLOSED_REPORTS), PURGE_BATCH)?
                + unit.tx.audit_purge(now.minus(unit.rules.limits.audit.keep), PURGE_BATCH)?
                + unit.tx.departures_trim(now, DEPARTURES_KEPT, PURGE_BATCH)?;
            let position = (rows == 0).then(|| now.micros().to_be_bytes());
            unit.end_step(*lease, position.as_ref().map(<[u8; 8]>::as_slice))?;
            Ok(rows)
        })
        .await
    }
}

impl Unit<'_> {
    /// Ends a step of a follower. If the lease has ended, the error rolls back the whole step.
    pub(super) fn end_step(&mut self, lease: Lease, position: Option<&[u8]>) -> Result<()> {
        debug_assert!(position.is_none_or(|position| position.len() <= POSITION_BYTES), "a short position");
        if self.tx.lease_step(&lease, position)? { Ok(()) } else { Err(Error::LeaseEnded) }
    }
}

/// Whether a follower has work.
fn is_due(
    tx: &dyn Tx,
    follower: Follower,
    state: &FollowerState,
    now: Date,
    (feed, keep): &(FeedRules, Option<Duration>),
) -> Result<bool> {
    match follower {
        Follower::ExpiredTokens => Ok(has_passed(state, TOKEN_SCAN_INTERVAL, now)),
        Follower::StrayFiles => Ok(has_passed(state, STRAY_SCAN_INTERVAL, now)),
        Follower::DroppedFiles => tx.files_are_due(now),
        Follower::EventFeed => feed::is_due(tx, feed.oldest(now)),
        Follower::Webhooks => tx.webhooks_exist(),
        // A node asks only if it may have messages that are not indexed.
        Follower::SearchIndex => Ok(true),
        Follower::Notifications => push::is_due(tx, now),
        Follower::Retention => {
            Ok(has_passed(state, RETENTION_SCAN_INTERVAL, now) && retention::is_due(tx, *keep)?)
        }
    }
}

/// Whether this much time has passed since the date in the position.
fn has_passed(state: &FollowerState, time: Duration, now: Date) -> bool {
    let Ok(done) = <[u8; 8]>::try_from(state.position.as_slice()) else { return true };
    let done = i64::from_be_bytes(done);
    // In either direction, because a node with a wrong clock may have stored a date in the far future.
    u128::from(now.micros().abs_diff(done)) >= time.as_micros()
}
