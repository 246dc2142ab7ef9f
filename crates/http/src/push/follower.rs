//! The follower that pushes notifications: holds the lease, sends heartbeats, decides who is notified, and sends.

use std::sync::Arc;
use std::time::Duration;

use chinwag_core::app::Context;
use chinwag_core::app::push::{DecideOutcome, PushDecision, PushStep};
use chinwag_core::presence::Status;
use chinwag_core::store::{Follower, Lease};
use chinwag_core::user::Caller;
use chinwag_core::{Date, Error, Result, UserId};
use tokio::time::{Instant, sleep};

use super::online::OnlineUsers;
use super::sending::PushSender;
use super::vapid::Signer;
use crate::follower::{FollowerParams, POLL_INTERVAL, follow};
use crate::state::ServerState;

/// Steps of deciding before due notifications are taken again.
const DECISIONS: usize = 8;
/// How long requests may take to end when the node stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// Pushes notifications about messages, on one node at a time, until the server drains. A holder that gives no sign
/// of life for `lease` counts as dead. While there are no subscriptions it only polls two rows.
pub async fn run(state: Arc<ServerState>, lease: Duration) {
    let (follower, changed) = (Follower::Notifications, &state.push_changed);
    let following = FollowerParams { follower, lease, about: "the sending of notifications", changed };
    follow(&state, following, |lease, beat_every| serve(&state, lease, beat_every)).await;
}

/// The state of this node while it holds the lease.
struct Notifying {
    sending: PushSender,
    settled: Settled,
    online: OnlineUsers,
}

impl Notifying {
    async fn begin(state: &Arc<ServerState>) -> Result<Self> {
        let keys = state.app.push_keys(&Context::new(Caller::Service)).await?;
        let signer = Signer::new(&keys, state.push_client.subject.clone())?;
        let settled = Settled { upto: 0, next: 0, since: state.app.clock().now() };
        let sending = PushSender::new(state.clone(), signer);
        Ok(Self { sending, settled, online: OnlineUsers::new() })
    }
}

/// The position up to which events have been in the feed for at least the delay. The age is measured by this node's
/// clock alone, since the clocks of other nodes may differ.
struct Settled {
    upto: i64,
    next: i64,
    since: Date,
}

impl Settled {
    /// Records the current end of the feed. Returns the position up to which events are older than the delay.
    fn advance(&mut self, end: i64, now: Date, delay: Duration) -> i64 {
        let waited = (now.micros() - self.since.micros()).unsigned_abs();
        if u128::from(waited) >= delay.as_micros() {
            (self.upto, self.next, self.since) = (self.next, end, now);
        }
        self.upto
    }
}

/// Notifies while this node holds the lease, there is someone to notify, and the server does not drain.
async fn serve(state: &Arc<ServerState>, lease: Lease, beat_every: Duration) -> Result<()> {
    let mut notifying = Notifying::begin(state).await?;
    let served = rounds(state, lease, beat_every, &mut notifying).await;
    let mut sending = notifying.sending;
    sending.end(STOP_TIMEOUT).await;
    // If this node was suspended and lost the lease, some were not sent. The node that has it now sends them.
    served.and(state.app.push_outcomes(sending.outcomes).await)
}

/// Notifies in rounds. Returns when there is nobody to notify any more, or the server drains.
async fn rounds(
    state: &Arc<ServerState>,
    lease: Lease,
    beat_every: Duration,
    notifying: &mut Notifying,
) -> Result<()> {
    let mut beat_at = Instant::now();
    while !state.is_draining() {
        let is_beat = Instant::now() >= beat_at;
        // If the store does not answer, the round fails, too, and the requests in flight continue.
        if is_beat && !state.app.notifies().await.unwrap_or(true) {
            break;
        }
        match round(state, lease, notifying, is_beat).await {
            Ok(true) => beat_at = Instant::now() + beat_every,
            Ok(false) => {}
            Err(Error::LeaseEnded) => return Err(Error::LeaseEnded),
            // The outcomes are kept for the next round.
            Err(error) => tracing::warn!(%error, "notifications are not kept: it will be tried again"),
        }
        tokio::select! {
            () = notifying.sending.next() => {}
            () = state.push_changed.notified() => {}
            () = sleep(POLL_INTERVAL) => {}
        }
    }
    Ok(())
}

/// Decides who is notified, and sends. Returns whether it renewed the lease.
async fn round(
    state: &Arc<ServerState>,
    lease: Lease,
    Notifying { sending, settled, online }: &mut Notifying,
    is_beat: bool,
) -> Result<bool> {
    let app = &state.app;
    state.settle_feed(&Context::new(Caller::Service)).await?;
    let (end, delay) = (app.feed_end().await?, app.limits().push.delay);
    let settled = settled.advance(end, app.clock().now(), delay);
    let hub = state.hub.clone();
    let is_online =
        |users: &[UserId]| hub.status_of(users).into_iter().map(|status| status == Status::Online).collect();
    for _ in 0..DECISIONS {
        match app.push_decide(PushDecision { lease, settled }, is_online).await? {
            DecideOutcome::Nothing => break,
            DecideOutcome::Some(members) => online.watch(members),
        }
    }
    online.check_offline(delay, is_online);
    for _ in 0..DECISIONS {
        let Some(members) = online.gone.front() else { break };
        app.push_decide_again(lease, members.clone()).await?;
        online.gone.pop_front();
    }
    let take = sending.free();
    let is_due = take > 0 && app.pushes_are_due().await?;
    if !is_beat && !is_due && sending.outcomes.is_empty() {
        return Ok(false);
    }
    let outcomes = sending.outcomes.clone();
    let since = Instant::now();
    let taken = app.push_step(PushStep { lease, outcomes, take }).await?;
    sending.outcomes.clear();
    sending.send(taken, since);
    Ok(true)
}
